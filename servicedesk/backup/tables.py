"""Which tables and columns a backup holds, and how SQLite's values are written in PostgreSQL's COPY text format."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import models, router
from django.utils.dateparse import parse_duration
from django.utils.duration import duration_iso_string, duration_microseconds

from servicedesk.backup.errors import BackupError
from servicedesk.backup.registry import blanked, left_out

NULL: Final = rb"\N"
_ESCAPES: Final = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\b": r"\b", "\f": r"\f", "\v": r"\v"}
_UNESCAPES: Final = {value[1]: key for key, value in _ESCAPES.items()}
_ESCAPE: Final = str.maketrans(_ESCAPES)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    # Holds the row's id instead of its value, see `register_rebuilder`.
    is_blank: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    key: str
    columns: tuple[Column, ...]


def tables(alias: str) -> list[Table]:
    """The tables of this database that go into a backup."""
    without = left_out()
    found = []
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if not meta.managed or meta.proxy or meta.label_lower in without:
            continue
        if router.allow_migrate_model(alias, model):
            found.append(_table(model))
    return sorted(found, key=lambda table: table.name)


def all_table_names(alias: str) -> list[str]:
    """Every table of the desk in this database, also those that a backup leaves out."""
    every = apps.get_models(include_auto_created=True)
    return sorted({m._meta.db_table for m in every if m._meta.managed and router.allow_migrate_model(alias, m)})


def _table(model: type[models.Model]) -> Table:
    blanks = blanked(model._meta.label_lower)
    columns = tuple(
        Column(str(field.column), type_of(field), field.name in blanks) for field in model._meta.local_concrete_fields
    )
    return Table(model._meta.db_table, str(model._meta.pk.column), columns)


def type_of(field: "models.Field[Any, Any]") -> str:
    """The name of the field's kind as far as its form in a backup goes."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    for kind, name in _KINDS:
        if isinstance(field, kind):
            return name
    raise BackupError(f"a backup does not know how to write {field!r}")


_KINDS: "Final[Sequence[tuple[type[models.Field[Any, Any]], str]]]" = (
    (models.UUIDField, "uuid"),
    (models.BinaryField, "bytes"),
    (models.BooleanField, "bool"),
    (models.DateTimeField, "datetime"),
    (models.DurationField, "duration"),
    (models.DecimalField, "decimal"),
    (models.FloatField, "float"),
    (models.IntegerField, "int"),
    (models.DateField, "text"),
    (models.TimeField, "text"),
    (models.JSONField, "text"),
    (models.GenericIPAddressField, "text"),
    (models.FileField, "text"),
    (models.CharField, "text"),
    (models.TextField, "text"),
)

# ------------------------------------------------------------------------------------- SQLite's values as COPY text


def _datetime_out(value: Any) -> str:
    # Django stores UTC without saying so.
    return f"{value}+00"


def _datetime_in(text: str) -> Any:
    return str(datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None))


def _duration_in(text: str) -> Any:
    duration = parse_duration(text)
    if duration is None:
        raise BackupError(f"{text!r} is no length of time")
    return duration_microseconds(duration)


_OUT: Final[dict[str, Callable[[Any], str]]] = {
    "uuid": lambda value: str(UUID(value)),
    "bytes": lambda value: "\\x" + bytes(value).hex(),
    # A row's key in the place of a value: its own bytes, as PostgreSQL's uuid_send gives them.
    "blank": lambda value: "\\x" + UUID(value).hex,
    "bool": lambda value: "t" if value else "f",
    "datetime": _datetime_out,
    "duration": lambda value: duration_iso_string(timedelta(microseconds=value)),
    "decimal": str,
    "float": repr,
    "int": str,
    "text": str,
}
_IN: Final[dict[str, Callable[[str], Any]]] = {
    "uuid": lambda text: UUID(text).hex,
    "bytes": lambda text: bytes.fromhex(text[2:]),
    "bool": lambda text: int(text == "t"),
    "datetime": _datetime_in,
    "duration": _duration_in,
    "decimal": str,
    "float": float,
    "int": int,
    "text": str,
}


def row_out(columns: Sequence[Column], values: Sequence[Any]) -> bytes:
    """One row of SQLite as a line of COPY text."""
    cells = [
        NULL if value is None else _OUT[column.type](value).translate(_ESCAPE).encode()
        for column, value in zip(columns, values, strict=True)
    ]
    return b"\t".join(cells) + b"\n"


def row_in(columns: Sequence[Column], line: bytes) -> list[Any]:
    """One line of COPY text as a row for SQLite."""
    cells = line.removesuffix(b"\n").split(b"\t")
    return [
        None if cell == NULL else _IN[column.type](_ESCAPED.sub(_unescape, cell.decode()))
        for column, cell in zip(columns, cells, strict=True)
    ]


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPES.get(match[1], match[1])
