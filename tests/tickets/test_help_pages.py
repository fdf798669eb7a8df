"""The customers' pages: ask, follow by a signed link, answer; and what they keep to themselves."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import Shop, User
from servicedesk.shops import forget_shops
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, add_note
from tickets.actions.following import revoke_links
from tickets.actions.merging import merge_tickets
from tickets.actions.working import solve_ticket
from tickets.following import follow_token, follow_url
from tickets.models import Message, Ticket

ASK = "/help/ask/"
QUESTION = {
    "name": "Dana Weiß",
    "email": "dana@example.com",
    "phone": "",
    "order_number": "88231",
    "subject": "Strap broke",
    "body": "What can you do?",
    "website": "",
}


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


def follow(client: Client, ticket: Ticket) -> Any:
    return client.get(f"/help/follow/{follow_token(ticket)}/")


@pytest.fixture
def theirs(client: Client, make: Make) -> Ticket:
    """A ticket whose customer has opened its link in this browser."""
    ticket = make.ticket("open")
    follow(client, ticket)
    return ticket


# ------------------------------------------------------------------------------------------------ asking


def test_a_question_becomes_a_ticket_with_its_clocks(client: Client, make: Make) -> None:
    response = client.post(ASK, QUESTION, headers={"Accept-Language": "zh-TW"})
    assert (response.status_code, response.headers["Location"]) == (303, "/help/asked/")
    ticket = Ticket.objects.get()
    assert (ticket.subject, ticket.channel, ticket.language) == ("Strap broke", "web", "zh-hant")
    assert (ticket.order_number, ticket.customer.email) == ("88231", "dana@example.com")
    assert ticket.next_due_at == ticket.created_at + timedelta(minutes=10)
    assert ticket.number in client.get("/help/asked/").content.decode()


def test_asking_opens_nothing_to_who_asked(client: Client, make: Make) -> None:
    """Who fills in the form has not shown that the address is theirs."""
    client.post(ASK, QUESTION)
    assert client.get(f"/help/tickets/{Ticket.objects.get().number}/").status_code == 404


def test_a_phone_number_is_enough(client: Client, make: Make) -> None:
    assert client.post(ASK, QUESTION | {"email": "", "phone": "138 0013 8000"}).status_code == 303
    assert Ticket.objects.get().customer.phone.endswith("13800138000")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "", "phone": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "", "phone": "12"}, "phone"),
        ({"subject": " "}, "subject"),
        ({"body": ""}, "body"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client: Client, make: Make, wrong: dict[str, str], field: str) -> None:
    response = client.post(ASK, QUESTION | wrong)
    assert response.status_code == 422
    assert f'id="id_{field}-error"' in response.content.decode()
    assert not Ticket.objects.exists()


def test_what_was_written_is_not_lost_by_a_mistake(client: Client, make: Make) -> None:
    page = client.post(ASK, QUESTION | {"email": "nobody"}).content.decode()
    assert "What can you do?" in page


def test_a_robot_is_thanked_and_nothing_is_kept(client: Client, make: Make) -> None:
    response = client.post(ASK, QUESTION | {"website": "https://spam.example"})
    assert response.status_code == 200
    assert not Ticket.objects.exists()


def test_a_flood_from_one_address_is_stopped(client: Client, make: Make, settings: Any) -> None:
    settings.ASKS_PER_HOUR = 2
    codes = [client.post(ASK, QUESTION).status_code for _ in range(3)]
    assert codes == [303, 303, 429]
    assert Ticket.objects.count() == 2
    assert int(client.post(ASK, QUESTION).headers["Retry-After"]) <= 3600


def test_the_form_needs_its_token(make: Make) -> None:
    assert Client(enforce_csrf_checks=True).post(ASK, QUESTION).status_code == 403


def test_files_come_with_the_question(client: Client, make: Make) -> None:
    photo = SimpleUploadedFile("photo.txt", b"looks like this", "text/plain")
    client.post(ASK, QUESTION | {"attachments": [photo]})
    assert Message.objects.get().attachments.get().name == "photo.txt"


def test_the_page_wears_the_shops_colours(client: Client, make: Make) -> None:
    Shop.objects.create(code="lake", name="Linden & Lake", slogan="Bags that outlive the trip", color="#123abc")
    forget_shops()
    response = client.get(f"{ASK}?shop=lake")
    page = response.content.decode()
    assert "--brand: #123abc" in page
    assert "Bags that outlive the trip" in page
    assert "Linden &amp; Lake" in page
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert client.get(f"{ASK}?shop=unknown").status_code == 404


# ------------------------------------------------------------------------------------------------ following


def test_a_link_becomes_a_cookie_and_its_address_is_left_behind(client: Client, make: Make) -> None:
    ticket = make.ticket("open")
    assert follow_url(ticket).endswith(f"/help/follow/{follow_token(ticket)}/")
    response = follow(client, ticket)
    assert response.headers["Location"] == f"/help/tickets/{ticket.number}/"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    cookie = response.cookies["followed"]
    assert (cookie["path"], cookie["samesite"], bool(cookie["httponly"])) == ("/help/", "Lax", True)
    page = client.get(response.headers["Location"]).content.decode()
    assert "We are sorry." in page
    assert follow_token(ticket) not in page


def test_without_the_link_there_is_nothing(client: Client, make: Make) -> None:
    response = client.get(f"/help/tickets/{make.ticket().number}/")
    assert response.status_code == 404
    assert "opens with the link that we sent you" in response.content.decode()


def test_an_altered_link_does_not_open(client: Client, make: Make) -> None:
    one, other = follow_token(make.ticket()), follow_token(make.ticket())
    mixed = one.split(":")[0] + ":" + other.split(":")[1]
    assert client.get(f"/help/follow/{mixed}/").status_code == 410


def test_notes_and_replies_still_waiting_are_not_shown(client: Client, make: Make, theirs: Ticket, alice: User) -> None:
    add_note(theirs, Words("Known batch."), by=Actor.staff(alice))
    make.reply(theirs, "Not yet gone.", by=Actor.staff(alice))
    page = client.get(f"/help/tickets/{theirs.number}/").content.decode()
    assert "Known batch." not in page
    assert "Not yet gone." not in page


def test_an_answer_reaches_the_desk_and_reopens(client: Client, make: Make, theirs: Ticket) -> None:
    solve_ticket(theirs, by=INTEGRATION)
    response = client.post(f"/help/tickets/{theirs.number}/", {"body": "It broke again."})
    assert response.status_code == 303
    again = Ticket.objects.get(pk=theirs.pk)
    assert (again.status, again.last_message.body) == ("open", "It broke again.")
    assert "It broke again." in client.get(f"/help/tickets/{theirs.number}/").content.decode()


def test_an_answer_too_late_begins_another_ticket_that_opens_here_too(
    client: Client, make: Make, theirs: Ticket
) -> None:
    solve_ticket(theirs, by=INTEGRATION)
    with time_machine.travel(now() + timedelta(days=8)):
        response = client.post(f"/help/tickets/{theirs.number}/", {"body": "Once more."})
        follow_up = Ticket.objects.get(follows=theirs)
        assert response.headers["Location"] == f"/help/tickets/{follow_up.number}/#end"
        assert "Once more." in client.get(f"/help/tickets/{follow_up.number}/").content.decode()


def test_an_empty_answer_says_so(client: Client, theirs: Ticket) -> None:
    assert client.post(f"/help/tickets/{theirs.number}/", {"body": ""}).status_code == 422


def test_a_file_of_the_conversation_is_theirs_and_a_notes_is_not(
    client: Client, make: Make, theirs: Ticket, alice: User
) -> None:
    staff = Client()
    staff.force_login(alice)
    for visibility in ("public", "internal"):
        file = SimpleUploadedFile("a.txt", b"content", "text/plain")
        staff.post(
            f"/desk/tickets/{theirs.number}/reply/",
            {"visibility": visibility, "body": "See file.", "anyway": "1", "attachments": [file]},
        )
    with time_machine.travel(now() + timedelta(seconds=11)):
        make.settle_down()
    shown, hidden = (
        Message.objects.get(visibility=visibility, body__isnull=False, attachments__isnull=False).attachments.get()
        for visibility in ("public", "internal")
    )
    assert b"".join(client.get(f"/help/tickets/{theirs.number}/files/{shown.pk}/")) == b"content"
    assert client.get(f"/help/tickets/{theirs.number}/files/{hidden.pk}/").status_code == 404


def test_a_link_ends_thirty_days_after_solving(client: Client, make: Make, theirs: Ticket) -> None:
    solve_ticket(theirs, by=INTEGRATION)
    with time_machine.travel(now() + timedelta(days=29)):
        assert client.get(f"/help/tickets/{theirs.number}/").status_code == 200
    with time_machine.travel(now() + timedelta(days=31)):
        assert client.get(f"/help/tickets/{theirs.number}/").status_code == 404
        assert follow(client, theirs).status_code == 410


def test_a_link_to_a_merged_ticket_ends_with_the_one_it_was_merged_into(
    client: Client, make: Make, theirs: Ticket
) -> None:
    target = make.ticket("open", customer=theirs.customer)
    merge_tickets(theirs, into=target, by=INTEGRATION)
    assert follow(client, theirs).status_code == 302
    solve_ticket(target, by=INTEGRATION)
    with time_machine.travel(now() + timedelta(days=31)):
        assert follow(client, theirs).status_code == 410


def test_links_can_be_revoked_and_given_anew(client: Client, make: Make, theirs: Ticket, alice: User) -> None:
    revoke_links(theirs, by=Actor.staff(alice))
    assert client.get(f"/help/tickets/{theirs.number}/").status_code == 404
    follow(client, theirs)
    assert client.get(f"/help/tickets/{theirs.number}/").status_code == 200


def test_one_browser_follows_several(client: Client, make: Make, theirs: Ticket) -> None:
    other = make.ticket("open", subject="Zipper stuck")
    follow(client, other)
    page = client.get("/help/").content.decode()
    assert theirs.number in page
    assert "Zipper stuck" in page


def test_staff_is_named_and_customers_are_not_masked_to_themselves(
    client: Client, make: Make, theirs: Ticket, alice: User
) -> None:
    make.reply(theirs, "Hello from me.", by=Actor.staff(alice))
    with time_machine.travel(now() + timedelta(seconds=11)):
        make.settle_down()
    page = client.get(f"/help/tickets/{theirs.number}/").content.decode()
    assert "Alice, My shop" in page
