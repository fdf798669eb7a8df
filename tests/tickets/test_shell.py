"""The desk around the tickets: panes as each person draws them, the tour, the first message, the style guide."""

import pytest
from django.test import Client, override_settings

from servicedesk.models import User
from tests.make import Make


@pytest.fixture
def desk(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def test_widths_are_kept_with_the_person_and_stand_in_the_page(desk: Client, alice: User) -> None:
    assert "pane-widths" not in desk.get("/desk/").content.decode()
    assert desk.post("/desk/panes/", {"queue_width": "333", "context_width": ""}).status_code == 204
    alice.refresh_from_db()
    assert (alice.queue_width, alice.context_width) == (333, None)
    page = desk.get("/desk/").content.decode()
    assert "--queue-width: 333px" in page
    assert "--context-width" not in page


def test_widths_beyond_the_bounds_are_brought_within(desk: Client, alice: User) -> None:
    desk.post("/desk/panes/", {"queue_width": "9000", "context_width": "1"})
    alice.refresh_from_db()
    assert (alice.queue_width, alice.context_width) == (560, 220)


@pytest.mark.parametrize("width", ["wide", "-3", "1e9", "99999999999999999999"])
def test_what_is_no_width_is_refused_and_changes_nothing(desk: Client, alice: User, width: str) -> None:
    assert desk.post("/desk/panes/", {"queue_width": width}).status_code == 422
    alice.refresh_from_db()
    assert alice.queue_width is None


def test_a_newcomer_is_offered_the_tour_until_they_took_or_declined_it(desk: Client, alice: User) -> None:
    assert "tour-invitation" not in desk.get("/desk/").content.decode()
    User.objects.filter(pk=alice.pk).update(toured_at=None)
    assert "tour-invitation" in desk.get("/desk/").content.decode()
    assert desk.post("/desk/tour/").headers["Location"] == "/desk/"
    assert "tour-invitation" not in desk.get("/desk/").content.decode()
    alice.refresh_from_db()
    first = alice.toured_at
    assert desk.post("/desk/tour/", headers={"HX-Request": "true"}).content == b""
    alice.refresh_from_db()
    assert alice.toured_at == first


def test_an_empty_desk_says_how_to_send_the_first_message(desk: Client, make: Make) -> None:
    page = desk.get("/desk/?view=all").content.decode()
    assert "Send the first test message" in page
    assert "receive_email" in page
    make.ticket("solved")
    assert "Send the first test message" not in desk.get("/desk/?view=all").content.decode()
    assert "Send the first test message" not in desk.get("/desk/?view=mine").content.decode()


def test_the_style_guide_is_there_while_developing_and_only_then(desk: Client) -> None:
    assert desk.get("/desk/pieces/").status_code == 404
    with override_settings(DEBUG=True):
        assert desk.get("/desk/pieces/").status_code == 200


@pytest.mark.parametrize("path", ["/desk/panes/", "/desk/tour/"])
def test_both_are_for_staff(client: Client, db: None, path: str) -> None:
    assert client.post(path).headers["Location"].startswith("/accounts/login/")
