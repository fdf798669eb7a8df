"""Uploads that are ciphertext from the first byte on: nothing plain ever lies in a spool folder.

Set as the project's only upload handler, it serves ordinary forms and the REST parsers alike. Whoever reads the upload
reads plaintext; whoever stores it (`store_upload`) stores the ciphertext that is already there.
"""

import io
import tempfile
from typing import IO, Any, Final, NoReturn

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext_lazy as _

from customers.files.segments import SEGMENT, SegmentReader, SegmentWriter, new_file_key
from servicedesk.errors import TooLarge

IN_MEMORY: Final = 2 * SEGMENT
HEAD: Final = 8192


class EncryptedUpload(UploadedFile[bytes]):
    """An upload whose bytes lie encrypted in `ciphertext` under `key`, a key of its own.

    One over the limit keeps no bytes, and says TooLarge when it is read or stored: an upload handler cannot refuse
    without Django making a 500 of it.
    """

    def __init__(
        self,
        *,
        name: str | None,
        content_type: str | None,
        size: int,
        ciphertext: IO[bytes],
        key: bytes,
        head: bytes,
        fits: bool = True,
        charset: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.ciphertext = ciphertext
        self.key = key
        self.head = head
        self.fits = fits
        source: Any = io.BufferedReader(SegmentReader(ciphertext, key), SEGMENT) if fits else Refused()
        super().__init__(source, name, content_type, size, charset, extra)

    def must_fit(self) -> None:
        """TooLarge unless the upload was within the limit."""
        if not self.fits:
            refuse()


class Refused(io.RawIOBase):
    """Stands for the bytes that were not kept."""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> NoReturn:
        refuse()

    def read(self, size: int = -1) -> NoReturn:
        refuse()

    def readinto(self, buffer: object) -> NoReturn:
        refuse()


def refuse() -> NoReturn:
    raise TooLarge(_("The file is larger than this desk takes."))


class EncryptedUploadHandler(FileUploadHandler):
    """For `FILE_UPLOAD_HANDLERS`."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._limit: int = settings.ATTACHMENT_MAX_BYTES
        self._received = 0
        self._head = b""
        self._start()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        before, self._received = self._received, self._received + len(raw_data)
        if self._received <= self._limit:
            self._head += raw_data[: HEAD - len(self._head)]
            self._writer.write(raw_data)
        elif before <= self._limit:
            self._drop()

    def file_complete(self, file_size: int) -> EncryptedUpload:
        fits = self._received <= self._limit
        if fits:
            self._writer.finish()
        return EncryptedUpload(
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            ciphertext=self._spool,
            key=self._key,
            head=self._head,
            fits=fits,
            charset=self.charset,
            extra=self.content_type_extra,
        )

    def upload_interrupted(self) -> None:
        if hasattr(self, "_spool"):
            self._spool.close()

    def _start(self) -> None:
        self._key = new_file_key()
        folder = settings.FILE_UPLOAD_TEMP_DIR
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=folder)  # noqa: SIM115  the upload closes it
        self._writer = SegmentWriter(self._spool, self._key)

    def _drop(self) -> None:
        """Over the limit: keep nothing of it, and go on counting."""
        self._spool.close()
        self._spool = io.BytesIO()
        self._head = b""
