"""Attachments: encrypted from the first byte, under a key of each file's own that the customer's key wraps."""

from customers.files.kinds import FileKind, identify
from customers.files.segments import DamagedFile, SegmentReader, SegmentWriter
from customers.files.stores import (
    StoredFile,
    delete_file,
    open_decrypted,
    remove_orphans,
    store_bytes,
    store_upload,
    stream_decrypted,
)
from customers.files.uploads import EncryptedUpload, EncryptedUploadHandler

__all__ = [
    "DamagedFile",
    "EncryptedUpload",
    "EncryptedUploadHandler",
    "FileKind",
    "SegmentReader",
    "SegmentWriter",
    "StoredFile",
    "delete_file",
    "identify",
    "open_decrypted",
    "remove_orphans",
    "store_bytes",
    "store_upload",
    "stream_decrypted",
]
