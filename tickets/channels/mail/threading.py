"""Which ticket a mail belongs to: by the signed token in the address it was sent to, or by the mails it refers to.

Both only open the door for a participant: whoever forwards our mail to a stranger has not invited them in.
"""

import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from customers.index import digest_email
from customers.models import ContactPoint
from servicedesk.errors import Invalid
from servicedesk.keyring import ring
from servicedesk.mail.letters import domain_of, is_signed, read_message_id, sign
from servicedesk.models import OutgoingMail, Shop
from tickets.channels.mail.parse import ParsedMail
from tickets.models import InboundMail, Ticket

MOST_TOKENS: Final = 10
_SALT: Final = "tickets.mail.reply-token"
_THREAD_SALT: Final = "tickets.mail.thread"
_THREAD_ID: Final = re.compile(r"([0-9a-f]{32})\.([a-z2-7]{16})@.+")
_TOKEN: Final = re.compile(r"[^@]*\+t-(\d{1,18})-([a-z2-7]{16})@", re.IGNORECASE)


def reply_address(ticket: Ticket, address: str) -> str:
    """The shop's address with the ticket's token: `support+t-1042-abcdefghijklmnop@shop.example`.

    The number alone would be guessed; the signature covers the ticket's id, which a restored desk gives to nobody else.
    """
    local, _at, domain = address.rpartition("@")
    return f"{local}+t-{ticket.number_value}-{sign(_SALT, _signed(ticket))}@{domain}"


def _signed(ticket: Ticket) -> str:
    return f"{ticket.number_value}:{ticket.pk.hex}"


def thread_id(ticket: Ticket) -> str:
    """The Message-ID of a mail that was never sent: all mails of a ticket refer to it, and programs show one thread."""
    return f"{ticket.pk.hex}.{sign(_THREAD_SALT, ticket.pk.hex)}@{domain_of(ticket.shop.sender_address)}"


def find_ticket(mail: ParsedMail, shop: Shop | None = None) -> Ticket | None:
    """The ticket that this mail continues, of this shop where one is given; None when it begins a new one.

    A mail whose sender failed its own domain's check (DMARC) is let in by the token only.
    """
    if mail.sender is None:
        return None
    candidates = [*by_token(address.email for address in mail.to)]
    if "forged" not in mail.flags:
        candidates += by_reference((*mail.in_reply_to, *reversed(mail.references)))
    for ticket in candidates:
        if (shop is None or ticket.shop_id == shop.pk) and is_participant(ticket, mail.sender.email):
            return ticket
    return None


def by_token(addresses: Iterable[str]) -> Iterator[Ticket]:
    tokens = [match for address in addresses if (match := _TOKEN.match(address))]
    for match in tokens[:MOST_TOKENS]:
        ticket = Ticket.objects.filter(number_value=int(match[1])).select_related("customer", "shop").first()
        if ticket is not None and is_signed(_SALT, _signed(ticket), match[2]):
            yield ticket


def by_reference(message_ids: Iterable[str]) -> Iterator[Ticket]:
    """Tickets whose thread it names, that our own mails were about, or that earlier mails of customers went into."""
    ids = list(dict.fromkeys(message_ids))[:100]
    named = [match for text in ids if (match := _THREAD_ID.fullmatch(text))]
    wanted = {uuid.UUID(match[1]) for match in named if is_signed(_THREAD_SALT, match[1], match[2])}
    ours = [mail_id for text in ids if (mail_id := read_message_id(text))]
    about = [mail.context.get("ticket") for mail in OutgoingMail.objects.filter(pk__in=ours)]
    wanted |= {uuid.UUID(str(ticket)) for ticket in about if ticket}
    digests = [message_digest(text) for text in ids]
    received = InboundMail.objects.filter(message_id_digest__in=digests, ticket__isnull=False)
    wanted |= set(received.values_list("ticket_id", flat=True))
    yield from Ticket.objects.filter(pk__in=wanted).select_related("customer", "shop").order_by("-id")


def is_participant(ticket: Ticket, email: str) -> bool:
    """Whether it is an address of the ticket's customer."""
    try:
        digest = digest_email(email)
    except Invalid:
        return False
    return ContactPoint.objects.filter(
        customer_id=ticket.customer_id, kind=ContactPoint.Kind.EMAIL, digest=digest
    ).exists()


def message_digest(text: str) -> bytes:
    """A keyed hash: Message-IDs hold host names and sometimes addresses."""
    return ring().digest("mail_message", text.strip().strip("<>").encode("utf-8", "replace"))
