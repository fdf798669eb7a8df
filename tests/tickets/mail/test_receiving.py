"""A mail becomes a ticket, a message in one, or nothing; once, and only for who takes part."""

import io
import threading
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from PIL import Image

from customers.models import Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import NotAllowed, TooLarge
from servicedesk.mail.letters import message_id
from servicedesk.mail.outgoing import Recipient, send_later
from servicedesk.models import OutgoingMail, Shop
from servicedesk.shops import default_shop, forget_shops
from tests.make import Make
from tickets.channels.mail.keeping import SEALED_FOR, forget_mail_of_nobody, original_of, reseal_mail
from tickets.channels.mail.receive import Outcome, receive_mail
from tickets.channels.mail.threading import reply_address, thread_id
from tickets.models import Attachment, InboundMail, Message, Status, Ticket


def a_picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (2, 2)).save(data, "PNG")
    return data.getvalue()


PNG = a_picture()


def a_mail(
    text: str = "Where is my parcel?",
    *,
    to: str = "support@shop.example",
    sender: str = "Dana Weiß <dana@example.com>",
    subject: str = "My order",
    message_id: str = "1@example.com",
    **fields: str,
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    if message_id:
        mail["Message-ID"] = f"<{message_id}>"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def a_shop(**facts: str) -> Shop:
    shop = Shop.objects.create(**facts)
    forget_shops()
    return shop


def receive(mail: EmailMessage | bytes, **facts: Any) -> Outcome:
    raw = mail if isinstance(mail, bytes) else mail.as_bytes(policy=SMTP)
    return receive_mail(raw, by=SYSTEM, **facts)


def body_of(outcome: Outcome) -> str:
    assert outcome.message is not None
    return Message.objects.get(pk=outcome.message.pk).body


# ------------------------------------------------------------------------------------------------ a new ticket


def test_a_mail_opens_a_ticket_for_its_sender(make: Make) -> None:
    outcome = receive(a_mail("我的订单 7781 在哪里？", subject="订单"))
    assert (outcome.outcome, outcome.reason, outcome.is_new) == ("ticket", "", True)
    ticket = outcome.ticket
    assert ticket is not None
    assert (ticket.subject, ticket.channel, ticket.language, ticket.status) == ("订单", "email", "zh-hans", "new")
    assert (ticket.customer.name, ticket.customer.email) == ("Dana Weiß", "dana@example.com")
    assert body_of(outcome) == "我的订单 7781 在哪里？"
    assert make.told(ticket)[:2] == ["ticket.opened", "message.received"]
    assert make.last(ticket, "ticket.opened").by_type == "customer"


def test_a_known_sender_is_the_same_customer(make: Make, dana: Customer) -> None:
    outcome = receive(a_mail(sender="Somebody Else <DANA@example.com>"))
    assert outcome.ticket is not None
    assert outcome.ticket.customer_id == dana.pk
    assert Customer.objects.get(pk=dana.pk).name == "Dana Weiß"


def test_a_mail_without_a_sender_opens_a_ticket_of_somebody_unknown(make: Make) -> None:
    outcome = receive(b"From: undisclosed\r\nSubject: help\r\n\r\nplease")
    assert outcome.outcome == "ticket"
    assert outcome.ticket is not None
    assert outcome.ticket.customer.is_anonymous


def test_a_mail_without_subject_or_text_still_says_something(make: Make) -> None:
    untitled = receive(a_mail("first line\nsecond line", subject="", message_id="a@b"))
    assert untitled.ticket is not None
    assert untitled.ticket.subject == "first line"
    assert body_of(receive(a_mail("", subject="Only a subject", message_id="c@d"))) == "Only a subject"


def test_attachments_are_kept_as_files_and_the_rest_of_the_mail_encrypted(make: Make) -> None:
    mail = a_mail("see the photo")
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="破损.png")
    mail.add_attachment(b"MZ\x90\x00 program", maintype="application", subtype="octet-stream", filename="virus.exe")
    outcome = receive(mail)
    [row] = Attachment.objects.filter(message=outcome.message)
    assert (row.name, row.content_type, row.size) == ("破损.png", "image/png", len(PNG))
    inbound = InboundMail.objects.get()
    assert body_of(outcome) == "see the photo\n\n[virus.exe: files of this kind are not taken]"
    assert b"see the photo" not in bytes(InboundMail.objects.values_list("raw", flat=True).get())
    assert outcome.message is not None
    original = original_of(outcome.message)
    assert original.text == "see the photo"
    # What is a file already is not kept twice; what the desk does not take is not lost.
    contents = {attachment.name: attachment.content() for attachment in original.attachments}
    assert contents == {"virus.exe": b"MZ\x90\x00 program"}
    assert inbound.size > len(PNG)


