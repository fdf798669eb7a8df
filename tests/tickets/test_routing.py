"""Who gets which ticket, and that nobody gets one twice."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine
from django.db import connections

from servicedesk.actions.presence import LEASE
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed
from servicedesk.ids import new_id
from servicedesk.models import Skill, User
from tests.make import INTEGRATION, Make
from tickets.actions.routing import assign_ticket, candidates, route_ticket, take_next_ticket
from tickets.actions.working import solve_ticket
from tickets.models import Ticket
from tickets.routing import Candidate, Need, can_take, choose

SHOP = new_id()


def agent(**facts: object) -> Candidate:
    return Candidate(**{"id": new_id(), "capacity": 5, "load": 0, "assigned_at": None, **facts})


@pytest.mark.parametrize(
    ("facts", "need", "fits"),
    [
        ({}, {}, True),
        ({"load": 5}, {}, False),
        ({"load": 6}, {}, False),
        ({"speaks": frozenset({"en"})}, {"language": "zh-hans"}, False),
        ({"speaks": frozenset({"en", "zh-hans"})}, {"language": "zh-hans"}, True),
        ({"speaks": frozenset({"zh-hans"})}, {"language": "zh-CN"}, True),
        ({"speaks": frozenset({"zh-hans"})}, {"language": "zh_TW"}, False),
        ({"levels": {"return": 2}}, {"kind": "complaint"}, False),
        ({"levels": {"complaint": 2}}, {"kind": "complaint"}, True),
        ({"team": uuid.UUID(int=1)}, {"team": uuid.UUID(int=2)}, False),
        ({"shops": frozenset()}, {}, False),
        ({"shops": frozenset({SHOP})}, {}, True),
    ],
)
def test_can_take(facts: dict[str, object], need: dict[str, object], fits: bool) -> None:
    asked = Need(**{"kind": "inquiry", "language": "en", "shop": SHOP, **need})
    assert can_take(agent(**facts), asked) is fits


def test_the_most_room_goes_first_then_who_waited_longest() -> None:
    long_ago, lately = now() - timedelta(hours=2), now()
    busy, waited, fresh = agent(load=2), agent(assigned_at=long_ago), agent(assigned_at=lately)
    assert choose([busy, fresh, waited], Need("inquiry", "en", SHOP)) == [waited, fresh, busy]


def test_experience_goes_first_for_difficult_kinds_only() -> None:
    expert, free = agent(levels={"complaint": 5, "inquiry": 5}, load=3), agent(levels={"complaint": 1, "inquiry": 1})
    assert choose([free, expert], Need("complaint", "en", SHOP))[0] is expert
    assert choose([free, expert], Need("inquiry", "en", SHOP))[0] is free


def test_a_new_ticket_goes_to_the_agent_on_duty(make: Make) -> None:
    away, here = make.user(), make.user(present=True)
    make.settle_down()
    ticket = make.ticket()
    make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).assignee_id == here.pk != away.pk
    assert make.last(ticket, "ticket.assigned").changes["how"] == "routed"


def test_with_nobody_there_it_waits_and_goes_to_who_comes_online_most_urgent_first(make: Make) -> None:
    calm, urgent = make.ticket(at=now() - timedelta(minutes=1)), make.ticket(at=now() - timedelta(minutes=8))
    make.settle_down()
    assert Ticket.objects.filter(assignee=None, queued_at__isnull=False).count() == 2
    one = make.user(capacity=1, present=True)
    make.settle_down()
    assert Ticket.objects.get(pk=urgent.pk).assignee_id == one.pk
    assert Ticket.objects.get(pk=calm.pk).assignee_id is None
    solve_ticket(urgent, by=Actor.staff(one))
    make.settle_down()
    assert Ticket.objects.get(pk=calm.pk).assignee_id == one.pk


def test_a_lease_that_ran_out_is_nobody_there(make: Make) -> None:
    make.user(present=True)
    with time_machine.travel(now() + LEASE + timedelta(seconds=1), tick=False):
        ticket = make.ticket()
        assert route_ticket(ticket, by=SYSTEM).assignee is None


def test_the_kind_somebody_is_skilled_in(make: Make) -> None:
    bags, returns = make.user(present=True), make.user(present=True)
    Skill.objects.create(user=bags, kind="inquiry", level=3)
    Skill.objects.create(user=returns, kind="return", level=1)
    assert route_ticket(make.ticket(kind="return"), by=SYSTEM).assignee == returns


def test_by_hand_nobodys_capacity_is_asked(make: Make, alice: User, bob: User) -> None:
    User.objects.filter(pk=alice.pk).update(capacity=0)
    done = assign_ticket(make.ticket(), alice, by=Actor.staff(bob))
    assert done.assignee == alice
    assert make.told(done)[-1] == "ticket.assigned"


def test_a_load_is_counted_no_further_than_there_is_room(make: Make, alice: User, bob: User) -> None:
    User.objects.filter(pk__in=[alice.pk, bob.pk]).update(capacity=2)
    for holder in (alice, alice, alice, bob):
        assign_ticket(make.ticket(), holder, by=INTEGRATION)
    found = {one.id: one.load for one in candidates(now(), only=[alice.pk, bob.pk])}
    assert found == {alice.pk: 2, bob.pk: 1}


def test_it_refuses_who_may_not_and_who_does_not_fit(make: Make, alice: User) -> None:
    ticket = make.ticket()
    with pytest.raises(NotAllowed):
        assign_ticket(ticket, alice, by=Actor.staff(make.user(User.Role.AUDITOR)))
    for unfit in (make.user(is_active=False), make.user(User.Role.AUDITOR), make.user(sees_every_shop=False)):
        with pytest.raises(Invalid):
            assign_ticket(ticket, unfit, by=Actor.staff(alice))
    with pytest.raises(Conflict):
        assign_ticket(make.ticket("closed"), alice, by=Actor.staff(alice))


def test_why_is_told_as_a_code_and_never_in_words(make: Make, alice: User, bob: User) -> None:
    ticket = assign_ticket(make.ticket(), alice, by=INTEGRATION, reason="workload")
    assert make.last(ticket, "ticket.assigned").changes["reason"] == "workload"
    with pytest.raises(Invalid) as refused:
        assign_ticket(ticket, bob, by=INTEGRATION, reason="Dana Weiss, 138 0013 8000, asked")
    assert [(error.field, error.code) for error in refused.value.errors] == [("reason", "unknown")]
    assert Ticket.objects.get(pk=ticket.pk).assignee == alice


def test_assigning_to_the_same_person_tells_nothing(make: Make, alice: User) -> None:
    ticket = assign_ticket(make.ticket(), alice, by=INTEGRATION)
    told = make.told(ticket)
    assign_ticket(ticket, alice, by=INTEGRATION)
    assert make.told(ticket) == told


@pytest.mark.django_db(transaction=True)
def test_no_ticket_goes_to_two_agents_and_none_is_lost(transactional_db: None) -> None:
    make = Make()
    tickets = [make.ticket() for _ in range(40)]
    agents = [make.user(capacity=5, present=True) for _ in range(16)]

    def take(user: User) -> list[Ticket]:
        mine = []
        try:
            while (ticket := take_next_ticket(user, by=Actor.staff(user))) is not None:
                mine.append(ticket)
        finally:
            connections.close_all()
        return mine

    with ThreadPoolExecutor(16) as pool:
        taken = [ticket.pk for mine in pool.map(take, agents) for ticket in mine]
    assert sorted(taken) == sorted(ticket.pk for ticket in tickets)
    loads = [Ticket.objects.filter(assignee=user).count() for user in agents]
    assert max(loads) <= 5
    assert sum(loads) == 40


@pytest.mark.django_db(transaction=True)
def test_two_tickets_at_once_do_not_overfill_an_agent(transactional_db: None) -> None:
    make = Make()
    only = make.user(capacity=3, present=True)
    tickets = [make.ticket() for _ in range(12)]

    def route(ticket: Ticket) -> None:
        try:
            route_ticket(ticket, by=SYSTEM)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(route, tickets))
    assert Ticket.objects.filter(assignee=only).count() == 3
