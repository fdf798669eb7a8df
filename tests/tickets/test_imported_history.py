"""Tickets brought over from another system, answered there in time: no queue is to show them as missed."""

from datetime import timedelta

import pytest

from clocks.models import Clock
from servicedesk.clock import now
from servicedesk.later import sweep_once
from tests.make import INTEGRATION, Make
from tickets.actions.working import solve_ticket
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


def states(ticket: Ticket) -> set[str]:
    return set(Clock.objects.of(ticket).values_list("state", flat=True))


def shown_as_breached(ticket: Ticket) -> bool:
    return Ticket.objects.breached().filter(pk=ticket.pk).exists()


def bring_over(make: Make, ticket: Ticket) -> None:
    make.reply(ticket, at=ticket.created_at + timedelta(minutes=5))
    solve_ticket(ticket, by=INTEGRATION, at=ticket.created_at + timedelta(hours=20))


def test_a_verdict_that_a_later_import_lifts_is_no_breach(make: Make) -> None:
    ticket = make.ticket(at=now() - timedelta(days=3))
    make.settle_down()
    assert shown_as_breached(ticket)
    bring_over(make, ticket)
    make.settle_down()
    assert states(ticket) == {"met"}
    assert not shown_as_breached(ticket)


def test_a_breach_heard_of_after_it_was_lifted_marks_nothing(make: Make) -> None:
    ticket = make.ticket(at=now() - timedelta(days=3))
    sweep_once()
    bring_over(make, ticket)
    make.settle_down()
    assert states(ticket) == {"met"}
    assert not shown_as_breached(ticket)


def test_an_answer_that_came_too_late_there_stays_a_breach(make: Make) -> None:
    ticket = make.ticket(at=now() - timedelta(days=3))
    make.settle_down()
    make.reply(ticket, at=ticket.created_at + timedelta(minutes=11))
    make.settle_down()
    assert shown_as_breached(ticket)
