"""Customers' data keys: made ahead in batches, and held no longer than a request or a task.

A key is usable only once it is committed to the key store. Each process keeps a stock of committed, unused keys, so
that a new customer costs no second commit; what is left of the stock when the process ends is harmless.
"""

import contextlib
import os
import secrets
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connections, transaction

from customers.keystore.models import DataKey, Tombstone
from customers.keystore.router import KEYSTORE
from servicedesk.ids import new_id
from servicedesk.keyring import KeyringError, ring, ring_held
from servicedesk.rows import has_table
from servicedesk.selecting import AmongIds, Kept

BATCH: Final = 64
# How many keys, and for how long, code outside a request or task (a command, a shell) may hold.
LOOSE_KEYS: Final = 10_000
LOOSE_SECONDS: Final = 60.0
QUERY_IDS: Final = 500


class VaultError(Exception):
    """Something that should open does not: altered, moved, swapped, or its key is lost. Never raised for the erased."""


# ------------------------------------------------------------------------------------------------ the keys at hand


class _Scope:
    """Keys by id; None stands for a key that was destroyed on purpose."""

    def __init__(self, *, is_loose: bool) -> None:
        self.keys: dict[uuid.UUID, AESGCM | None] = {}
        self.is_loose = is_loose
        self.made_at = time.monotonic()

    def is_worn(self) -> bool:
        return self.is_loose and (time.monotonic() - self.made_at > LOOSE_SECONDS or len(self.keys) > LOOSE_KEYS)


_current: ContextVar[_Scope | None] = ContextVar("customers.keys", default=None)


def _scope() -> _Scope:
    scope = _current.get()
    if scope is None or scope.is_worn():
        scope = _Scope(is_loose=True)
        _current.set(scope)
    return scope


def start_scope() -> None:
    """From here on, keys are loaded anew. Called where a request or a task begins and where it ends."""
    _current.set(_Scope(is_loose=False))


def end_scope() -> None:
    _current.set(None)


@contextlib.contextmanager
def key_scope() -> Iterator[None]:
    """Keys loaded inside are forgotten at the end."""
    before = _current.set(_Scope(is_loose=False))
    try:
        yield
    finally:
        _current.reset(before)


def forget_key(key_id: uuid.UUID) -> None:
    """Look again at the next use: the key was destroyed."""
    _scope().keys.pop(key_id, None)


def cipher(key_id: uuid.UUID) -> AESGCM | None:
    """The cipher of this key; None when the key was destroyed on purpose; VaultError when it is simply not there."""
    try:
        return _scope().keys[key_id]
    except KeyError:
        load_keys([key_id])
    try:
        return _scope().keys[key_id]
    except KeyError:
        raise VaultError(f"The key {key_id} is not in the key store, and no tombstone says why.") from None


def load_keys(key_ids: Iterable[uuid.UUID]) -> None:
    """Bring keys to hand in one query (for up to 500). An id that is in neither table is left out."""
    keys = _scope().keys
    wanted = list({key_id for key_id in key_ids if key_id not in keys})
    for start in range(0, len(wanted), QUERY_IDS):
        part = wanted[start : start + QUERY_IDS]
        try:
            keys.update(_unwrapped(part))
        except KeyringError:
            # A rotation may have rewrapped the key and retired its master between our two reads.
            keys.update(_unwrapped(part))
        missing = [key_id for key_id in part if key_id not in keys]
        if missing:
            keys.update(dict.fromkeys(Tombstone.objects.filter(pk__in=missing).values_list("pk", flat=True)))


_WRAPPED: Final = Kept(lambda: DataKey.objects.filter(AmongIds("pk")).values_list("pk", "wrapped"))


def _unwrapped(key_ids: list[uuid.UUID]) -> dict[uuid.UUID, AESGCM]:
    held = _WRAPPED.rows(ids=key_ids)
    present = ring()
    return {key_id: AESGCM(present.unwrap(bytes(wrapped), key_id.bytes)) for key_id, wrapped in held}


# ------------------------------------------------------------------------------------------------ the stock of new keys


class KeyStock:
    """Committed keys that no customer has yet. Safe among threads; a forked child begins with an empty one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: list[tuple[uuid.UUID, AESGCM]] = []

    def take(self) -> uuid.UUID:
        """The id of a key that is committed to the key store, belongs to nobody yet and is at hand in this scope."""
        with self._lock:
            if not self._keys:
                self._keys = make_keys(self._how_many())
            key_id, key = self._keys.pop()
        _scope().keys[key_id] = key
        return key_id

    def clear(self) -> None:
        """Forget the stock: the key store was emptied, or this is a child process."""
        self._lock = threading.Lock()
        self._keys = []

    @staticmethod
    def _how_many() -> int:
        """One at a time where the caller has a transaction open on the key store: it may yet be rolled back."""
        return 1 if connections[KEYSTORE].in_atomic_block else BATCH


def make_keys(count: int) -> list[tuple[uuid.UUID, AESGCM]]:
    """Make and commit keys. No master key is retired between wrapping them and their commit."""
    ring()
    made = [(new_id(), secrets.token_bytes(32)) for _ in range(count)]
    with ring_held():
        present = ring()
        rows = [
            DataKey(id=key_id, wrapped=present.wrap(key, key_id.bytes), ring_version=present.current)
            for key_id, key in made
        ]
        with transaction.atomic(using=KEYSTORE):
            DataKey.objects.bulk_create(rows)
    return [(key_id, AESGCM(key)) for key_id, key in made]


stock = KeyStock()
os.register_at_fork(after_in_child=stock.clear)


def new_key_id() -> uuid.UUID:
    """A key for a new customer."""
    return stock.take()


def something_is_encrypted() -> bool:
    """Whether keys exist that only an existing ring opens: then a missing ring file is a loss, not a beginning."""
    return has_table(DataKey) and DataKey.objects.exists()
