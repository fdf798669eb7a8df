"""Reading rows by a statement that is compiled once.

Building a queryset and compiling it costs Django more than PostgreSQL needs to answer it. Where a hot path asks the
same question again and again, the statement is kept, and only what it is asked about changes.
"""

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

from django.db import connections, models, router
from django.db.models import BooleanField, Expression, F, QuerySet

from servicedesk.bulk import array


def slot(name: str, model: type[models.Model], column: str) -> Any:
    """Stands in a kept query for one value of this column, given at each run under this name."""
    return Slot(name, model, column)


class Slot(Expression):
    """What `slot` makes; a filter's types would refuse the class."""

    def __init__(self, name: str, model: type[models.Model], column: str) -> None:
        self.name = name
        field: Any = model._meta.get_field(column)
        super().__init__(output_field=field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def prepare(self, value: Any, connection: Any) -> Any:
        return self.output_field.get_db_prep_value(value, connection)


class AmongIds(Expression):
    """A condition of a kept query: the column of ids is one of the `ids` given at each run, however many there are."""

    conditional = True
    name = "ids"

    def __init__(self, column: str) -> None:
        super().__init__(output_field=BooleanField())
        self.source: Any = F(column)

    def get_source_expressions(self) -> list[Any]:
        return [self.source]

    def set_source_expressions(self, exprs: Any) -> None:
        (self.source,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        column, params = compiler.compile(self.source)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s::uuid[])", (*params, self)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*params, self)

    def prepare(self, ids: Iterable[Any], connection: Any) -> str:
        """One text for all of them: the driver would wrap and quote each by itself."""
        if connection.vendor == "postgresql":
            return array(ids)
        return json.dumps([one.hex for one in ids])


class Kept:
    """A query by `values_list()`, compiled at its first run in each database.

        _TAGS = Kept(lambda: Tagging.objects.filter(AmongIds("ticket_id")).values_list("ticket_id", "tag__name"))
        _TAGS.rows(ids=ids)

    Rows are tuples. A query whose shape depends on its values (a filter by None) cannot be kept.
    """

    def __init__(self, build: Callable[[], "QuerySet[Any, Any]"]) -> None:
        self._build = build

    def rows(self, **values: Any) -> list[Any]:
        """What it finds for these values. KeyError where one is missing."""
        kept = self._compiled
        connection = connections[kept.alias]
        params = [
            part.prepare(values[part.name], connection) if isinstance(part, Slot | AmongIds) else part
            for part in kept.params
        ]
        with connection.cursor() as cursor:
            cursor.execute(kept.statement, params)
            found = cursor.fetchall()
        return kept.converted(found, connection)

    @cached_property
    def _compiled(self) -> "_Compiled":
        """At the first use, not where it is declared: no connection is known yet when modules are imported."""
        return _Compiled(self._build())


class _Compiled:
    """A statement, what it is asked with, and how its columns are read."""

    def __init__(self, query: "QuerySet[Any, Any]") -> None:
        self.alias: Final = router.db_for_read(query.model)
        compiler: Any = query.query.get_compiler(self.alias)
        self.statement, params = compiler.as_sql()
        self.params: Final = tuple(params)
        read = compiler.get_converters([column for column, *_ in compiler.select])
        self._converters: Final = [(at, converters, column) for at, (converters, column) in read.items()]

    def converted(self, rows: list[Any], connection: Any) -> list[Any]:
        """As the columns' fields read them."""
        if not self._converters:
            return rows
        found = [list(row) for row in rows]
        for row in found:
            for at, converters, column in self._converters:
                for convert in converters:
                    row[at] = convert(row[at], column, connection)
        return [tuple(row) for row in found]
