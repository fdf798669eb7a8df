"""Who must never be answered automatically, and what delivery reports say."""

import pytest

from tickets.channels.mail.parse import ParsedMail, parse_mail


def mail(*fields: str, sender: str = "dana@example.com", body: str = "x") -> ParsedMail:
    return parse_mail("\r\n".join([f"From: {sender}", *fields, "", body]).encode())


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("Auto-Submitted: auto-replied", "auto_submitted"),
        ("Auto-Submitted: auto-generated; owner-email=x@example.com", "auto_submitted"),
        ("Auto-Submitted: auto-replied (vacation)", "auto_submitted"),
        ("Precedence: bulk", "precedence"),
        ("Precedence: List", "precedence"),
        ("Precedence: junk", "precedence"),
        ("List-Id: News <news.example.com>", "list"),
        ("List-Unsubscribe: <https://example.com>", "list"),
        ("Return-Path: <>", "null_sender"),
        ("Return-Path: < >", "null_sender"),
        ("X-Auto-Response-Suppress: All", "suppressed"),
        ("X-Auto-Response-Suppress: OOF, AutoReply", "suppressed"),
        ("X-Autoreply: yes", "auto_submitted"),
        ("Auto-Submitted: no", ""),
        ("Precedence: normal", ""),
        ("Return-Path: <dana@example.com>", ""),
        ("X-Auto-Response-Suppress: None", ""),
        ("X-Mailer: Foxmail", ""),
    ],
)
def test_a_machine_is_known_by_its_fields(field: str, reason: str) -> None:
    assert mail(field).machine == reason


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        ("MAILER-DAEMON@mail.example.com", "daemon"),
        ("postmaster@qq.example", "daemon"),
        ("bounce-12@news.example", "daemon"),
        ("no-reply@bank.example", "no_reply"),
        ("noreply+5@bank.example", "no_reply"),
        ("notifications@forum.example", "no_reply"),
        ("noreplyman@example.com", ""),
        ("dana@example.com", ""),
    ],
)
def test_a_machine_is_known_by_its_address(sender: str, reason: str) -> None:
    assert mail(sender=sender).machine == reason


@pytest.mark.parametrize(
    ("fields", "is_auto_reply"),
    [
        (("Auto-Submitted: auto-replied",), True),
        (("Subject: 自动回复: Re: T-1042",), True),
        (("Subject: 自動回覆：休假中",), True),
        (("Subject: Automatic reply: your order",), True),
        (("Subject: Out of Office",), True),
        (("Subject: Re: 自动回复: T-1042",), False),
        (("Subject: Out of office chairs, when again?",), False),
        (("Auto-Submitted: auto-generated", "Subject: Parcel delivered"), False),
    ],
)
def test_absence_notices_are_told_from_other_machines(fields: tuple[str, ...], is_auto_reply: bool) -> None:
    assert mail(*fields).is_auto_reply is is_auto_reply


def test_what_the_receiving_server_thought_is_noted() -> None:
    assert mail("X-Spam-Flag: YES").flags == ("spam",)
    assert mail("X-Spam-Status: Yes, score=9").flags == ("spam",)
    assert mail("X-Spam-Status: No, score=1").flags == ()
    assert mail("Authentication-Results: mx.example; spf=pass; dmarc=fail").flags == ("forged",)
    assert mail("Authentication-Results: mx.example; dmarc=pass").flags == ()


REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.com
To: support@shop.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry, <dana@example.com> does not exist.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; dana@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: {returned}

Message-ID: <0123.abc@shop.example>
From: support@shop.example
Subject: Re: order

text
--b--
"""


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_a_delivery_report_names_the_mail_and_the_reason(returned: str) -> None:
    text = REPORT.format(action="failed", status="5.1.1", returned=returned)
    for raw in (text.encode(), text.replace("\n", "\r\n").encode()):
        bounce = parse_mail(raw).bounce
        assert bounce is not None
        assert bounce.is_final
        assert bounce.status == "5.1.1"
        assert bounce.message_ids[0] == "0123.abc@shop.example"


def test_a_delay_is_not_final() -> None:
    bounce = parse_mail(REPORT.format(action="delayed", status="4.4.1", returned="message/rfc822").encode()).bounce
    assert bounce is not None
    assert not bounce.is_final


def test_a_success_report_is_no_failure() -> None:
    bounce = parse_mail(REPORT.format(action="delivered", status="2.0.0", returned="message/rfc822").encode()).bounce
    assert bounce is not None
    assert not bounce.is_final


def test_a_report_that_keeps_to_no_standard_is_recognised() -> None:
    text = (
        "From: postmaster@qq.example\nSubject: 系统退信\nContent-Type: text/plain; charset=utf-8\n\n"
        "您的邮件无法送达。\n550 Mailbox not found\n\n原邮件:\nMessage-ID: <0123.abc@shop.example>\n"
    )
    bounce = parse_mail(text.encode()).bounce
    assert bounce is not None
    assert bounce.is_final
    assert bounce.status == "550"
    assert "0123.abc@shop.example" in bounce.message_ids


def test_a_customer_who_writes_about_a_bounce_is_no_bounce() -> None:
    assert mail("Subject: Mail delivery failed, why?").bounce is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我的订单什么时候发货？", "zh-hans"),
        ("我的訂單什麼時候出貨？", "zh-hant"),
        ("退", "zh-hans"),
        ("Where is my order?", "en"),
        ("订单 order 7781 怎么还没到", "zh-hans"),
        ("ご注文の商品について教えてください", ""),
        ("주문 상태가 어떻게 되나요", ""),
        ("Где мой заказ?", ""),
        ("7781", ""),
        ("", ""),
    ],
)
def test_the_language_is_guessed(text: str, language: str) -> None:
    assert mail("Content-Type: text/plain; charset=utf-8", body=text).language == language


def test_the_charset_decides_where_the_characters_do_not() -> None:
    raw = b"From: a@example.com\r\nContent-Type: text/plain; charset=big5\r\n\r\n" + "你好嗎我要查".encode("big5")
    assert parse_mail(raw).language == "zh-hant"
