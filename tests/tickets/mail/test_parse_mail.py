"""Real mail: nested, mislabelled, cut, oversized. Whatever the bytes are, something readable comes out."""

import base64
import quopri
import time
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicedesk.errors import TooLarge
from tests.patience import slowness
from tickets.channels.mail.parse import MAX_BYTES, ParsedMail, parse_mail

CHINESE = "您好，我的订单还没有收到，请问什么时候可以发货？谢谢"
TAIWANESE = "您好，我的訂單還沒有收到，請問什麼時候可以發貨？謝謝"


def raw(headers: str | bytes, body: bytes | str = b"") -> bytes:
    head = headers if isinstance(headers, bytes) else headers.encode("utf-8")
    text = body if isinstance(body, bytes) else body.encode("utf-8")
    return head.strip().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n" + text


def text_mail(body: bytes, charset: str = "", encoding: str = "8bit") -> ParsedMail:
    label = f"; charset={charset}" if charset else ""
    return parse_mail(
        raw(f"From: dana@example.com\nContent-Type: text/plain{label}\nContent-Transfer-Encoding: {encoding}", body)
    )


def test_an_ordinary_mail() -> None:
    message = EmailMessage()
    message["From"] = "Dana Lee <Dana@Example.com>"
    message["To"] = "Shop <support@shop.example>, other@shop.example"
    message["Reply-To"] = "dana2@example.com"
    message["Subject"] = "Where is my order 7781?"
    message["Message-ID"] = "<abc.1@example.com>"
    message["In-Reply-To"] = "<m2@shop.example>"
    message["References"] = "<m1@shop.example> <m2@shop.example>"
    message["Date"] = "Fri, 20 Nov 2026 10:00:00 +0800"
    message.set_content("Hello,\nwhere is it?\n")
    message.add_attachment(b"%PDF-1.4 x", maintype="application", subtype="pdf", filename="invoice.pdf")
    mail = parse_mail(message.as_bytes(policy=SMTP))
    assert mail.sender is not None
    assert (mail.sender.email, mail.sender.name) == ("Dana@Example.com", "Dana Lee")
    assert [address.email for address in mail.to] == ["support@shop.example", "other@shop.example"]
    assert mail.reply_to is not None
    assert mail.reply_to.email == "dana2@example.com"
    assert mail.subject == "Where is my order 7781?"
    assert mail.message_id == "abc.1@example.com"
    assert mail.in_reply_to == ("m2@shop.example",)
    assert mail.references == ("m1@shop.example", "m2@shop.example")
    assert mail.date is not None
    assert mail.date.isoformat() == "2026-11-20T02:00:00+00:00"
    assert mail.text == "Hello,\nwhere is it?"
    assert mail.language == "en"
    assert (mail.machine, mail.bounce, mail.defects) == ("", None, ())
    [attachment] = mail.attachments
    assert (attachment.name, attachment.content_type, attachment.content()) == (
        "invoice.pdf",
        "application/pdf",
        b"%PDF-1.4 x",
    )


@pytest.mark.parametrize("encoding", ["8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "gb2312", "gb2312"),
        (CHINESE, "gbk", "gbk"),
        (CHINESE + "镕喆﨔", "gb18030", "gb2312"),  # beyond the label's set: decoded as gb18030
        (CHINESE, "gb18030", "gb18030"),
        (CHINESE, "hz", "hz-gb-2312"),
        (TAIWANESE, "big5", "big5"),
        (TAIWANESE, "big5hkscs", "big5"),
        (CHINESE, "utf-8", "gb2312"),  # mislabelled
        (CHINESE, "utf-8", "iso-8859-1"),
        (CHINESE, "utf-8", "us-ascii"),
        (CHINESE, "gb18030", "utf-8"),
        (CHINESE, "gb18030", "us-ascii"),
        (TAIWANESE, "big5", "utf-8"),
        (CHINESE, "utf-8", ""),  # no label
        (CHINESE, "gb18030", ""),
        (TAIWANESE, "big5", ""),
        (CHINESE, "gb18030", "x-unknown"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "utf-7", "utf-7"),
        ("Grüße aus Köln, wo ist das Paket?", "iso-8859-1", "iso-8859-1"),
        ("Grüße aus Köln, “wo” ist das Paket?", "cp1252", "iso-8859-1"),
        ("ご注文の件について", "iso2022_jp", "iso-2022-jp"),
        ("ご注文の件について", "cp932", "shift_jis"),
    ],
)
def test_charsets(text: str, codec: str, label: str, encoding: str) -> None:
    data = text.encode(codec)
    if encoding == "8bit" and codec == "utf-16":
        encoding = "base64"  # UTF-16 cannot stand in a mail without an encoding
    wire = {
        "8bit": lambda: data,
        "base64": lambda: base64.encodebytes(data),
        "quoted-printable": lambda: quopri.encodestring(data),
    }
    assert text_mail(wire[encoding](), label, encoding).text == text


