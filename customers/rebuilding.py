"""After a restore: the keyed hashes that backups leave out, made again from the contacts themselves."""

import uuid
from collections.abc import Callable
from typing import Any, Final

from customers.fields import Erased, VaultError, opened
from customers.keys import key_scope
from customers.models import ContactPoint
from servicedesk.keyring import ring

BATCH: Final = 1000
Row = tuple[uuid.UUID, uuid.UUID, str, Any]  # the last one is ciphertext


def rebuild_digests(tell: Callable[[str], None]) -> None:
    """Every contact's digest, in batches; safe to run again. Contacts of the erased are removed: nothing opens them.

    A contact that does not open is told of and left without a digest that finds it: one damaged row is no reason to
    keep a whole desk from starting.
    """
    done, last = 0, uuid.UUID(int=0)
    while rows := _read(last):
        last = rows[-1][0]
        with key_scope():
            _rebuild(rows, tell)
        done += len(rows)
        tell(f"contacts: {done}")


def _read(after: uuid.UUID) -> list[Row]:
    rows = ContactPoint.objects.filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", "customer_id", "kind", "value")[:BATCH])


def _rebuild(rows: list[Row], tell: Callable[[str], None]) -> None:
    changed, erased = [], []
    for (pk, _customer, kind, _blob), value in zip(rows, _values(rows, tell), strict=True):
        if isinstance(value, Erased):
            erased.append(pk)
        elif value is not None:
            changed.append(ContactPoint(pk=pk, digest=ring().digest(kind, value.encode())))
    ContactPoint.objects.bulk_update(changed, ["digest"], batch_size=200)
    ContactPoint.objects.filter(pk__in=erased).delete()


def _values(rows: list[Row], tell: Callable[[str], None]) -> list[str | None]:
    found = [(pk, customer, blob) for pk, customer, _kind, blob in rows]
    try:
        return opened(ContactPoint, "value", found)
    except VaultError:
        return [_value(one, tell) for one in found]


def _value(one: tuple[uuid.UUID, uuid.UUID, Any], tell: Callable[[str], None]) -> str | None:
    try:
        [value] = opened(ContactPoint, "value", [one])
    except VaultError as error:
        tell(f"! {error}")
        return None
    return value  # type: ignore[no-any-return]
