"""Links by which customers follow their ticket are taken back."""

from django.db import transaction

from servicedesk.actor import Actor
from tickets.actions.turns import begin
from tickets.following import REVOKED
from tickets.models import Ticket


@transaction.atomic
def revoke_links(ticket: Ticket, *, by: Actor) -> Ticket:
    """No link to this ticket that was given out before opens any more: it went to the wrong person, or too far."""
    turn = begin(ticket, may="tickets.edit", by=by)
    turn.end(REVOKED)
    return turn.ticket
