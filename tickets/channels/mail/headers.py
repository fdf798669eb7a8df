"""Header fields as they come in: folded, encoded, raw, broken. Read from bytes; nothing here raises."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from tickets.channels.mail.charsets import clean, decode_bytes

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELDS = 1000
MAX_VALUE = 16 * 1024

_FIELD = re.compile(rb"([!-9;-~]{1,120})[ \t]*:[ \t]*((?:[^\n]|\n[ \t])*)")
_ENCODED_WORD = re.compile(rb"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_FOLD = re.compile(rb"\r?\n[ \t]*|\r")
_SPACES = re.compile(r"\s+")
_MESSAGE_ID = re.compile(r"<([^<>\s]{3,500})>")
_MAILBOX_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\(((?:[^()\\]|\\.)*)\)|<([^<>]*)>|([,;])|([^"(<,;]+|.)', re.DOTALL)
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]]{1,64}@[^\s@<>,;:\"()]{1,190}")


@dataclass(frozen=True, slots=True)
class Address:
    email: str
    name: str = ""


class Headers:
    """The fields of one part. `get` gives bytes of the first field of a name, unfolded; names are lower case."""

    def __init__(self, block: bytes) -> None:
        self.is_oversized = len(block) > MAX_HEADER_BYTES
        self._fields: list[tuple[str, bytes]] = []
        for match in _FIELD.finditer(block[:MAX_HEADER_BYTES]):
            if match.start() and block[match.start() - 1 : match.start()] != b"\n":
                continue
            if len(self._fields) == MAX_FIELDS:
                self.is_oversized = True
                break
            value = _FOLD.sub(b" ", match[2]).strip()
            self._fields.append((match[1].decode("ascii").lower(), value[:MAX_VALUE]))

    def __contains__(self, name: str) -> bool:
        return any(field == name for field, _ in self._fields)

    def get(self, name: str) -> bytes:
        return next((value for field, value in self._fields if field == name), b"")

    def all(self, *names: str) -> Iterator[bytes]:
        return (value for field, value in self._fields if field in names)

    def word(self, name: str) -> str:
        """A machine's word such as `auto-replied; owner=x`: lower case, without parameters and comments."""
        return re.split(r"[;,(\s]", self.get(name).decode("ascii", "replace").strip().lower(), maxsplit=1)[0]

    def text(self, name: str, hint: str = "") -> str:
        return decode_text(self.get(name), hint)

    def param(self, header: str, name: str) -> tuple[str, str]:
        """(charset, value) of a parameter, RFC 2231 pieces joined; ("", "") without it."""
        value = self.get(header)
        if not value:
            return "", ""
        message = Message()
        message[header] = value.decode("latin-1")
        found = message.get_param(name, "", header)
        if isinstance(found, tuple):
            return (found[0] or ""), found[2]
        return "", str(found)


def decode_text(value: bytes, hint: str = "") -> str:
    """One line of text. Neighbouring RFC 2047 words of one charset are joined as bytes first: many programs
    cut them in the middle of a character. `hint` is the charset for raw 8-bit bytes."""
    pieces: list[tuple[bytes, str]] = []
    position, was_word = 0, False
    for match in _ENCODED_WORD.finditer(value):
        between = value[position : match.start()]
        if between.strip() or (between and not was_word):
            pieces.append((between, hint))
            was_word = False
        charset, data = match[1].decode("latin-1").lower().split("*")[0], _word_bytes(match[2], match[3])
        if was_word and pieces[-1][1] == charset:
            pieces[-1] = (pieces[-1][0] + data, charset)
        else:
            pieces.append((data, charset))
        position, was_word = match.end(), True
    pieces.append((value[position:], hint))
    return _SPACES.sub(" ", "".join(decode_bytes(data, charset) for data, charset in pieces)).strip()


def _word_bytes(encoding: bytes, data: bytes) -> bytes:
    if encoding in b"qQ":
        return binascii.a2b_qp(data.replace(b" ", b"_"), header=True)
    return unbase64(data)


def unbase64(data: bytes) -> bytes:
    """Base64 as found in the wild: rubbish between, padding missing or in the middle, a cut last group."""
    pieces = data.split(b"=", 1000)
    out = []
    for piece in pieces:
        letters = piece.translate(None, delete=_NOT_BASE64)
        letters = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
        out.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return b"".join(out)


_NOT_BASE64 = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


def addresses(value: bytes, hint: str = "") -> list[Address]:
    """Mailboxes of an address field. What stands in quotes or comments is never taken for the address."""
    found: list[Address] = []
    name, angle, bare = "", "", ""
    for quoted, _comment, bracket, separator, other in _tokens(value):
        if separator:
            found += _mailbox(name, angle, bare, hint)
            name, angle, bare = "", "", ""
        elif bracket:
            angle = bracket
        else:
            name += quoted or other
            bare += other
    return found + _mailbox(name, angle, bare, hint)


def _tokens(value: bytes) -> Iterator[tuple[str, ...]]:
    for match in _MAILBOX_TOKEN.finditer(value.decode("latin-1")):
        quoted = re.sub(r"\\(.)", r"\1", match[1] or "")
        yield quoted, match[2] or "", match[3] or "", match[4] or "", match[5] or ""


def _mailbox(name: str, angle: str, bare: str, hint: str) -> list[Address]:
    match = _ADDRESS.search(angle or bare)
    if not match or not match[0].isascii() or ".." in match[0]:
        return []
    label = decode_text(name.encode("latin-1"), hint) if angle else ""
    label = label.strip("\"' ")
    return [Address(match[0].strip("."), "" if label.lower() == match[0].lower() else label[:200])]


def message_ids(value: bytes) -> tuple[str, ...]:
    """Message-IDs without their angle brackets, in their order, at most the newest 100."""
    text = clean(value.decode("latin-1"))
    found = _MESSAGE_ID.findall(text)
    if not found and "@" in text and len(text.split()) == 1:
        found = [text.strip()[:500]]
    return tuple(dict.fromkeys(found))[-100:]


def parse_date(value: bytes) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value.decode("ascii", "replace")[:100])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
