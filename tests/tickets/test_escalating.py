"""The steps of a policy: each kind does what it says, before the due time and after it, once."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from servicedesk.clock import now
from servicedesk.models import Notice, User
from tests.make import INTEGRATION, Make
from tickets.actions.policies import PolicyDraft, create_policy
from tickets.actions.routing import assign_ticket
from tickets.models import Author, Message, Ticket

pytestmark = pytest.mark.django_db

DUE = timedelta(minutes=10)
BEFORE, AFTER = -300, 300


def escalated(
    make: Make, action: str, params: dict[str, Any] | None = None, offset: int = AFTER, **facts: Any
) -> Ticket:
    """A ticket nobody answered, twenty minutes old: the step was reached."""
    step = {"metric": "first_response", "offset_seconds": offset, "action": action, "params": params or {}}
    create_policy(PolicyDraft("Strict", targets={"first_response": 600}, escalations=[step]), by=INTEGRATION)
    assignee = facts.pop("assignee", None)
    ticket = make.ticket(**facts)
    if assignee is not None:
        assign_ticket(ticket, assignee, by=INTEGRATION)
    make.settle_down()
    for minutes in (4, 6, 9, 11, 14, 16, 20):
        with time_machine.travel(ticket.created_at + timedelta(minutes=minutes), tick=False):
            make.settle_down()
    return Ticket.objects.get(pk=ticket.pk)


def told(ticket: Ticket) -> list[User]:
    rows = Notice.objects.filter(subject_id=ticket.pk, kind="ticket.escalated")
    return [one.user for one in rows.select_related("user")]


@pytest.mark.parametrize("offset", [BEFORE, 0, AFTER])
def test_a_step_is_done_once_at_its_moment(make: Make, alice: User, offset: int) -> None:
    ticket = escalated(make, "notify_assignee", offset=offset, assignee=alice)
    assert told(ticket) == [alice]
    assert make.told(ticket).count("ticket.escalated") == 1
    moments = (make.last(ticket, "clock.step_reached").at, ticket.created_at + DUE + timedelta(seconds=offset))
    assert moments[0] == moments[1]


def test_with_nobody_on_it_the_managers_are_told(make: Make, bob: User) -> None:
    assert told(escalated(make, "notify_assignee")) == [bob]


def test_a_team_is_told_and_nobody_else(make: Make, alice: User, bob: User, charlie: User) -> None:
    assert set(told(escalated(make, "notify_team", team=alice.team))) == {alice, bob}


def test_the_teams_own_manager_is_told_before_others(make: Make, bob: User) -> None:
    make.user(User.Role.MANAGER)
    assert told(escalated(make, "notify_manager", team=bob.team)) == [bob]


@pytest.mark.parametrize(
    ("before", "params", "after"),
    [
        ("normal", {}, "high"),
        ("normal", {"to": "urgent"}, "urgent"),
        ("urgent", {"to": "high"}, "urgent"),
        ("urgent", {}, "urgent"),
    ],
)
def test_the_priority_is_raised_and_never_lowered(make: Make, before: str, params: dict[str, str], after: str) -> None:
    assert escalated(make, "raise_priority", params, priority=before).priority == after


def test_it_goes_to_another_agent_who_is_there(make: Make, alice: User) -> None:
    idle = make.user(present=True)
    User.objects.filter(pk=idle.pk).update(presence_until=now() + timedelta(hours=1))
    assert escalated(make, "reassign", assignee=alice).assignee_id == idle.pk


def test_with_nobody_free_it_stays_where_it_is(make: Make, alice: User) -> None:
    assert escalated(make, "reassign", assignee=alice).assignee_id == alice.pk


@pytest.mark.parametrize(
    ("language", "words"), [("zh-hans", "稍等"), ("zh-CN", "稍等"), ("de", "稍等"), ("en", "Soon")]
)
def test_the_customer_hears_in_their_language_and_it_is_no_response(make: Make, language: str, words: str) -> None:
    texts = {"text": {"en": "Soon", "zh-hans": "稍等"}}
    ticket = escalated(make, "message_customer", texts, language=language, customer=make.customer(language=language))
    message = Message.objects.get(ticket=ticket, author=Author.BOT)
    assert (message.body, ticket.first_responded_at) == (words, None)


def test_a_machine_is_never_written_to_automatically(make: Make) -> None:
    ticket = escalated(make, "message_customer", {"text": {"en": "Soon"}}, is_from_machine=True)
    assert not Message.objects.filter(ticket=ticket, author=Author.BOT).exists()
    assert "ticket.escalated" not in make.told(ticket)


def test_what_was_settled_meanwhile_is_left_in_peace(make: Make, alice: User) -> None:
    step = {"metric": "resolution", "offset_seconds": BEFORE, "action": "notify_assignee"}
    create_policy(PolicyDraft("Strict", escalations=[step]), by=INTEGRATION)
    ticket = make.ticket("solved")
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        make.settle_down()
    assert "ticket.escalated" not in make.told(ticket)