def test_the_shop_is_the_one_it_was_written_to(make: Make) -> None:
    other = a_shop(code="bags", name="Bags", support_email="hello@bags.example")
    sent = receive(a_mail(to="Hello@Bags.example", message_id="a@b"))
    tagged = receive(a_mail(to="hello+summer@bags.example", message_id="c@d"))
    elsewhere = receive(a_mail(to="unknown@shop.example", message_id="e@f"))
    assert sent.ticket is not None
    assert tagged.ticket is not None
    assert elsewhere.ticket is not None
    assert sent.ticket.shop == tagged.ticket.shop == other
    assert elsewhere.ticket.shop == default_shop()


def test_a_machine_opens_a_ticket_that_is_never_acknowledged(make: Make) -> None:
    for number, (name, value) in enumerate(
        [("Precedence", "bulk"), ("List-Id", "<a.b>"), ("X-Spam-Flag", "YES"), ("Auto-Submitted", "auto-generated")]
    ):
        outcome = receive(a_mail(message_id=f"{number}@x", **{name.replace("-", "_"): value}))
        assert outcome.ticket is not None
        assert outcome.ticket.is_from_machine
    make.settle_down()
    assert not OutgoingMail.objects.exists()


def test_history_is_brought_over_with_its_own_time(make: Make) -> None:
    yesterday = now() - timedelta(days=1)
    outcome = receive(a_mail(), received_at=yesterday)
    assert outcome.ticket is not None
    assert outcome.ticket.created_at == yesterday
    make.settle_down()
    assert not OutgoingMail.objects.exists()


# ------------------------------------------------------------------------------------------------ an answer


def answer_to(ticket: Ticket, **facts: Any) -> EmailMessage:
    facts = {"to": reply_address(ticket, "support@shop.example"), "sender": "dana@example.com", **facts}
    return a_mail(
        facts.pop("text", "Thank you!"), subject="Re: My order", message_id=facts.pop("id", "2@example.com"), **facts
    )


def test_an_answer_joins_by_the_token_in_its_address(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana)
    outcome = receive(answer_to(ticket))
    assert outcome.outcome == "message"
    assert outcome.ticket == ticket
    assert body_of(outcome) == "Thank you!"
    assert make.last(ticket, "message.received").by_type == "customer"


def test_an_answer_joins_by_our_message_id(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana)
    context = {"ticket": str(ticket.pk)}
    send_later("ticket.acknowledged", Recipient("customer", dana.pk), key="x", context=context)
    ours = message_id(OutgoingMail.objects.get(key="x").pk, "support@shop.example")
    for number, field in enumerate(("In_Reply_To", "References")):
        mail = answer_to(ticket, to="support@shop.example", id=f"r{number}@example.com", **{field: f"<x@y> <{ours}>"})
        assert receive(mail).ticket == ticket


def test_an_answer_joins_by_the_thread_and_by_the_customers_own_earlier_mail(make: Make) -> None:
    ticket = receive(a_mail()).ticket
    assert ticket is not None
    for number, reference in enumerate([thread_id(ticket), "1@example.com"]):
        mail = answer_to(ticket, to="support@shop.example", id=f"r{number}@example.com", References=f"<{reference}>")
        assert receive(mail).ticket == ticket


