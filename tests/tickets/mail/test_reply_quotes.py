"""Answers as the mail programs of the shop's customers write them: only what is new is kept as the message."""

import time

import pytest

from tests.patience import slowness
from tickets.channels.mail.html_text import html_to_text
from tickets.channels.mail.replies import split_reply

QUOTED = "您好，请问您的订单号是多少？"

CLIENTS = {
    "gmail en": f"Order 7781.\n\nOn Fri, Nov 20, 2026 at 10:00 AM Shop <support@shop.example> wrote:\n\n> {QUOTED}\n>\n> 客服",
    "gmail en wrapped": (
        "Order 7781.\n\nOn Fri, Nov 20, 2026 at 10:00 AM The Very Long Named Shop Support\n"
        f"<support+t-1042-abc@shop.example> wrote:\n\n> {QUOTED}"
    ),
    "gmail zh-CN": f"Order 7781.\n\n店铺客服 <support@shop.example> 于2026年11月20日周五 10:00写道：\n\n> {QUOTED}\n",
    "gmail zh-CN wrapped": (
        f"Order 7781.\n\n店铺客服 <support+t-1042-abcdefghijklmnop@shop.example>\n于2026年11月20日周五 10:00写道：\n\n> {QUOTED}\n"
    ),
    "gmail zh-TW": f"Order 7781.\n\n店鋪客服 <support@shop.example> 於 2026年11月20日 週五 上午10:00寫道：\n\n> {QUOTED}\n",
    "163 web": f'Order 7781.\n\n\n在 2026-11-20 10:00:00，"店铺客服" <support@shop.example> 写道：\n\n{QUOTED}\n客服',
    "163 web marked": f'Order 7781.\n\n\n在 2026-11-20 10:00:00，"店铺客服" <support@163.example> 写道：\n\n>{QUOTED}\n>客服\n',
    "163 web english": f'Order 7781.\n\n\nAt 2026-11-20 10:00:00, "店铺客服" <support@shop.example> wrote:\n\n{QUOTED}\n',
    "163 without blank line": f"Order 7781.\n在 2026年11月20日 10:00，店铺客服<support@shop.example> 写道：\n{QUOTED}",
    "netease mail master": (
        f"Order 7781.\n\n---- 回复的原邮件 ----\n| 发件人 | 店铺客服<support@shop.example> |\n| 日期 | 2026年11月20日 10:00 |\n"
        f"| 收件人 | dana@example.com |\n| 主题 | Re: 退货 |\n{QUOTED}"
    ),
    "netease mail master english": f"Order 7781.\n\n---- Replied Message ----\n| From | Shop<s@shop.example> |\n{QUOTED}",
    "qq": (
        'Order 7781.\n\n\n------------------ 原始邮件 ------------------\n发件人: "店铺客服" <support@shop.example>;\n'
        f'发送时间: 2026年11月20日(星期五) 上午10:00\n收件人: "dana"<dana@qq.example>;\n主题: Re: 退货\n\n{QUOTED}'
    ),
    "qq english": f"Order 7781.\n\n\n------------------ Original ------------------\nFrom: Shop\nDate: Fri, Nov 20\n\n{QUOTED}",
    "qq nbsp": f"Order 7781.\n\n------------------\xa0原始邮件\xa0------------------\n发件人:\xa0店铺客服\n\n{QUOTED}",
    "foxmail": (
        "Order 7781.\n\n\n\ndana@example.com\n \n发件人： 店铺客服\n发送时间： 2026-11-20 10:00\n收件人： dana\n"
        f"主题： Re: 退货\n{QUOTED}"
    ),
    "aliyun": (
        "Order 7781.\n\n------------------------------------------------------------------\n"
        f"发件人：店铺客服 <support@shop.example>\n发送时间：2026年11月20日(星期五) 10:00\n收件人：dana\n主　题：Re: 退货\n\n{QUOTED}"
    ),
    "outlook zh-CN": (
        "Order 7781.\n\n________________________________\n发件人: 店铺客服 <support@shop.example>\n"
        f"发送时间: 2026年11月20日 10:00\n收件人: dana <dana@outlook.example>\n主题: Re: 退货\n\n{QUOTED}"
    ),
    "outlook zh-TW": (
        "Order 7781.\n\n________________________________\n寄件者: 店鋪客服 <support@shop.example>\n"
        f"寄件日期: 2026年11月20日 上午 10:00\n收件者: dana <dana@outlook.example>\n主旨: Re: 退貨\n\n{QUOTED}"
    ),
    "outlook en": (
        "Order 7781.\n\nFrom: Shop <support@shop.example>\nSent: Friday, November 20, 2026 10:00 AM\n"
        f"To: Dana <dana@example.com>\nSubject: RE: Return\n\n{QUOTED}"
    ),
    "outlook old": f"Order 7781.\n\n-----Original Message-----\nFrom: Shop\nSent: Friday\n\n{QUOTED}",
    "outlook bold fields": f"Order 7781.\n\n*From:* Shop\n*Sent:* Friday\n*To:* Dana\n*Subject:* RE: Return\n\n{QUOTED}",
    "apple mail zh": f"Order 7781.\n\n> 在 2026年11月20日，10:00，店铺客服 <support@shop.example> 写道：\n> \n> {QUOTED}\n",
    "iphone zh": (
        f"Order 7781.\n\n发自我的 iPhone\n\n> 在 2026年11月20日，10:00，店铺客服 <support@shop.example> 写道：\n> \n> {QUOTED}\n"
    ),
    "iphone zh-TW": (
        "Order 7781.\n\n從我的 iPhone 傳送\n\n> 店鋪客服 <support@shop.example> 於 2026年11月20日 上午10:00 寫道：\n> \n"
        f"> {QUOTED}\n"
    ),
    "iphone en": f"Order 7781.\n\nSent from my iPhone\n\n> On 20 Nov 2026, at 10:00, Shop <s@shop.example> wrote:\n> \n> {QUOTED}",
    "gmail ja": f"Order 7781.\n\n2026年11月20日(金) 10:00 Shop <support@shop.example>:\n\n> {QUOTED}\n",
    "gmail de": f"Order 7781.\n\nAm Fr., 20. Nov. 2026 um 10:00 Uhr schrieb Shop <support@shop.example>:\n\n> {QUOTED}\n",
    "gmail fr": f"Order 7781.\n\nLe ven. 20 nov. 2026 à 10:00, Shop <support@shop.example> a écrit :\n\n> {QUOTED}\n",
    "quote without introduction": f"Order 7781.\n\n> {QUOTED}\n> 客服\n",
    "below the quote": f"On Fri, Nov 20, 2026 at 10:00 AM Shop <s@shop.example> wrote:\n> {QUOTED}\n> 客服\n\nOrder 7781.\n",
}


