"""Strings that must be found nowhere, and a search for them in whatever form they might have been left behind.

Each canary holds one of two marks, a Latin and a Chinese one, and something of its own. A text that was kept as it is, or
encoded, holds the mark in the encoded form, whatever stands around it; a hash is looked for by the whole text and the
forms it is usually brought into first.
"""

import base64
import binascii
import bz2
import hashlib
import itertools
import lzma
import re
import secrets
import string
import unicodedata
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from quopri import encodestring
from typing import Final
from urllib.parse import quote

LATIN: Final = "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))
CHINESE: Final = "".join(secrets.choice("龘靐齉爩鱻麤龗灪吁龖厵滟爨癵籱饢驫鲡") for _ in range(5))
DEEP: Final = 4
LONGEST_OPENED: Final = 1 << 22

HEX: Final = re.compile(rb"(?:[0-9a-fA-F]{2}){16,}")
BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{20,}={0,2}")
COMPRESSED: Final = re.compile(
    rb"\x1f\x8b\x08|[\x78\x68\x58\x48\x38\x28\x18\x08][\x01\x5e\x9c\xda]|BZh[1-9]|\xfd7zXZ\x00|PK\x03\x04", re.DOTALL
)


class Canaries:
    """Makes them, remembers them, and finds them."""

    def __init__(self) -> None:
        self.made: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def words(self, where: str) -> str:
        """Latin and Chinese words, unlike all others."""
        number = next(self._numbers)
        return self._keep(where, f"{LATIN}{_letters(number)} {CHINESE}{_characters(number)}")

    def word(self, where: str) -> str:
        """One word of Latin letters, for an address or the name of a path."""
        return self._keep(where, f"{LATIN}{_letters(next(self._numbers))}")

    def email(self, where: str) -> str:
        return self._keep(where, f"{self.word(where + ', local part')}@{LATIN}.example")

    def phone(self, where: str) -> str:
        """A Chinese mobile number, as people write it."""
        return self._keep(where, f"177{secrets.randbelow(10**8):08d}")

    def _keep(self, where: str, text: str) -> str:
        self.made[text] = where
        return text

    # -------------------------------------------------------------------------------------------- what to look for

    def needles(self) -> dict[bytes, str]:
        """Bytes that must not be there, with what they are."""
        found: dict[bytes, str] = {}
        for mark in (LATIN, CHINESE, *(text for text in self.made if text.isdigit())):
            for name, form in encoded(mark):
                found[form] = f"{name} of “{mark}”"
        return found

    def hashes(self) -> dict[bytes, str]:
        """Unsalted hashes, as bytes. Their hexadecimal and base64 forms are opened before they are compared."""
        found: dict[bytes, str] = {}
        for text, where in self.made.items():
            for form in normal_forms(text):
                for charset in ("utf-8", "utf-16-le", "gb18030"):
                    for algorithm in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b"):
                        found[hashlib.new(algorithm, form.encode(charset)).digest()] = f"{algorithm} of {where}"
        return found

    def search(self, pieces: Iterable[tuple[str, bytes]]) -> list[str]:
        """What was found where; nothing is what one hopes for."""
        needles, hashes = self.needles(), self.hashes()
        starts = {digest[:4] for digest in hashes}
        found = []
        for where, piece in pieces:
            for data in opened(piece):
                found += [f"{where}: {name}" for needle, name in needles.items() if needle in data]
                found += [f"{where}: {name}" for name in _digests_in(data, hashes, starts)]
        return sorted(set(found))


