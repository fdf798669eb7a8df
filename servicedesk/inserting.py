"""New rows by a statement that is written once for each model.

`save(force_insert=True)` and `bulk_create` compile their INSERT anew for every row, which costs a ticket more than all
of the database's work on it. Values are prepared by the model's own fields, so encrypted columns are encrypted.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, Final

from django.db import IntegrityError, connections, models, router, transaction

_SAVEPOINT: Final = "inserted_together"


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
    values = _values(rows, connection)
    with connection.cursor() as cursor:
        if marked_in is None or connection.vendor == "postgresql":
            cursor.execute(_statement(model, alias, len(rows), marked_in), values)
        else:
            cursor.execute(_statement(model, alias, len(rows)), values)
            insert([marked_in(pk=row.pk) for row in rows])
    _mark_as_stored(rows, alias)


def insert_together(*several: Sequence[models.Model], undoable: bool = False) -> None:
    """`insert` each of these, in this order, within the caller's transaction; for PostgreSQL in one journey.

    `undoable`: what was inserted here, and nothing else, is undone when it raises IntegrityError, and the transaction
    can go on. The savepoint that this takes travels along and costs no journeys of its own.
    """
    parts = [rows for rows in several if rows]
    alias = router.db_for_write(type(parts[0][0]))
    connection = connections[alias]
    if connection.vendor != "postgresql":
        with transaction.atomic(using=alias, savepoint=undoable):
            for rows in parts:
                insert(rows)
        return
    statements = [_statement(type(rows[0]), alias, len(rows)) for rows in parts]
    values = [value for rows in parts for value in _values(rows, connection)]
    with connection.cursor() as cursor:
        if undoable:
            _execute_undoably(cursor, statements, values)
        else:
            cursor.execute("; ".join(statements), values)
    for rows in parts:
        _mark_as_stored(rows, alias)


def _execute_undoably(cursor: Any, statements: Sequence[str], values: Sequence[Any]) -> None:
    try:
        cursor.execute("; ".join([f"SAVEPOINT {_SAVEPOINT}", *statements, f"RELEASE SAVEPOINT {_SAVEPOINT}"]), values)
    except IntegrityError:
        cursor.execute(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}; RELEASE SAVEPOINT {_SAVEPOINT}")
        raise


def _values(rows: Sequence[models.Model], connection: Any) -> list[Any]:
    """Of all columns of all rows, as the database takes them."""
    fields = _fields(type(rows[0]))
    return [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]


def _mark_as_stored(rows: Sequence[models.Model], alias: str) -> None:
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
