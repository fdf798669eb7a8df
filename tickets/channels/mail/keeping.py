"""What is kept of a mail: the whole, but for the attachments that are kept as files, compressed and encrypted."""

import zlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from customers.fields import Erased
from servicedesk.clock import now
from servicedesk.errors import NotFound
from servicedesk.housekeeping import housekeeper
from servicedesk.keyring import is_outdated, register_resealer, seal, unseal
from tickets.channels.mail.mime import Part
from tickets.channels.mail.parse import ParsedMail, parse_mail
from tickets.models import InboundMail, Message

PURPOSE: Final = "raw mail"
SEALED_FOR: Final = timedelta(days=30)
# What nobody asked for is not kept at any length: a report's head and reason are at its beginning.
SEALED_BYTES: Final = 1_000_000
BATCH: Final = 100


def trimmed(raw: bytes, kept: Iterable[Part]) -> bytes:
    """Compressed, with the bodies of these parts cut out: their content lies in files already."""
    pieces, position = [], 0
    for part in sorted(kept, key=lambda part: part.start):
        pieces.append(raw[position : part.start])
        position = part.start + len(part.body)
    pieces.append(raw[position:])
    return zlib.compress(b"".join(pieces))


def sealed(raw: bytes) -> bytes:
    """For a mail that belongs to no customer."""
    return seal(zlib.compress(raw[:SEALED_BYTES]), PURPOSE)


def original_of(message: Message) -> ParsedMail:
    """The mail a message came in by, as it was: with what it quoted, without its attachments' content.

    Raises NotFound where the message came by another door, or its customer was erased.
    """
    row = InboundMail.objects.select_related("customer").one(message=message)
    raw = row.raw
    if raw is None or isinstance(raw, Erased):
        raise NotFound
    return parse_mail(zlib.decompress(raw))


@housekeeper
def forget_mail_of_nobody() -> int:
    """The text of mails without a customer; what became of them stays."""
    rows = InboundMail.objects.filter(sealed__isnull=False, received_at__lt=now() - SEALED_FOR)
    return InboundMail.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:1000])).update(sealed=None)


def reseal_mail() -> int:
    """Seal again what an earlier master key sealed. Safe to interrupt: each row by itself."""
    done, after = 0, None
    while True:
        rows = InboundMail.objects.filter(sealed__isnull=False).order_by("id")
        batch = list((rows.filter(pk__gt=after) if after else rows).values_list("pk", "sealed")[:BATCH])
        if not batch:
            return done
        for pk, stored in batch:
            blob = bytes(stored or b"")
            if is_outdated(blob):
                InboundMail.objects.filter(pk=pk, sealed=stored).update(sealed=seal(unseal(blob, PURPOSE), PURPOSE))
                done += 1
        after = batch[-1][0]


register_resealer(PURPOSE, reseal_mail)
