"""The file: a ZIP whose last member, the manifest, names every other one with its checksum.

A table is a member in PostgreSQL's COPY text format, which both databases read and write here, so that a desk can be
backed up on SQLite and restored on PostgreSQL. The manifest comes last because only then the checksums are known; a
file that was cut off has none.
"""

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self

from servicedesk.backup.errors import BackupError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_CHUNK: Final = 1024 * 1024


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int: ...


class _Hashing:
    """Passes bytes on and keeps their checksum."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink = sink
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        return self._sink.write(data)


class ArchiveWriter:
    """Writes beside the wanted name and takes the name only once all is on the disk."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.manifest: dict[str, Any] = {"format": FORMAT, "kind": kind}
        self._sums: dict[str, str] = {}
        self._partial = path.with_name(path.name + ".partial")

    def __enter__(self) -> Self:
        if self.path.exists():
            raise BackupError(f"{self.path} exists already; a backup never overwrites one")
        try:
            handle = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise BackupError(f"{self._partial} cannot be written: {error.strerror}") from error
        self._file = os.fdopen(handle, "wb")
        self._zip = zipfile.ZipFile(self._file, "w", compression=zipfile.ZIP_DEFLATED, compresslevel=1)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _place: object) -> None:
        try:
            if error is None:
                self._finish()
                return
        except OSError as unfinished:
            error = unfinished
        self._give_up()
        if isinstance(error, OSError):
            raise BackupError(f"{self.path} cannot be written to its end: {error.strerror or error}") from error

    def _finish(self) -> None:
        self._zip.writestr(MANIFEST, json.dumps({**self.manifest, "sha256": self._sums}, indent=1))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._partial.rename(self.path)

    def _give_up(self) -> None:
        """On a full disk closing fails as writing did; what was written goes anyway."""
        for opened in (self._zip, self._file):
            with contextlib.suppress(OSError, ValueError):
                opened.close()
        self._partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def member(self, name: str, *, compress: bool = True) -> Iterator[Sink]:
        """One member, to be written while the context lasts."""
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as opened:
            hashing = _Hashing(opened)
            yield hashing
        self._sums[name] = hashing.digest.hexdigest()


class ArchiveReader:
    """Reads a file of this format; `verify` before believing any of it."""

    def __init__(self, path: Path, kind: str) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest: dict[str, Any] = json.loads(self._zip.read(MANIFEST))
            known = self.manifest["format"] == FORMAT and self.manifest["kind"] == kind
            self._sums: dict[str, str] = dict(self.manifest["sha256"])
        except OSError as error:
            raise BackupError(f"{path} cannot be read: {error.strerror or error}") from error
        except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{path} is not a backup of a desk, or its end is missing") from error
        if not known:
            raise BackupError(f"{path} is not a backup of {kind} that this version can read")
        self.path = path

    def verify(self) -> None:
        """Every member there, none too many, each with its checksum."""
        names = set(self._zip.namelist()) - {MANIFEST}
        if names != set(self._sums):
            raise BackupError(f"{self.path} is damaged: it does not hold what its manifest lists")
        for name, expected in self._sums.items():
            if self._digest(name) != expected:
                raise BackupError(f"{self.path} is damaged: {name} is not what was written")

    def names(self, folder: str) -> list[str]:
        return sorted(name for name in self._sums if name.startswith(folder))

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(name)

    def close(self) -> None:
        self._zip.close()

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._zip.open(name) as member:
                while chunk := member.read(_CHUNK):
                    digest.update(chunk)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
            raise BackupError(f"{self.path} is damaged: {name} cannot be read") from error
        except Exception as error:
            # zlib.error is a plain Exception.
            raise BackupError(f"{self.path} is damaged: {name} cannot be unpacked") from error
        return digest.hexdigest()
