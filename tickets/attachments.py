"""Files that come with messages: kept encrypted before their row, claimed by a message, swept if nobody does."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Final

from django.utils.translation import gettext as _

from customers.files import (
    EncryptedUpload,
    StoredFile,
    delete_file,
    identify,
    remove_orphans,
    store_bytes,
    store_upload,
)
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid
from servicedesk.heartbeat import take_lease
from servicedesk.housekeeping import housekeeper
from tickets.models import Attachment, Draft, Message

AT_MOST: Final = 20
UNCLAIMED_FOR: Final = timedelta(hours=24)
# Looking for orphans lists the whole storage.
ORPHANS_EVERY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that lies encrypted in the storage and has no row yet."""

    name: str
    content_type: str
    stored: StoredFile
    is_inline: bool = False


def keep_upload(upload: EncryptedUpload) -> Upload:
    """Keep what a form or a multipart request brought. Raises Invalid for a kind of file this desk does not take."""
    upload.must_fit()
    name = clean_name(upload.name or "")
    kind = identify(upload, name)
    return Upload(name, kind.content_type, store_upload(upload))


def keep_bytes(name: str, data: bytes, *, is_inline: bool = False) -> Upload:
    """Keep a part of a mail, or anything else that is in memory already."""
    name = clean_name(name)
    kind = identify(BytesIO(data), name)
    return Upload(name, kind.content_type, store_bytes(data), is_inline)


def clean_name(name: str) -> str:
    """The last part of the name, without control characters, at most 200 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable()).strip()[:200] or _("file")


def attach(files: Sequence[Upload | Attachment], message: Message, *, by: Actor) -> list[Attachment]:
    """Give these files to the message: uploads get their row, those uploaded ahead are claimed, each once."""
    if not files:
        return []
    if len(files) > AT_MOST:
        raise Invalid.field("attachments", "too_many", _("A message has at most %(n)s files.") % {"n": AT_MOST})
    rows = [row_of(file, message.customer) for file in files if isinstance(file, Upload)]
    for row in rows:
        row.message = message
    Attachment.objects.bulk_create(rows)
    ahead = [file.pk for file in files if isinstance(file, Attachment)]
    claimed = Attachment.objects.filter(pk__in=ahead, message=None, customer=message.customer).update(message=message)
    if claimed != len(set(ahead)):
        raise Conflict(_("One of these files belongs to a message already, or to somebody else."), code="file_claimed")
    return list(message.attachments.all())


def row_of(upload: Upload, customer: Customer) -> Attachment:
    """The row of a kept file, not yet saved."""
    return Attachment(
        customer=customer,
        name=upload.name,
        content_type=upload.content_type,
        size=upload.stored.size,
        path=upload.stored.name,
        file_key=upload.stored.key,
        is_inline=upload.is_inline,
    )


def upload_ahead(upload: Upload, customer: Customer) -> Attachment:
    """A file for a message still being written; unclaimed after a day it is swept away."""
    row = row_of(upload, customer)
    row.save(force_insert=True)
    return row


def uploaded(ids: Collection[uuid.UUID]) -> list[Attachment]:
    """The files of these ids, claimed or not; `attach` looks whose they are. Invalid where one is not there."""
    rows = list(Attachment.objects.filter(pk__in=ids)) if ids else []
    if len(rows) != len(set(ids)):
        raise Invalid.field("attachments", "unknown", _("One of these files is not here. Upload it first."))
    return rows


def waiting_files(ids: Collection[uuid.UUID], customer: Customer) -> list[Attachment]:
    """Those of these files that still wait for a message to this customer, in the order in which they came."""
    return list(Attachment.objects.filter(pk__in=ids, message=None, customer=customer).order_by("id")) if ids else []


@housekeeper
def sweep_unclaimed() -> int:
    """Remove files uploaded ahead that neither a message claimed nor a draft names. Returns how many."""
    named = {pk for ids in Draft.objects.exclude(attachments=[]).values_list("attachments", flat=True) for pk in ids}
    unclaimed = Attachment.objects.filter(message=None, created_at__lt=now() - UNCLAIMED_FOR)
    stale = list(unclaimed.exclude(pk__in=named)[:500])
    for row in stale:
        if Attachment.objects.filter(pk=row.pk, message=None).delete()[0]:
            delete_file(row.path)
    return len(stale)


@housekeeper
def sweep_orphans() -> int:
    """Remove files whose request failed before it wrote their row, once a day. Returns how many."""
    if not take_lease("attachments.orphans", lasting=ORPHANS_EVERY):
        return 0
    return remove_orphans(_with_a_row, older_than=UNCLAIMED_FOR)


def _with_a_row(names: Collection[str]) -> Collection[str]:
    return set(Attachment.objects.filter(path__in=names).values_list("path", flat=True))
