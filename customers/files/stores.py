"""Encrypted files in Django's storage, under random names that say nothing."""

import io
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _

from customers.fields import Erased
from customers.files.segments import SEGMENT, SegmentReader, SegmentWriter, new_file_key
from customers.files.uploads import EncryptedUpload
from servicedesk.clock import now
from servicedesk.errors import NotFound, TooLarge
from servicedesk.ids import new_id

FOLDER: Final = "attachments"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An encrypted file that now lies in the storage: its random name there, its key, its plain size in bytes."""

    name: str
    key: bytes = field(repr=False)
    size: int


def store_upload(upload: EncryptedUpload) -> StoredFile:
    """Keep an upload. Call it before the row that names the file; TooLarge when it was over the limit."""
    upload.must_fit()
    upload.ciphertext.seek(0)
    return StoredFile(_save(upload.ciphertext), upload.key, upload.size or 0)


def store_bytes(data: bytes) -> StoredFile:
    """Keep a part of a mail, or anything else that is in memory already."""
    if len(data) > settings.ATTACHMENT_MAX_BYTES:
        raise TooLarge(_("The file is larger than this desk takes."))
    key = new_file_key()
    ciphertext = io.BytesIO()
    writer = SegmentWriter(ciphertext, key)
    writer.write(data)
    writer.finish()
    ciphertext.seek(0)
    return StoredFile(_save(ciphertext), key, len(data))


def open_decrypted(name: str, key: bytes | Erased) -> io.BufferedReader:
    """The plaintext, readable and seekable; the caller closes it. NotFound when the customer or the file is gone."""
    if isinstance(key, Erased):
        raise NotFound(_("This file was erased."))
    try:
        source = default_storage.open(name, "rb")
    except FileNotFoundError:
        raise NotFound(_("This file is gone.")) from None
    try:
        return io.BufferedReader(SegmentReader(source, key), SEGMENT)
    except BaseException:
        source.close()
        raise


def stream_decrypted(name: str, key: bytes | Erased) -> Iterator[bytes]:
    """The plaintext in pieces, for a StreamingHttpResponse. The file is opened, and refused, before the first piece."""
    return _pieces(open_decrypted(name, key))


def _pieces(reader: io.BufferedReader) -> Iterator[bytes]:
    with reader:
        while piece := reader.read(SEGMENT):
            yield piece


def delete_file(name: str) -> None:
    """Remove it from the storage; a file that is gone already is fine."""
    default_storage.delete(name)


def remove_orphans(known: Callable[[Collection[str]], Collection[str]], *, older_than: timedelta) -> int:
    """Delete files that no row names: their request failed after the file was written. Returns how many.

    `known(names)` says which of the names, 500 at most, rows have. Young files are left: their row may be about to be
    written.
    """
    removed = 0
    before = now() - older_than
    folders, _files = default_storage.listdir(FOLDER) if _has_folder() else ([], [])
    for folder in folders:
        names = [f"{FOLDER}/{folder}/{file}" for file in default_storage.listdir(f"{FOLDER}/{folder}")[1]]
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            for name in set(part) - set(known(part)):
                if default_storage.get_modified_time(name) < before:
                    default_storage.delete(name)
                    removed += 1
    return removed


def _has_folder() -> bool:
    return default_storage.exists(FOLDER)


def _save(ciphertext: IO[bytes]) -> str:
    """File before row: when this returns, the file is there, after a power cut too."""
    random = new_id().hex
    name = default_storage.save(f"{FOLDER}/{random[-2:]}/{random}", File(ciphertext))
    try:
        path = Path(default_storage.path(name))
    except NotImplementedError:
        return name  # an object store has its own way to keep what it acknowledged
    for part in (path, path.parent, path.parent.parent):
        handle = os.open(part, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    return name
