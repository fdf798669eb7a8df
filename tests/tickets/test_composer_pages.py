"""The composer's page: what is looked at before sending, what `/` and `@` list, what comes back when it is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from customers.models import Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.models import User
from tests.make import Make
from tickets.actions.conversing import Words, post_reply
from tickets.actions.drafts import Unsent, save_draft
from tickets.actions.macros import MacroDraft, save_macro
from tickets.models import Attachment, Macro, Mention, Message, Ticket

HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def page_of(desk: Client, ticket: Ticket, path: str = "", data: Any = None) -> Any:
    address = f"/desk/tickets/{ticket.number}/{path}"
    return desk.get(address) if data is None else desk.post(address, data, headers=HTMX)


def test_the_page_asks_for_a_second_look_and_sends_anyway(desk: Client, make: Make, dana: Customer) -> None:
    ticket, text = make.ticket(customer=dana, body="My strap broke after two days."), "Dear Dana, ask eve@example.com."
    make.customer("Eve", "eve@example.com")
    file = SimpleUploadedFile("a.txt", b"content", "text/plain")
    data = {"visibility": "public", "body": text}
    asked = page_of(desk, ticket, "reply/", data | {"then": "solve", "attachments": [file]})
    page = asked.content.decode()
    assert asked.status_code == 422
    assert "another customer" in page
    assert 'name="anyway" value="solve"' in page
    assert not Message.objects.filter(ticket=ticket, author="agent").exists()
    kept = Attachment.objects.get()
    assert f'name="uploaded" value="{kept.pk}"' in page
    again = page_of(desk, ticket, "reply/", data | {"anyway": "solve", "uploaded": [str(kept.pk)]})
    assert again.status_code == 200
    assert "another customer" not in again.content.decode()
    message = Message.objects.get(ticket=ticket, author="agent")
    assert (message.then, list(message.attachments.all())) == ("solve", [kept])


def test_what_is_only_vague_leaves_and_is_said_while_it_can_be_taken_back(
    desk: Client, make: Make, dana: Customer
) -> None:
    ticket = make.ticket(customer=dana, body="My strap broke after two days.")
    answer = page_of(desk, ticket, "reply/", {"visibility": "public", "body": "Maybe."})
    assert answer.status_code == 200
    assert "This sounds vague. Say what will happen, and by when. (" in answer.content.decode()
    assert "the customer&#x27;s name is not in it" in answer.content.decode()
    assert Message.objects.get(ticket=ticket, author="agent").delivery == "waiting"
    assert page_of(desk, ticket, "reply/", {"visibility": "internal", "body": "Maybe."}).status_code == 200


def test_the_page_schedules_in_the_persons_own_time_zone(desk: Client, make: Make, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(time_zone="Asia/Tokyo")
    ticket = make.ticket()
    data = {"visibility": "public", "body": "Good morning", "later": "2099-01-05T09:00", "anyway": "1"}
    page = page_of(desk, ticket, "reply/", data).content.decode()
    message = Message.objects.get(ticket=ticket, author="agent")
    assert message.leaves_at == datetime(2099, 1, 5, 0, 0, tzinfo=UTC)
    assert "Send now" in page
    assert desk.post(f"/desk/messages/{message.pk}/send-now/", headers=HTMX).status_code == 200
    assert Message.objects.get(pk=message.pk).delivery != "scheduled"


def test_what_was_chosen_is_meant_in_the_zone_of_the_browser(desk: Client, make: Make) -> None:
    ticket = make.ticket()
    chosen = {"later": "chosen", "leaves_at": "2099-01-05T09:00", "zone": "America/New_York"}
    page_of(desk, ticket, "reply/", {"visibility": "public", "body": "Good morning", "anyway": "1", **chosen})
    message = Message.objects.get(ticket=ticket, author="agent")
    assert message.leaves_at == datetime(2099, 1, 5, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize("data", [{"later": "chosen"}, {"later": "2001-01-01T09:00"}, {"later": "tomorrow"}])
def test_a_moment_that_is_none_or_over_is_refused_and_nothing_lost(
    desk: Client, make: Make, data: dict[str, str]
) -> None:
    ticket = make.ticket()
    answer = page_of(desk, ticket, "reply/", {"visibility": "public", "body": "Good morning", "anyway": "1", **data})
    assert answer.status_code == 422
    assert "Good morning</textarea>" in answer.content.decode()
    assert not Message.objects.filter(ticket=ticket, author="agent").exists()


def test_only_who_is_still_named_is_mentioned(desk: Client, make: Make, bob: User) -> None:
    ticket, carol = make.ticket(), make.user(name="Carol")
    data = {"visibility": "internal", "body": "@Bob, look", "mentions": [str(bob.pk), str(carol.pk)]}
    page_of(desk, ticket, "reply/", data)
    assert [one.user for one in Mention.objects.all()] == [bob]


def test_the_lists_of_the_composer(desk: Client, make: Make, charlie: User, dana: Customer) -> None:
    ticket = make.ticket(customer=dana, language="en")
    actions = [{"action": "tag", "params": {"tags": ["late"]}}]
    macro = save_macro(MacroDraft("Sorry", texts={"en": "Dear {{customer_name}}"}, actions=actions), by=SYSTEM)
    save_macro(MacroDraft("Off", texts={"en": "x"}, is_active=False), by=SYSTEM)
    shown = page_of(desk, ticket, "macros/").content.decode()
    assert "Dear Dana Weiß" in shown
    assert "tag late" in shown
    assert "Off" not in shown
    assert 'data-text="Dear Dana Weiß"' in page_of(desk, ticket, f"macros/{macro.pk}/").content.decode()
    assert page_of(desk, make.ticket(), f"macros/{Macro.objects.get(name='Off').pk}/").status_code == 404
    people = page_of(desk, ticket, "people/").content.decode()
    assert "Charlie" in people
    assert "Alice" not in people
    private = make.ticket(team=charlie.team)
    assert page_of(desk, private, "macros/").status_code == 404
    assert page_of(desk, private, "people/").status_code == 404


def test_a_macro_without_a_text_is_done_at_once(desk: Client, make: Make) -> None:
    ticket = make.ticket()
    actions = [{"action": "priority", "params": {"priority": "high"}}]
    macro = save_macro(MacroDraft("Hurry", actions=actions), by=SYSTEM)
    assert page_of(desk, ticket, "macro/", {"macro": str(macro.pk)}).status_code == 200
    assert Ticket.objects.get(pk=ticket.pk).priority == "high"


def test_a_scheduled_reply_stands_at_the_end_and_says_what_came_before_it(
    desk: Client, make: Make, alice: User
) -> None:
    ticket = make.ticket()
    post_reply(ticket, Words("For tomorrow"), by=Actor.staff(alice), leaves_at=now() + timedelta(hours=1))
    make.answer(ticket, "Forget it")
    page = page_of(desk, ticket).content.decode()
    assert "a reply of Alice was scheduled" in page
    assert page.index("Forget it") < page.index("For tomorrow")


def test_the_composer_alone_shows_the_newest_draft(desk: Client, make: Make, alice: User, charlie: User) -> None:
    ticket = make.ticket()
    save_draft(ticket, Unsent("From the other window"), by=Actor.staff(alice))
    page = page_of(desk, ticket, "composer/").content.decode()
    assert "From the other window</textarea>" in page
    assert "<html" not in page
    assert page_of(desk, make.ticket(team=charlie.team), "composer/").status_code == 404
