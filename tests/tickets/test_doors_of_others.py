"""What belongs to another shop, or to another team in private, is not there: by no address of the API and of the desk."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from customers.files import store_bytes
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.ids import new_id
from servicedesk.models import User
from servicedesk.permissions import SCOPE_PERMISSIONS
from servicedesk.remembered_keys import forget_keys
from tests.make import Make
from tickets.actions.conversing import Words, add_note
from tickets.attachments import Upload
from tickets.following import follow_token
from tickets.models import Macro, Ticket
from tickets.views.acts import VERBS

OURS = ("/api/v1/tickets/{id}/", "/api/v1/customers/{id}/", "/api/v1/attachments/{id}/")
BODIES: dict[str, Any] = {
    "/assign/": {"assignee": None},
    "/snooze/": {"until": "2099-01-01T00:00:00Z"},
    "/merge/": {"into": str(new_id())},
    "/link/": {"other": str(new_id())},
    "/unlink/": {"other": str(new_id())},
    "/messages/": {"body": "seen", "visibility": "internal"},
    "/draft/": {"body": "seen"},
    "/warnings/": {"body": "seen"},
    "/reveal/": {"fields": ["email"], "reason": "other"},
}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forget_keys()
    cache.clear()
    yield
    forget_keys()
    cache.clear()


@pytest.fixture
def theirs(make: Make) -> Ticket:
    """In the main shop, with a private team, and a note with a file."""
    ticket = make.ticket(team=make.team("Complaints", is_private=True))
    file = Upload("secret.txt", "text/plain", store_bytes(b"secret"))
    add_note(ticket, Words("secret", (file,)), by=SYSTEM)
    return ticket


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture(params=["a key of another shop", "an agent of another shop", "an agent of another team"])
def stranger(request: pytest.FixtureRequest, make: Make) -> Client:
    if request.param == "an agent of another team":
        return signed_in(make.user(team=make.team("Bags")))
    shop = make.shop("other")
    if request.param == "an agent of another shop":
        user = make.user(sees_every_shop=False)
        user.shops.add(shop)
        return signed_in(user)
    key = issue_api_key(integration="theirs", scopes=list(SCOPE_PERMISSIONS), shops=[shop.pk], by=SYSTEM)
    return Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})


def operations() -> Iterator[tuple[str, str]]:
    for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        if path.startswith(OURS):
            yield from ((method, path) for method in methods)


def test_every_operation_of_the_api_on_somebody_elses_row_finds_nothing(
    theirs: Ticket, stranger: Client, request: pytest.FixtureRequest
) -> None:
    message = theirs.messages.get(visibility="internal")
    private_only = "another team" in request.node.callspec.params["stranger"]
    wrong, tried = [], 0
    for method, pattern in operations():
        ids = {"tickets": theirs.pk, "customers": theirs.customer_id, "attachments": message.attachments.get().pk}
        noun = pattern.split("/")[3]
        if private_only and noun == "customers":
            continue  # customers belong to shops, not to teams
        path = pattern.replace("{id}", str(ids[noun])).replace("{metric}", "resolution")
        path = path.replace("{message_id}", str(message.pk))
        if noun == "tickets" and path.endswith("/attachments/"):
            answer = stranger.post(path, {"file": SimpleUploadedFile("a.txt", b"words")})
        else:
            body = next((body for end, body in BODIES.items() if path.endswith(end)), {})
            answer = stranger.generic(method.upper(), path, json.dumps(body), "application/json")
        tried += 1
        if answer.status_code not in {403, 404} or b"secret" in answer.content:
            wrong.append((method, pattern, answer.status_code, answer.content[:200]))
    assert not wrong
    assert tried >= 18


def test_lists_and_searches_leave_it_out(theirs: Ticket, stranger: Client) -> None:
    for path in ("tickets/", f"tickets/?customer={theirs.customer_id}", "tickets/?q=secret"):
        assert stranger.get(f"/api/v1/{path}").json()["results"] == [], path
    found = stranger.post("/api/v1/search/", {"q": "secret"}, content_type="application/json")
    assert found.json()["results"] == []


def test_a_macro_is_not_applied_to_it(theirs: Ticket, stranger: Client) -> None:
    macro = Macro.objects.create(name="Hello", texts={"en": "Hello {{customer.name}}"})
    body = {"ticket": str(theirs.pk), "send": False}
    answer = stranger.post(f"/api/v1/macros/{macro.pk}/apply/", body, content_type="application/json")
    assert answer.status_code == 422


def test_no_page_of_the_desk_opens_it(theirs: Ticket, make: Make) -> None:
    shop = make.shop("other")
    elsewhere = make.user(sees_every_shop=False)
    elsewhere.shops.add(shop)
    for user in (elsewhere, make.user(team=make.team("Bags"))):
        desk, page = signed_in(user), f"/desk/tickets/{theirs.number}/"
        message = theirs.messages.get(visibility="internal")
        for path in (
            page,
            f"{page}news/",
            f"{page}clocks/resolution/",
            f"/desk/attachments/{message.attachments.get().pk}/",
        ):
            assert desk.get(path).status_code == 404, path
        for path in (*(f"{page}{verb}/" for verb in VERBS), f"/desk/messages/{message.pk}/undo/"):
            assert desk.post(path, {"body": "x", "reason": "other"}).status_code == 404, path
        assert theirs.number not in desk.get("/desk/?view=all").content.decode()


def test_a_customers_link_opens_their_ticket_only(theirs: Ticket, make: Make) -> None:
    mine, browser = make.ticket(), Client()
    assert browser.get(f"/help/follow/{follow_token(mine)}/", follow=True).status_code == 200
    file = theirs.messages.get(visibility="internal").attachments.get()
    own_note = Upload("secret.txt", "text/plain", store_bytes(b"secret"))
    hidden = add_note(mine, Words("secret", (own_note,)), by=Actor.staff(make.user())).attachments.get()
    assert "secret" not in browser.get(f"/help/tickets/{mine.number}/").content.decode()
    for path in (
        f"/help/tickets/{theirs.number}/",
        f"/help/tickets/{theirs.number}/files/{file.pk}/",
        f"/help/tickets/{mine.number}/files/{file.pk}/",
        f"/help/tickets/{mine.number}/files/{hidden.pk}/",
    ):
        assert browser.get(path).status_code == 404, path
