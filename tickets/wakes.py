"""What is done about tickets when a booked time has come."""

from collections.abc import Sequence
from datetime import datetime

from servicedesk.actor import SYSTEM
from servicedesk.later import when
from servicedesk.models import Booking
from tickets.actions.conversing import LEAVES, leave_when_due
from tickets.actions.waiting import CLOSE, UNSNOOZE, WAKE
from tickets.actions.working import close_ticket, resume_ticket, unsnooze_ticket
from tickets.models import Status, Ticket
from tickets.models.tickets import WAITING


def _tickets(bookings: Sequence[Booking], *statuses: str) -> list[Ticket]:
    """Those still in a state the booking was made for; what moved on meanwhile is passed over."""
    rows = Ticket.objects.filter(pk__in=[booking.subject_id for booking in bookings], merged_into=None)
    return list(rows.filter(status__in=statuses) if statuses else rows)


@when(LEAVES)
def let_replies_leave(bookings: Sequence[Booking], now: datetime) -> None:
    for booking in bookings:
        leave_when_due(booking.subject_id)


@when(WAKE)
def wake_waiting_tickets(bookings: Sequence[Booking], now: datetime) -> None:
    for ticket in _tickets(bookings, *WAITING):
        resume_ticket(ticket, by=SYSTEM, reason="time_came")


@when(UNSNOOZE)
def bring_back_snoozed_tickets(bookings: Sequence[Booking], now: datetime) -> None:
    for ticket in _tickets(bookings):
        unsnooze_ticket(ticket, by=SYSTEM)


@when(CLOSE)
def close_solved_tickets(bookings: Sequence[Booking], now: datetime) -> None:
    for ticket in _tickets(bookings, Status.SOLVED):
        close_ticket(ticket, by=SYSTEM)
