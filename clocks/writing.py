"""Writing many clocks in one statement.

Django's bulk_update builds a CASE per column and row, which costs more than the work itself. Names of tables and
columns come from the model; values are parameters.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Field

from clocks.models import Clock

# What `progress.advance` changes …
PROGRESS: Final = (
    "state", "detected_at", "warned_at", "steps_done", "is_silent", "assignee_id", "team_id", "on_duty",
)  # fmt: skip
# … and what a change of the course changes.
COURSE: Final = (
    "state", "due_at", "stopped_at", "known_at", "spans", "used", "counted_from", "paused_at", "paused_total",
    "warn_at", "steps_delay", "over_until",
)  # fmt: skip
PLAN: Final = ("target", "calendar_id", "calendar_version_id", "started_at", "warn_at_percent", "steps", "loans")


def write_clocks(clocks: Iterable[Clock], columns: Sequence[str]) -> None:
    """Write these columns of these clocks, which the caller has locked. No column twice."""
    by_name = {field.attname: field for field in Clock._meta.concrete_fields}
    fields = [by_name[name] for name in ("id", *columns)]
    rows = [_values(clock, fields) for clock in clocks]
    if not rows:
        return
    names = [connection.ops.quote_name(str(field.column)) for field in fields[1:]]
    table = connection.ops.quote_name(Clock._meta.db_table)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            types = [field.db_type(connection) for field in fields]
            _update_from_values(cursor, table, names, types, rows)
        else:
            assignments = ", ".join(f"{name} = %s" for name in names)
            statement = f"UPDATE {table} SET {assignments} WHERE id = %s"
            cursor.executemany(statement, [[*row[1:], row[0]] for row in rows])


def _values(clock: Clock, fields: "Sequence[Field[Any, Any]]") -> list[Any]:
    """A clock's values as the database takes them. PostgreSQL's driver knows Python's own types and needs no asking."""
    if connection.vendor != "postgresql":
        return [field.get_db_prep_save(getattr(clock, field.attname), connection) for field in fields]
    values = [getattr(clock, field.attname) for field in fields]
    return [json.dumps(v) if isinstance(v, dict | list) else str(v) if isinstance(v, str) else v for v in values]


def _update_from_values(
    cursor: Any, table: str, names: Sequence[str], types: Sequence[str | None], rows: Sequence[Sequence[Any]]
) -> None:
    """`UPDATE … FROM (VALUES …)`; the first row carries the types, the others follow it."""
    typed = "(" + ", ".join(f"%s::{one}" for one in types) + ")"
    plain = "(" + ", ".join(["%s"] * len(types)) + ")"
    values = ", ".join([typed, *[plain] * (len(rows) - 1)])
    assignments = ", ".join(f"{name} = new.{name}" for name in names)
    new = f"(VALUES {values}) AS new (id, {', '.join(names)})"
    statement = f"UPDATE {table} SET {assignments} FROM {new} WHERE {table}.id = new.id"
    cursor.execute(statement, [value for row in rows for value in row])
