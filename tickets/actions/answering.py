"""Which answer the clocks of a waiting customer stop for: the earliest pressed that leaves.

A reply that leaves after the due time does not decide while another, pressed in time, is in its undo time: that one
decides as it leaves. If it is taken back instead, or the concern is settled meanwhile, what has left by then decides.
"""

from datetime import datetime
from typing import Final

from clocks.actions import stop_clocks
from clocks.models import Clock
from tickets.actions.turns import Turn
from tickets.models import Author, Delivery, Message, Metric, Visibility
from tickets.models.messages import HELD_BACK, MessageQuerySet

ANSWERS: Final = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)


def stop_for_answer(turn: Turn, at: datetime) -> bool:
    """A person answered as of `at`: the clocks of waits that had begun by then stop, but for those left to a press.

    Returns whether any did.
    """
    owed = [clock for clock in _owed(turn) if clock.started_at <= at]
    late = [clock for clock in owed if clock.is_overdue(at)]
    pressed = _earliest_press(turn) if late else None
    left = {clock.pk for clock in late if pressed is not None and not clock.is_overdue(pressed)}
    metrics = [clock.metric for clock in owed if clock.pk not in left]
    if metrics:
        turn.forget(stop_clocks(turn.ticket, metrics, at=at, by=turn.by, historic=turn.historic))
    return bool(metrics)


def hand_over(turn: Turn, pressed: datetime) -> bool:
    """The reply pressed at `pressed` was taken back: what was left to it is for the next answer that has left.

    Returns whether a clock stopped for that one.
    """
    gone = _first_gone(turn, since=pressed) if any(clock.is_overdue(turn.at) for clock in _owed(turn)) else None
    return gone is not None and stop_for_answer(turn, gone)


def stop_for_what_left(turn: Turn) -> None:
    """The concern is settled: what was left to a reply in its undo time is decided by the answers that have left."""
    late = [clock for clock in _owed(turn) if clock.is_overdue(turn.at)]
    pressed = _earliest_press(turn) if late else None
    gone = None if pressed is None else _first_gone(turn, since=pressed)
    metrics = [clock.metric for clock in late if gone is not None and clock.started_at <= gone]
    if gone is not None and metrics:
        turn.forget(stop_clocks(turn.ticket, metrics, at=gone, by=turn.by, historic=turn.historic))


def responses_gone(turn: Turn) -> MessageQuerySet:
    """The public answers by people of the staff that have left."""
    return _responses(turn).exclude(delivery__in=HELD_BACK)


def _first_gone(turn: Turn, *, since: datetime) -> datetime | None:
    gone = responses_gone(turn).filter(sent_at__gte=since).order_by("sent_at")
    return gone.values_list("sent_at", flat=True).first()


def _owed(turn: Turn) -> list[Clock]:
    return [clock for clock in turn.clocks if clock.metric in ANSWERS]


def _earliest_press(turn: Turn) -> datetime | None:
    """When the first of the replies was pressed that are in their undo time."""
    pressed = _responses(turn).filter(delivery=Delivery.WAITING).order_by("sent_at")
    return pressed.values_list("sent_at", flat=True).first()


def _responses(turn: Turn) -> MessageQuerySet:
    return Message.objects.filter(ticket=turn.ticket, author=Author.AGENT, visibility=Visibility.PUBLIC)
