"""Thousands of rows at once: Django prepares each value by itself, which costs more than the database's work."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import StringIO
from typing import Any, Final

from django.db import connection, models

# Fewer than these are quicker by INSERT, which needs no second conversation with the server.
ENOUGH: Final = 50
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
