"""A file as a row of AES-GCM segments of 64 KiB, each bound to its place and the last one marked as the last.

    header (11)  magic "SDF1" | 7 random bytes
    segment      ciphertext of 64 KiB (the last may be shorter, also empty) | tag (16)
    nonce        the 7 random bytes | counter (4) | 1 for the last segment, else 0

So a file that was cut, extended, reordered or patched together from two does not open, and reading needs the memory of
one segment, wherever in the file it begins.
"""

import io
import os
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from customers.keys import VaultError

MAGIC: Final = b"SDF1"
SALT: Final = 7
HEADER: Final = len(MAGIC) + SALT
SEGMENT: Final = 64 * 1024
TAG: Final = 16
KEY_BYTES: Final = 32


class DamagedFile(VaultError):
    """An encrypted file was altered, cut or extended, or the key is another file's."""


def new_file_key() -> bytes:
    return AESGCM.generate_key(KEY_BYTES * 8)


def _nonce(header: bytes, number: int, *, is_last: bool) -> bytes:
    return header[len(MAGIC) :] + number.to_bytes(4) + (b"\x01" if is_last else b"\x00")


class SegmentWriter:
    """Encrypts what is written to `out`. A file without `finish()` is not one: it has no last segment."""

    def __init__(self, out: IO[bytes], key: bytes) -> None:
        self._out = out
        self._cipher = AESGCM(key)
        self._header = MAGIC + os.urandom(SALT)
        self._pending = bytearray()
        self._number = 0
        self.size = 0
        out.write(self._header)

    def write(self, data: bytes) -> None:
        self.size += len(data)
        self._pending += data
        # The last full segment is kept back: only `finish` knows whether it is the last.
        while len(self._pending) > SEGMENT:
            self._emit(bytes(self._pending[:SEGMENT]), is_last=False)
            del self._pending[:SEGMENT]

    def finish(self) -> None:
        self._emit(bytes(self._pending), is_last=True)
        self._pending.clear()

    def _emit(self, plain: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._header, self._number, is_last=is_last)
        self._out.write(self._cipher.encrypt(nonce, plain, self._header))
        self._number += 1


class SegmentReader(io.RawIOBase):
    """The plaintext of an encrypted file, readable and seekable. DamagedFile where something does not fit.

    Wrap it in `io.BufferedReader` for `read(n)` that gives n bytes.
    """

    def __init__(self, source: IO[bytes], key: bytes) -> None:
        super().__init__()
        self._source = source
        self._cipher = AESGCM(key)
        total = source.seek(0, io.SEEK_END)
        source.seek(0)
        self._header = source.read(HEADER)
        body = total - HEADER
        self._count = -(-body // (SEGMENT + TAG))
        if len(self._header) < HEADER or not self._header.startswith(MAGIC) or body < TAG:
            raise DamagedFile("This is not a whole encrypted file.")
        self.size = body - TAG * self._count
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]
        number, within = divmod(self._position, SEGMENT)
        if number >= self._count:
            return 0
        part = self._segment(number)[within : within + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._source.close()
            self._held = (-1, b"")
        super().close()

    def _segment(self, number: int) -> bytes:
        if self._held[0] != number:
            self._held = (number, self._decrypt(number))
        return self._held[1]

    def _decrypt(self, number: int) -> bytes:
        self._source.seek(HEADER + number * (SEGMENT + TAG))
        sealed = self._source.read(SEGMENT + TAG)
        nonce = _nonce(self._header, number, is_last=number == self._count - 1)
        try:
            return self._cipher.decrypt(nonce, sealed, self._header)
        except InvalidTag:
            raise DamagedFile(f"Segment {number} of an encrypted file does not open.") from None