def test_an_answer_joins_in_the_tickets_own_shop_though_shops_share_an_address(make: Make) -> None:
    other = a_shop(code="bags", name="Bags")
    dana = make.customer("Dana", "dana@example.com", shop=other)
    ticket = make.ticket(customer=dana)
    assert receive(answer_to(ticket)).ticket == ticket


def test_an_answer_brings_a_waiting_ticket_back_to_work(make: Make, dana: Customer) -> None:
    ticket = make.ticket("pending", customer=dana)
    receive(answer_to(ticket))
    assert Ticket.objects.get(pk=ticket.pk).status == Status.OPEN


def test_an_answer_long_after_solving_starts_a_follow_up(make: Make, dana: Customer) -> None:
    ticket = make.ticket("solved", customer=dana)
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        outcome = receive(answer_to(ticket))
    assert (outcome.outcome, outcome.reason) == ("ticket", "follow_up")
    assert outcome.ticket is not None
    assert outcome.ticket.follows == ticket


def test_only_what_is_new_becomes_the_message_and_the_whole_is_kept(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana)
    text = '好的，谢谢\n\n在 2026-11-20 10:00:00，"客服" <support@shop.example> 写道：\n\n请问订单号？'
    outcome = receive(answer_to(ticket, text=text, In_Reply_To="<x@y>"))
    assert body_of(outcome) == "好的，谢谢"
    assert outcome.message is not None
    assert "请问订单号？" in original_of(outcome.message).text


@pytest.mark.parametrize("how", ["token", "reference", "altered", "other shop"])
def test_who_does_not_take_part_does_not_get_in(make: Make, dana: Customer, how: str) -> None:
    ticket = make.ticket(customer=dana)
    address = reply_address(ticket, "support@shop.example")
    facts: dict[str, Any] = {"to": address, "sender": "mallory@example.net"}
    if how == "reference":
        facts |= {"to": "support@shop.example", "References": f"<{thread_id(ticket)}>"}
    elif how == "altered":
        facts |= {
            "to": address.replace(f"t-{ticket.number_value}-", f"t-{ticket.number_value + 1}-"),
            "sender": "dana@example.com",
        }
    elif how == "other shop":
        other = a_shop(code="bags", name="Bags", support_email="hello@bags.example")
        outcome = receive(answer_to(ticket, sender="dana@example.com"), shop=other)
        assert outcome.ticket != ticket
        return
    outcome = receive(answer_to(ticket, **facts))
    assert outcome.outcome == "ticket"
    assert outcome.ticket != ticket
    assert Message.objects.filter(ticket=ticket).count() == 1


def test_a_forged_sender_needs_the_token(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana)
    forged = {"Authentication_Results": "mx.example; dmarc=fail"}
    guessed = receive(
        answer_to(ticket, to="support@shop.example", References=f"<{thread_id(ticket)}>", id="a@b", **forged)
    )
    knowing = receive(answer_to(ticket, id="c@d", **forged))
    assert guessed.ticket != ticket
    assert knowing.ticket == ticket


# ------------------------------------------------------------------------------------------------ nothing


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (a_mail(Auto_Submitted="auto-replied"), "auto_reply"),
        (a_mail(subject="自动回复: Re: My order"), "auto_reply"),
        (a_mail(sender="MAILER-DAEMON@mx.example"), "daemon"),
        (b"From: dana@example.com\r\n\r\n", "empty"),
    ],
)
def test_what_nobody_needs_to_read_is_ignored_and_kept_sealed(make: Make, mail: Any, reason: str) -> None:
    outcome = receive(mail)
    assert (outcome.outcome, outcome.reason, outcome.is_new) == ("ignored", reason, False)
    assert not Ticket.objects.exists()
    row = InboundMail.objects.get()
    assert row.sealed is not None
    assert b"dana" not in bytes(row.sealed)
    with time_machine.travel(now() + SEALED_FOR + timedelta(days=1)):
        assert forget_mail_of_nobody() == 1
    assert InboundMail.objects.get().sealed is None


