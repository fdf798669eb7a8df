"""What a page takes in is bounded before any of it is read: Django reads forms before it asks a view."""

from typing import Any, NoReturn

import pytest
from django.core.cache import cache
from django.test import Client

from servicedesk.models import User
from servicedesk.pages import doors
from servicedesk.pages.limits import network_of
from tests.make import Make
from tickets.following import follow_token

MB = 1_048_576
ASK = "/help/ask/"


class Touched(Exception):
    """Somebody read the body."""


class Untouchable:
    def read(self, *_: object) -> NoReturn:
        raise Touched

    readline = read


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    cache.clear()


def send(client: Client, path: str, size: int, **headers: str) -> Any:
    """A form of this size, which nobody may begin to read."""
    facts: dict[str, Any] = {
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": str(size),
        "wsgi.input": Untouchable(),
    }
    return client.generic("POST", path, headers=headers, **facts)


@pytest.mark.parametrize(("path", "size"), [(ASK, 37), ("/accounts/login/", 2), ("/desk/tickets/T-1/reply/", 2)])
def test_what_is_too_large_is_refused_before_a_byte_is_read(make: Make, path: str, size: int) -> None:
    answer = send(Client(), path, size * MB)
    assert answer.status_code == 413
    assert "Go back: your text is still there" in answer.content.decode()


def test_a_customers_link_opens_no_larger_door(client: Client, make: Make) -> None:
    ticket = make.ticket("open")
    client.get(f"/help/follow/{follow_token(ticket)}/")
    assert send(client, f"/help/tickets/{ticket.number}/", 37 * MB).status_code == 413


def test_files_within_the_bound_are_read(client: Client, alice: User, make: Make) -> None:
    with pytest.raises(Touched):
        send(client, ASK, 30 * MB)
    client.force_login(alice)
    reply = f"/desk/tickets/{make.ticket().number}/reply/"
    with pytest.raises(Touched):
        send(client, reply, 30 * MB)
    assert send(client, reply, 37 * MB).status_code == 413


def test_htmx_is_told_in_a_message(client: Client, alice: User) -> None:
    client.force_login(alice)
    answer = send(client, "/desk/tickets/T-1/reply/", 37 * MB, **{"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (413, "#toasts")


def test_one_address_is_counted_before_its_form_is_read(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "FORMS_PER_HOUR", 3)
    # Not even a token is needed to have a form read.
    strict = Client(enforce_csrf_checks=True)
    assert [strict.post(ASK, {"subject": "x"}).status_code for _ in range(3)] == [403, 403, 403]
    refused = send(Client(), ASK, 30 * MB)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert "Too many requests" in refused.content.decode()
    with pytest.raises(Touched):
        send(Client(REMOTE_ADDR="203.0.113.9"), ASK, 30 * MB)
    assert Client().get(ASK).status_code == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_network_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
