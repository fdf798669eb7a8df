"""New rows by a statement that is written once for each model.

`save(force_insert=True)` and `bulk_create` compile their INSERT anew for every row, which costs a ticket more than all
of the database's work on it. Values are prepared by the model's own fields, so encrypted columns are encrypted.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from django.db import connections, models, router


def insert(rows: Sequence[models.Model], *, marked_in: type[models.Model] | None = None) -> None:
    """Insert rows of one model, all of whose values are known, within the caller's transaction.

    `marked_in`: a table of nothing but a reference to the row, which gets one for each; with PostgreSQL in the same
    statement. Keys that the database gives are not read back, and no signal is sent. Raises what
    `save(force_insert=True)` would.
    """
    if not rows:
        return
    model = type(rows[0])
    alias = router.db_for_write(model)
    connection = connections[alias]
    fields = _fields(model)
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        if marked_in is None or connection.vendor == "postgresql":
            cursor.execute(_statement(model, alias, len(rows), marked_in), values)
        else:
            cursor.execute(_statement(model, alias, len(rows)), values)
            insert([marked_in(pk=row.pk) for row in rows])
    for row in rows:
        row._state.adding, row._state.db = False, alias


@cache
def _fields(model: type[models.Model]) -> "tuple[models.Field[Any, Any], ...]":
    """Its columns, but for a key that the database counts."""
    return tuple(field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField))


@lru_cache(maxsize=256)
def _statement(model: type[models.Model], alias: str, count: int, marked_in: type[models.Model] | None = None) -> str:
    quote = connections[alias].ops.quote_name
    fields = _fields(model)
    row = "(" + ", ".join(["%s"] * len(fields)) + ")"
    columns = ", ".join(quote(str(field.column)) for field in fields)
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES {', '.join([row] * count)}"
    if marked_in is None:
        return statement
    key, mark = quote(_key(model)), quote(_key(marked_in))
    into = f"{quote(marked_in._meta.db_table)} ({mark})"
    return f"WITH new AS ({statement} RETURNING {key}) INSERT INTO {into} SELECT {key} FROM new"


def _key(model: type[models.Model]) -> str:
    return str(model._meta.pk.column)
