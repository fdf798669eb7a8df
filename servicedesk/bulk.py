"""Thousands of rows at once: Django prepares each value by itself, which costs more than the database's work."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any, Final

from django.db import connection, models

from servicedesk.inserting import insert

# Fewer than these are quicker by INSERT, which needs no second conversation with the server.
ENOUGH: Final = 50
# Of one INSERT: SQLite takes some thirty thousand values in a statement.
ROWS: Final = 500
ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def can_copy(rows: Sequence[object]) -> bool:
    """Whether so many rows are better copied, on this database."""
    return connection.vendor == "postgresql" and len(rows) >= ENOUGH


def copy_in(model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """New rows of a model by COPY, within the caller's transaction. Columns left out need a default in the database.

    Values are text, numbers, booleans, UUIDs, aware datetimes, dicts and lists (JSON), or None.
    """
    lines = StringIO()
    for row in rows:
        lines.write("\t".join([_text(value) for value in row]))
        lines.write("\n")
    lines.seek(0)
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        into = f"{quote(model._meta.db_table)} ({', '.join(map(quote, columns))})"
        cursor.copy_expert(f"COPY {into} FROM STDIN", lines)


def add(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model by whichever is quickest here, within the caller's transaction.

    All their values are known, of the types that `copy_in` takes. Keys that the database gives are not read back.
    """
    if can_copy(rows):
        model = type(rows[0])
        names = [field.attname for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        copy_in(model, names, ([getattr(row, name) for name in names] for row in rows))
        return
    for start in range(0, len(rows), ROWS):
        insert(rows[start : start + ROWS])


def delete_by_key(model: type[models.Model], keys: Sequence[Any]) -> None:
    """Delete rows that nothing refers to, by a statement that Django neither compiles nor looks for dependents of."""
    if not keys:
        return
    pk = model._meta.pk
    assert pk is not None  # a table has a key
    quote = connection.ops.quote_name
    where = f"DELETE FROM {quote(model._meta.db_table)} WHERE {quote(str(pk.column))}"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"{where} = ANY(%s::{pk.rel_db_type(connection)}[])", [array(keys)])
            return
        values = [pk.get_db_prep_value(key, connection) for key in keys]
        cursor.execute(f"{where} IN ({', '.join(['%s'] * len(values))})", values)


def array(keys: Iterable[Any]) -> str:
    """UUIDs or numbers as PostgreSQL writes an array: one parameter, where a list would be one for each."""
    return "{" + ",".join([_text(key) for key in keys]) + "}"


_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    kind = type(value)
    if kind is str:
        return value.translate(ESCAPES) if "\\" in value or not value.isprintable() else str(value)
    if kind is uuid.UUID:
        return str(value.hex)
    if kind is datetime:
        return str(value.isoformat())
    if kind is bool:
        return "t" if value else "f"
    if kind is dict or kind is list:
        return _json(value).replace("\\", "\\\\")
    return str(value).translate(ESCAPES)
