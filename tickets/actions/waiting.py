"""The parts of moves that several actions share: a ticket begins to wait, goes back to work, is settled.

Each works inside a turn on a locked ticket and leaves saving and telling the action's own event to `turn.end`.
"""

from datetime import datetime, timedelta
from typing import Final

from clocks.actions import cancel_clocks, pause_clocks, reopen_clocks, resume_clocks, stop_clocks
from clocks.models import Clock
from servicedesk.actor import Actor
from servicedesk.later import book, drop
from servicedesk.models import Booking
from tickets.actions.answering import stop_for_what_left
from tickets.actions.turns import Turn
from tickets.models import Metric, Status, Ticket
from tickets.models.sla import default_pauses

CLOSES_AFTER: Final = timedelta(days=7)
WAKE: Final = "ticket.wakes"
CLOSE: Final = "ticket.closes"
UNSNOOZE: Final = "ticket.unsnoozes"


def put_on_hold(turn: Turn, status: str, *, until: datetime | None) -> None:
    """The ticket waits: those clocks stand that the policy says stand in this state, and no others.

    One that waits so already waits until the other time from now on; with the same one there is nothing to do, and the
    move is refused.
    """
    ticket = turn.ticket
    if ticket.status != status or until == _wakes_at(ticket):
        ticket.move_to(status)
    pauses = ticket.policy.pauses if ticket.policy is not None else default_pauses()
    standing = set(pauses.get(status, ()))
    paused_now = {clock.metric for clock in turn.clocks if clock.state == clock.State.PAUSED}
    if paused_now - standing:
        _replace(turn, resume_clocks(ticket, metrics=paused_now - standing, **turn.when))
    if standing - paused_now:
        _replace(turn, pause_clocks(ticket, standing - paused_now, reason=status, **turn.when))
    if until is None:
        drop(WAKE, ticket.pk)
    else:
        book(WAKE, ticket.pk, at=until)
    turn.tell("ticket.held", status=status, until=until.isoformat() if until else None)


def _wakes_at(ticket: Ticket) -> datetime | None:
    """The time until which it was held, if one was given."""
    return Booking.objects.filter(kind=WAKE, subject_id=ticket.pk).values_list("at", flat=True).first()


def back_to_work(turn: Turn, *, reason: str) -> None:
    """From waiting to open: what stood goes on."""
    turn.ticket.move_to(Status.OPEN)
    _replace(turn, resume_clocks(turn.ticket, **turn.when))
    drop(WAKE, turn.ticket.pk)
    turn.tell("ticket.resumed", reason=reason)


def settle_concern(turn: Turn) -> None:
    """The concern is settled: the resolution clock stops, and answers still owed are owed no more."""
    ticket = turn.ticket
    ticket.move_to(Status.SOLVED)
    ticket.solved_at, ticket.waiting_since = turn.at, None
    ticket.snoozed_until = ticket.queued_at = None
    turn.forget(stop_clocks(ticket, [Metric.RESOLUTION], **turn.when))
    stop_for_what_left(turn)
    turn.forget(cancel_clocks(ticket, [Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE], **turn.when))
    for kind in (WAKE, UNSNOOZE):
        drop(kind, ticket.pk)
    book(CLOSE, ticket.pk, at=turn.at + CLOSES_AFTER)
    turn.tell("ticket.solved", assignee=str(ticket.assignee_id) if ticket.assignee_id else None)


def back_to_work_after_solving(turn: Turn, *, reason: str) -> None:
    """From solved to open: the time it was solved counts as a pause, and nobody off duty keeps it."""
    ticket = turn.ticket
    solved_at = ticket.solved_at or turn.at
    ticket.move_to(Status.OPEN)
    ticket.solved_at = None
    drop(CLOSE, ticket.pk)
    turn.clocks += reopen_clocks(ticket, [Metric.RESOLUTION], solved_at=solved_at, **turn.when)
    assignee = ticket.assignee
    if assignee is not None and not turn.historic:
        if not Actor.staff(assignee).sees_private(ticket.private_team_id):
            back_to_queue(turn, how="left_team")
        elif not assignee.is_present(turn.at):
            back_to_queue(turn, how="off_duty")
    turn.tell("ticket.reopened", reason=reason)


def back_to_queue(turn: Turn, *, how: str) -> None:
    """Nobody's any more: it waits to be given to somebody. The caller saves `assignee` and `queued_at`."""
    ticket = turn.ticket
    turn.tell("ticket.assigned", assignee=None, previous=str(ticket.assignee_id), how=how)
    ticket.assignee, ticket.queued_at = None, turn.at


def _replace(turn: Turn, changed: list[Clock]) -> None:
    """The turn's clocks, with those that just changed in their new state."""
    fresh = {clock.pk: clock for clock in changed}
    turn.clocks = [fresh.get(clock.pk, clock) for clock in turn.clocks]
