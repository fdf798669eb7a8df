"""The link by which a customer follows a ticket: signed, revocable, over 30 days after the ticket was solved.

A link names the ticket and how often its links were revoked before it was made. Revoking is an event; a link made
before the latest one no longer opens. Nothing is stored for a link.
"""

import uuid
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from servicedesk.clock import now
from servicedesk.models import Event
from tickets.actions.conversing import conversation_of
from tickets.models import Ticket

REVOKED: Final = "ticket.links_revoked"
OPEN_AFTER_SOLVING: Final = timedelta(days=30)
SIGNER: Final = Signer(salt="tickets.following")


def follow_token(ticket: Ticket) -> str:
    return SIGNER.sign(f"{ticket.pk.hex}.{_revocations(ticket.pk)}")


def follow_url(ticket: Ticket) -> str:
    """The whole address, for a mail to the customer."""
    return settings.SITE_URL + reverse("help:follow", args=[follow_token(ticket)])


def followed_ticket(token: str) -> Ticket | None:
    """The ticket of a link that still opens; None for one that was altered, revoked, or is over."""
    try:
        name, revocations = SIGNER.unsign(token).split(".")
        ticket_id = uuid.UUID(name)
    except (BadSignature, ValueError):
        return None
    ticket = Ticket.objects.select_related("shop", "customer").filter(pk=ticket_id).first()
    if ticket is None or is_over(conversation_of(ticket)) or revocations != str(_revocations(ticket_id)):
        return None
    return ticket


def is_over(ticket: Ticket) -> bool:
    if ticket.customer.erased_at is not None:
        return True
    return ticket.solved_at is not None and now() > ticket.solved_at + OPEN_AFTER_SOLVING


def _revocations(ticket_id: uuid.UUID) -> int:
    return Event.objects.filter(subject_id=ticket_id, kind=REVOKED).count()
