"""Tell the customer, once, that their concern has arrived."""

from django.db import transaction

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.events import record
from servicedesk.mail.outgoing import Recipient, send_later
from tickets.models import Channel, Ticket

ACKNOWLEDGED_CHANNELS = (Channel.EMAIL, Channel.WEB, Channel.API)


@transaction.atomic
def acknowledge_ticket(ticket: Ticket, *, by: Actor) -> bool:
    """Queue the acknowledgement in the customer's language; returns whether there was one to send.

    Once per ticket whatever happens twice; never to a machine, nor where no e-mail address is known.
    """
    locked = Ticket.objects.select_related("customer").lock(ticket.pk)
    by.must("tickets.reply", locked)
    if locked.acknowledged_at is not None or locked.channel not in ACKNOWLEDGED_CHANNELS:
        return False
    if locked.is_from_machine or not locked.customer.email:
        return False
    locked.acknowledged_at = now()
    locked.save(update_fields=["acknowledged_at"])
    send_later(
        "ticket.acknowledged",
        Recipient("customer", locked.customer_id),
        key=f"acknowledged:{locked.pk}",
        context={"ticket": str(locked.pk)},
    )
    record("ticket.acknowledged", locked, by=by)
    return True
