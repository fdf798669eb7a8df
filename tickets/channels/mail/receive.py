"""The e-mail door: a raw mail becomes a ticket, a message in one, or nothing, exactly once."""

import hashlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from customers.actions import find_or_create_customer
from customers.files import delete_file
from customers.models import Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid, TooLarge
from servicedesk.failures import describe
from servicedesk.mail.letters import read_message_id
from servicedesk.mail.outgoing import note_bounce
from servicedesk.models import Shop
from tickets.actions.conversing import Words, conversation_of, receive_message
from tickets.actions.opening import Concern, open_ticket
from tickets.attachments import AT_MOST, Upload, keep_bytes
from tickets.channels.mail.keeping import sealed, trimmed
from tickets.channels.mail.mime import Part
from tickets.channels.mail.parse import MailAttachment, ParsedMail, parse_mail
from tickets.channels.mail.parties import addressed_shop, correspondent, is_own, machine_code, usual_shop
from tickets.channels.mail.threading import by_reference, find_ticket, message_digest
from tickets.models import Channel, InboundMail, Message, Ticket
from tickets.models.mail import MailOutcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail: "ticket", "message" or "ignored", and a code for why where it isn't obvious."""

    outcome: str
    reason: str
    ticket: Ticket | None = None
    message: Message | None = None
    is_repeated: bool = False  # the same mail had been delivered before

    @property
    def is_new(self) -> bool:
        return self.outcome != MailOutcome.IGNORED and not self.is_repeated


@dataclass(slots=True)
class _Delivery:
    """One mail on its way through the door."""

    raw: bytes
    mail: ParsedMail
    shop: Shop
    row: InboundMail
    at: datetime | None
    ticket: Ticket | None  # that it continues


def receive_mail(raw: bytes, *, by: Actor, shop: Shop | None = None, received_at: datetime | None = None) -> Outcome:
    """Take in one mail as it came over the wire.

    The shop is the one whose address it was sent to, unless given. The same mail delivered twice, also at once, has one
    outcome. `received_at` brings history over and needs `tickets.import`. Raises TooLarge above 35 MB; a mail that
    cannot be read is kept and reported as ignored.
    """
    by.must("mail.receive")
    if len(raw) > settings.MAIL_MAX_BYTES:
        raise TooLarge(_("A mail may have 35 MB."))
    if received_at is not None:
        by.must("tickets.import")
    mail = _read(raw)
    if mail is None:
        return _keep_unreadable(raw, shop or usual_shop(by), received_at)
    ticket = find_ticket(mail, shop)
    if ticket is not None and not (by.shops is None or ticket.shop_id in by.shops):
        ticket = None
    shop = shop or (ticket.shop if ticket else addressed_shop(mail, by))
    digest = message_digest(mail.message_id) if mail.message_id else _content_digest(raw)
    if (known := _known(shop, digest)) is not None:
        return known
    row = InboundMail(shop=shop, message_id_digest=digest, machine=machine_code(mail), size=len(raw))
    row.received_at = received_at or now()
    return _take_in(_Delivery(raw, mail, shop, row, received_at, ticket))


def _read(raw: bytes) -> ParsedMail | None:
    try:
        return parse_mail(raw)
    except Exception as error:
        log.exception("mail.unreadable", error=describe(error), size=len(raw))
        return None


def _take_in(delivery: _Delivery) -> Outcome:
    reason = _why_ignored(delivery.mail)
    uploads = [] if reason else list(_keep_attachments(delivery.mail))
    try:
        with transaction.atomic():
            _claim(delivery.row)
            return _ignore(delivery, reason) if reason else _file(delivery, dict(uploads))
    except IntegrityError:
        for _part, upload in uploads:
            delete_file(upload.stored.name)
        if (known := _known(delivery.shop, bytes(delivery.row.message_id_digest))) is None:
            raise
        return known


def _claim(row: InboundMail) -> None:
    """The row first: a second delivery of the same mail waits here, and then finds it."""
    row.outcome = MailOutcome.IGNORED
    row.save(force_insert=True)


def _known(shop: Shop, digest: bytes) -> Outcome | None:
    rows = InboundMail.objects.select_related("ticket", "message").defer("raw", "sealed")
    row = rows.filter(shop=shop, message_id_digest=digest).first()
    return Outcome(row.outcome, row.reason, row.ticket, row.message, is_repeated=True) if row else None


# ------------------------------------------------------------------------------------------------ what is not for us


def _why_ignored(mail: ParsedMail) -> str:
    """A code, or "" for a mail that somebody should read."""
    if mail.bounce is not None:
        return "bounce" if mail.bounce.is_final else "delivery_report"
    if mail.is_auto_reply:
        return "auto_reply"
    if mail.machine == "daemon":
        return "daemon"
    if mail.sender is not None and is_own(mail.sender) and correspondent(mail) is None:
        return "own_address"
    if not (mail.new_text.strip() or mail.subject or mail.attachments):
        return "empty"
    return ""


def _ignore(delivery: _Delivery, reason: str) -> Outcome:
    row, mail = delivery.row, delivery.mail
    row.reason = reason
    row.sealed = sealed(delivery.raw)
    if mail.bounce is not None:
        row.ticket = next(by_reference(mail.bounce.message_ids), None)
        if mail.bounce.is_final:
            _note_bounce(mail.bounce.message_ids, mail.bounce.status)
    else:
        row.ticket = delivery.ticket
    row.save(update_fields=["reason", "sealed", "ticket"])
    return Outcome(row.outcome, reason, row.ticket)


