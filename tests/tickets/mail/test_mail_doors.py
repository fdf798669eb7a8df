"""The two doors for raw mail: REST and the command that a mail server pipes into."""

import io
import os
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.models import Shop
from tests.make import Make
from tickets.models import Ticket

MAIL = b"From: Dana <dana@example.com>\r\nTo: support@shop.example\r\nMessage-ID: <1@x>\r\nSubject: Hi\r\n\r\nWhere?"
ADDRESS = "/api/v1/inbound/email/"


def post(key: str, body: bytes = MAIL, address: str = ADDRESS, **headers: str) -> Any:
    return Client().post(
        address, body, content_type="message/rfc822", headers={"Authorization": f"Bearer {key}", **headers}
    )


def key_with(*scopes: str) -> str:
    return issue_api_key(integration="mail server", scopes=list(scopes), by=SYSTEM).fresh_secret


@pytest.fixture
def key(make: Make) -> str:
    return key_with("mail:receive")


def test_a_new_mail_is_201_and_a_repeated_one_200(key: str) -> None:
    first = post(key)
    assert first.status_code == 201
    ticket = Ticket.objects.get()
    assert first.json() == {
        "outcome": "ticket",
        "reason": "",
        "ticket": str(ticket.pk),
        "number": ticket.number,
        "message": str(ticket.last_message_id),
    }
    again = post(key)
    assert again.status_code == 200
    assert again.json() == {**first.json(), "reason": "duplicate"}


def test_an_ignored_mail_is_200(key: str) -> None:
    answer = post(key, b"Auto-Submitted: auto-replied\r\n" + MAIL)
    assert answer.status_code == 200
    assert answer.json() == {
        "outcome": "ignored",
        "reason": "auto_reply",
        "ticket": None,
        "number": None,
        "message": None,
    }


def test_the_shop_can_be_named(key: str) -> None:
    shop = Shop.objects.create(code="bags", name="Bags")
    assert post(key, address=f"{ADDRESS}?shop=bags").status_code == 201
    assert Ticket.objects.get().shop == shop
    assert post(key, address=f"{ADDRESS}?shop=nowhere").status_code == 422


def test_more_than_35_mb_is_413_and_nothing_is_kept(key: str) -> None:
    answer = post(key, MAIL + b"x" * (35 * 1024 * 1024))
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Ticket.objects.exists()


def test_a_key_without_the_scope_is_403(make: Make) -> None:
    assert post(key_with("tickets:write")).status_code == 403


def test_another_content_type_is_415(key: str) -> None:
    answer = Client().post(
        ADDRESS, {"a": 1}, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 415


def test_an_idempotency_key_gives_the_first_answer_again(key: str) -> None:
    first, again = (post(key, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()


# ------------------------------------------------------------------------------------------------ the command


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def run(monkeypatch: pytest.MonkeyPatch, data: bytes, *args: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.stdin", Stdin(data))
    out = io.StringIO()
    try:
        call_command("receive_email", *args, stdout=out, stderr=out)
    except SystemExit as leaving:
        return int(leaving.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_takes_a_mail_in(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = run(monkeypatch, MAIL)
    assert status == 0
    assert said.strip() == f"ticket {Ticket.objects.get().number}"
    assert run(monkeypatch, b"Auto-Submitted: auto-replied\r\n\r\nx") == (0, "ignored auto_reply\n")


def test_the_command_asks_the_mail_server_to_try_again_while_the_database_is_away(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object, **facts: object) -> None:
        raise OperationalError("could not connect for dana@example.com")

    monkeypatch.setattr("tickets.management.commands.receive_email.receive_mail", away)
    status, said = run(monkeypatch, MAIL)
    assert status == os.EX_TEMPFAIL == 75
    assert "dana" not in said


def test_the_command_refuses_for_good_what_is_too_large(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, b"x" * (35 * 1024 * 1024 + 1))[0] == os.EX_DATAERR
    assert run(monkeypatch, MAIL, "--shop", "nowhere")[0] == os.EX_DATAERR


def test_the_answer_names_the_ticket_by_id(key: str) -> None:
    assert UUID(post(key).json()["ticket"]) == Ticket.objects.get().pk
