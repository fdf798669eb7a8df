"""Merging two tickets, and taking it back."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from clocks.models import Clock
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed, NotFound
from servicedesk.models import Booking, User
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, post_reply
from tickets.actions.merging import merge_tickets, unmerge_ticket
from tickets.actions.working import hold_ticket, solve_ticket
from tickets.models import Merge, Message, Ticket

pytestmark = pytest.mark.django_db

# What a merge may leave changed on the source after it was taken back.
MOVING = {"version", "last_at"}
CLOCK_NEWS = {"over_until"}


def row(ticket: Ticket) -> dict[str, Any]:
    values = Ticket.objects.filter(pk=ticket.pk).values().get()
    return {name: value for name, value in values.items() if name not in MOVING}


def clocks(ticket: Ticket) -> list[dict[str, Any]]:
    rows = Clock.objects.of(ticket).order_by("id").values()
    return [{name: value for name, value in row.items() if name not in CLOCK_NEWS} for row in rows]


def clock(ticket: Ticket, metric: str) -> Clock:
    return Clock.objects.of(ticket).filter(metric=metric).latest("id")


@pytest.fixture
def target(make: Make, dana: Customer) -> Ticket:
    return make.ticket("open", customer=dana, subject="The first")


@pytest.fixture
def source(make: Make, dana: Customer, target: Ticket) -> Ticket:
    return make.ticket(customer=dana, subject="The same again")


def test_the_target_shows_both_conversations_and_each_message_keeps_its_ticket(source: Ticket, target: Ticket) -> None:
    merged = merge_tickets(source, into=target, by=INTEGRATION)
    assert merged.merged_into_id == target.pk
    assert Message.objects.in_conversation(target).count() == 3
    assert Message.objects.filter(ticket=source).count() == 1
    target.refresh_from_db()
    assert target.last_message is not None
    assert target.last_message.ticket_id == source.pk


def test_a_conversation_is_found_without_reading_everybody_elses(target: Ticket) -> None:
    plan = Message.objects.in_conversation(target).explain()
    if connection.vendor == "postgresql":
        # A subquery that isn't joined is a filter, and all messages of the desk pass through it.
        assert "SubPlan" not in plan
    else:
        assert "SEARCH tickets_message" in plan


def test_it_tells_on_both(make: Make, source: Ticket, target: Ticket) -> None:
    merge_tickets(source, into=target, by=INTEGRATION)
    assert make.last(source, "ticket.merged").changes == {"into": str(target.pk), "into_number": target.number}
    assert make.last(target, "ticket.absorbed").changes == {"source": str(source.pk), "source_number": source.number}
    unmerge_ticket(source, by=INTEGRATION)
    assert make.told(source)[-1] == "ticket.unmerged"
    assert make.told(target)[-1] == "ticket.separated"


def test_a_merged_ticket_keeps_its_status_and_leaves_the_queues(source: Ticket, target: Ticket) -> None:
    merge_tickets(source, into=target, by=INTEGRATION)
    source.refresh_from_db()
    assert source.status == "new"
    for view in (Ticket.objects.unsolved(), Ticket.objects.unassigned(), Ticket.objects.at_risk(now())):
        assert source not in view
    assert target in Ticket.objects.unsolved()


def test_only_tickets_of_one_customer_are_merged(make: Make, target: Ticket) -> None:
    with pytest.raises(Conflict) as refusal:
        merge_tickets(make.ticket(), into=target, by=INTEGRATION)
    assert refusal.value.code == "other_customer"


def test_tickets_of_merged_customers_are_one_customers(make: Make, target: Ticket, dana: Customer) -> None:
    other = make.customer("Dana W.")
    theirs = make.ticket(customer=other)
    Customer.objects.filter(pk=other.pk).update(merged_into=dana)
    assert merge_tickets(theirs, into=target, by=INTEGRATION).merged_into_id == target.pk


def test_what_cannot_be_merged(make: Make, source: Ticket, target: Ticket, dana: Customer) -> None:
    with pytest.raises(Invalid):
        merge_tickets(source, into=source, by=INTEGRATION)
    solved = make.ticket("solved", customer=dana)
    with pytest.raises(Conflict) as refusal:
        merge_tickets(source, into=solved, by=INTEGRATION)
    assert refusal.value.code == "target_settled"
    merge_tickets(source, into=target, by=INTEGRATION)
    for one, other in ((source, target), (target, source), (make.ticket(customer=dana), source)):
        with pytest.raises(Conflict) as refusal:
            merge_tickets(one, into=other, by=INTEGRATION)
        assert refusal.value.code == "merged"
    with pytest.raises(Conflict) as refusal:
        unmerge_ticket(target, by=INTEGRATION)
    assert refusal.value.code == "not_merged"


def test_who_may_not_is_refused(make: Make, source: Ticket, target: Ticket) -> None:
    trainee = Actor.staff(make.user(User.Role.TRAINEE))
    with pytest.raises(NotAllowed):
        merge_tickets(source, into=target, by=trainee)
    elsewhere = Actor.staff(make.user(sees_every_shop=False))
    with pytest.raises(NotFound):
        merge_tickets(source, into=target, by=elsewhere)


def test_a_reply_on_its_way_is_waited_for(source: Ticket, target: Ticket, alice: User) -> None:
    post_reply(source, Words("On its way"), by=Actor.staff(alice))
    with pytest.raises(Conflict) as refusal:
        merge_tickets(source, into=target, by=INTEGRATION)
    assert refusal.value.code == "reply_waiting"


def test_a_merged_ticket_refuses_work_and_new_messages_go_to_the_target(
    make: Make, source: Ticket, target: Ticket
) -> None:
    merge_tickets(source, into=target, by=INTEGRATION)
    for act in (solve_ticket, hold_ticket):
        with pytest.raises(Conflict) as refusal:
            act(source, by=INTEGRATION)
        assert refusal.value.code == "merged"
    with pytest.raises(Conflict) as refusal:
        make.reply(source)
    assert refusal.value.code == "merged"
    assert make.answer(source, "Are you there?").ticket_id == target.pk


def test_taking_it_back_restores_the_ticket_and_its_clocks_unchanged(make: Make, dana: Customer) -> None:
    with time_machine.travel(now(), tick=False) as time:
        target = make.ticket("open", customer=dana)
        source = make.ticket("open", customer=dana)
        hold_ticket(source, by=INTEGRATION, until=now() + timedelta(days=2))
        make.settle_down()
        before = row(source), clocks(source), row(target), clocks(target)
        booked = set(Booking.objects.filter(subject_id=source.pk).values_list("kind", "at"))
        time.shift(60)
        merge_tickets(source, into=target, by=INTEGRATION)
        assert not Booking.objects.filter(subject_id=source.pk).exists()
        time.shift(3600)
        make.settle_down()
        unmerge_ticket(source, by=INTEGRATION)
        assert (row(source), clocks(source), row(target), clocks(target)) == before
        assert set(Booking.objects.filter(subject_id=source.pk).values_list("kind", "at")) == booked


def test_what_fell_due_meanwhile_is_judged_silently(make: Make, source: Ticket, target: Ticket) -> None:
    due_at = clock(source, "first_response").due_at
    merge_tickets(source, into=target, by=INTEGRATION)
    with time_machine.travel(now() + timedelta(hours=1)):
        make.settle_down()
        assert clock(source, "first_response").state == "running"
        unmerge_ticket(source, by=INTEGRATION)
        make.settle_down()
    judged = clock(source, "first_response")
    assert (judged.state, judged.due_at) == ("breached", due_at)
    breach = make.last(source, "clock.breached")
    assert breach.is_historic
    assert "ticket.escalated" not in make.told(source)
    assert Ticket.objects.get(pk=source.pk).is_breached


def test_what_was_overdue_before_is_breached_by_the_merge(make: Make, source: Ticket, target: Ticket) -> None:
    with time_machine.travel(now() + timedelta(minutes=11)):
        merge_tickets(source, into=target, by=INTEGRATION)
        assert clock(source, "first_response").state == "breached"


def test_the_earlier_wait_lends_its_due_time_and_takes_it_back(make: Make, dana: Customer) -> None:
    with time_machine.travel(now(), tick=False) as time:
        target = make.ticket("open", customer=dana)
        source = make.ticket(customer=dana)
        time.shift(120)
        make.answer(target, "And another thing")
        own, earlier = clock(target, "next_response").due_at, clock(source, "first_response").due_at
        resolution = clock(target, "resolution").due_at
        assert own is not None
        assert earlier is not None
        assert earlier < own
        merge_tickets(source, into=target, by=INTEGRATION)
        assert clock(target, "next_response").due_at == earlier
        assert clock(target, "resolution").due_at == resolution
        shown = Ticket.objects.get(pk=target.pk)
        assert shown.next_due_at == earlier
        assert shown.waiting_since == source.waiting_since
        unmerge_ticket(source, by=INTEGRATION)
        assert clock(target, "next_response").due_at == own
        shown = Ticket.objects.get(pk=target.pk)
        assert shown.next_due_at == own
        assert shown.waiting_since == now()


def test_an_answer_in_the_target_answers_the_wait_that_was_lent(make: Make, source: Ticket, target: Ticket) -> None:
    merge_tickets(source, into=target, by=INTEGRATION)
    waiting = clock(target, "next_response")
    assert waiting.is_open
    make.reply(target, "To both")
    assert clock(target, "next_response").state == "met"
    target.refresh_from_db()
    assert target.waiting_since is None


def test_merges_in_a_chain_lead_to_the_last_and_are_taken_back_in_turn(
    make: Make, source: Ticket, target: Ticket, dana: Customer
) -> None:
    last = make.ticket("open", customer=dana)
    merge_tickets(source, into=target, by=INTEGRATION)
    merge_tickets(target, into=last, by=INTEGRATION)
    assert Message.objects.in_conversation(last).count() == 5
    assert Ticket.objects.get(pk=source.pk).merged_into_id == last.pk
    with pytest.raises(Conflict) as refusal:
        unmerge_ticket(source, by=INTEGRATION)
    assert refusal.value.code == "merged_on"
    unmerge_ticket(target, by=INTEGRATION)
    assert Ticket.objects.get(pk=source.pk).merged_into_id == target.pk
    unmerge_ticket(source, by=INTEGRATION)
    assert not Ticket.objects.filter(merged_into__isnull=False).exists()
    assert Merge.objects.filter(undone_at=None).count() == 0


def test_it_can_be_merged_again(source: Ticket, target: Ticket) -> None:
    for _ in range(2):
        merge_tickets(source, into=target, by=INTEGRATION)
        unmerge_ticket(source, by=INTEGRATION)
    assert Merge.objects.count() == 2


def test_a_merge_can_be_history(make: Make, dana: Customer) -> None:
    at = now() - timedelta(days=3)
    target, source = make.ticket(customer=dana, at=at), make.ticket(customer=dana, at=at)
    merge_tickets(source, into=target, by=INTEGRATION, at=at + timedelta(minutes=5))
    assert make.last(source, "ticket.merged").is_historic
    with pytest.raises(Invalid):
        unmerge_ticket(source, by=INTEGRATION, at=at)