def test_a_text_cut_in_the_middle_of_a_character_loses_only_that() -> None:
    assert text_mail(CHINESE.encode("gb18030")[:-1], "gb2312").text.startswith(CHINESE[:-2])
    assert text_mail(CHINESE.encode()[:-1], "utf-8").text.startswith(CHINESE[:-2])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"=?utf-8?B?" + base64.b64encode("退货申请".encode()) + b"?=", "退货申请"),
        (b"=?GB2312?B?" + base64.b64encode("退货申请".encode("gb2312")) + b"?=", "退货申请"),
        (b"=?gb18030?Q?" + quopri.encodestring("退货".encode("gb18030")).strip() + b"?=", "退货"),
        (b"=?big5?B?" + base64.b64encode("退貨申請".encode("big5")) + b"?=", "退貨申請"),
        # cut in the middle of a character
        (
            b"=?utf-8?B?"
            + base64.b64encode("退货申请".encode()[:4])
            + b"?=\r\n =?utf-8?B?"
            + base64.b64encode("退货申请".encode()[4:])
            + b"?=",
            "退货申请",
        ),
        (b"=?gbk?Q?=CD?= =?gbk?Q?=CB=BB=F5?=", "退货"),
        (b"Re: =?utf-8?B?6YCA6LSn?= 7781", "Re: 退货 7781"),
        (b"=?utf-8?B?6YCA6LSn?= =?utf-8?Q?_7781?=", "退货 7781"),
        (b"=?utf-8?B?6YCA6LSn", "=?utf-8?B?6YCA6LSn"),
        (b"=?utf-8?B?6YCA6LS?=", "退\ufffd"),
        (b"=?no-such?B?6YCA6LSn?=", "退货"),
        (b"=?utf-8*zh?B?6YCA6LSn?=", "退货"),
        ("退货申请".encode(), "退货申请"),  # raw 8-bit
        ("退货申请，谢谢".encode("gb18030"), "退货申请，谢谢"),
        (b"two\r\n\tlines", "two lines"),
        (b"=?utf-8?Q?evil=0D=0ABcc:_x@example.com?=", "evil Bcc: x@example.com"),
        (b"nul\x00l", "null"),
    ],
)
def test_subjects(header: bytes, expected: str) -> None:
    mail = parse_mail(b"From: dana@example.com\r\nSubject: " + header + b"\r\n\r\nx")
    assert mail.subject == expected


@pytest.mark.parametrize(
    ("field", "email", "name"),
    [
        ("dana@example.com", "dana@example.com", ""),
        ("<dana@example.com>", "dana@example.com", ""),
        ('"Lee, Dana" <dana@example.com>', "dana@example.com", "Lee, Dana"),
        ("dana@example.com (Dana)", "dana@example.com", ""),
        ("=?utf-8?B?546L5bCP5piO?= <wang@example.com>", "wang@example.com", "王小明"),
        ('"=?gb2312?B?zfXQocP3?=" <wang@example.com>', "wang@example.com", "王小明"),
        ("王小明 <wang@example.com>", "wang@example.com", "王小明"),
        ('"victim@shop.example" <mallory@example.net>', "mallory@example.net", "victim@shop.example"),
        ('"<victim@shop.example>" <mallory@example.net>', "mallory@example.net", "<victim@shop.example>"),
        ("(victim@shop.example) mallory@example.net", "mallory@example.net", ""),
        ("Dana <dana@example.com>, Bob <bob@example.com>", "dana@example.com", "Dana"),
        ("Dana dana@example.com>", "dana@example.com", ""),
    ],
)
def test_senders(field: str, email: str, name: str) -> None:
    mail = parse_mail(raw(f"From: {field}", "x"))
    assert mail.sender is not None
    assert (mail.sender.email, mail.sender.name) == (email, name)


