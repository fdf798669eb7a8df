"""Whom news of tickets are told: the one they concern, nobody for what they did themselves, nobody who may not see it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from servicedesk.actor import SYSTEM, Actor
from servicedesk.carrying import carry, sequence_events
from servicedesk.clock import now
from servicedesk.events import record
from servicedesk.models import Delivery, Notice, OutgoingMail, User
from servicedesk.notices.choosing import choose_channels
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, post_reply, receive_message
from tickets.actions.routing import assign_ticket
from tickets.actions.working import hold_ticket, resume_ticket, snooze_ticket
from tickets.channels.mail.outgoing import note_delivery
from tickets.models import Ticket
from tickets.reactions import tell_whom_it_concerns

TEN_MINUTES = timedelta(minutes=10)


def told(kind: str) -> list[User]:
    """Who was told of this kind of news, by name."""
    rows = Notice.objects.filter(kind=kind).select_related("user").order_by("user__name", "id")
    return [notice.user for notice in rows]


def given(make: Make, to: User, by: Any = INTEGRATION, **facts: Any) -> Ticket:
    ticket = make.ticket(**facts)
    assign_ticket(ticket, to, by=by)
    make.settle_down()
    return Ticket.objects.get(pk=ticket.pk)


def test_a_ticket_is_given_to_you_by_somebody_else(make: Make, alice: User, bob: User) -> None:
    given(make, alice, by=Actor.staff(bob))
    assert told("ticket.assigned") == [alice]


def test_what_you_take_yourself_is_no_news_to_you(make: Make, alice: User) -> None:
    given(make, alice, by=Actor.staff(alice))
    assert told("ticket.assigned") == []


def test_who_has_lost_it_again_is_not_told_that_they_got_it(make: Make, alice: User, bob: User) -> None:
    ticket = make.ticket()
    for person in (alice, bob):
        assign_ticket(ticket, person, by=INTEGRATION)
    make.settle_down()
    assert told("ticket.assigned") == [bob]


def test_the_customer_answers_on_your_ticket(make: Make, alice: User) -> None:
    ticket = given(make, alice)
    # How the ticket began is no answer.
    assert told("message.received") == []
    answer = make.answer(ticket)
    make.settle_down()
    [notice] = Notice.objects.filter(kind="message.received")
    assert (notice.user, notice.text) == (alice, "The customer answered")
    assert notice.address == f"/desk/tickets/{ticket.number}/#m-{answer.pk}"


def test_what_you_write_down_for_the_customer_is_no_news_to_you(make: Make, alice: User) -> None:
    ticket = given(make, alice)
    receive_message(ticket, Words("By phone: thanks"), by=Actor.staff(alice))
    make.settle_down()
    assert told("message.received") == []


def test_an_answer_to_a_ticket_of_nobody_is_told_to_nobody(make: Make, alice: User) -> None:
    make.answer(make.ticket())
    make.settle_down()
    assert not Notice.objects.exists()


def test_people_are_told_that_they_were_mentioned(make: Make, alice: User, bob: User, charlie: User) -> None:
    ticket = make.ticket()
    people = [str(one.pk) for one in (alice, bob, charlie)]
    changes = {"people": people, "message": str(ticket.messages.get().pk)}
    record("message.mentioned", ticket, by=Actor.staff(bob), changes=changes)
    make.settle_down()
    assert told("message.mentioned") == [alice, charlie]


def test_nobody_is_told_of_what_they_may_not_see(make: Make, alice: User, charlie: User) -> None:
    elsewhere = make.user(name="Erin", sees_every_shop=False)
    private = make.ticket(team=charlie.team)
    changes = {"people": [str(alice.pk), str(charlie.pk), str(elsewhere.pk)]}
    record("message.mentioned", private, by=SYSTEM, changes=changes)
    record("message.mentioned", make.ticket(), by=SYSTEM, changes=changes)
    make.settle_down()
    assert told("message.mentioned") == [alice, charlie, charlie]


def test_a_shop_of_ones_own_is_enough(make: Make) -> None:
    erin, ticket = make.user(name="Erin", sees_every_shop=False), make.ticket()
    erin.shops.add(ticket.shop)
    record("message.mentioned", ticket, by=SYSTEM, changes={"people": [str(erin.pk)]})
    make.settle_down()
    assert told("message.mentioned") == [erin]


def test_your_clock_warns_and_is_breached_and_your_manager_hears_of_the_breach(
    make: Make, alice: User, bob: User
) -> None:
    make.user(User.Role.MANAGER, name="Zoe")  # another team's
    ticket = given(make, alice, team=alice.team)
    with time_machine.travel(ticket.created_at + TEN_MINUTES - timedelta(minutes=1), tick=False):
        make.settle_down()
    assert (told("clock.warned"), told("clock.breached")) == ([alice], [])
    assert Notice.objects.get(kind="clock.warned").text == "First response is at risk"
    with time_machine.travel(ticket.created_at + TEN_MINUTES + timedelta(seconds=1), tick=False):
        make.settle_down()
    assert (told("clock.breached"), told("clock.breached_in_team")) == ([alice], [bob])
    assert Notice.objects.get(kind="clock.breached_in_team").text == "First response is overdue in your team"


def test_a_manager_who_works_a_ticket_is_told_once_of_its_breach(make: Make, alice: User, bob: User) -> None:
    ticket = given(make, bob, team=bob.team)
    with time_machine.travel(ticket.created_at + TEN_MINUTES + timedelta(seconds=1), tick=False):
        make.settle_down()
    assert (told("clock.breached"), told("clock.breached_in_team")) == ([bob], [])


def test_what_was_over_before_it_reached_us_is_told_to_nobody(make: Make, alice: User) -> None:
    ticket = make.ticket(at=now() - timedelta(days=3))
    assign_ticket(ticket, alice, by=INTEGRATION, at=now() - timedelta(days=2))
    make.settle_down()
    assert not Notice.objects.exists()


@pytest.mark.parametrize("state", ["failed", "bounced"])
def test_your_reply_does_not_arrive(make: Make, alice: User, bob: User, state: str) -> None:
    ticket = given(make, alice)
    message = post_reply(ticket, Words("Hello"), by=INTEGRATION, agent=bob)
    mail = type("Mail", (), {"state": state, "error": "smtp_550", "context": {"message": str(message.pk)}})()
    note_delivery(mail)
    make.settle_down()
    assert told("message.failed") == [bob]
    [notice] = Notice.objects.filter(kind="message.failed")
    assert (
        notice.text == {"failed": "A reply could not be delivered", "bounced": "A reply came back undelivered"}[state]
    )


def test_a_ticket_of_yours_waits_no_longer(make: Make, alice: User) -> None:
    ticket, snoozed = given(make, alice), given(make, alice)
    later = now() + timedelta(hours=2)
    hold_ticket(ticket, by=Actor.staff(alice), until=later)
    snooze_ticket(snoozed, by=Actor.staff(alice), until=later)
    make.settle_down()
    assert told("ticket.resumed") == []
    with time_machine.travel(later, tick=False):
        make.settle_down()
    texts = {one.subject_id: one.text for one in Notice.objects.filter(kind="ticket.resumed", user=alice)}
    assert texts == {ticket.pk: "No longer waiting", snoozed.pk: "Back in the queue"}


def test_what_you_resume_yourself_and_what_an_answer_ends_is_no_such_news(make: Make, alice: User) -> None:
    ticket, answered = given(make, alice), given(make, alice)
    hold_ticket(ticket, by=Actor.staff(alice))
    resume_ticket(ticket, by=Actor.staff(alice))
    hold_ticket(answered, by=Actor.staff(alice), wait_for="customer")
    make.answer(answered)
    make.settle_down()
    assert told("ticket.resumed") == []
    assert told("message.received") == [alice]


def test_your_trainees_reply_waits_for_you(make: Make, bob: User) -> None:
    mentor = make.user(User.Role.MANAGER, name="Mona")
    trainee = make.user(User.Role.TRAINEE, name="Tom", mentor=mentor)
    post_reply(make.ticket(), Words("Hello"), by=Actor.staff(trainee))
    make.settle_down()
    assert told("message.held_back") == [mentor]


def test_where_the_mentor_may_not_release_it_who_leads_is_told_as_well(make: Make, alice: User, bob: User) -> None:
    trainee = make.user(User.Role.TRAINEE, name="Tom", mentor=alice)
    post_reply(make.ticket(team=bob.team), Words("Hello"), by=Actor.staff(trainee))
    make.settle_down()
    assert told("message.held_back") == [alice, bob]


def test_an_agents_reply_in_its_undo_time_is_no_news(make: Make, alice: User, bob: User) -> None:
    post_reply(make.ticket(), Words("Hello"), by=Actor.staff(alice))
    make.settle_down()
    assert told("message.held_back") == []


def test_if_telling_fails_it_is_owed_and_told_later(make: Make, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket()
    assign_ticket(ticket, alice, by=INTEGRATION)
    with monkeypatch.context() as broken:
        broken.setattr("tickets.reactions.tell_people", lambda events: 1 / 0)
        while sequence_events():
            pass
    assert not Notice.objects.exists()
    assert Delivery.objects.filter(reaction="tickets.reactions.tell_whom_it_concerns").exists()
    carry()
    assert told("ticket.assigned") == [alice]


def test_many_events_cost_as_many_statements_as_one(make: Make, alice: User, bob: User) -> None:
    def cost(number: int) -> int:
        events = []
        for _ in range(number):
            ticket = make.ticket()
            assign_ticket(ticket, alice, by=Actor.staff(bob))
            events.append(make.last(ticket, "ticket.assigned"))
        with CaptureQueriesContext(connection) as asked:
            tell_whom_it_concerns(events)
        return len([one for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    assert cost(1) == cost(8) <= 5


@pytest.mark.parametrize("way", [{"desk": False}, {"desk": True}])
def test_a_policys_mail_goes_whether_or_not_the_bell_is_wanted(make: Make, bob: User, way: Any) -> None:
    choose_channels({"ticket.escalated": way}, by=Actor.staff(bob))
    ticket = make.ticket()
    with time_machine.travel(ticket.created_at + TEN_MINUTES + timedelta(seconds=1), tick=False):
        make.settle_down()
    assert OutgoingMail.objects.filter(template="ticket.escalated", recipient_id=bob.pk).exists()
    assert told("ticket.escalated") == ([bob, bob] if way["desk"] else [])
