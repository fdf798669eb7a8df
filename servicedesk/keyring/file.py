"""The master key ring: a file outside every database, and what is sealed with it.

The file holds versioned master keys, and beside them the keys of the blind indexes and of the search tokens, which no
rotation touches, and the list of purposes that something was sealed for. See docs/vault.md.
"""

import contextlib
import fcntl
import functools
import hmac
import json
import os
import re
import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from servicedesk.clock import now
from servicedesk.ids import new_id

FILE_FORMAT = 1
BLOB_FORMAT = b"\x01"
HEADER = 1 + 4 + 12  # format, version, nonce
TAG = 16
INDEX_NAMES = ("email", "phone")


class KeyringError(ImproperlyConfigured):
    """The ring file is missing, unreadable or not the one that this data was encrypted with."""


@dataclass(frozen=True)
class MasterKey:
    key: bytes = field(repr=False)
    made_at: datetime
    superseded_at: datetime | None = None


@dataclass(frozen=True)
class Ring:
    """What the file held when it was read. Ask `ring()` again rather than keeping one."""

    id: str
    current: int
    masters: Mapping[int, MasterKey]
    indexes: Mapping[str, bytes] = field(repr=False)
    search_key: bytes = field(repr=False)
    purposes: frozenset[str] = frozenset()
    settled: int = 1  # the version up to which everything was wrapped and sealed anew

    def index_key(self, name: str) -> bytes:
        """32 bytes for the keyed hashes of one field; a name asked for the first time gets its own key in the file."""
        key = self.indexes.get(name)
        return key if key is not None else _add_index(name)

    def digest(self, name: str, data: bytes) -> bytes:
        """HMAC-SHA256 of `data` under the field's index key."""
        return hmac.digest(self.index_key(name), data, "sha256")

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Encrypt another key. `aad` says whose it is and must be given again to unwrap."""
        return self._encrypt("wrap", key, aad)

    def unwrap(self, blob: bytes, aad: bytes) -> bytes:
        return self._decrypt("wrap", blob, aad)

    def seal(self, data: bytes, purpose: str) -> bytes:
        if purpose not in self.purposes:
            _add_purpose(purpose)
        return self._encrypt("seal", data, purpose.encode())

    def unseal(self, blob: bytes, purpose: str) -> bytes:
        return self._decrypt("seal", blob, purpose.encode())

    def _encrypt(self, use: str, data: bytes, aad: bytes) -> bytes:
        header = BLOB_FORMAT + self.current.to_bytes(4)
        nonce = os.urandom(12)
        return header + nonce + self._cipher(self.current, use).encrypt(nonce, data, header + aad)

    def _decrypt(self, use: str, blob: bytes, aad: bytes) -> bytes:
        version = version_of(blob)
        if version not in self.masters:
            raise KeyringError(f"This was encrypted with master key version {version}, which the ring no longer holds.")
        try:
            return self._cipher(version, use).decrypt(blob[5:HEADER], blob[HEADER:], blob[:5] + aad)
        except InvalidTag:
            raise KeyringError(
                "A sealed value does not open: it was altered, belongs elsewhere, or was made with another ring file."
            ) from None

    def _cipher(self, version: int, use: str) -> AESGCM:
        return _cipher(self.masters[version].key, use)


@functools.lru_cache(maxsize=64)
def _cipher(master: bytes, use: str) -> AESGCM:
    """One key per use, so that a wrapped key never opens as a sealed value."""
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"servicedesk " + use.encode()).derive(master))


def version_of(blob: bytes) -> int:
    """The master key version that wrapped or sealed this."""
    if len(blob) < HEADER + TAG or blob[:1] != BLOB_FORMAT:
        raise KeyringError("This is not something the key ring has sealed.")
    return int.from_bytes(blob[1:5])


# ------------------------------------------------------------------------------------------------ reading the file

_cached: tuple[tuple[str, int, int, int], Ring] | None = None
_loading = threading.Lock()


def ring() -> Ring:
    """The key ring as the file now holds it; made at first use if nothing was ever encrypted."""
    global _cached  # noqa: PLW0603  one immutable pair, replaced whole
    path = ring_path()
    try:
        stamp = _stamp(path)
    except FileNotFoundError:
        _make_first_ring(path)
        stamp = _stamp(path)
    cached = _cached
    if cached is not None and cached[0] == stamp:
        return cached[1]
    with _loading:
        found = read_ring(path)
        _cached = (stamp, found)
    return found


def seal(data: bytes, purpose: str) -> bytes:
    """Encrypt what belongs to no customer: stored answers, webhook secrets, raw mail. `purpose` binds it to its use."""
    return ring().seal(data, purpose)


def unseal(blob: bytes, purpose: str) -> bytes:
    """The inverse of `seal`; KeyringError when it was altered, or sealed for another purpose or by another ring."""
    return ring().unseal(bytes(blob), purpose)


def ring_path() -> Path:
    return Path(settings.MASTER_KEY_FILE)


def _stamp(path: Path) -> tuple[str, int, int, int]:
    found = os.stat(path)  # noqa: PTH116  this runs for every value sealed; Path.stat costs three times as much
    return (str(path), found.st_ino, found.st_mtime_ns, found.st_size)


def read_ring(path: Path) -> Ring:
    """What the file holds; KeyringError, in one readable line, when it cannot be read or is not a ring."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FILE_FORMAT:
            raise KeyringError(f"{path}: this version of the desk does not know ring format {document['format']!r}.")
        return Ring(
            id=document["id"],
            current=document["current"],
            masters={int(version): _master(entry) for version, entry in document["master"].items()},
            indexes={name: b64decode(key) for name, key in document["index"].items()},
            search_key=b64decode(document["search"]),
            purposes=frozenset(document.get("purposes", ())),
            settled=document.get("settled", document["current"]),
        )
    except OSError as error:
        raise KeyringError(f"MASTER_KEY_FILE {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyringError(
            f"MASTER_KEY_FILE {path} is not a key ring. Put the right file back from its backup."
        ) from error


