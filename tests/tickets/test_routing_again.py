"""What waits finds whoever can take it, whenever either of the two changes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from servicedesk.actions.presence import LEASE, set_presence
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.events import record
from servicedesk.models import Skill, User
from tests.make import INTEGRATION, Make
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.merging import merge_tickets, unmerge_ticket
from tickets.actions.routing import assign_ticket, take_next_ticket
from tickets.actions.working import hold_ticket, resume_ticket, snooze_ticket, unsnooze_ticket
from tickets.models import Ticket


def assignee_of(ticket: Ticket) -> User | None:
    return Ticket.objects.select_related("assignee").get(pk=ticket.pk).assignee


@pytest.mark.parametrize("role", [User.Role.MANAGER, User.Role.REVIEWER, User.Role.AUDITOR, User.Role.ADMIN])
def test_nobody_but_who_answers_tickets_is_given_any(make: Make, role: str) -> None:
    ticket = make.ticket()
    make.settle_down()
    make.user(role, present=True)
    make.settle_down()
    assert assignee_of(ticket) is None


def test_who_cannot_work_tickets_takes_none(make: Make) -> None:
    make.ticket()
    lead, auditor = make.user(User.Role.MANAGER), make.user(User.Role.AUDITOR)
    assert take_next_ticket(auditor, by=INTEGRATION) is None
    assert take_next_ticket(lead, by=Actor.staff(lead)) is not None


def test_what_was_taken_from_somebody_is_not_given_back_by_that(make: Make, bob: User) -> None:
    ticket, agent = make.ticket(), make.user(present=True)
    assign_ticket(ticket, agent, by=Actor.staff(bob))
    make.settle_down()
    assign_ticket(ticket, None, by=Actor.staff(bob))
    make.settle_down()
    assert assignee_of(ticket) is None


def test_who_gave_one_back_gets_another_that_waits(make: Make, bob: User) -> None:
    mine, other = make.ticket(), make.ticket()
    agent = make.user(capacity=1)
    assign_ticket(mine, agent, by=Actor.staff(bob))
    set_presence(agent, User.Presence.ONLINE, by=Actor.staff(agent))
    make.settle_down()
    assign_ticket(mine, None, by=Actor.staff(bob))
    make.settle_down()
    assert (assignee_of(mine), assignee_of(other)) == (None, agent)


def test_however_much_waits_for_others_the_one_that_fits_is_found(make: Make) -> None:
    customer = make.customer()
    for _ in range(201):
        make.ticket(customer=customer, language="en")
    hers, agent = make.ticket(language="de"), make.user(speaks=["de"])
    assert take_next_ticket(agent, by=Actor.staff(agent)) == hers


def held(ticket: Ticket) -> None:
    hold_ticket(ticket, by=INTEGRATION)


def snoozed(ticket: Ticket) -> None:
    snooze_ticket(ticket, by=INTEGRATION, until=now() + timedelta(hours=1))


AGAIN: list[tuple[Callable[[Ticket], object], Callable[[Ticket], object]]] = [
    (held, lambda ticket: resume_ticket(ticket, by=INTEGRATION)),
    (snoozed, lambda ticket: unsnooze_ticket(ticket, by=INTEGRATION)),
    (lambda ticket: edit_ticket(ticket, Edit(kind="return"), by=INTEGRATION),
     lambda ticket: edit_ticket(ticket, Edit(kind="inquiry"), by=INTEGRATION)),
]  # fmt: skip


@pytest.mark.parametrize(("away", "back"), AGAIN)
def test_what_comes_back_to_the_queue_goes_to_who_is_free(
    make: Make, away: Callable[[Ticket], object], back: Callable[[Ticket], object]
) -> None:
    ticket = make.ticket(kind="inquiry")
    away(ticket)
    make.settle_down()
    agent = make.user(present=True)
    Skill.objects.create(user=agent, kind="inquiry")
    make.settle_down()
    assert assignee_of(ticket) is None
    back(ticket)
    make.settle_down()
    assert assignee_of(ticket) == agent


def test_what_a_merge_took_from_the_queue_goes_to_who_is_free_when_it_is_undone(make: Make, alice: User) -> None:
    target = make.ticket()
    source = make.ticket(customer=target.customer)
    assign_ticket(target, alice, by=INTEGRATION)
    merge_tickets(source, into=target, by=INTEGRATION)
    make.settle_down()
    agent = make.user(present=True)
    make.settle_down()
    unmerge_ticket(source, by=INTEGRATION)
    make.settle_down()
    assert assignee_of(source) == agent


def test_who_says_again_that_they_are_online_after_the_lease_ran_out_is_given_what_waits(make: Make) -> None:
    agent = make.user(present=True)
    make.settle_down()
    with time_machine.travel(now() + LEASE + timedelta(seconds=1)):
        ticket = make.ticket()
        make.settle_down()
        assert assignee_of(ticket) is None
        set_presence(agent, User.Presence.ONLINE, by=Actor.staff(agent))
        make.settle_down()
        assert assignee_of(ticket) == agent


def more_room(agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(capacity=1)


def another_language(agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(capacity=1, speaks=[])


def another_kind(agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(capacity=1)
    agent.skills.update(kind="inquiry")


def back_again(agent: User) -> None:
    User.objects.filter(pk=agent.pk).update(capacity=1, is_active=True)


@pytest.mark.parametrize(
    ("facts", "skill", "change"),
    [
        ({"capacity": 0}, "", more_room),
        ({"speaks": ["de"]}, "", another_language),
        ({}, "return", another_kind),
        ({"is_active": False}, "", back_again),
    ],
)
def test_who_was_changed_is_offered_what_waits(
    make: Make, facts: dict[str, Any], skill: str, change: Callable[[User], object]
) -> None:
    agent = make.user(present=True, **facts)
    if skill:
        Skill.objects.create(user=agent, kind=skill)
    ticket = make.ticket(kind="inquiry", language="en")
    make.settle_down()
    assert assignee_of(ticket) is None
    change(agent)
    record("user.edited", agent, by=INTEGRATION)
    make.settle_down()
    assert assignee_of(ticket) == agent
