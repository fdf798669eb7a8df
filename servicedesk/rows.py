"""The base of every table: a UUIDv7 key, and a queryset that can lock a row or say it is not there."""

import uuid
from collections.abc import Sequence
from typing import ClassVar, Self, TypeVar

from django.db import connections, models, router

from servicedesk import among  # noqa: F401 - makes the lookup known to whoever has rows
from servicedesk.errors import NotFound
from servicedesk.ids import new_id

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class RowQuerySet(models.QuerySet[M_co]):
    """Querysets of the house. Subclasses add `visible_to(actor)` where reads are limited."""

    def lock(self, pk: uuid.UUID) -> M_co:
        """The row, locked until the transaction ends; NotFound when it isn't there.

        SQLite has no row locks: there the transaction itself is exclusive from its BEGIN IMMEDIATE on.
        """
        # Not `first()`: an ORDER BY for one row costs more to compile than to run.
        for row in self.locking().filter(pk=pk):
            return row
        raise NotFound

    def locking(self, *, skip_locked: bool = False) -> Self:
        """The same rows, locked as they are read. Django leaves this out where the database has no row locks."""
        return self.select_for_update(skip_locked=skip_locked, of=("self",))

    def one(self, **lookup: object) -> M_co:
        """The one row that fits; NotFound when there is none."""
        row = self.filter(**lookup).first()
        if row is None:
            raise NotFound
        return row


def know(row: models.Model, relation: str, related: Sequence[models.Model]) -> None:
    """Give a row what its relation would fetch, as prefetching does: whoever just made them need not ask for them."""
    found = getattr(row, relation).all()
    found._result_cache = list(related)
    row.__dict__.setdefault("_prefetched_objects_cache", {})[relation] = found


class Row(models.Model):
    """Abstract: everything the desk keeps has a time-ordered key of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    objects: ClassVar = RowQuerySet.as_manager()

    class Meta:
        abstract = True


def has_table(model: type[models.Model]) -> bool:
    """Whether the model's table was made yet."""
    connection = connections[router.db_for_read(model)]
    return model._meta.db_table in connection.introspection.table_names()
