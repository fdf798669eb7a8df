"""Messages, replies and notes: what counts as an answer, and what becomes of the clocks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
import time_machine

from clocks.models import Clock
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, NotAllowed, NotFound
from servicedesk.later import sweep_once
from servicedesk.models import User
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, add_note, post_reply, receive_message, release_reply, undo_reply
from tickets.actions.working import solve_ticket
from tickets.models import Author, Delivery, Message, Status, Ticket


def states(ticket: Ticket) -> dict[str, str]:
    """The latest clock of each metric and how it stands."""
    return {clock.metric: clock.state for clock in Clock.objects.of(ticket).order_by("started_at", "id")}


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("customer").get(pk=ticket.pk)


def test_a_public_reply_of_a_person_meets_the_first_response(make: Make) -> None:
    ticket = make.ticket()
    make.reply(ticket)
    assert states(ticket) == {"first_response": "met", "resolution": "running"}
    assert fresh(ticket).first_responded_at is not None
    assert fresh(ticket).status == Status.OPEN
    assert fresh(ticket).waiting_since is None


@pytest.mark.parametrize("author", [Author.BOT])
def test_a_bot_never_counts_as_a_response(make: Make, author: str) -> None:
    ticket = make.ticket()
    make.reply(ticket, author=author)
    assert states(ticket)["first_response"] == "running"
    assert fresh(ticket).first_responded_at is None


def test_a_note_never_counts_as_a_response(make: Make, alice: User) -> None:
    ticket = make.ticket()
    add_note(ticket, Words("known batch"), by=Actor.staff(alice))
    assert states(ticket)["first_response"] == "running"
    assert make.told(ticket)[-1] == "note.added"


def test_each_wait_of_the_customer_has_one_clock(make: Make) -> None:
    ticket = make.ticket()
    make.reply(ticket)
    make.answer(ticket)
    make.answer(ticket, "still there?")
    waits = Clock.objects.of(ticket).filter(metric="next_response")
    assert [clock.state for clock in waits] == ["running"]
    make.reply(ticket)
    assert [clock.state for clock in waits.all()] == ["met"]
    make.answer(ticket)
    assert sorted(clock.state for clock in waits.all()) == ["met", "running"]


def test_a_second_message_before_the_first_answer_starts_no_other_clock(make: Make) -> None:
    ticket = make.ticket()
    make.answer(ticket, "hello?")
    assert states(ticket) == {"first_response": "running", "resolution": "running"}


@pytest.mark.parametrize("status", ["pending", "on_hold"])
def test_an_answer_brings_a_waiting_ticket_back_to_work(make: Make, status: str) -> None:
    ticket = make.ticket(status)
    assert states(ticket)["resolution"] == "paused"
    make.answer(ticket)
    assert fresh(ticket).status == Status.OPEN
    assert states(ticket)["resolution"] == "running"
    assert "ticket.resumed" in make.told(ticket)


def test_an_answer_within_seven_days_reopens(make: Make) -> None:
    ticket = make.ticket("solved")
    solved_at = fresh(ticket).solved_at
    assert solved_at is not None
    with time_machine.travel(solved_at + timedelta(days=6, hours=23), tick=False):
        message = make.answer(ticket)
    assert message.ticket_id == ticket.pk
    assert fresh(ticket).status == Status.OPEN
    assert states(ticket)["resolution"] == "running"
    assert "ticket.reopened" in make.told(ticket)


def test_a_later_answer_starts_a_linked_follow_up(make: Make) -> None:
    ticket = make.ticket("solved")
    with time_machine.travel(now() + timedelta(days=7, minutes=1), tick=False):
        message = make.answer(ticket, "It broke again")
    follow_up = fresh(message.ticket)
    assert follow_up.follows_id == ticket.pk
    assert follow_up.subject == fresh(ticket).subject
    assert follow_up.messages.get().body == "It broke again"
    assert fresh(ticket).status == Status.SOLVED


def test_an_answer_to_a_closed_ticket_starts_a_follow_up(make: Make, dana: Customer) -> None:
    ticket = make.ticket("closed", customer=dana)
    message = receive_message(ticket, Words("again"), by=Actor.customer(dana.pk, dana.shop_id))
    assert message.ticket.follows_id == ticket.pk


def test_another_customer_does_not_even_see_it(make: Make, dana: Customer) -> None:
    ticket = make.ticket()
    with pytest.raises(NotFound):
        receive_message(ticket, Words("let me in"), by=Actor.customer(dana.pk, dana.shop_id))


def test_a_reply_from_the_desk_waits_ten_seconds_and_counts_from_the_press(make: Make, alice: User) -> None:
    ticket = make.ticket()
    reply = post_reply(ticket, Words("Hello"), by=Actor.staff(alice))
    assert (reply.delivery, states(ticket)["first_response"]) == (Delivery.WAITING, "running")
    with time_machine.travel(reply.sent_at + timedelta(seconds=10), tick=False):
        sweep_once()
    gone = Message.objects.get(pk=reply.pk)
    assert gone.delivery == Delivery.QUEUED
    clock = Clock.objects.of(ticket).get(metric="first_response")
    assert (clock.state, clock.stopped_at) == ("met", reply.sent_at)
    assert fresh(ticket).first_responded_at == reply.sent_at
    assert fresh(ticket).assignee_id == alice.pk


def test_a_reply_pressed_in_time_meets_though_the_deadline_passes_in_its_undo_time(make: Make, alice: User) -> None:
    ticket = make.ticket()
    due = Clock.objects.of(ticket).get(metric="first_response").due_at
    assert due is not None
    with time_machine.travel(due - timedelta(seconds=2), tick=False):
        post_reply(ticket, Words("Hello"), by=Actor.staff(alice))
    for seconds in (1, 5, 8, 9):
        with time_machine.travel(due + timedelta(seconds=seconds), tick=False):
            make.settle_down()
    assert states(ticket)["first_response"] == "met"
    assert "clock.breached" not in make.told(ticket)


@dataclass
class Overtaken:
    """A reply pressed 2 s before the due time, and another that left 1 s after it while the first could be undone."""

    ticket: Ticket
    pressed: Message
    due: datetime


@pytest.fixture(params=["first_response", "next_response"])
def overtaken(request: pytest.FixtureRequest, make: Make, alice: User) -> Overtaken:
    ticket = make.ticket()
    if request.param == "next_response":
        make.reply(ticket)
        make.answer(ticket)
    due = Clock.objects.of(ticket).get(metric=request.param).due_at
    assert due is not None
    with time_machine.travel(due - timedelta(seconds=2), tick=False):
        pressed = post_reply(ticket, Words("Hello"), by=Actor.staff(alice))
    with time_machine.travel(due + timedelta(seconds=1), tick=False):
        make.reply(ticket)
        make.settle_down()
    return Overtaken(ticket, pressed, due)


def verdict(ticket: Ticket) -> Clock:
    """The clock of the latest wait that was answered."""
    return Clock.objects.of(ticket).exclude(metric="resolution").latest("started_at", "id")


def test_a_reply_pressed_in_time_meets_though_a_later_one_leaves_first(make: Make, overtaken: Overtaken) -> None:
    assert verdict(overtaken.ticket).state == "running"
    with time_machine.travel(overtaken.due + timedelta(seconds=9), tick=False):
        make.settle_down()
    clock = verdict(overtaken.ticket)
    assert (clock.state, clock.stopped_at) == ("met", overtaken.pressed.sent_at)
    assert "clock.breached" not in make.told(overtaken.ticket)
    assert not fresh(overtaken.ticket).is_breached


def test_one_that_is_taken_back_leaves_the_verdict_to_the_later_one(
    make: Make, overtaken: Overtaken, alice: User
) -> None:
    with time_machine.travel(overtaken.due + timedelta(seconds=3), tick=False):
        undo_reply(overtaken.pressed, by=Actor.staff(alice))
    clock = verdict(overtaken.ticket)
    assert (clock.state, clock.stopped_at) == ("breached", overtaken.due + timedelta(seconds=1))
    assert fresh(overtaken.ticket).is_breached
    assert make.told(overtaken.ticket).count("clock.breached") == 1


def test_what_was_asked_before_one_is_taken_back_waits_from_its_own_time(
    make: Make, overtaken: Overtaken, alice: User
) -> None:
    with time_machine.travel(overtaken.due + timedelta(seconds=3), tick=False):
        asked = make.answer(overtaken.ticket, "One more thing")
    with time_machine.travel(overtaken.due + timedelta(seconds=4), tick=False):
        undo_reply(overtaken.pressed, by=Actor.staff(alice))
    waits = Clock.objects.of(overtaken.ticket).filter(metric="next_response", state="running")
    assert [clock.started_at for clock in waits] == [asked.sent_at]
    assert fresh(overtaken.ticket).waiting_since == asked.sent_at


def test_of_two_that_wait_the_second_decides_when_the_first_is_taken_back(make: Make, alice: User) -> None:
    ticket = make.ticket()
    due = verdict(ticket).due_at
    assert due is not None
    with time_machine.travel(due - timedelta(seconds=2), tick=False):
        first = post_reply(ticket, Words("Hello"), by=Actor.staff(alice))
    with time_machine.travel(due - timedelta(seconds=1), tick=False):
        second = post_reply(ticket, Words("Hello!"), by=Actor.staff(alice))
    with time_machine.travel(due + timedelta(seconds=1), tick=False):
        make.reply(ticket)
        undo_reply(first, by=Actor.staff(alice))
    with time_machine.travel(due + timedelta(seconds=9), tick=False):
        make.settle_down()
    assert (verdict(ticket).state, verdict(ticket).stopped_at) == ("met", second.sent_at)


def test_solving_meanwhile_is_judged_by_what_has_left(overtaken: Overtaken) -> None:
    with time_machine.travel(overtaken.due + timedelta(seconds=2), tick=False):
        solve_ticket(overtaken.ticket, by=INTEGRATION)
    assert verdict(overtaken.ticket).state == "breached"
    assert fresh(overtaken.ticket).is_breached


def test_what_the_customer_asks_after_the_later_reply_waits_from_its_own_time(make: Make, overtaken: Overtaken) -> None:
    with time_machine.travel(overtaken.due + timedelta(seconds=3), tick=False):
        asked = make.answer(overtaken.ticket, "One more thing")
    with time_machine.travel(overtaken.due + timedelta(seconds=9), tick=False):
        make.settle_down()
    waits = Clock.objects.of(overtaken.ticket).filter(started_at=asked.sent_at)
    assert [(clock.metric, clock.state) for clock in waits] == [("next_response", "running")]
    assert fresh(overtaken.ticket).waiting_since == asked.sent_at


def test_a_reply_can_be_taken_back_until_it_leaves(make: Make, alice: User) -> None:
    ticket = make.ticket()
    reply = post_reply(ticket, Words("Oops"), by=Actor.staff(alice))
    taken = undo_reply(reply, by=Actor.staff(alice))
    assert taken.body == "Oops"
    assert not Message.objects.filter(pk=reply.pk).exists()
    with time_machine.travel(now() + timedelta(seconds=30), tick=False):
        make.settle_down()
    assert "message.sent" not in make.told(ticket)
    assert states(ticket)["first_response"] == "running"


def test_what_has_left_cannot_be_taken_back(make: Make, alice: User) -> None:
    ticket = make.ticket()
    reply = make.reply(ticket)
    with pytest.raises(Conflict):
        undo_reply(reply, by=Actor.staff(alice))


def test_send_and_solve_happens_as_a_whole_or_not_at_all(make: Make, alice: User) -> None:
    ticket = make.ticket()
    reply = post_reply(ticket, Words("Done"), by=Actor.staff(alice), then="solve")
    assert fresh(ticket).status == Status.NEW
    undo_reply(reply, by=Actor.staff(alice))
    reply = post_reply(ticket, Words("Done!"), by=Actor.staff(alice), then="solve")
    with time_machine.travel(now() + timedelta(seconds=11), tick=False):
        sweep_once()
    assert fresh(ticket).status == Status.SOLVED
    assert states(ticket) == {"first_response": "met", "resolution": "met"}


@pytest.mark.parametrize("author", [Author.AGENT, Author.BOT])
def test_a_trainee_sends_nothing_unreleased_under_another_authors_name(make: Make, author: str) -> None:
    trainee = make.user(User.Role.TRAINEE)
    reply = post_reply(make.ticket(), Words("Hello"), by=Actor.staff(trainee), author=author)
    assert reply.delivery == Delivery.DRAFTED


def test_a_trainees_reply_waits_for_release_and_counts_from_then(make: Make, bob: User) -> None:
    trainee = make.user(User.Role.TRAINEE)
    ticket = make.ticket()
    reply = post_reply(ticket, Words("Hello"), by=Actor.staff(trainee))
    assert reply.delivery == Delivery.DRAFTED
    with pytest.raises(NotAllowed):
        release_reply(reply, by=Actor.staff(trainee))
    release_reply(reply, by=Actor.staff(bob))
    clock = Clock.objects.of(ticket).get(metric="first_response")
    assert clock.state == "met"
    assert clock.stopped_at is not None
    assert clock.stopped_at > reply.sent_at
    with pytest.raises(Conflict):
        release_reply(reply, by=Actor.staff(bob))


def test_what_the_customer_writes_in_the_undo_time_waits_from_its_own_time(make: Make, alice: User) -> None:
    ticket = make.ticket()
    reply = post_reply(ticket, Words("Hello"), by=Actor.staff(alice))
    with time_machine.travel(reply.sent_at + timedelta(seconds=5), tick=False):
        message = make.answer(ticket, "One more thing")
    with time_machine.travel(reply.sent_at + timedelta(seconds=10), tick=False):
        sweep_once()
    clock = Clock.objects.of(ticket).get(metric="next_response")
    assert clock.started_at == message.sent_at
    assert fresh(ticket).waiting_since == message.sent_at


def test_nobody_replies_to_a_closed_ticket(make: Make) -> None:
    ticket = make.ticket("closed")
    with pytest.raises(Conflict):
        make.reply(ticket)


def test_a_reply_counts_once_as_first_response(make: Make) -> None:
    ticket = make.ticket()
    make.reply(ticket)
    first = fresh(ticket).first_responded_at
    make.reply(ticket)
    assert fresh(ticket).first_responded_at == first