def test_a_mail_without_a_readable_sender_has_none() -> None:
    assert parse_mail(raw("From: undisclosed", "x")).sender is None
    assert parse_mail(b"").sender is None


MIXED = """From: dana@example.com
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"
"""


def test_nested_multiparts_of_a_chinese_webmail() -> None:
    html = '<div>我要<b>退货</b></div><img src="cid:1">'.encode("gb18030")
    body = (
        b'--outer\r\nContent-Type: multipart/related; boundary="rel"\r\n\r\n--rel\r\n'
        b'Content-Type: multipart/alternative; boundary="alt"\r\n\r\n'
        b"--alt\r\nContent-Type: text/plain; charset=GBK\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes("我要退货".encode("gbk"))
        + b"\r\n--alt\r\nContent-Type: text/html; charset=GBK\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(html)
        + b"\r\n--alt--\r\n--rel\r\nContent-Type: image/png\r\nContent-ID: <1>\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(b"\x89PNG photo")
        + b'\r\n--rel--\r\n--outer\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\n\x78\x9f>"\r\n--outer--\r\n'
    )
    mail = parse_mail(raw(MIXED, body))
    assert mail.text == "我要退货"
    assert mail.language == "zh-hans"
    names = [(a.name, a.is_inline, a.content_type) for a in mail.attachments]
    assert names == [("attachment-1.png", True, "image/png"), ("winmail.dat", False, "application/ms-tnef")]
    assert mail.attachments[0].content() == b"\x89PNG photo"


def test_html_is_read_where_the_plain_part_is_missing_or_empty() -> None:
    only = parse_mail(raw("From: a@example.com\nContent-Type: text/html; charset=utf-8", "<p>退货</p><p>谢谢</p>"))
    assert only.text == "退货\n\n谢谢"
    body = (
        b"--outer\r\nContent-Type: text/plain\r\n\r\n \r\n--outer\r\nContent-Type: text/html\r\n\r\n"
        + '<meta charset="gb2312"><p>退货</p>'.encode("gb2312")
        + b"\r\n--outer--"
    )
    assert parse_mail(raw(MIXED.replace("mixed", "alternative"), body)).text == "退货"


def test_text_around_attachments_is_joined() -> None:
    body = (
        "--outer\r\nContent-Type: text/plain\r\n\r\nabove\r\n--outer\r\nContent-Type: image/png; name=a.png\r\n\r\nPNG\r\n"
        "--outer\r\nContent-Type: text/plain\r\n\r\nbelow\r\n--outer--"
    )
    mail = parse_mail(raw(MIXED, body))
    assert mail.text == "above\n\nbelow"
    assert [a.name for a in mail.attachments] == ["a.png"]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('attachment; filename="plain.pdf"', "plain.pdf"),
        ("attachment; filename*=UTF-8''%E9%80%80%E8%B4%A7.pdf", "退货.pdf"),
        ("attachment; filename*0*=UTF-8''%E9%80%80; filename*1*=%E8%B4%A7.pdf", "退货.pdf"),
        ("attachment; filename*0*=utf-8''%E9%80%80%E8; filename*1*=%B4%A7.pdf", "退货.pdf"),
        ('attachment; filename*0="long "; filename*1="name.pdf"', "long name.pdf"),
        ("attachment; filename*=gb18030''%CD%CB%BB%F5.pdf", "退货.pdf"),
        ('attachment; filename="=?gb2312?B?zcu79S5wZGY=?="', "退货.pdf"),
        ('attachment; filename="=?utf-8?Q?=E9=80=80?=\r\n =?utf-8?Q?=E8=B4=A7.pdf?="', "退货.pdf"),
        ("attachment; filename=no quotes.pdf", "no quotes.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\evil\\\\a.pdf"', "a.pdf"),
        ('attachment; filename="photo\u202egnp.exe"', "photognp.exe"),
        ("attachment", "attachment-1.pdf"),
        ("attachment; filename*=", "attachment-1.pdf"),
        ("attachment; filename*9=x", "x"),
    ],
)
def test_file_names(field: str, name: str) -> None:
    part = f"--outer\r\nContent-Type: application/pdf\r\nContent-Disposition: {field}\r\n\r\n%PDF\r\n--outer--"
    [attachment] = parse_mail(raw(MIXED, part)).attachments
    assert attachment.name == name


