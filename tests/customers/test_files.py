"""Encrypted files: whole or not at all, and never plain on a disk."""

import contextlib
import io
import os
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadhandler import load_handler
from django.http.multipartparser import MultiPartParser
from django.test import RequestFactory
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from customers.fields import ERASED
from customers.files import (
    DamagedFile,
    EncryptedUpload,
    SegmentReader,
    SegmentWriter,
    delete_file,
    identify,
    open_decrypted,
    store_bytes,
    store_upload,
    stream_decrypted,
)
from customers.files.segments import HEADER, SEGMENT, TAG, new_file_key
from servicedesk.errors import Invalid, NotFound, TooLarge

KEY = new_file_key()
SEALED = SEGMENT + TAG


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


def encrypted(data: bytes, piece: int = 10_000) -> bytes:
    out = io.BytesIO()
    writer = SegmentWriter(out, KEY)
    for start in range(0, len(data), piece):
        writer.write(data[start : start + piece])
    writer.finish()
    return out.getvalue()


def decrypted(blob: bytes, key: bytes = KEY) -> bytes:
    return io.BufferedReader(SegmentReader(io.BytesIO(blob), key)).read()


# ------------------------------------------------------------------------------------------------ segments


@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 3 * SEGMENT + 17])
def test_a_file_of_any_size_comes_back(size):
    data = os.urandom(size)
    blob = encrypted(data)
    assert decrypted(blob) == data
    assert SegmentReader(io.BytesIO(blob), KEY).size == size
    assert data[:64] not in blob or size < 8


@given(st.integers(0, 3 * SEGMENT), st.integers(1, 100_000), st.data())
@hypothesis_settings(max_examples=30, deadline=None)
def test_reading_from_anywhere_gives_what_stands_there(size, piece, data):
    content = os.urandom(size)
    reader = io.BufferedReader(SegmentReader(io.BytesIO(encrypted(content, piece)), KEY))
    start = data.draw(st.integers(0, size + 10))
    count = data.draw(st.integers(0, size))
    reader.seek(start)
    assert reader.read(count) == content[start : start + count]


@given(st.integers(0, 3 * SEALED + HEADER + 40))
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_file_cut_anywhere_does_not_open(length):
    blob = encrypted(b"x" * (2 * SEGMENT + 1000))
    if length < len(blob):
        with pytest.raises(DamagedFile):
            decrypted(blob[:length])


@given(st.binary(min_size=1, max_size=200))
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_file_with_anything_after_its_end_does_not_open(more):
    with pytest.raises(DamagedFile):
        decrypted(encrypted(b"x" * (SEGMENT + 1000)) + more)


@given(st.integers(0, 2 * SEALED))
@hypothesis_settings(max_examples=60, deadline=None)
def test_a_file_with_any_byte_changed_does_not_open(position):
    blob = bytearray(encrypted(b"x" * (SEGMENT + 1000)))
    blob[position % len(blob)] ^= 1
    with pytest.raises(DamagedFile):
        decrypted(bytes(blob))


def test_a_file_cut_between_segments_does_not_open():
    blob = encrypted(b"x" * (3 * SEGMENT))
    with pytest.raises(DamagedFile):
        decrypted(blob[: HEADER + 2 * SEALED])


def test_segments_in_another_order_do_not_open():
    blob = encrypted(os.urandom(3 * SEGMENT + 5))
    head, first, second, rest = (
        blob[:HEADER],
        blob[HEADER:][:SEALED],
        blob[HEADER + SEALED :][:SEALED],
        blob[HEADER + 2 * SEALED :],
    )
    with pytest.raises(DamagedFile):
        decrypted(head + second + first + rest)
    with pytest.raises(DamagedFile):
        decrypted(head + first + first + rest)


def test_segments_of_two_files_under_one_key_cannot_be_mixed():
    one, other = encrypted(b"a" * (2 * SEGMENT)), encrypted(b"b" * (2 * SEGMENT))
    with pytest.raises(DamagedFile):
        decrypted(one[: HEADER + SEALED] + other[HEADER + SEALED :])


def test_another_files_key_opens_nothing():
    with pytest.raises(DamagedFile):
        decrypted(encrypted(b"x"), new_file_key())


# ------------------------------------------------------------------------------------------------ the storage


def test_what_is_stored_comes_back_and_lies_encrypted_under_a_random_name():
    stored = store_bytes(b"canary " * 100_000)
    assert b"".join(stream_decrypted(stored.name, stored.key)) == b"canary " * 100_000
    with default_storage.open(stored.name) as file:
        assert b"canary" not in file.read()
    assert stored.size == 700_000
    assert stored.name.startswith("attachments/")


def test_a_deleted_file_is_not_found():
    stored = store_bytes(b"x")
    delete_file(stored.name)
    delete_file(stored.name)
    with pytest.raises(NotFound):
        stream_decrypted(stored.name, stored.key)


def test_the_file_of_an_erased_customer_is_not_found():
    with pytest.raises(NotFound):
        open_decrypted("attachments/aa/bb", ERASED)


def test_a_part_of_a_mail_over_the_limit_is_refused(settings):
    settings.ATTACHMENT_MAX_BYTES = 10
    with pytest.raises(TooLarge):
        store_bytes(b"x" * 11)
    assert store_bytes(b"x" * 10).size == 10


