"""New master keys, and the end of old ones."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace

from servicedesk.clock import now
from servicedesk.keyring.file import (
    MasterKey,
    read_ring,
    ring,
    ring_held,
    ring_path,
    version_of,
    write_ring,
)

_resealers: dict[str, Callable[[], int]] = {}
_short_lived: set[str] = set()


def add_master_version() -> int:
    """Put a new master key into use; the earlier ones stay to decrypt. Returns its version."""
    ring()
    with ring_held(alone=True):
        before = read_ring(ring_path())
        moment = now()
        version = max(before.masters) + 1
        superseded = replace(before.masters[before.current], superseded_at=moment)
        masters = {**before.masters, before.current: superseded, version: MasterKey(secrets.token_bytes(32), moment)}
        write_ring(ring_path(), replace(before, masters=masters, current=version))
    return version


def is_settled() -> bool:
    """Whether the last rotation came to its end: all that was wrapped and sealed before it was done anew."""
    present = ring()
    return present.settled == present.current


def settle_master_version(version: int) -> None:
    """Note that a rotation came to its end, unless another one has begun since."""
    with ring_held(alone=True):
        before = read_ring(ring_path())
        if before.current == version != before.settled:
            write_ring(ring_path(), replace(before, settled=version))


def retire_master_version(version: int, *, in_use: Callable[[], bool]) -> bool:
    """Forget a superseded master key for good, unless `in_use()`, which is asked while no new key can be wrapped."""
    with ring_held(alone=True):
        before = read_ring(ring_path())
        if version == before.current or version not in before.masters or in_use():
            return False
        left = {number: master for number, master in before.masters.items() if number != version}
        write_ring(ring_path(), replace(before, masters=left))
    return True


def register_resealer(purpose: str, reseal: Callable[[], int]) -> None:
    """`reseal()` seals again what a table holds under older versions (see `is_outdated`), and returns how many it did.

    It must be safe to interrupt and to run again, and work in batches with transactions of its own.
    """
    _resealers[purpose] = reseal


def resealers() -> Mapping[str, Callable[[], int]]:
    return dict(_resealers)


def is_outdated(blob: bytes) -> bool:
    """Whether this was sealed by an earlier master key than the present one."""
    return version_of(bytes(blob)) != ring().current


def register_short_lived(purpose: str) -> None:
    """What is sealed for this purpose is deleted within a day: it needs no sealing anew when a master key goes."""
    _short_lived.add(purpose)


def unaccounted_purposes() -> frozenset[str]:
    """Purposes for which something was sealed and nobody says how it is sealed anew. No master key may go before."""
    return ring().purposes - _resealers.keys() - _short_lived
