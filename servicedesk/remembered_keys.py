"""API keys that this process read a moment ago.

A key is remembered for at most `REMEMBERED_SECONDS`; revoking is felt everywhere within that time, and at once in the
process that revokes.
"""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import Final

from servicedesk.actor import Actor
from servicedesk.models import ApiKey

REMEMBERED_SECONDS: Final = 3.0
REMEMBERED_KEYS: Final = 500


@dataclass(frozen=True, slots=True)
class Remembered:
    """A key, and who acts with it."""

    key: ApiKey
    actor: Actor
    read_at: float


_remembered: dict[bytes, Remembered] = {}
# When each key was last noted as used, by its id.
touched: Final[dict[uuid.UUID, float]] = {}
_guard = threading.Lock()


def recall(digest: bytes) -> Remembered | None:
    """What is remembered of the key with this digest, if it is fresh enough."""
    found = _remembered.get(digest)
    return found if found is not None and time.monotonic() - found.read_at <= REMEMBERED_SECONDS else None


def remember(digest: bytes, key: ApiKey) -> Remembered:
    """Keep a key that was just read."""
    found = Remembered(key, Actor.integration(key), time.monotonic())
    with _guard:
        if len(_remembered) >= REMEMBERED_KEYS:
            _remembered.clear()
        _remembered[digest] = found
    return found


def forget_keys() -> None:
    """Read every key anew, as after one was revoked."""
    with _guard:
        _remembered.clear()
        touched.clear()
