"""The bell and its pages, and the doors of programs: a person's own, and nobody else's."""

import re
from typing import Any

import pytest
from django.test import Client

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.events import record
from servicedesk.models import Notice, User
from servicedesk.notices.choosing import choices_of
from servicedesk.notices.telling import Telling, notify, notify_all
from tests.make import Make
from tickets.models import Ticket

KIND = "message.received"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def tell(ticket: Ticket, *people: User, kind: str = KIND, **changes: Any) -> Notice:
    notify(people, kind, record(kind, ticket, by=SYSTEM, changes=changes))
    return Notice.objects.filter(user=people[0]).latest("id")


@pytest.mark.parametrize("path", ["", "bell/", "newest/", "settings/"])
def test_notices_are_for_staff(client: Client, db: None, path: str) -> None:
    assert client.get(f"/desk/notices/{path}").headers["Location"].startswith("/accounts/login/")


def test_the_bell_answers_only_when_something_changed(desk: Client, make: Make, alice: User) -> None:
    ticket = make.ticket()
    tell(ticket, alice)
    first = desk.get("/desk/notices/bell/", {"has": "", "open": ""}).content.decode()
    assert ">1</b>" in first
    # As the page is made nothing is news yet: it is not said.
    assert "bell-said" not in first
    [state] = re.findall(r'data-state="([^"]+)"', first)
    assert desk.get("/desk/notices/bell/", {"has": state}).status_code == 204
    tell(ticket, alice)
    later = desk.get("/desk/notices/bell/", {"has": state}).content.decode()
    assert "2 unread notifications" in later
    assert 'id="bell-said" hx-swap-oob="innerHTML"' in later


def test_the_bell_knows_that_the_open_ticket_is_meant(desk: Client, make: Make, alice: User) -> None:
    ticket = make.ticket()
    tell(ticket, alice)
    shown = {"open": str(ticket.pk)}
    assert "data-about-open" in desk.get("/desk/notices/bell/", shown).content.decode()
    assert "data-about-open" not in desk.get("/desk/notices/bell/", {"open": "x"}).content.decode()
    assert desk.post("/desk/notices/read/", {"subject": str(ticket.pk)}, headers=HTMX).status_code == 204
    assert "data-about-open" not in desk.get("/desk/notices/bell/", shown).content.decode()


def test_a_notice_leads_to_its_message_and_is_read_by_that(desk: Client, make: Make, alice: User) -> None:
    ticket = make.ticket()
    message = ticket.messages.get()
    notice = tell(ticket, alice, message=str(message.pk))
    answer = desk.get(f"/desk/notices/{notice.pk}/")
    assert answer.headers["Location"] == f"/desk/tickets/{ticket.number}/#m-{message.pk}"
    assert Notice.objects.get().read_at is not None
    plain = tell(ticket, alice, kind="clock.warned", metric="resolution")
    assert desk.get(f"/desk/notices/{plain.pk}/").headers["Location"] == f"/desk/tickets/{ticket.number}/"


def test_anothers_notice_is_not_there(desk: Client, make: Make, bob: User) -> None:
    notice = tell(make.ticket(), bob)
    assert desk.get(f"/desk/notices/{notice.pk}/").status_code == 404
    assert Notice.objects.get().read_at is None
    assert "The customer answered" not in desk.get("/desk/notices/").content.decode()


def test_all_are_listed_newest_first_and_marked_read_at_once(desk: Client, make: Make, alice: User) -> None:
    ticket = make.ticket()
    notify_all([Telling(KIND, record(KIND, ticket, by=SYSTEM), [alice]) for _ in range(60)])
    page = desk.get("/desk/notices/").content.decode()
    assert page.count("The customer answered") == 50
    [more] = re.findall(r'href="(/desk/notices/\?after=[^"]+)"', page)
    assert desk.get(more).content.decode().count("The customer answered") == 10
    assert desk.get("/desk/notices/?after=made-up").status_code == 400
    assert desk.post("/desk/notices/read/").headers["Location"] == "/desk/notices/"
    assert not Notice.objects.unread().exists()


def test_the_list_under_the_bell_costs_the_same_however_long(
    desk: Client, make: Make, alice: User, django_assert_max_num_queries: Any
) -> None:
    ticket = make.ticket()
    desk.get("/desk/notices/newest/")
    notify_all([Telling(KIND, record(KIND, ticket, by=SYSTEM), [alice]) for _ in range(30)])
    with django_assert_max_num_queries(3):
        found = desk.get("/desk/notices/newest/", headers=HTMX).content.decode()
    assert found.count("The customer answered") == 12
    assert desk.post("/desk/notices/read/", headers=HTMX).content.decode().count("is-unread") == 0