def test_raw_file_names_in_gb() -> None:
    part = (
        b'--outer\r\nContent-Type: application/pdf; name="'
        + "退货申请单据，谢谢.pdf".encode("gb18030")
        + b'"\r\n\r\n%PDF\r\n--outer--'
    )
    [attachment] = parse_mail(raw(MIXED, part)).attachments
    assert attachment.name == "退货申请单据，谢谢.pdf"


@pytest.mark.parametrize(
    "body",
    [
        b"SGVsbG8gd29ybGQ=",
        b"SGVsbG8gd29ybGQ",  # padding missing
        b"SGVs\r\nbG8g\r\n!!d29y\r\nbGQ=\r\n",  # rubbish between
        b"SGVsbG8=\r\nIHdvcmxk",  # padding in the middle
        b"SGVsbG8gd29ybGQ=\r\n\r\n-- \r\nThis mail was checked for viruses.\r\n",
        b"SGVsbG8gd29ybGQ=\r\nA",  # one letter too many
    ],
)
def test_broken_base64(body: bytes) -> None:
    assert text_mail(body, "utf-8", "base64").text == "Hello world"


def test_forwarded_mails_are_attached_as_they_are() -> None:
    inner = b"From: courier@example.com\r\nSubject: inner\r\nContent-Type: text/plain\r\n\r\nlate"
    part = b"--outer\r\nContent-Type: text/plain\r\n\r\nsee\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n" + inner
    mail = parse_mail(raw(MIXED, part + b"\r\n--outer--"))
    assert mail.text == "see"
    [attachment] = mail.attachments
    assert (attachment.name, attachment.content()) == ("message-1.eml", inner)


def test_format_flowed_is_joined() -> None:
    mail = parse_mail(
        raw(
            "From: a@example.com\nContent-Type: text/plain; format=flowed",
            "one \r\nline\r\n\r\n> quoted\r\nnew\r\n-- \r\nsig",
        )
    )
    assert mail.text == "one line\n\n> quoted\nnew\n--\nsig"


def test_only_answers_are_cut() -> None:
    text = "From: shop\nSent: yesterday\nSubject: x\nthis is what I got from you"
    assert parse_mail(raw("From: a@example.com\nSubject: complaint", text)).new_text == text
    quoted = f"Thanks.\n\n{text}"
    answer = parse_mail(raw("From: a@example.com\nSubject: Re: x\nIn-Reply-To: <a@b>", quoted))
    assert (answer.new_text, answer.text) == ("Thanks.", quoted)


@pytest.mark.parametrize(
    "mangled",
    [
        b"",
        b"\r\n",
        b"\x00" * 100,
        b"no headers at all",
        b"From: a@example.com",
        b"From: a@example.com\r\nContent-Type: multipart/mixed\r\n\r\nno boundary given",
        b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nnever used",
        b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--y1234\r\n\r\nother boundary\r\n--y1234--",
        b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x",
        b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nunclosed",
        b"From a@example.com Fri Nov 20\nFrom: a@example.com\n\nmbox",
        b"From: a@example.com\rSubject: old Mac\r\rbare CR",
        b'From: a@example.com\r\nContent-Type: ;;;="\r\nContent-Transfer-Encoding: what\r\n\r\nodd',
        b"From: a@example.com\r\nContent-Type: text/plain; charset*=x'y'z\r\n\r\nodd",
        b"From: a@example.com\r\nContent-Type: text/plain; charset*0*=; charset*0=\r\n\r\nodd",
        b"From: a@example.com\r\nDate: Fri, 99 Nov 99999 99:99:99 +9999\r\n\r\nodd",
        b"From: a@example.com\r\nContent-Type: text/html\r\n\r\n<![if !x]><o:p>&#xD800;&#99999999999;</o:p>",
        b"From: a@example.com\r\nContent-Type: message/rfc822\r\n\r\n",
        b"From: a@example.com\r\nContent-Type: text/plain; charset=rot13\r\n\r\nodd",
        b"From: a@example.com\r\nContent-Type: text/plain; charset=\xff\xfe\r\n\r\nodd",
    ],
)
def test_mangled_mail_is_read_as_far_as_it_goes(mangled: bytes) -> None:
    mail = parse_mail(mangled)
    assert "\x00" not in mail.text
    for attachment in mail.attachments:
        attachment.content()


