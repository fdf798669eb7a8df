"""What customers and staff get by mail, in their language, and how it comes back to the message."""

import io
from email.message import EmailMessage as ParsedEmail
from email.policy import SMTP
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail import EmailMultiAlternatives
from PIL import Image

from customers.models import ContactPoint, Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.events import record
from servicedesk.mail.outgoing import Recipient, note_bounce, send_later
from servicedesk.mail.sending import send_due
from servicedesk.models import OutgoingMail, User
from tests.make import Make
from tickets.actions.conversing import Words, add_note, post_reply
from tickets.attachments import keep_bytes
from tickets.channels.mail.receive import receive_mail
from tickets.models import Delivery, Message, Ticket


def sent(make: Make) -> list[EmailMultiAlternatives]:
    """Everything that leaves now."""
    make.settle_down()
    send_due()
    outbox: list[Any] = list(django_mail.outbox)
    django_mail.outbox.clear()
    return outbox


def incoming(make: Make, text: str, **fields: str) -> Ticket:
    message = ParsedEmail()
    message["From"] = fields.pop("From", "Dana <dana@example.com>")
    for name, value in {"Message-ID": "<1@example.com>", "Subject": "My order", **fields}.items():
        message[name] = value
    message.set_content(text)
    ticket = receive_mail(message.as_bytes(policy=SMTP), by=SYSTEM).ticket
    assert ticket is not None
    return ticket


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is my parcel?", ("Hello Dana,", "under the number")),
        ("我的订单什么时候发货？谢谢", ("Dana", "您好", "编号", "回复")),
        ("我的訂單什麼時候出貨？謝謝", ("Dana", "您好", "編號", "回覆")),
    ],
)
def test_a_customer_is_greeted_by_name_in_their_language_once(make: Make, text: str, words: tuple[str, ...]) -> None:
    ticket = incoming(make, text)
    [letter] = sent(make)
    assert letter.to == ["dana@example.com"]
    assert [word for word in words if word not in letter.body] == []
    assert ticket.number in letter.body
    assert "/help/follow/" in letter.body
    assert letter.extra_headers["Auto-Submitted"] == "auto-replied"
    assert letter.extra_headers["In-Reply-To"] == "<1@example.com>"
    assert letter.subject == f"Re: My order [{ticket.number}]"
    assert sent(make) == []


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "编号"), ("zh_TW", "編號"), ("en-GB", "under the number")])
def test_a_language_is_understood_as_other_systems_write_it(make: Make, language: str, words: str) -> None:
    make.ticket(customer=make.customer(language=language), language=language)
    [letter] = sent(make)
    assert words in str(letter.body)


@pytest.mark.parametrize("name", ["Win at https://bad.example/x", "www.bad.example", "write to x@bad.example"])
def test_nobody_is_greeted_with_an_advertisers_address(make: Make, name: str) -> None:
    incoming(make, "Where is my parcel?", From=f'"{name}" <dana@example.com>')
    (letter,) = sent(make)
    assert "bad.example" not in str(letter.body)
    assert str(letter.body).startswith("Hello,")


def test_machines_are_not_acknowledged(make: Make) -> None:
    incoming(make, "newsletter", Precedence="bulk")
    assert sent(make) == []


def test_a_reply_goes_into_the_customers_thread_and_the_answer_comes_back(make: Make) -> None:
    ticket = incoming(make, "Where is my parcel?")
    sent(make)
    reply = make.reply(ticket, "It left <today>.")
    assert reply.delivery == Delivery.QUEUED
    [letter] = sent(make)
    assert Message.objects.get(pk=reply.pk).delivery == Delivery.SENT
    assert letter.body.startswith("It left <today>.")
    assert "It left &lt;today&gt;." in str(letter.alternatives[0][0])
    assert "Auto-Submitted" not in letter.extra_headers
    [back] = letter.reply_to
    assert f"+t-{ticket.number_value}-" in back
    answer = incoming(make, "Thanks", To=back, **{"Message-ID": "<2@example.com>", "From": "dana@example.com"})
    assert answer == ticket
    make.reply(ticket, "You are welcome.")
    [second] = sent(make)
    assert second.extra_headers["In-Reply-To"] == "<2@example.com>"
    # the thread's own id comes first in both, so that the customer's program shows one conversation
    roots = {one.extra_headers["References"].split()[0] for one in (letter, second)}
    assert len(roots) == 1


def test_an_answer_that_only_keeps_the_references_comes_back_too(make: Make) -> None:
    ticket = incoming(make, "Where is my parcel?")
    [letter] = sent(make)
    ours = letter.extra_headers["Message-ID"]
    fields = {"Message-ID": "<2@example.com>", "In-Reply-To": ours, "To": "support@shop.example"}
    assert incoming(make, "Thanks", **fields) == ticket


