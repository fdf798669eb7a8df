"""Wrapping every customer's key with the present master key, in small steps that can stop anywhere."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db import connections, transaction
from django.db.models import Q, QuerySet

from customers.keystore.models import DataKey
from customers.keystore.router import KEYSTORE
from servicedesk.clock import now
from servicedesk.keyring import KeyringError, retire_master_version, ring, ring_held, unaccounted_purposes

BATCH: Final = 500


def outdated_keys() -> QuerySet[DataKey]:
    """Keys that an earlier master key wraps."""
    return DataKey.objects.filter(~Q(ring_version=ring().current))


def rewrap_all(batch: int = BATCH) -> Iterator[int]:
    """Wrap anew until nothing is left, yielding how many were done after each batch, each committed by itself.

    Stopped anywhere, it goes on from there when called again. Keys made meanwhile already have the present master key.
    """
    done = 0
    while count := _rewrap(batch):
        done += count
        yield done


def _rewrap(batch: int) -> int:
    with ring_held(), transaction.atomic(using=KEYSTORE):
        rows = outdated_keys().order_by("pk")
        if connections[KEYSTORE].features.has_select_for_update:
            rows = rows.select_for_update()
        held = list(rows[:batch])
        present = ring()
        for row in held:
            try:
                key = present.unwrap(bytes(row.wrapped), row.pk.bytes)
            except KeyringError as error:
                raise KeyringError(f"The data key {row.pk} cannot be opened with this ring. {error}") from error
            row.wrapped = present.wrap(key, row.pk.bytes)
            row.ring_version = present.current
        # A key that was destroyed in the meantime matches no row and stays destroyed.
        DataKey.objects.bulk_update(held, ["wrapped", "ring_version"])
    return len(held)


def retire_superseded(*, grace: timedelta) -> tuple[list[int], list[int]]:
    """Forget master keys that nothing needs. Returns the versions forgotten, and those kept for now.

    A version goes when no data key is wrapped by it, when it was superseded longer than `grace` ago (what is sealed for
    less than a day is gone by then), and when every purpose that was ever sealed for has somebody who seals it anew.
    """
    present = ring()
    gone: list[int] = []
    kept: list[int] = []
    accounted = not unaccounted_purposes()
    for version, master in sorted(present.masters.items()):
        if version == present.current:
            continue
        ripe = master.superseded_at is not None and master.superseded_at <= now() - grace
        is_gone = accounted and ripe and retire_master_version(version, in_use=lambda of=version: _wraps(of))  # type: ignore[misc]
        (gone if is_gone else kept).append(version)
    return gone, kept


def _wraps(version: int) -> bool:
    return DataKey.objects.filter(ring_version=version).exists()