def test_what_has_no_usable_boundary_is_still_readable() -> None:
    mail = parse_mail(b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\nnever used")
    assert mail.defects == ("no_boundary",)
    assert "never used" in mail.text or any(b"never used" in a.content() for a in mail.attachments)


def test_more_than_35_mb_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge):
        parse_mail(b"x" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    "bomb",
    [
        b"From: a@example.com\r\n" + b"X-A: b\r\n" * 2_000_000 + b"\r\nx",
        b"From: a@example.com\r\nSubject: " + b"=?utf-8?B?6YCA?= " * 1_000_000 + b"\r\n\r\nx",
        b"From: " + b"a@example.com, " * 1_000_000 + b"\r\n\r\nx",
        b'From: "' * 1_000_000 + b"\r\n\r\nx",
        b"From: a@example.com\r\nReferences: " + b"<a@b> " * 1_000_000 + b"\r\n\r\nx",
        b"From: a@example.com\r\n\r\n" + b"\n" * 20_000_000,
        b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\n" * 2_000_000,
        b"From: a@example.com\n"
        + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3000))
        + b"\nx\n" * 2_000_000,
        b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n" + b"--xy\r\n" * 3_000_000,
        b"From: a@example.com\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"=A" * 8_000_000,
        b"From: a@example.com\r\nIn-Reply-To: <x>\r\n\r\n" + b"> a\n b wrote:\n" * 2_000_000,
        b'From: a@example.com\r\nContent-Type: text/plain; a="' + b'\\";' * 1_000_000 + b"\r\n\r\nx",
    ],
    ids=[
        "headers",
        "words",
        "addresses",
        "quotes",
        "references",
        "lines",
        "parts",
        "nesting",
        "almost",
        "base64",
        "text",
        "params",
    ],
)
def test_bombs_cost_seconds_at_most(bomb: bytes) -> None:
    started = time.perf_counter()
    parse_mail(bomb[:MAX_BYTES])
    assert time.perf_counter() - started < 10 * slowness()


@given(st.binary(max_size=2000))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_it_raise(data: bytes) -> None:
    parse_mail(data)


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: ",
                b"a@b.cn",
                b"Content-Type: ",
                b"multipart/mixed; boundary=x",
                b"text/plain; charset=gb2312",
                b"text/html",
                b"message/delivery-status",
                b"\r\n",
                b"\r\n\r\n",
                b"--x",
                b"--",
                b"=?utf-8?B?",
                b"?=",
                b"<",
                b">",
                b'"',
                b";",
                b"name*0*=",
                b"filename*=utf-8''%E9",
                b"Content-Disposition: attachment;",
                b"base64",
                b"Content-Transfer-Encoding: ",
                b"Subject: Re: ",
                b"\xff\xcd\xcb",
                b"From: x\nSent: y\nTo: z\n",
                b"wrote:\n",
                b"> q\n",
                b"Date: ",
                b"Action: failed\r\n",
                b"Status: 5.1.1\r\n",
                b" ",
                b"\n\n",
                b"<div class=gmail_quote>",
                b"</p>",
            ]
        ),
        max_size=40,
    )
)
@settings(max_examples=500, deadline=None)
def test_no_arrangement_of_mail_pieces_makes_it_raise(pieces: list[bytes]) -> None:
    mail = parse_mail(b"".join(pieces))
    assert mail.new_text.strip() or not mail.text.strip()
    for attachment in mail.attachments:
        attachment.content()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=80))
@settings(max_examples=200, deadline=None)
def test_every_subject_python_encodes_comes_back(subject: str) -> None:
    expected = " ".join(subject.split())
    header = Header(expected, "utf-8", maxlinelen=60).encode().encode()
    found = parse_mail(b"From: a@example.com\r\nSubject: " + header + b"\r\n\r\nx").subject
    assert found == expected.replace("\ufeff", "").replace("\uffff", "").replace("\ufffe", "")