def _master(entry: dict[str, Any]) -> MasterKey:
    superseded = entry.get("superseded_at")
    return MasterKey(
        key=b64decode(entry["key"]),
        made_at=datetime.fromisoformat(entry["made_at"]),
        superseded_at=datetime.fromisoformat(superseded) if superseded else None,
    )


# ------------------------------------------------------------------------------------------------ writing the file


@contextlib.contextmanager
def ring_held(*, alone: bool = False) -> Iterator[None]:
    """While held, nobody retires a master key. `alone` is for those who write the file."""
    with _lock_file(".gate") as gate, _lock_file(".lock") as lock:
        # One after another through the gate: else those who share would never let one in who must be alone.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


@contextlib.contextmanager
def _lock_file(suffix: str) -> Iterator[int]:
    """Closing it gives its lock back."""
    path = ring_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path.with_name(path.name + suffix), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise KeyringError(f"The folder of MASTER_KEY_FILE {path} must be writable: {error.strerror}.") from error
    try:
        yield handle
    finally:
        os.close(handle)


def _make_first_ring(path: Path) -> None:
    with ring_held(alone=True):
        if path.exists():
            return
        if any(witness() for witness in _witnesses):
            raise KeyringError(
                f"MASTER_KEY_FILE {path} is missing, but data was encrypted with it. Put it back from its "
                "backup (the backup of the desk never contains it); a new one could open nothing."
            )
        write_ring(path, new_ring())


def new_ring() -> Ring:
    """A ring of fresh keys, in memory only."""
    return Ring(
        id=str(new_id()),
        current=1,
        masters={1: MasterKey(secrets.token_bytes(32), now())},
        indexes={name: secrets.token_bytes(32) for name in INDEX_NAMES},
        search_key=secrets.token_bytes(32),
    )


def write_ring(path: Path, new: Ring) -> None:
    """Replace the file in one step: after a crash it is the old one or the new one, never a part."""
    document = {
        "format": FILE_FORMAT,
        "id": new.id,
        "current": new.current,
        "master": {str(version): _entry(master) for version, master in new.masters.items()},
        "index": {name: b64encode(key).decode() for name, key in new.indexes.items()},
        "search": b64encode(new.search_key).decode(),
        "purposes": sorted(new.purposes),
        "settled": new.settled,
    }
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _entry(master: MasterKey) -> dict[str, str | None]:
    superseded = master.superseded_at
    return {
        "key": b64encode(master.key).decode(),
        "made_at": master.made_at.isoformat(),
        "superseded_at": superseded.isoformat() if superseded else None,
    }


def _add_index(name: str) -> bytes:
    if not re.fullmatch(r"[a-z][a-z_]{0,39}", name):
        raise KeyringError(f"{name!r} is not a name for an index key.")
    ring()
    with ring_held(alone=True):
        before = read_ring(ring_path())
        if name not in before.indexes:
            added = {**before.indexes, name: secrets.token_bytes(32)}
            write_ring(ring_path(), replace(before, indexes=added))
    return ring().indexes[name]


def _add_purpose(purpose: str) -> None:
    """Remember that something is sealed for this purpose: no master key is retired before that is accounted for."""
    if not re.fullmatch(r"[a-z][a-z0-9 _.-]{0,59}", purpose):
        raise KeyringError(f"{purpose!r} is not a purpose: a short constant is expected, in small letters.")
    with ring_held(alone=True):
        before = read_ring(ring_path())
        if purpose not in before.purposes:
            write_ring(ring_path(), replace(before, purposes=before.purposes | {purpose}))


# ------------------------------------------------------------------------------------------------ who else has a say

_witnesses: list[Callable[[], bool]] = []


def register_witness(has_encrypted: Callable[[], bool]) -> None:
    """`has_encrypted()` says whether something exists that only an existing ring can open."""
    if has_encrypted not in _witnesses:
        _witnesses.append(has_encrypted)
