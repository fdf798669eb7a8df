"""Writing and loading tables, each database in its own way, both in the same form."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final, Protocol

from django.core.management.color import no_style
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from servicedesk.backup.archive import Sink
from servicedesk.backup.tables import Column, Table, all_table_names, row_in, row_out

_BATCH: Final = 500
_SEQUENCES: Final = "servicedesk_number_"


class Snapshot(Protocol):
    """One unchanging view of a database, while the desk goes on writing to it."""

    def write(self, table: Table, sink: Sink) -> int: ...

    def numbers(self) -> dict[str, int]: ...


@contextlib.contextmanager
def snapshot(alias: str) -> Iterator[Snapshot]:
    """A view of the database as it is now, on a connection of its own, that blocks nobody."""
    if connections[alias].vendor == "postgresql":
        with _postgresql_snapshot(alias) as view:
            yield view
    else:
        with _sqlite_snapshot(alias) as view:
            yield view


# ----------------------------------------------------------------------------------------------------- PostgreSQL


@contextlib.contextmanager
def _postgresql_snapshot(alias: str) -> Iterator[Snapshot]:
    wrapper = connections[alias].copy()
    wrapper.ensure_connection()
    try:
        wrapper.connection.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
        with wrapper.connection.cursor() as cursor:
            _speak_plainly(cursor)
        yield _PostgresqlSnapshot(wrapper)
    finally:
        wrapper.close()


def _speak_plainly(cursor: Any) -> None:
    """One form of times and bytes, whatever the server's configuration."""
    cursor.execute("SET LOCAL datestyle = 'ISO, YMD'")
    cursor.execute("SET LOCAL timezone = 'UTC'")
    cursor.execute("SET LOCAL intervalstyle = 'iso_8601'")
    cursor.execute("SET LOCAL bytea_output = 'hex'")


class _PostgresqlSnapshot:
    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self._wrapper = wrapper
        self._quote = wrapper.ops.quote_name

    def write(self, table: Table, sink: Sink) -> int:
        key = self._quote(table.key)
        wanted = ", ".join(f"uuid_send({key})" if c.is_blank else self._quote(c.name) for c in table.columns)
        with self._wrapper.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY (SELECT {wanted} FROM {self._quote(table.name)}) TO STDOUT", sink)
            return int(cursor.rowcount)

    def numbers(self) -> dict[str, int]:
        with self._wrapper.connection.cursor() as cursor:
            cursor.execute(
                "SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() AND sequencename LIKE %s",
                [_SEQUENCES + "%"],
            )
            names = [name for (name,) in cursor.fetchall()]
            found = {}
            for name in names:
                cursor.execute(f"SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {self._quote(name)}")
                found[name.removeprefix(_SEQUENCES)] = cursor.fetchone()[0]
            return found


# --------------------------------------------------------------------------------------------------------- SQLite


@contextlib.contextmanager
def _sqlite_snapshot(alias: str) -> Iterator[Snapshot]:
    # Not Django's connection: that one would turn values into Python's types by their declared column type.
    name = str(connections[alias].settings_dict["NAME"])
    raw = sqlite3.connect(name, uri=name.startswith("file:"), isolation_level=None, timeout=20)
    try:
        raw.execute("BEGIN")
        # The view is taken by the first reading; a write-ahead log keeps it whatever is written from now on.
        raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        yield _SqliteSnapshot(raw, connections[alias].ops.quote_name)
    finally:
        raw.close()


class _SqliteSnapshot:
    def __init__(self, raw: sqlite3.Connection, quote: Any) -> None:
        self._raw = raw
        self._quote = quote

    def write(self, table: Table, sink: Sink) -> int:
        wanted = ", ".join(self._quote(table.key if c.is_blank else c.name) for c in table.columns)
        columns = [Column(c.name, "blank") if c.is_blank else c for c in table.columns]
        rows = self._raw.execute(f"SELECT {wanted} FROM {self._quote(table.name)}")
        count = 0
        while batch := rows.fetchmany(_BATCH):
            sink.write(b"".join(row_out(columns, row) for row in batch))
            count += len(batch)
        return count

    def numbers(self) -> dict[str, int]:
        return dict(self._raw.execute("SELECT name, value FROM servicedesk_numbersequence"))


# -------------------------------------------------------------------------------------------------------- loading


@contextlib.contextmanager
def loading(alias: str) -> Iterator[None]:
    """One transaction in which the desk's tables are emptied and filled; nothing has changed if it ends badly."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        with transaction.atomic(using=alias), connection.cursor() as cursor:
            _speak_plainly(cursor)
            names = ", ".join(connection.ops.quote_name(name) for name in _existing(connection, alias))
            cursor.execute(f"TRUNCATE {names} CASCADE")
            yield
        return
    with connection.constraint_checks_disabled(), transaction.atomic(using=alias):
        with connection.cursor() as cursor:
            for name in _existing(connection, alias):
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")
        yield
        connection.check_constraints()


def _existing(connection: BaseDatabaseWrapper, alias: str) -> list[str]:
    """Of the desk's tables those that this database has: an older state may lack some."""
    there = set(connection.introspection.table_names())
    return [name for name in all_table_names(alias) if name in there]


def load(alias: str, table: Table, source: IO[bytes]) -> None:
    """Append a member's rows to its table."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    names = ", ".join(quote(column.name) for column in table.columns)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {quote(table.name)} ({names}) FROM STDIN", source)
        return
    places = ", ".join(["?"] * len(table.columns))
    statement = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({places})"
    connection.ensure_connection()
    while batch := list(itertools.islice(source, _BATCH)):
        connection.connection.executemany(statement, [row_in(table.columns, line) for line in batch])


def set_numbers(alias: str, numbers: dict[str, int]) -> None:
    """Public numbers go on after the last one that was given out."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        for name, value in numbers.items():
            if connection.vendor == "postgresql":
                sequence = connection.ops.quote_name(_SEQUENCES + name)
                cursor.execute(f"SELECT setval('{sequence}', %s, %s)", [max(value, 1), value >= 1])
            else:
                cursor.execute(
                    "INSERT INTO servicedesk_numbersequence (name, value) VALUES (%s, %s)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    [name, value],
                )


def reset_row_sequences(alias: str, models: Sequence[Any]) -> None:
    """Automatic keys go on after the highest one loaded (SQLite does so by itself)."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def drop_everything(alias: str) -> None:
    """Drop all tables of this database, virtual ones first (their helper tables go with them)."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    with connection.constraint_checks_disabled(), transaction.atomic(using=alias), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%%'")
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP TABLE {quote(name)}")
        cascade = " CASCADE" if connection.vendor == "postgresql" else ""
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE IF EXISTS {quote(name)}{cascade}")