def _note_bounce(message_ids: tuple[str, ...], status: str) -> None:
    for text in message_ids:
        mail_id = read_message_id(text)
        if mail_id is not None and note_bounce(mail_id, status or "bounced") is not None:
            return


def _keep_unreadable(raw: bytes, shop: Shop, received_at: datetime | None) -> Outcome:
    digest = _content_digest(raw)
    with transaction.atomic():
        row = InboundMail(shop=shop, message_id_digest=digest, reason="unreadable", size=len(raw), sealed=sealed(raw))
        row.outcome, row.received_at = MailOutcome.IGNORED, received_at or now()
        InboundMail.objects.bulk_create([row], ignore_conflicts=True)
    return Outcome(MailOutcome.IGNORED, "unreadable")


# ------------------------------------------------------------------------------------------------ what is


def _file(delivery: _Delivery, uploads: dict[int, Upload]) -> Outcome:
    """Into the ticket that it continues, or a new one."""
    mail, row, ticket = delivery.mail, delivery.row, delivery.ticket
    if ticket is not None:
        words = Words(_body(mail, ticket.language, uploads), tuple(uploads.values()), Channel.EMAIL)
        message = receive_message(ticket, words, by=_as_customer(ticket.customer, delivery), at=delivery.at)
        followed = message.ticket_id != conversation_of(ticket).pk
        row.outcome = MailOutcome.TICKET if followed else MailOutcome.MESSAGE
        row.reason = "follow_up" if followed else ""
    else:
        message = _open(delivery, uploads)
        row.outcome = MailOutcome.TICKET
    row.ticket, row.message, row.customer = message.ticket, message, message.customer
    kept: list[Part] = [mail.attachments[number].part for number in uploads]
    row.raw = trimmed(delivery.raw, kept)
    row.save(update_fields=["outcome", "reason", "ticket", "message", "customer", "raw"])
    return Outcome(row.outcome, row.reason, message.ticket, message)


def _open(delivery: _Delivery, uploads: dict[int, Upload]) -> Message:
    mail, shop = delivery.mail, delivery.shop
    customer = _customer(delivery)
    language = mail.language or customer.language or shop.default_language
    concern = Concern(
        subject=_subject(mail, language),
        body=_body(mail, language, uploads),
        channel=Channel.EMAIL,
        language=language,
        attachments=tuple(uploads.values()),
        is_from_machine=bool(machine_code(mail)),
    )
    ticket = open_ticket(concern, shop=shop, customer=customer, by=_as_customer(customer, delivery), at=delivery.at)
    assert ticket.last_message is not None
    return ticket.last_message


def _customer(delivery: _Delivery) -> Customer:
    """By the sender's address only: anybody can write anything beside it. Anonymous where it is no address."""
    sender = correspondent(delivery.mail)
    name, email = (sender.name, sender.email) if sender else ("", "")
    language = delivery.mail.language
    try:
        return find_or_create_customer(
            shop=delivery.shop, name=name, email=email, language=language, source="email", by=SYSTEM, trusted=False
        )
    except Invalid:
        return find_or_create_customer(
            shop=delivery.shop, name=name, language=language, source="email", by=SYSTEM, trusted=False
        )


def _as_customer(customer: Customer, delivery: _Delivery) -> Actor:
    """The customer speaks; whoever carried the mail here only vouches for its time."""
    actor = Actor.customer(customer.pk, delivery.shop.pk)
    return replace(actor, permissions=actor.permissions | {"tickets.import"}) if delivery.at is not None else actor


def _subject(mail: ParsedMail, language: str) -> str:
    if mail.subject:
        return mail.subject
    first_line = next((line.strip() for line in mail.new_text.split("\n") if line.strip()), "")
    with override(language):
        return first_line[:80] or _("(no subject)")


def _body(mail: ParsedMail, language: str, kept: Container[int]) -> str:
    """The new text, and a line for each file that was not taken; where there is no text, what was sent instead."""
    with override(language):
        refused = [
            _("[%(name)s: files of this kind are not taken]") % {"name": attachment.name}
            for number, attachment in enumerate(mail.attachments)
            if number not in kept
        ]
        text = mail.new_text.strip("\n") or mail.subject or _("(no text)")
    return "\n".join([text, "", *refused]) if refused else text


def _keep_attachments(mail: ParsedMail) -> Iterator[tuple[int, Upload]]:
    """Files of kinds that the desk takes. Of the others the mail itself keeps the bytes, and no message shows them."""
    kept = 0
    for number, attachment in enumerate(mail.attachments):
        upload = _keep(attachment) if kept < AT_MOST else None
        if upload is not None:
            kept += 1
            yield number, upload


def _keep(attachment: MailAttachment) -> Upload | None:
    try:
        return keep_bytes(attachment.name, attachment.content(), is_inline=attachment.is_inline)
    except (Invalid, TooLarge) as refusal:
        log.info("mail.attachment_refused", code=refusal.code)
        return None


def _content_digest(raw: bytes) -> bytes:
    """Without a Message-ID the whole mail tells a repeated delivery."""
    return message_digest(hashlib.sha256(raw).hexdigest())
