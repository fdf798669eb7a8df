"""Mail leaves once, by a real SMTP exchange, and every way in which it can fail is written down."""

import smtplib
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
import time_machine
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.mail import EmailMessage, get_connection
from django.db import connections, transaction

from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, NotAllowed
from servicedesk.ids import new_id
from servicedesk.mail import sending
from servicedesk.mail.letters import Letter, compose, is_signed, message_id, read_message_id, sign
from servicedesk.mail.outgoing import (
    TEMPLATES,
    Recipient,
    cancel,
    mail_status,
    mail_template,
    note_bounce,
    send_again,
    send_later,
)
from servicedesk.mail.sending import GIVE_UP_AFTER, LEASE, claim, finish, forget_old_mail, free_claims, send_due
from servicedesk.models import OutgoingMail
from servicedesk.shops import default_shop
from tests.ports import free_port

SOMEBODY = Recipient("customer", uuid.UUID(int=1))


class Inbox:
    """A mail server that keeps what it accepts, and answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.envelopes: list[Envelope] = []
        self.sessions: set[int] = set()
        self.answers: list[str] = []
        self.rcpt_answers: list[str] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.rcpt_answers.pop(0) if self.rcpt_answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer == "drop":
            assert server.transport is not None
            server.transport.close()
            return "250 lost"
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content))
            self.envelopes.append(envelope)
            self.sessions.add(id(session))
        return answer


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    handler = Inbox()
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_URL = "smtp://127.0.0.1"
    settings.EMAIL_TIMEOUT = 60
    yield handler
    controller.stop()


@pytest.fixture
def template() -> Iterator[Callable[[str], Any]]:
    """`test.hello`, which writes to an address that says its key; what it is told is kept."""
    told: list[tuple[str, str]] = []

    @mail_template("test.hello", told=lambda mail: told.append((mail.key, mail.state)))
    def hello(mail: OutgoingMail) -> EmailMessage | None:
        if mail.context.get("nothing"):
            return None
        if mail.context.get("stumble"):
            raise ValueError("dana@example.com")
        return compose(mail, Letter(to=f"{mail.key}@example.com", subject="Grüße 你好", text="Hello\n<b>你好</b>"))

    yield told  # type: ignore[misc]
    del TEMPLATES["test.hello"]


def queue(key: str = "a", **context: str | int) -> OutgoingMail:
    send_later("test.hello", SOMEBODY, key=key, context=context)
    return OutgoingMail.objects.get(key=key)


def test_what_a_killed_process_was_sending_can_be_made_due_at_once() -> None:
    mail = queue()
    assert claim() is not None
    assert claim() is None
    assert free_claims() == 1
    taken = claim()
    assert taken is not None
    assert taken.pk == mail.pk


def again(mail: OutgoingMail) -> OutgoingMail:
    return OutgoingMail.objects.get(pk=mail.pk)


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("template")]


# ------------------------------------------------------------------------------------------------ once


def test_a_mail_is_sent_and_written_down(inbox: Inbox) -> None:
    mail = queue()
    assert send_due() == 1
    [received] = inbox.mails
    sent = again(mail)
    assert (sent.state, sent.error, sent.attempts) == ("sent", "", 1)
    assert sent.sent_at is not None
    assert received["Message-ID"] == f"<{sent.message_id}>"
    assert read_message_id(received["Message-ID"]) == mail.pk
    assert send_due() == 0
    assert len(inbox.mails) == 1


def test_the_same_key_is_one_mail(inbox: Inbox) -> None:
    first, second = queue(), queue()
    assert first.pk == second.pk
    send_due()
    assert queue().state == "sent"
    assert send_due() == 0
    assert len(inbox.mails) == 1


def test_many_mails_share_one_connection(inbox: Inbox) -> None:
    for number in range(30):
        queue(f"k{number}")
    assert send_due() == 30
    assert len(inbox.sessions) == 1
    assert sorted(envelope.rcpt_tos[0] for envelope in inbox.envelopes) == sorted(
        f"k{n}@example.com" for n in range(30)
    )


def test_nothing_leaves_when_the_change_is_rolled_back(inbox: Inbox) -> None:
    with transaction.atomic():
        queue()
        transaction.set_rollback(True)
    assert send_due() == 0


def test_a_mail_is_taken_back_before_it_leaves_and_not_after(inbox: Inbox) -> None:
    queue("a")
    queue("b")
    assert cancel("a")
    assert send_due() == 1
    assert not cancel("b")
    assert [envelope.rcpt_tos for envelope in inbox.envelopes] == [["b@example.com"]]


def test_nothing_to_say_any_more_cancels(inbox: Inbox, template: list[Any]) -> None:
    mail = queue(nothing=1)
    assert send_due() == 0
    assert (again(mail).state, again(mail).error) == ("cancelled", "nothing_to_send")
    assert template == [("a", "cancelled")]


def test_an_unknown_template_is_refused_at_once() -> None:
    with pytest.raises(LookupError):
        send_later("no.such", SOMEBODY, key="a")


@pytest.mark.django_db(transaction=True)
def test_eight_senders_at_once_send_each_mail_once(inbox: Inbox) -> None:
    for number in range(60):
        queue(f"k{number}")
    errors: list[Exception] = []

    def run() -> None:
        try:
            send_due()
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(envelope.rcpt_tos[0] for envelope in inbox.envelopes) == sorted(
        f"k{n}@example.com" for n in range(60)
    )
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {"sent"}


# ------------------------------------------------------------------------------------------------ failures


def test_a_passing_refusal_is_tried_again_later(inbox: Inbox, template: list[Any]) -> None:
    mail = queue()
    inbox.answers = ["451 4.7.1 greylisted, dana@example.com"]
    assert send_due() == 0
    waiting = again(mail)
    assert (waiting.state, waiting.error, waiting.attempts) == ("queued", "smtp_451", 1)
    assert waiting.next_try_at > now()
    assert template == []
    with time_machine.travel(waiting.next_try_at + timedelta(seconds=1)):
        assert send_due() == 1
    assert len(inbox.mails) == 1
    assert template == [("a", "sent")]


@pytest.mark.parametrize("where", ["answers", "rcpt_answers"])
def test_a_refusal_for_good_is_a_failure(inbox: Inbox, template: list[Any], where: str) -> None:
    mail, other = queue("a"), queue("b")
    setattr(inbox, where, ["550 5.1.1 no such user a@example.com"])
    assert send_due() == 1
    assert (again(mail).state, again(mail).error) == ("failed", "smtp_550")
    assert again(other).state == "sent"
    assert ("a", "failed") in template


def test_retries_grow_and_end(inbox: Inbox, template: list[Any]) -> None:
    mail = queue()
    inbox.answers = ["451 not now"] * 50
    pauses = []
    moment = now()
    with time_machine.travel(moment, tick=False) as traveller:
        while again(mail).state == "queued":
            before = now()
            send_due()
            waits = again(mail).next_try_at - before
            if again(mail).state == "queued":
                pauses.append(waits)
                traveller.shift(waits + timedelta(seconds=1))
    assert pauses == sorted(pauses)
    assert len(pauses) >= 8
    assert sum(pauses, timedelta()) > timedelta(hours=12)
    assert again(mail).state == "failed"
    assert template == [("a", "failed")]


def test_a_connection_that_breaks_is_opened_anew(inbox: Inbox) -> None:
    broken, other = queue("a"), queue("b")
    inbox.answers = ["drop"]
    assert send_due() == 1
    assert again(broken).state == "queued"
    assert again(other).state == "sent"


def test_a_server_that_is_away_costs_no_try(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    mail = queue()
    assert send_due() == 0
    assert (again(mail).state, again(mail).attempts) == ("queued", 0)


def test_a_refused_login_costs_nobody_their_mail(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = queue()

    def refuse(self: Any) -> None:
        raise smtplib.SMTPAuthenticationError(535, b"no")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.smtp.EmailBackend.open", refuse)
        assert send_due() == 0
    assert again(mail).state == "queued"
    assert send_due() == 1


def test_a_template_that_stumbles_holds_up_nobody(inbox: Inbox) -> None:
    bad, good = queue("a", stumble=1), queue("b")
    assert send_due() == 1
    assert (again(bad).state, again(bad).error) == ("queued", "not_written:ValueError")
    assert again(good).state == "sent"


def test_a_sender_killed_between_claim_and_send_loses_nothing(inbox: Inbox) -> None:
    mail = queue()
    assert claim() is not None  # and then it dies
    assert send_due() == 0
    with time_machine.travel(now() + LEASE + timedelta(seconds=1)):
        assert send_due() == 1
    assert (again(mail).state, len(inbox.mails)) == ("sent", 1)


def test_a_sender_killed_after_the_250_sends_again_with_the_same_message_id(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue()
    with monkeypatch.context() as patch:
        patch.setattr(sending, "finish", lambda mail, result: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            send_due()
    with time_machine.travel(now() + LEASE + timedelta(seconds=1)):
        assert send_due() == 1
    first, second = inbox.mails
    assert first["Message-ID"] == second["Message-ID"]


def test_a_large_mail_is_held_longer(inbox: Inbox, template: list[Any]) -> None:
    @mail_template("test.hello")
    def large(mail: OutgoingMail) -> EmailMessage:
        message = compose(mail, Letter(to="a@example.com", subject="x", text="x"))
        message.attach("big.bin", b"x" * 5_000_000, "application/octet-stream")
        return message

    mail = queue()
    held = claim()
    assert held is not None
    sending.attempt(get_connection("django.core.mail.backends.locmem.EmailBackend"), held)
    assert again(mail).next_try_at > now() + 2 * LEASE


def test_who_lost_the_lease_does_not_overwrite_who_has_it(inbox: Inbox) -> None:
    mail = queue()
    slow = claim()
    assert slow is not None
    with time_machine.travel(now() + LEASE + timedelta(seconds=1)):
        assert send_due() == 1
    finish(slow, sending.Result("queued", "TimeoutError"))
    assert again(mail).state == "sent"


def test_without_a_server_mail_waits_and_is_given_up_after_days(settings: Any, template: list[Any]) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_URL = "django.core.mail.backends.smtp.EmailBackend", ""
    mail = queue()
    assert send_due() == 0
    assert again(mail).state == "queued"
    status = mail_status()
    assert (status.is_configured, status.waiting) == (False, 1)
    with time_machine.travel(now() + GIVE_UP_AFTER + timedelta(minutes=1)):
        assert send_due() == 0
    assert (again(mail).state, again(mail).error) == ("failed", "too_old")
    assert template == [("a", "failed")]


def test_what_went_well_long_ago_is_forgotten(inbox: Inbox) -> None:
    mail = queue()
    send_due()
    assert forget_old_mail() == 0
    with time_machine.travel(now() + timedelta(days=401)):
        assert forget_old_mail() == 1
    assert not OutgoingMail.objects.filter(pk=mail.pk).exists()


def test_a_bounce_is_noted_once(inbox: Inbox, template: list[Any]) -> None:
    mail = queue()
    assert note_bounce(mail.pk, "5.1.1") is None
    send_due()
    bounced = note_bounce(mail.pk, "5.1.1")
    assert bounced is not None
    assert (again(mail).state, again(mail).error) == ("bounced", "5.1.1")
    assert note_bounce(mail.pk, "5.1.1") is None
    assert template == [("a", "sent"), ("a", "bounced")]


def test_a_failed_mail_is_sent_again_by_who_may(inbox: Inbox) -> None:
    mail = queue()
    with pytest.raises(Conflict):
        send_again(mail, by=SYSTEM)
    inbox.answers = ["550 no"]
    send_due()
    with pytest.raises(NotAllowed):
        send_again(mail, by=Actor("staff", None))
    send_again(mail, by=SYSTEM)
    assert send_due() == 1
    assert again(mail).state == "sent"


# ------------------------------------------------------------------------------------------------ the letter


def test_a_letter_is_text_with_escaped_html_beside_it(inbox: Inbox) -> None:
    queue()
    send_due()
    [received] = inbox.mails
    text, html = (part.get_payload(decode=True) for part in received.walk() if not part.is_multipart())
    assert isinstance(text, bytes)
    assert isinstance(html, bytes)
    assert text.decode().split("\r\n")[:2] == ["Hello", "<b>你好</b>"]
    assert "&lt;b&gt;你好&lt;/b&gt;" in html.decode()
    assert "Auto-Submitted" not in received


def test_headers_cannot_be_smuggled_in() -> None:
    mail = OutgoingMail(key="a", template="test.hello", recipient_type="customer", recipient_id=uuid.UUID(int=1))
    letter = Letter(
        to="dana@example.com",
        subject="a\r\nBcc: x@example.com",
        text="x",
        shop=default_shop(),
        in_reply_to="1@x",
        references=["r@x", "1@x"],
        automatic="auto-replied",
        reply_to="support+t-1@shop.example",
    )
    message = compose(mail, letter).message()
    assert message["Bcc"] is None
    assert str(message["Subject"]) == "a Bcc: x@example.com"
    assert message["In-Reply-To"] == "<1@x>"
    assert message["References"] == "<r@x> <1@x>"
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Reply-To"] == "support+t-1@shop.example"


def test_a_message_id_that_we_did_not_sign_is_nobodys(settings: Any) -> None:
    mail_id = new_id()
    ours = message_id(mail_id, "support@shop.example")
    assert read_message_id(f"<{ours}>") == mail_id
    other = "a" if ours[33] != "a" else "b"
    assert read_message_id(ours[:33] + other + ours[34:]) is None
    assert read_message_id("anything@example.com") is None
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of more than thirty-two characters"
    assert read_message_id(ours) == mail_id
    assert is_signed("s", "v", sign("s", "v").upper())
