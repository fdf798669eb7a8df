"""Public numbers: one rising sequence a noun, gaps allowed, no lock held until the commit where the database can."""

from django.db import connection


def next_number(name: str) -> int:
    """The next number of this sequence. PostgreSQL has sequences of its own; SQLite counts in a row."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT nextval(%s::regclass)", [sequence_name(name)])
        else:
            cursor.execute(
                "UPDATE servicedesk_numbersequence SET value = value + 1 WHERE name = %s RETURNING value", [name]
            )
        return int(cursor.fetchone()[0])


def sequence_name(name: str) -> str:
    """What PostgreSQL calls it."""
    return f"servicedesk_number_{name}"


def make_sequence(name: str, first: int) -> None:
    """Make the sequence in a migration; safe to run again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"CREATE SEQUENCE IF NOT EXISTS {sequence_name(name)} START {int(first)}")
        else:
            cursor.execute(
                "INSERT OR IGNORE INTO servicedesk_numbersequence (name, value) VALUES (%s, %s)", [name, first - 1]
            )