def test_files_go_with_the_reply(make: Make) -> None:
    ticket = incoming(make, "Where is my parcel?")
    sent(make)
    data = io.BytesIO()
    Image.new("RGB", (2, 2)).save(data, "PNG")
    words = Words("See the picture", (keep_bytes("标签.png", data.getvalue()),))
    post_reply(ticket, words, by=SYSTEM)
    [letter] = sent(make)
    [attachment] = letter.attachments
    assert tuple(attachment) == ("标签.png", data.getvalue(), "image/png")


def test_notes_never_leave_the_desk(make: Make, bob: User) -> None:
    ticket = incoming(make, "Where is my parcel?")
    sent(make)
    add_note(ticket, Words("Difficult customer"), by=Actor.staff(bob))
    assert sent(make) == []


def test_a_customer_without_an_address_gets_no_mail_and_nothing_fails(make: Make) -> None:
    customer = make.customer("Dana")
    ticket = make.ticket(customer=customer)
    sent(make)
    ContactPoint.objects.filter(customer=customer).delete()
    reply = make.reply(ticket)
    assert sent(make) == []
    assert Message.objects.get(pk=reply.pk).delivery == Delivery.DONE


def test_a_bounce_is_seen_on_the_message(make: Make) -> None:
    ticket = incoming(make, "Where is my parcel?")
    sent(make)
    reply = make.reply(ticket)
    [letter] = sent(make)
    report = (
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nSubject: Undelivered\r\nMessage-ID: <b@mx.example>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {letter.extra_headers['Message-ID']}\r\n--b--\r\n"
    )
    outcome = receive_mail(report.encode(), by=SYSTEM)
    assert (outcome.outcome, outcome.reason, outcome.ticket) == ("ignored", "bounce", ticket)
    bounced = Message.objects.get(pk=reply.pk)
    assert (bounced.delivery, bounced.failure) == (Delivery.BOUNCED, "5.1.1")
    assert make.last(ticket, "message.bounced").changes == {"message": str(reply.pk), "code": "5.1.1"}
    assert OutgoingMail.objects.get(key=f"reply:{reply.pk}").state == "bounced"


def test_a_bounced_acknowledgement_is_noted_too(make: Make) -> None:
    ticket = incoming(make, "Where is my parcel?")
    sent(make)
    row = OutgoingMail.objects.get(key=f"acknowledged:{ticket.pk}")
    assert note_bounce(row.pk, "5.1.1") is not None


def test_a_reply_that_failed_for_good_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket(customer=make.customer())
    sent(make)
    reply = make.reply(ticket)

    def refuse(self: Any, messages: Any) -> int:
        raise ValueError("not an address")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    sent(make)
    assert Message.objects.get(pk=reply.pk).delivery == Delivery.FAILED
    assert "message.failed" in make.told(ticket)


@pytest.mark.parametrize(
    ("step", "language", "words"),
    [
        ("notify_manager-60", "en", "First response is at risk"),
        ("notify_manager+0", "en", "First response is overdue"),
        ("notify_manager+0.2", "zh-hans", "已超时"),
    ],
)
def test_the_staff_get_one_line_and_a_link_and_nothing_of_the_customers(
    make: Make, bob: User, dana: Customer, step: str, language: str, words: str
) -> None:
    bob.language = language
    bob.save()
    ticket = make.ticket(customer=dana, subject="Secret subject", body="Secret body")
    sent(make)
    changes = {"metric": "first_response", "step": step, "action": "notify_manager", "clock": ""}
    event = record("ticket.escalated", ticket, by=SYSTEM, changes=changes)
    context = {"ticket": str(ticket.pk), "event": str(event.pk)}
    send_later("ticket.escalated", Recipient("staff", bob.pk), key="k", context=context)
    [letter] = sent(make)
    assert letter.to == [bob.email]
    assert words in letter.subject
    assert f"/desk/tickets/{ticket.number}/" in letter.body
    everything = letter.message().as_string()
    assert "Secret" not in everything
    assert "dana" not in everything.lower()


def test_who_no_longer_sees_the_ticket_gets_no_mail_of_it(make: Make, charlie: User) -> None:
    ticket = make.ticket(team=charlie.team)
    sent(make)
    event = record("ticket.escalated", ticket, by=SYSTEM, changes={"metric": "first_response", "step": "x+0"})
    context = {"ticket": str(ticket.pk), "event": str(event.pk)}
    User.objects.filter(pk=charlie.pk).update(team=None)
    send_later("ticket.escalated", Recipient("staff", charlie.pk), key="k", context=context)
    assert sent(make) == []


def test_rows_of_mail_hold_no_personal_data(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana, subject="Secret subject", body="Secret body")
    make.reply(ticket, "Secret reply")
    sent(make)
    for row in OutgoingMail.objects.values():
        text = str(row).lower()
        assert "secret" not in text
        assert "dana" not in text
        assert "weiß" not in text


def test_a_machine_that_hides_is_not_acknowledged_for_ever(make: Make) -> None:
    for number in range(9):
        incoming(make, f"question {number}", **{"Message-ID": f"<{number}@example.com>"})
    assert len(sent(make)) == 5
