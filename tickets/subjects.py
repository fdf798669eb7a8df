"""What the floors below are told about tickets.

The clocks: how they are locked, who is on them, which have a reply on its way. The ground: which are private.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from clocks.subjects import Duty, register
from servicedesk.clock import now
from servicedesk.hearing import Mentions, keep_mentions_private, keep_private
from tickets.actions.routing import on_duty
from tickets.models import Author, Delivery, Message, Ticket, Visibility

Ids = Collection[uuid.UUID]
# Where an event about a ticket names another one: the member with its id, and the one with its number.
MENTIONED: Final = {
    "into": "into_number",
    "source": "source_number",
    "target": "",
    "other": "other_number",
    "follows": "",
    "follow_up": "follow_up_number",
}
AFTER: Final = timedelta(milliseconds=200)


def lock_tickets(ids: Ids) -> set[uuid.UUID]:
    """Those that nobody else is working on this instant, locked."""
    return set(Ticket.objects.filter(pk__among=ids).locking(skip_locked=True).values_list("pk", flat=True))


def duty_of_tickets(ids: Ids) -> Mapping[uuid.UUID, Duty]:
    """Assignee, team, and how many of the team are present now: history cannot supply that later."""
    present = on_duty(now())
    rows = Ticket.objects.filter(pk__among=ids).values_list("pk", "assignee_id", "team_id")
    return {pk: Duty(assignee, team, present.get(team, 0)) for pk, assignee, team in rows}


def undo_times_of_tickets(ids: Ids) -> Mapping[uuid.UUID, datetime]:
    """A reply in its undo time will stop the clocks as of the press of the button: judge after it left."""
    rows = Message.objects.filter(
        ticket__pk__among=ids, delivery=Delivery.WAITING, author=Author.AGENT, visibility=Visibility.PUBLIC
    ).values_list("ticket_id", "leaves_at")
    moment = now()
    # One that should have left by now has not been carried yet: as long as it waits, nothing is judged.
    return {ticket_id: max(leaves_at, moment) + AFTER for ticket_id, leaves_at in rows if leaves_at is not None}


register("ticket", lock=lock_tickets, duty=duty_of_tickets, postpone=undo_times_of_tickets)
keep_private("ticket", Ticket.objects.of_private_teams)
keep_mentions_private("ticket", Mentions(MENTIONED, Ticket.objects.visible_to))
