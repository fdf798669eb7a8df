"""Hold, resume, snooze, solve, reopen, close."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from clocks.models import Clock
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, InvalidMove, NotAllowed
from servicedesk.models import Booking, User
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, add_note
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.working import (
    close_ticket,
    hold_ticket,
    reopen_ticket,
    resume_ticket,
    snooze_ticket,
    solve_ticket,
)
from tickets.models import Status, Ticket

ACTIONS: list[tuple[str, Callable[..., Any], dict[str, Any], str, str]] = [
    ("open", hold_ticket, {"wait_for": "customer"}, "pending", "ticket.held"),
    ("open", hold_ticket, {}, "on_hold", "ticket.held"),
    ("new", hold_ticket, {}, "on_hold", "ticket.held"),
    ("pending", hold_ticket, {}, "on_hold", "ticket.held"),
    ("pending", resume_ticket, {}, "open", "ticket.resumed"),
    ("on_hold", resume_ticket, {}, "open", "ticket.resumed"),
    ("new", solve_ticket, {}, "solved", "ticket.solved"),
    ("open", solve_ticket, {}, "solved", "ticket.solved"),
    ("pending", solve_ticket, {}, "solved", "ticket.solved"),
    ("on_hold", solve_ticket, {}, "solved", "ticket.solved"),
    ("solved", reopen_ticket, {}, "open", "ticket.reopened"),
    ("solved", close_ticket, {}, "closed", "ticket.closed"),
]


FIRST_ACTS: list[Callable[[Ticket, Actor], Any]] = [
    lambda ticket, by: add_note(ticket, Words("Looking into it"), by=by),
    lambda ticket, by: edit_ticket(ticket, Edit(priority="high"), by=by),
    lambda ticket, by: snooze_ticket(ticket, until=now() + timedelta(hours=1), by=by),
]


@pytest.mark.parametrize("act", FIRST_ACTS)
def test_the_first_act_of_staff_opens_a_new_ticket(make: Make, alice: User, act: Callable[..., Any]) -> None:
    ticket = make.ticket()
    act(ticket, INTEGRATION)
    assert Ticket.objects.get(pk=ticket.pk).status == Status.NEW
    act(another := make.ticket(), Actor.staff(alice))
    assert Ticket.objects.get(pk=another.pk).status == Status.OPEN


@pytest.mark.parametrize(("before", "action", "how", "after", "kind"), ACTIONS)
def test_it_does_it_and_tells(
    make: Make, before: str, action: Callable[..., Any], how: dict[str, Any], after: str, kind: str
) -> None:
    ticket = make.ticket(before)
    done = action(ticket, by=INTEGRATION, **how)
    assert Ticket.objects.get(pk=ticket.pk).status == done.status == after
    assert done.version == ticket.version + 1
    assert kind in make.told(ticket)


REFUSED: list[tuple[str, Callable[..., Any], dict[str, Any]]] = [
    ("closed", solve_ticket, {}),
    ("closed", hold_ticket, {}),
    ("closed", reopen_ticket, {}),
    ("closed", close_ticket, {}),
    ("solved", solve_ticket, {}),
    ("solved", hold_ticket, {}),
    ("open", reopen_ticket, {}),
    ("open", close_ticket, {}),
    ("open", resume_ticket, {}),
    ("new", resume_ticket, {}),
    ("on_hold", hold_ticket, {}),
]


@pytest.mark.parametrize(("before", "action", "how"), REFUSED)
def test_it_refuses_when_it_may_not(make: Make, before: str, action: Callable[..., Any], how: dict[str, Any]) -> None:
    ticket = make.ticket(before)
    told = make.told(ticket)
    with pytest.raises(Conflict) as refusal:
        action(ticket, by=INTEGRATION, **how)
    assert refusal.value.code == "invalid_move"
    assert make.told(ticket) == told


@pytest.mark.parametrize("action", [hold_ticket, resume_ticket, solve_ticket, reopen_ticket, close_ticket])
def test_it_refuses_who_may_not(make: Make, action: Callable[..., Any]) -> None:
    ticket, reviewer = make.ticket("open"), make.user(User.Role.REVIEWER)
    with pytest.raises(NotAllowed):
        action(ticket, by=Actor.staff(reviewer))


def test_every_state_can_be_reached_and_only_closed_ends(make: Make) -> None:
    moves = Ticket.MOVES
    assert {target for targets in moves.values() for target in targets} == set(Status.values) - {Status.NEW}
    assert [state for state, targets in moves.items() if not targets] == [Status.CLOSED]
    with pytest.raises(InvalidMove):
        Ticket(status=Status.CLOSED).move_to(Status.OPEN)


def test_a_hold_stands_the_clocks_the_policy_says_and_no_others(make: Make) -> None:
    ticket = make.ticket()
    hold_ticket(ticket, by=INTEGRATION)
    states = {clock.metric: clock.state for clock in Clock.objects.of(ticket)}
    assert states == {"first_response": "running", "resolution": "paused"}


def test_time_on_hold_does_not_count(make: Make) -> None:
    ticket = make.ticket("open")
    due = Clock.objects.of(ticket).get(metric="resolution").due_at
    assert due is not None
    start = now()
    with time_machine.travel(start, tick=False):
        hold_ticket(ticket, by=INTEGRATION)
    with time_machine.travel(start + timedelta(hours=5), tick=False):
        resume_ticket(ticket, by=INTEGRATION)
    assert Clock.objects.of(ticket).get(metric="resolution").due_at == due + timedelta(hours=5)


def test_a_held_ticket_wakes_at_its_time(make: Make) -> None:
    ticket, until = make.ticket("open"), now() + timedelta(hours=2)
    hold_ticket(ticket, by=INTEGRATION, until=until)
    with time_machine.travel(until, tick=False):
        make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).status == Status.OPEN


def test_a_wake_up_time_in_the_past_is_refused(make: Make) -> None:
    with pytest.raises(Invalid):
        hold_ticket(make.ticket("open"), by=INTEGRATION, until=now() - timedelta(seconds=1))


def test_a_snoozed_ticket_leaves_the_queue_and_its_clocks_run(make: Make) -> None:
    ticket, until = make.ticket(), now() + timedelta(minutes=5)
    snooze_ticket(ticket, by=INTEGRATION, until=until)
    assert not Ticket.objects.unassigned().awake(now()).filter(pk=ticket.pk).exists()
    assert set(Clock.objects.of(ticket).values_list("state", flat=True)) == {"running"}
    with time_machine.travel(until, tick=False):
        make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).snoozed_until is None
    assert "ticket.unsnoozed" in make.told(ticket)


def test_time_solved_counts_as_a_pause_when_reopened(make: Make) -> None:
    ticket = make.ticket("open")
    due = Clock.objects.of(ticket).get(metric="resolution").due_at
    assert due is not None
    start = now()
    with time_machine.travel(start, tick=False):
        solve_ticket(ticket, by=INTEGRATION)
    with time_machine.travel(start + timedelta(days=3), tick=False):
        reopen_ticket(ticket, by=INTEGRATION)
    clock = Clock.objects.of(ticket).get(metric="resolution")
    assert (clock.state, clock.due_at) == ("running", due + timedelta(days=3))
    assert "clock.resumed" in make.told(ticket)


def test_a_solved_ticket_closes_by_itself_after_seven_days(make: Make) -> None:
    ticket = make.ticket("solved")
    with time_machine.travel(now() + timedelta(days=7, seconds=1), tick=False):
        make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).status == Status.CLOSED


def test_solving_late_breaches_first(make: Make) -> None:
    ticket = make.ticket("open")
    with time_machine.travel(now() + timedelta(hours=25), tick=False):
        solve_ticket(ticket, by=INTEGRATION)
    clock = Clock.objects.of(ticket).get(metric="resolution")
    assert clock.state == "breached"
    assert clock.stopped_at is not None
    assert make.told(ticket).index("clock.breached") < make.told(ticket).index("ticket.solved")
    assert Ticket.objects.get(pk=ticket.pk).is_breached


@pytest.mark.parametrize(("before", "wait_for"), [("pending", "customer"), ("on_hold", "others")])
def test_holding_again_moves_the_time_it_comes_back(make: Make, before: str, wait_for: str) -> None:
    ticket = make.ticket(before)
    clocks = list(Clock.objects.of(ticket).values_list("metric", "state", "spans"))
    for hours in (2, 1, None):
        until = None if hours is None else now() + timedelta(hours=hours)
        hold_ticket(ticket, wait_for=wait_for, until=until, by=INTEGRATION)
        booked = Booking.objects.filter(kind="ticket.wakes", subject_id=ticket.pk).values_list("at", flat=True)
        assert list(booked) == ([] if until is None else [until])
        assert make.last(ticket, "ticket.held").changes["until"] == (until.isoformat() if until else None)
    assert list(Clock.objects.of(ticket).values_list("metric", "state", "spans")) == clocks


def test_holding_again_until_the_same_time_is_refused(make: Make) -> None:
    ticket, until = make.ticket("open"), now() + timedelta(hours=1)
    hold_ticket(ticket, until=until, by=INTEGRATION)
    with pytest.raises(Conflict):
        hold_ticket(ticket, until=until, by=INTEGRATION)