def test_files_that_no_row_names_are_removed_when_they_are_old():
    from datetime import timedelta

    from customers.files import remove_orphans

    kept, orphan = store_bytes(b"kept"), store_bytes(b"orphan")
    assert remove_orphans(lambda names: {kept.name}, older_than=timedelta(hours=1)) == 0
    assert remove_orphans(lambda names: {kept.name}, older_than=timedelta(seconds=-5)) == 1
    assert default_storage.exists(kept.name)
    assert not default_storage.exists(orphan.name)


def test_nothing_to_sweep_is_no_failure():
    from datetime import timedelta

    from customers.files import remove_orphans

    assert remove_orphans(lambda names: names, older_than=timedelta(0)) == 0


# ------------------------------------------------------------------------------------------------ uploads


def upload(data: bytes, name: str = "photo.jpg", **fields: str) -> EncryptedUpload:
    """As Django's parser gives it to a view."""
    content = io.BytesIO(data)
    content.name = name
    request = RequestFactory().post("/", {"file": content, **fields})
    handler = load_handler("customers.files.EncryptedUploadHandler", request)
    _post, files = MultiPartParser(request.META, request, [handler]).parse()
    found = files["file"]
    assert isinstance(found, EncryptedUpload)
    return found


@pytest.mark.parametrize("size", [1, 1000, SEGMENT, 5 * SEGMENT + 3])
def test_an_upload_reads_as_plaintext_and_is_stored_as_the_ciphertext_it_is(size):
    data = os.urandom(size)
    found = upload(data)
    assert found.size == size
    assert found.read() == data
    found.seek(0)
    assert b"".join(found.chunks()) == data
    stored = store_upload(found)
    assert stored.size == size
    assert b"".join(stream_decrypted(stored.name, stored.key)) == data


def test_nothing_plain_of_an_upload_is_spooled(tmp_path, settings, monkeypatch):
    written = []
    real = SegmentWriter._emit

    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    monkeypatch.setattr(
        SegmentWriter, "_emit", lambda self, plain, **kw: (written.append(len(plain)), real(self, plain, **kw))
    )
    found = upload(b"canary" * 100_000)
    found.ciphertext.seek(0)
    assert b"canary" not in found.ciphertext.read()
    assert sum(written) == 600_000


def test_an_upload_over_the_limit_keeps_no_bytes_and_says_so(settings):
    settings.ATTACHMENT_MAX_BYTES = 200_000
    found = upload(b"x" * 300_000)
    assert found.size == 300_000
    for use in (found.read, found.must_fit, lambda: store_upload(found), lambda: list(found.chunks())):
        with pytest.raises(TooLarge):
            use()
    found.ciphertext.seek(0, io.SEEK_END)
    assert found.ciphertext.tell() <= HEADER
    assert upload(b"x" * 200_000).fits


def test_two_uploads_of_one_request_have_keys_of_their_own():
    assert upload(b"same").key != upload(b"same").key


# ------------------------------------------------------------------------------------------------ kinds


def image(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(out, form)
    return out.getvalue()


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "name", "content_type"),
    [
        (image("JPEG"), "a.jpg", "image/jpeg"),
        (image("PNG"), "a.exe", "image/png"),
        (image("GIF"), "", "image/gif"),
        (image("WEBP"), "a.webp", "image/webp"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a.pdf", "application/pdf"),
        ("退款，谢谢".encode(), "a.txt", "text/plain"),
        ("退款，谢谢".encode("gb18030"), "a.txt", "text/plain"),
        (b"a,b\n1,2\n", "a.csv", "text/csv"),
        (b"<script>alert(1)</script>", "a.txt", "text/plain"),
        (("长" * 5000).encode(), "a.txt", "text/plain"),
        (archive("[Content_Types].xml", "word/document.xml"), "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (archive("x", "[Content_Types].xml", "xl/workbook.xml"), "a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_bytes(data, name, content_type):
    assert identify(io.BytesIO(data), name).content_type == content_type


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"MZ" + bytes(200), "photo.jpg"),
        (b"\x7fELF" + bytes(200), "photo.jpg"),
        (archive("virus.exe"), "photos.zip"),
        (b"", "empty.txt"),
        (b"alert(1)", "invoice.js"),
        (b"del *.*", "Invoice.PDF.BAT"),
        (b"del *.*", "invoice.bat. "),
        (b"<html><script>alert(1)</script></html>", "invoice.html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "a.svg"),
        (b"\x00\x01\x02\x03", "a.txt"),
        (image("PNG")[:40], "cut.png"),
        (b"\xff\xd8\xff\xe0" + b"nonsense", "a.jpg"),
        (b"PK\x03\x04broken", "a.docx"),
        (archive("[Content_Types].xml", "word/document.xml", *(f"{'x' * 200}{n}" for n in range(5000))), "a.docx"),
    ],
)
def test_other_files_are_refused_whatever_their_name(data, name):
    with pytest.raises(Invalid):
        identify(io.BytesIO(data), name)


def test_the_list_of_types_can_be_set(settings):
    settings.ATTACHMENT_TYPES = ["image/png"]
    assert identify(io.BytesIO(image("PNG"))).extension == "png"
    with pytest.raises(Invalid):
        identify(io.BytesIO(image("JPEG")))


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(Invalid) as refused:
        identify(io.BytesIO(image("PNG")))
    assert refused.value.errors[0].code == "image_too_large"


@given(st.binary(max_size=300))
def test_any_bytes_are_identified_or_refused_and_never_break(data):
    with contextlib.suppress(Invalid):
        identify(io.BytesIO(data))


def test_an_upload_is_identified_through_its_encryption():
    assert identify(upload(image("PNG"))).content_type == "image/png"
