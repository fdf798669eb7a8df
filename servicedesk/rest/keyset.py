"""Keyset paging over any indexed tuple of columns: a page costs the same at any depth, and nothing is counted.

Only the first column may hold nulls; they come last. The rows with a value and the rows without are read as two ranges
of the index, because one condition over both would be a scan.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import BooleanField, Expression, F, Field, QuerySet
from django.db.models.expressions import Col

from servicedesk.errors import DomainError


class BadCursor(DomainError):
    status = 400
    code = "bad_cursor"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    descending: bool
    nullable: bool
    field: "Field[Any, Any]"


class RowAfter(Expression):
    """`(a, b, id) > (x, y, z)`: a row comparison, which both databases answer from an index over the tuple."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, columns: Sequence[Column], values: Sequence[Any], *, descending: bool) -> None:
        super().__init__(output_field=BooleanField())
        self.columns, self.values, self.descending = tuple(columns), tuple(values), descending
        self.sources: list[Any] = [F(column.name) for column in columns]

    def get_source_expressions(self) -> list[Any]:
        return self.sources

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        self.sources = list(exprs)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        parts: list[str] = []
        params: list[Any] = []
        for source in self.sources:
            sql, own = compiler.compile(source)
            parts.append(sql)
            params.extend(own)
        params.extend(
            column.field.get_db_prep_value(value, connection, prepared=False)
            for column, value in zip(self.columns, self.values, strict=True)
        )
        marks = ", ".join(["%s"] * len(self.values))
        return f"({', '.join(parts)}) {'<' if self.descending else '>'} ({marks})", tuple(params)


class Keyset:
    """An order such as `("due_at", "id")` or `("-solved_at", "-id")`; all columns in the same direction."""

    def __init__(self, rows: "QuerySet[Any]", order: Sequence[str]) -> None:
        self.columns = [self._column(rows, name) for name in order]
        self.descending = self.columns[0].descending
        if any(c.descending != self.descending or (c.nullable and i) for i, c in enumerate(self.columns)):
            raise TypeError("All columns of a keyset have one direction, and only the first may hold nulls.")

    @staticmethod
    def _column(rows: "QuerySet[Any]", name: str) -> Column:
        plain = name.removeprefix("-")
        annotation = rows.query.annotations.get(plain)
        field: Any
        if annotation is None:
            field = rows.model._meta
            for step in plain.split("__"):
                field = (field if hasattr(field, "get_field") else field.related_model._meta).get_field(step)
            nullable = field.null
        else:
            field, nullable = annotation.output_field, isinstance(annotation, Col) and annotation.target.null
        return Column(plain, name.startswith("-"), nullable, field)

    def values_of(self, row: Any) -> list[Any]:
        """Where a row stands, as JSON can carry it."""
        return [self._out(column, row) for column in self.columns]

    @staticmethod
    def _out(column: Column, row: Any) -> Any:
        value = row
        for step in column.name.split("__"):
            value = getattr(value, step)
        return value if value is None or isinstance(value, int | str) else column.field.get_prep_value(value).__str__()

    def read(self, rows: "QuerySet[Any]", after: Sequence[Any] | None, limit: int, *, backward: bool) -> list[Any]:
        """Up to `limit` rows after a place (before it when `backward`, nearest last), in the keyset's order."""
        found: list[Any] = []
        for part in self._ranges(rows, self._place(after), backward=backward):
            if len(found) < limit:
                found += list(part[: limit - len(found)])
        return found[::-1] if backward else found

    def _place(self, after: Sequence[Any] | None) -> list[Any] | None:
        if after is None:
            return None
        if len(after) != len(self.columns):
            raise BadCursor
        try:
            return [None if v is None else c.field.to_python(v) for c, v in zip(self.columns, after, strict=True)]
        except Exception as error:
            raise BadCursor from error

    def _ranges(self, rows: "QuerySet[Any]", place: list[Any] | None, *, backward: bool) -> list["QuerySet[Any]"]:
        """The stretches to read one after another: rows with a value, then rows without; reversed when backward."""
        first, rest = self.columns[0], self.columns[1:]
        down = self.descending != backward
        sign = "-" if down else ""
        whole = rows.order_by(*(sign + column.name for column in self.columns))
        if not first.nullable:
            return [whole if place is None else whole.filter(RowAfter(self.columns, place, descending=down))]
        valued = whole.filter(**{f"{first.name}__isnull": False})
        empty = rows.filter(**{f"{first.name}__isnull": True}).order_by(*(sign + column.name for column in rest))
        if place is None:
            return [empty, valued] if backward else [valued, empty]
        if place[0] is None:
            beyond = empty.filter(RowAfter(rest, place[1:], descending=down))
            return [beyond, valued] if backward else [beyond]
        beyond = valued.filter(RowAfter(self.columns, place, descending=down))
        return [beyond] if backward else [beyond, empty]


MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 50