def test_our_own_mail_coming_back_is_no_customer(make: Make) -> None:
    Shop.objects.update(support_email="support@shop.example")
    forget_shops()
    assert receive(a_mail(sender="Support@shop.example")).reason == "own_address"


def test_an_absence_notice_is_noted_with_its_ticket_and_changes_nothing(make: Make, dana: Customer) -> None:
    ticket = make.ticket("pending", customer=dana)
    outcome = receive(answer_to(ticket, Auto_Submitted="auto-replied"))
    assert (outcome.outcome, outcome.ticket) == ("ignored", ticket)
    assert Ticket.objects.get(pk=ticket.pk).status == Status.PENDING


def test_what_cannot_be_read_is_kept_and_reported(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(raw: bytes) -> None:
        raise ValueError("a library stumbled")

    monkeypatch.setattr("tickets.channels.mail.receive.parse_mail", stumble)
    for _ in range(2):
        outcome = receive(b"whatever it is")
        assert (outcome.outcome, outcome.reason) == ("ignored", "unreadable")
    assert InboundMail.objects.get().sealed


def test_more_than_35_mb_is_refused(make: Make) -> None:
    with pytest.raises(TooLarge):
        receive(b"x" * (35 * 1024 * 1024 + 1))
    assert not InboundMail.objects.exists()


def test_who_may_not_receive_mail_does_not(make: Make) -> None:
    with pytest.raises(NotAllowed):
        receive_mail(b"From: a@b.cn\r\n\r\nx", by=Actor("integration", None))


def test_sealed_mail_is_sealed_again_after_a_rotation(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    receive(a_mail(Auto_Submitted="auto-replied"))
    before = bytes(InboundMail.objects.get().sealed or b"")
    monkeypatch.setattr("tickets.channels.mail.keeping.is_outdated", lambda blob: True)
    assert reseal_mail() == 1
    assert bytes(InboundMail.objects.get().sealed or b"") != before


# ------------------------------------------------------------------------------------------------ once


def test_the_same_mail_twice_has_one_outcome(make: Make) -> None:
    first = receive(a_mail())
    again = receive(a_mail())
    assert (again.outcome, again.ticket, again.message) == ("ticket", first.ticket, first.message)
    assert again.is_repeated
    assert not again.is_new
    assert Ticket.objects.count() == 1


def test_without_a_message_id_the_content_tells(make: Make) -> None:
    assert receive(a_mail(message_id="")).is_new
    assert not receive(a_mail(message_id="")).is_new
    assert receive(a_mail("Something else", message_id="")).is_new


def test_each_shop_has_its_own_copy(make: Make) -> None:
    other = a_shop(code="bags", name="Bags")
    assert receive(a_mail()).is_new
    assert receive(a_mail(), shop=other).is_new


@pytest.mark.django_db(transaction=True)
def test_the_same_mail_delivered_by_16_servers_at_once_makes_one_ticket(make: Make) -> None:
    default_shop()
    raw, outcomes, errors = a_mail().as_bytes(policy=SMTP), [], []
    barrier = threading.Barrier(16)

    def deliver() -> None:
        try:
            barrier.wait()
            outcomes.append(receive_mail(raw, by=SYSTEM))
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Ticket.objects.count() == Message.objects.count() == InboundMail.objects.count() == 1
    assert {outcome.ticket for outcome in outcomes} == {Ticket.objects.get()}
    assert sum(outcome.is_new for outcome in outcomes) == 1
    assert connection.is_usable()


def test_a_web_form_writes_for_the_customer_it_names(make: Make) -> None:
    Shop.objects.update(support_email="support@shop.example")
    forget_shops()
    for number, sender in enumerate(("support@shop.example", "no-reply@forms.example")):
        outcome = receive(a_mail(sender=sender, Reply_To="Dana <dana@example.com>", message_id=f"{number}@x"))
        assert outcome.ticket is not None
        assert outcome.ticket.customer.email == "dana@example.com"
        assert not outcome.ticket.is_from_machine
    looped = a_mail(sender="support@shop.example", Reply_To="support+t-1-abc@shop.example", message_id="9@x")
    assert receive(looped).reason == "own_address"