def test_the_desk_itself_asks_nothing_more_for_its_bell(desk: Client, make: Make, alice: User) -> None:
    tell(make.ticket(), alice)
    page = desk.get("/desk/").content.decode()
    assert 'hx-get="/desk/notices/bell/"' in page
    assert "bell-count num" not in page


def test_preferences_are_chosen_by_form(desk: Client, alice: User) -> None:
    page = desk.get("/desk/notices/settings/").content.decode()
    assert 'name="message.received-sound"' in page
    # Nobody tells an agent of what their team misses.
    assert "clock.breached_in_team" not in page
    data = {f"{one.kind.code}-digest": "off" for one in choices_of(Actor.staff(alice)).choices}
    data |= {"message.received-desk": "on", "message.received-sound": "on", "message.received-digest": "daily"}
    assert desk.post("/desk/notices/settings/", data).status_code == 302
    chosen = {one.kind.code: one.channels for one in choices_of(Actor.staff(alice)).choices}
    received, mentioned = chosen["message.received"], chosen["message.mentioned"]
    assert (received.desk, received.browser, received.sound, received.digest) == (True, False, True, "daily")
    assert mentioned.is_silent
    assert desk.post("/desk/notices/settings/", data | {"message.received-digest": "weekly"}).status_code == 422


# ------------------------------------------------------------------------------------------------ programs


def post(client: Client, path: str) -> Any:
    return client.post(path, {}, content_type="application/json")


def test_ones_own_are_read_by_rest(desk: Client, make: Make, alice: User, bob: User) -> None:
    ticket = make.ticket()
    first, second = tell(ticket, alice), tell(ticket, alice)
    tell(ticket, bob)
    answer = desk.get("/api/v1/notices/?limit=1").json()
    assert [one["id"] for one in answer["results"]] == [str(second.pk)]
    assert [one["id"] for one in desk.get(answer["next"]).json()["results"]] == [str(first.pk)]
    shown = answer["results"][0]
    assert shown["subject"] == {"type": "ticket", "id": str(ticket.pk), "number": ticket.number}
    assert (shown["kind"], shown["text"], shown["read_at"]) == (KIND, "The customer answered", None)
    assert post(desk, f"/api/v1/notices/{second.pk}/read/").json()["read_at"]
    unread = desk.get("/api/v1/notices/?unread=true").json()["results"]
    assert [one["id"] for one in unread] == [str(first.pk)]
    assert post(desk, "/api/v1/notices/read-all/").json() == {"read": 1}
    assert [one["id"] for one in desk.get("/api/v1/notices/?unread=false").json()["results"]] == [
        str(second.pk),
        str(first.pk),
    ]


def test_anothers_is_not_there_by_rest_either(desk: Client, make: Make, bob: User) -> None:
    notice = tell(make.ticket(), bob)
    assert desk.get(f"/api/v1/notices/{notice.pk}/").status_code == 404
    assert post(desk, f"/api/v1/notices/{notice.pk}/read/").status_code == 404


def test_preferences_are_read_and_changed_by_rest(desk: Client, alice: User) -> None:
    path = "/api/v1/notice-preferences/"
    answer = desk.get(path)
    tag = answer.headers["ETag"]
    lines = {line["kind"]: line for line in answer.json()["choices"]}
    assert lines[KIND]["title"] == "A customer answers on a ticket of yours"
    assert desk.get(path, headers={"If-None-Match": tag}).status_code == 304

    def patch(choices: Any, **headers: str) -> Any:
        return desk.patch(path, {"choices": choices}, content_type="application/json", headers=headers)

    changed = patch([{"kind": KIND, "sound": True}], **{"If-Match": tag})
    after = {line["kind"]: line for line in changed.json()["choices"]}
    assert after[KIND] == lines[KIND] | {"sound": True}
    assert patch([{"kind": KIND, "sound": False}], **{"If-Match": tag}).status_code == 412
    assert patch([{"kind": "no.such", "desk": True}]).status_code == 422
    assert patch([{"kind": KIND, "digest": "weekly"}]).status_code == 422
    assert patch([{"kind": "clock.breached_in_team", "desk": True}]).json()["errors"][0]["field"] == "kind"


def test_a_key_is_nobodys_person(make: Make) -> None:
    key = issue_api_key(integration="shop", scopes=["tickets:read", "tickets:write"], by=SYSTEM)
    api = Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})
    assert api.get("/api/v1/notices/").status_code == 403
    assert api.get("/api/v1/notice-preferences/").status_code == 403
    assert post(api, "/api/v1/notices/read-all/").status_code == 403