@pytest.mark.parametrize("client", CLIENTS)
def test_only_what_is_new_remains(client: str) -> None:
    text = CLIENTS[client]
    split = split_reply(text)
    assert split.new == "Order 7781." or (client == "foxmail" and split.new == "Order 7781.\n\n\n\ndana@example.com")
    assert QUOTED in split.quoted


def test_answers_between_the_quoted_lines_keep_what_they_answer() -> None:
    text = (
        "Hello, see below.\n\nOn Fri, Nov 20, 2026 at 10:00 AM Shop <s@shop.example> wrote:\n"
        "> Which size?\nL\n> Which colour?\nblue\n> Regards\n"
    )
    split = split_reply(text)
    assert split.new.startswith("Hello, see below.")
    assert "> Which size?\nL\n> Which colour?\nblue" in split.new
    assert split.quoted == "> Regards"


@pytest.mark.parametrize(
    "text",
    [
        "From: the beginning it was broken.\nWhat now?",
        "我昨天给你们写道：请退款。到现在没有回复。",
        "您好：\n我的订单 7781 还没有收到，请帮我查一下：\n谢谢",
        "5 > 3, and a > b\nThat is all.",
        "第一个问题:\n> 这是我自己加的符号\n请回答",
        "--\nOnly a signature above",
        "On the other hand, she wrote: it broke.",
        "> Everything is quoted",
        "---------- Forwarded message ---------\nFrom: Courier <c@courier.example>\nDate: Fri\nSubject: Delay\n\nParcel is late.",
        "请看\n\n-------- 转发邮件信息 --------\n发件人：快递\n发送日期：2026-11-20\n主题：延误\n\n包裹延误",
    ],
)
def test_what_a_customer_wrote_is_never_taken_for_a_quote(text: str) -> None:
    assert split_reply(text).new == text


def test_indentation_and_lists_survive() -> None:
    text = "Items:\n  - one\n  - two\n\n    code\n"
    assert split_reply(text).new == text.rstrip("\n")


def test_html_of_webmails_is_read_as_a_person_would() -> None:
    html = (
        "<html><head><style>p{color:red}</style><script>alert(1)</script></head><body>"
        '<div dir="ltr">我要退货<br>订单 <b>7781</b></div><br>'
        '<div class="gmail_quote"><div dir="ltr" class="gmail_attr">店铺 &lt;<a href="mailto:s@shop.example">s@shop.example</a>&gt; '
        "于2026年11月20日周五 10:00写道：<br></div><blockquote><p>您好</p><p>请问</p></blockquote></div></body></html>"
    )
    text = html_to_text(html)
    assert "alert" not in text
    assert "color" not in text
    split = split_reply(text)
    assert split.new == "我要退货\n订单 7781"
    assert "> > 您好" in split.quoted


def test_links_lists_tables_and_preformatted_text_are_kept() -> None:
    html = (
        '<p>See <a href="https://shop.example/p/1">the product</a></p><ul><li>red</li><li>blue</li></ul>'
        "<table><tr><td>size</td><td>L</td></tr></table><pre>a\n  b</pre><img alt='photo'>"
    )
    assert html_to_text(html) == (
        "See the product (https://shop.example/p/1)\n\n- red\n- blue\n\nsize L\n\na\n  b\n\n[photo]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "1:" * 250 + "\n",
        "From: a\n",
        "On a\n",
        "> x\ny\n",
        "2026年1月1日 x写道：x\n",
        "-" * 499 + "\n",
        "在 1:11:11:11:11:11:11\n",
        " \n",
    ],
    ids=["digits", "from", "on", "interleaved", "verb", "rule", "dates", "blank"],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    hostile = text * (200_000 // len(text))
    started = time.perf_counter()
    split_reply(hostile)
    assert time.perf_counter() - started < 10 * slowness()  # a quadratic one needs minutes


@pytest.mark.parametrize("piece", ["<div>", "<blockquote>", "<!--", "<a href=", "&", "<table><td>", "<![CDATA[", "</p"])
def test_hostile_html_takes_linear_time(piece: str) -> None:
    started = time.perf_counter()
    html_to_text(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - started < 10 * slowness()  # a quadratic one needs minutes


def test_a_million_empty_paragraphs_cost_no_more_than_a_long_mail():
    began = time.process_time()
    html_to_text("<p>" * 1_000_000)
    assert html_to_text("<p>" * 100_000 + "Hello") == "Hello"
    assert time.process_time() - began < 3 * slowness()