def encoded(mark: str) -> Iterator[tuple[str, bytes]]:
    for charset in ("utf-8", "utf-16-le", "utf-16-be", "gb18030", "utf-7", "big5hkscs"):
        try:
            plain = mark.encode(charset)
        except UnicodeEncodeError:
            continue
        yield charset, plain
        yield f"{charset}, upper case", mark.upper().encode(charset)
        yield f"{charset}, hexadecimal", plain.hex().encode()
        yield f"{charset}, HEXADECIMAL", plain.hex().upper().encode()
        for shift in range(3):
            for standard in (base64.b64encode, base64.urlsafe_b64encode):
                # The letters that depend on nothing but the mark.
                whole = standard(b"\0" * shift + plain)
                yield f"{charset}, base64", whole[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
    yield "quoted-printable", encodestring(mark.encode(), quotetabs=True)
    yield "quoted-printable of GB18030", encodestring(mark.encode("gb18030"), quotetabs=True)
    for form in (quote(mark), quote(mark).lower(), "".join(f"%{byte:02X}" for byte in mark.encode())):
        yield "percent", form.encode()
        yield "percent", quote(form).encode()
    for pattern in (r"\u{:04x}", r"\u{:04X}", r"\\u{:04x}", r"\x{:02x}", "&#{};", "&#x{:x};", "&#x{:X};", "%u{:04X}"):
        yield "escaped", "".join(pattern.format(ord(letter)) for letter in mark).encode()
    yield "escaped bytes", repr(mark.encode())[2:-1].encode()
    yield "escaped octal", "".join(f"\\{byte:03o}" for byte in mark.encode()).encode()
    yield "backwards", mark[::-1].encode()


def normal_forms(text: str) -> set[str]:
    """As people and programs write the same thing; a phone number also in its international forms."""
    forms = {text, text.lower(), text.upper(), text.casefold(), unicodedata.normalize("NFKC", text), *text.split()}
    if text.isdigit():
        forms |= {f"+86{text}", f"86{text}", f"0086{text}", f"tel:+86{text}"}
    return forms | {f" {form}" for form in forms} | {f"{form}\n" for form in forms}


def opened(data: bytes, depth: int = 0) -> Iterator[bytes]:
    """The piece itself, and what its encoded and compressed parts hold."""
    yield data
    if depth == DEEP or len(data) < 16:
        return
    unfolded = re.sub(rb"=?(?:\r?\n|\\r|\\n)[ \t]?", b"", data)
    if unfolded != data:
        yield unfolded
    for text in {data, unfolded}:
        for run in HEX.findall(text):
            yield from opened(binascii.unhexlify(run), depth + 1)
        for run in BASE64.findall(text):
            plain = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            if len(plain) % 4 != 1:
                yield from opened(base64.b64decode(plain + b"=" * (-len(plain) % 4)), depth + 1)
    for match in COMPRESSED.finditer(data):
        if inner := decompressed(data[match.start() : match.start() + LONGEST_OPENED]):
            yield from opened(inner, depth + 1)


def decompressed(data: bytes) -> bytes:
    """What a compressed stream that begins here holds, as far as it goes; nothing where none does."""
    try:
        if data.startswith(b"BZh"):
            return bz2.BZ2Decompressor().decompress(data, LONGEST_OPENED)
        if data.startswith(b"\xfd7z"):
            return lzma.LZMADecompressor().decompress(data, LONGEST_OPENED)
        if data.startswith(b"PK"):
            start = 30 + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:], LONGEST_OPENED)
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, LONGEST_OPENED)
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return b""


def files_under(folder: Path, *, but: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """The names and the contents of all files."""
    left_out = set(but)
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and path.name not in left_out:
            yield f"the name of {name}", name.encode()
            yield name, path.read_bytes()


def _digests_in(data: bytes, hashes: dict[bytes, str], starts: set[bytes]) -> Iterator[str]:
    for position in range(len(data) - 15):
        if data[position : position + 4] in starts:
            for length in (16, 20, 28, 32, 48, 64):
                if name := hashes.get(data[position : position + length]):
                    yield name


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in f"{number:04d}")


def _characters(number: int) -> str:
    return "".join("零壹贰叁肆伍陆柒捌玖"[int(digit)] for digit in f"{number:04d}")
