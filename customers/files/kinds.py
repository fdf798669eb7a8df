"""What a file is, told from its bytes and not from its name, and whether the desk takes it."""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Final

import filetype
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from PIL import Image

from servicedesk.errors import Invalid

HEAD: Final = 8192
# Twice this is refused by Pillow before it allocates anything.
Image.MAX_IMAGE_PIXELS = 50_000_000
VERIFIED: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"})
ZIP_END: Final = 22 + 65_535
ZIP_DIRECTORY: Final = 1_048_576
# What is text may still be run by its name: a script, a page. Only these endings are of texts that are read.
TEXT_ENDINGS: Final = {
    ".csv": "text/csv",
    **dict.fromkeys(("", ".txt", ".text", ".log", ".md", ".tsv", ".json", ".eml", ".ics", ".vcf"), "text/plain"),
}
OFFICE: Final = {
    "word/": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    "xl/": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "ppt/": ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
}
# What a customer sends: photos, films and voice of a fault, and papers. No archives, no programs, no HTML, no SVG.
ALLOWED: Final = frozenset(
    {
        *VERIFIED,
        *(content_type for content_type, _ending in OFFICE.values()),
        "image/heic",
        "image/heif",
        "image/avif",
        "application/pdf",
        "application/msword",
        "application/vnd.ms-excel",
        "text/plain",
        "text/csv",
        "video/mp4",
        "video/quicktime",
        "video/webm",
        "video/3gpp",
        "audio/mpeg",
        "audio/mp4",
        "audio/amr",
        "audio/ogg",
        "audio/wav",
        "audio/x-wav",
    }
)
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class FileKind:
    """The type to store and to send, and the ending that fits it, without a dot."""

    content_type: str
    extension: str


def identify(file: IO[bytes], name: str = "") -> FileKind:
    """What this seekable file is. Invalid (422) when it is not among the types that the desk takes.

    The name only tells what kind of text it is, and a script or a page from a text to be read.
    `settings.ATTACHMENT_TYPES` replaces the list where it is set.
    """
    file.seek(0)
    head = file.read(HEAD)
    kind = _by_magic(file, head) or _as_text(head, name)
    allowed = getattr(settings, "ATTACHMENT_TYPES", None) or ALLOWED
    if kind is None or kind.content_type not in allowed:
        raise _refusal()
    if kind.content_type in VERIFIED:
        _verify_image(file)
    file.seek(0)
    return kind


def _by_magic(file: IO[bytes], head: bytes) -> FileKind | None:
    found = filetype.guess(head)
    if found is None:
        return None
    if found.mime == "application/zip" or found.extension in {"docx", "xlsx", "pptx"}:
        return _office(file)
    return FileKind(found.mime, found.extension)


def _office(file: IO[bytes]) -> FileKind | None:
    """An office document is a zip archive with certain names in it; other archives are not taken."""
    if not _has_small_directory(file):
        return None
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if "[Content_Types].xml" not in names:
        return None
    for folder, kind in OFFICE.items():
        if any(name.startswith(folder) for name in names):
            return FileKind(*kind)
    return None


def _has_small_directory(file: IO[bytes]) -> bool:
    """Whether the archive's list of names may be read at all: one of many megabytes would fill the memory."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - ZIP_END))
    end = file.read(ZIP_END)
    found = end.rfind(b"PK\x05\x06")
    return found >= 0 and int.from_bytes(end[found + 12 : found + 16], "little") <= ZIP_DIRECTORY


def _as_text(head: bytes, name: str) -> FileKind | None:
    if not head or _CONTROLS.search(head) or not (_decodes(head, "utf-8") or _decodes(head, "gb18030")):
        return None
    content_type = TEXT_ENDINGS.get(PurePath(name.rstrip(" .")).suffix.lower())
    if content_type is None:
        return None
    return FileKind(content_type, "csv" if content_type == "text/csv" else "txt")


def _decodes(head: bytes, charset: str) -> bool:
    """Whether it is text in this charset, but for a character that the cut at the end of the head broke."""
    try:
        head.decode(charset)
    except UnicodeDecodeError as error:
        return len(head) == HEAD and error.start >= len(head) - 4
    return True


def _verify_image(file: IO[bytes]) -> None:
    file.seek(0)
    try:
        with Image.open(file) as image:
            image.verify()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Invalid.field("file", "image_too_large", _("This picture has too many pixels.")) from None
    # Pillow's readers raise whatever a broken file makes them stumble over.
    except Exception:  # noqa: BLE001
        raise _refusal() from None


def _refusal() -> Invalid:
    return Invalid.field("file", "file_type", _("Files of this type are not taken."))
