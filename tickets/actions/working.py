"""The moves of a ticket: hold, resume, snooze, solve, reopen, close."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from clocks.actions import finalise_clocks
from servicedesk.actor import Actor
from servicedesk.errors import Conflict, Invalid
from servicedesk.later import book, drop
from tickets.actions.turns import Turn, begin
from tickets.actions.waiting import (
    CLOSE,
    UNSNOOZE,
    back_to_work,
    back_to_work_after_solving,
    put_on_hold,
    settle_concern,
)
from tickets.models import Status, Ticket

HOLDS_FOR = {"customer": Status.PENDING, "others": Status.ON_HOLD}


def _begin(ticket: Ticket, *, may: str, by: Actor, at: datetime | None) -> Turn:
    """A turn on a ticket that stands by itself: a merged one is worked in its target."""
    turn = begin(ticket, may=may, by=by, at=at)
    if turn.ticket.merged_into_id is not None:
        raise Conflict(_("This ticket was merged. Work in the ticket it was merged into."), code="merged")
    return turn


@transaction.atomic
def hold_ticket(
    ticket: Ticket, *, by: Actor, wait_for: str = "others", until: datetime | None = None, at: datetime | None = None
) -> Ticket:
    """Wait for the customer (pending) or for others (on hold), until a time if one is given."""
    turn = _begin(ticket, may="tickets.hold", by=by, at=at)
    if wait_for not in HOLDS_FOR:
        raise Invalid.field("for", "unknown", _("Wait for “customer” or for “others”."))
    if until is not None and until <= turn.at:
        raise Invalid.field("until", "in_the_past", _("Choose a moment that still lies ahead."))
    put_on_hold(turn, HOLDS_FOR[wait_for], until=until)
    turn.end("", "status")
    return turn.ticket


@transaction.atomic
def resume_ticket(ticket: Ticket, *, by: Actor, at: datetime | None = None, reason: str = "by_hand") -> Ticket:
    """Back to work: the clocks that stood go on."""
    turn = _begin(ticket, may="tickets.hold", by=by, at=at)
    if turn.ticket.status not in {Status.PENDING, Status.ON_HOLD}:
        raise Conflict(_("Only a ticket that waits can be resumed."), code="invalid_move")
    back_to_work(turn, reason=reason)
    turn.end("", "status")
    return turn.ticket


@transaction.atomic
def snooze_ticket(ticket: Ticket, *, by: Actor, until: datetime) -> Ticket:
    """Out of the queue until a time; its clocks run on."""
    turn = _begin(ticket, may="tickets.snooze", by=by, at=None)
    if not turn.ticket.is_unsolved:
        raise Conflict(_("Only a ticket that is still to be solved can be snoozed."), code="invalid_move")
    if until <= turn.at:
        raise Invalid.field("until", "in_the_past", _("Choose a moment that still lies ahead."))
    turn.ticket.snoozed_until = until
    book(UNSNOOZE, turn.ticket.pk, at=until)
    turn.end("ticket.snoozed", "snoozed_until", until=until.isoformat())
    return turn.ticket


@transaction.atomic
def unsnooze_ticket(ticket: Ticket, *, by: Actor) -> Ticket:
    """Into the queue again."""
    turn = _begin(ticket, may="tickets.snooze", by=by, at=None)
    if turn.ticket.snoozed_until is None:
        return turn.ticket
    turn.ticket.snoozed_until = None
    drop(UNSNOOZE, turn.ticket.pk)
    turn.end("ticket.unsnoozed", "snoozed_until")
    return turn.ticket


@transaction.atomic
def solve_ticket(ticket: Ticket, *, by: Actor, at: datetime | None = None) -> Ticket:
    """Settle the concern. Raises InvalidMove from a state that cannot be solved."""
    turn = _begin(ticket, may="tickets.solve", by=by, at=at)
    settle_concern(turn)
    turn.end("", "status", "solved_at", "waiting_since", "snoozed_until", "queued_at")
    return turn.ticket


@transaction.atomic
def reopen_ticket(ticket: Ticket, *, by: Actor, at: datetime | None = None) -> Ticket:
    """The concern was not settled after all: its resolution clock is taken up again."""
    turn = _begin(ticket, may="tickets.reopen", by=by, at=at)
    if turn.ticket.status != Status.SOLVED:
        raise Conflict(
            _("Only a solved ticket can be reopened. After closing, a new message starts a follow-up."),
            code="invalid_move",
        )
    back_to_work_after_solving(turn, reason="by_hand")
    turn.end("", "status", "solved_at", "assignee", "queued_at")
    return turn.ticket


@transaction.atomic
def close_ticket(ticket: Ticket, *, by: Actor, at: datetime | None = None) -> Ticket:
    """For good: a solved ticket's verdicts become final. Later messages start a follow-up."""
    turn = _begin(ticket, may="tickets.close", by=by, at=at)
    turn.ticket.move_to(Status.CLOSED)
    turn.ticket.closed_at = turn.at
    drop(CLOSE, turn.ticket.pk)
    finalise_clocks(turn.ticket, at=turn.at, by=by)
    turn.end("ticket.closed", "status", "closed_at")
    return turn.ticket
