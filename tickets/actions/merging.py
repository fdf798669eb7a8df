"""Merge two tickets of the same customer, and take it back.

A merged ticket keeps its status, its messages and everything else; `merged_into` hides it from the queues, and whoever
wants to work it is sent to the target. Its clocks are settled and put away as they are. Where tickets were merged into
the source before, they point to the new target too, so that `merged_into` always names the one that is worked.
"""

import uuid
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, Min
from django.utils.translation import gettext as _

from clocks.actions import freeze_clocks, lend_wait, return_wait, settle, thaw_clocks
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.errors import Conflict, Invalid
from servicedesk.later import Booked, book_many, drop
from servicedesk.models import Booking
from tickets.actions.drafts import bring_drafts
from tickets.actions.turns import Turn, begin
from tickets.actions.waiting import CLOSE, UNSNOOZE, WAKE
from tickets.models import Author, Merge, Message, Status, Ticket, Visibility
from tickets.models.messages import HELD_BACK

PUT_AWAY: Final = (WAKE, UNSNOOZE, CLOSE)


@transaction.atomic
def merge_tickets(source: Ticket, *, into: Ticket, by: Actor, at: datetime | None = None) -> Ticket:
    """Make the source part of the target, and return the source.

    Conflict for another customer's ticket, for one that is merged already, for a source with a reply still waiting to
    leave, and for a target that nobody works any more while the source is still to be solved.
    """
    here, there = _begin_both(source, into, by=by, at=at)
    _must_fit(here.ticket, there.ticket)
    moved = list(Ticket.objects.filter(merged_into=here.ticket).values_list("pk", flat=True))
    Merge.objects.create(
        source=here.ticket,
        target=there.ticket,
        source_status=here.ticket.status,
        merged_at=here.at,
        kept=_put_away(here.ticket) | {"merged": [str(pk) for pk in moved]},
    )
    Ticket.objects.filter(pk__in=moved).update(merged_into=there.ticket)
    bring_drafts(here.ticket, there.ticket)
    freeze_clocks(here.ticket, at=here.at, by=by)
    here.clocks = []
    if there.ticket.is_unsolved:
        lend_wait(here.ticket, there.ticket, at=there.at, by=by)
    here.ticket.merged_into, here.ticket.queued_at = there.ticket, None
    here.end("ticket.merged", "merged_into", "queued_at", into=str(there.ticket.pk), into_number=there.ticket.number)
    there.ticket.waiting_since = _waits_since(here.ticket, there.ticket)
    _show(there)
    there.end(
        "ticket.absorbed", "waiting_since", "last_message", source=str(source.pk), source_number=here.ticket.number
    )
    return here.ticket


@transaction.atomic
def unmerge_ticket(source: Ticket, *, by: Actor, at: datetime | None = None) -> Ticket:
    """Take a merge back: the source is what it was, with its clocks; what fell due meanwhile is judged silently.

    Messages that came in meanwhile stay with the target. Conflict for a ticket that is not merged, and where the target
    was merged on: what came later is taken back first.
    """
    merge = Merge.objects.filter(source=source, undone_at=None).select_related("target").first()
    if merge is None:
        raise Conflict(_("This ticket is not merged."), code="not_merged")
    here, there = _begin_both(source, merge.target, by=by, at=at)
    if not Merge.objects.filter(pk=merge.pk, undone_at=None).update(undone_at=here.at):
        raise Conflict(_("This ticket is not merged."), code="not_merged")
    if there.ticket.merged_into_id is not None:
        raise Conflict(
            _("%(number)s was itself merged after that. Take that merge back first.") % {"number": there.ticket.number},
            code="merged_on",
        )
    here.clocks = thaw_clocks(here.ticket, at=here.at, by=by)
    return_wait(here.ticket, there.ticket, at=there.at, by=by)
    here.ticket.merged_into = None
    _bring_back(here.ticket, merge.kept)
    here.end("ticket.unmerged", "merged_into", "queued_at", target=str(there.ticket.pk))
    there.ticket.waiting_since = _waits_without(here.ticket, there.ticket)
    _show(there)
    there.end("ticket.separated", "waiting_since", "last_message", source=str(source.pk))
    return here.ticket


def _begin_both(source: Ticket, target: Ticket, *, by: Actor, at: datetime | None) -> tuple[Turn, Turn]:
    """A turn on each, the two locked in the order of their keys: two opposite merges don't wait for each other."""
    if source.pk == target.pk:
        raise Invalid.field("into", "itself", _("A ticket cannot be merged into itself."))
    turns = {
        ticket.pk: begin(ticket, may="tickets.merge", by=by, at=at)
        for ticket in sorted((source, target), key=lambda one: one.pk)
    }
    return turns[source.pk], turns[target.pk]


def _must_fit(source: Ticket, target: Ticket) -> None:
    for ticket in (source, target):
        if ticket.merged_into is not None:
            raise Conflict(
                _("%(number)s was merged into %(target)s already.")
                % {"number": ticket.number, "target": ticket.merged_into.number},
                code="merged",
            )
    if _person(source.customer) != _person(target.customer):
        raise Conflict(_("Only tickets of the same customer can be merged."), code="other_customer")
    if target.status == Status.CLOSED or (source.is_unsolved and not target.is_unsolved):
        raise Conflict(
            _("%(number)s is settled. Reopen it, or merge the other way round.") % {"number": target.number},
            code="target_settled",
        )
    if Message.objects.filter(ticket=source, delivery__in=HELD_BACK).exists():
        raise Conflict(
            _("A reply in %(number)s has not left yet. Wait for it, or take it back.") % {"number": source.number},
            code="reply_waiting",
        )


def _person(customer: Customer) -> uuid.UUID:
    """The surviving record of this customer's group."""
    while customer.merged_into is not None:
        customer = customer.merged_into
    return customer.pk


def _put_away(ticket: Ticket) -> dict[str, Any]:
    """What was booked for the ticket itself, taken from the schedule, and its place in the queue."""
    booked = Booking.objects.filter(subject_id=ticket.pk, kind__in=PUT_AWAY)
    kept = [{"kind": booking.kind, "at": booking.at.isoformat()} for booking in booked]
    for kind in PUT_AWAY:
        drop(kind, ticket.pk)
    return {"bookings": kept, "queued_at": ticket.queued_at.isoformat() if ticket.queued_at else None}


def _bring_back(ticket: Ticket, kept: dict[str, Any]) -> None:
    ticket.queued_at = datetime.fromisoformat(kept["queued_at"]) if kept["queued_at"] else None
    book_many(Booked(one["kind"], ticket.pk, datetime.fromisoformat(one["at"])) for one in kept["bookings"])
    Ticket.objects.filter(pk__in=kept["merged"]).update(merged_into=ticket)


def _waits_since(merged: Ticket, target: Ticket) -> datetime | None:
    """Since when the customer waits in either."""
    if not target.is_unsolved:
        return target.waiting_since
    waits = [ticket.waiting_since for ticket in (merged, target) if ticket.is_unsolved]
    return min((since for since in waits if since is not None), default=None)


def _waits_without(source: Ticket, target: Ticket) -> datetime | None:
    """Since when the customer waits in the target, its source taken out."""
    if target.waiting_since is None or target.waiting_since != source.waiting_since:
        return target.waiting_since
    public = Message.objects.filter(ticket=target, visibility=Visibility.PUBLIC).exclude(delivery__in=HELD_BACK)
    answered_at = public.filter(author=Author.AGENT).aggregate(last=Max("sent_at"))["last"]
    asked = public.filter(author=Author.CUSTOMER)
    others = Merge.objects.filter(target=target, undone_at=None).exclude(source=source)
    if answered_at is not None:
        asked, others = asked.filter(sent_at__gt=answered_at), others.filter(merged_at__gt=answered_at)
    waits = [
        asked.aggregate(first=Min("sent_at"))["first"],
        others.aggregate(first=Min("source__waiting_since"))["first"],
    ]
    return min((since for since in waits if since is not None), default=None)


def _show(turn: Turn) -> None:
    """What was said last in the whole conversation, and the clocks as they are now."""
    said = Message.objects.in_conversation(turn.ticket).exclude(delivery__in=HELD_BACK)
    turn.ticket.last_message = said.order_by("-sent_at", "-id").first()
    turn.clocks = settle(turn.ticket, at=turn.at, by=turn.by, historic=turn.historic)
