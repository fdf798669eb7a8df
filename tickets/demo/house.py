"""The invented shop itself: its people, tags, macros, views, a calendar and a policy for its best customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password

from clocks.actions import create_calendar
from clocks.actions.calendars import CalendarDraft
from servicedesk.actor import SYSTEM
from servicedesk.models import Shift, Shop, Skill, Team, User
from servicedesk.shops import default_shop, forget_shops
from tickets.actions.macros import MacroDraft, save_macro
from tickets.actions.policies import PolicyDraft, create_policy
from tickets.actions.tags import create_tag
from tickets.actions.views import ViewDraft, save_view
from tickets.models import Kind

AGENTS: Final = ("林晓燕", "王磊", "陈佳怡", "Grace Liu", "张伟", "黄思敏", "刘洋", "赵雪", "Daniel Wu", "何俊")
SPEAKS: Final = (*[["zh-hans", "zh-hant", "en"]] * 4, *[["zh-hans", "zh-hant"]] * 4, *[["zh-hans", "en"]] * 2)
OTHERS: Final = (
    (User.Role.MANAGER, "周敏"),
    (User.Role.TRAINEE, "许诺"),
    (User.Role.REVIEWER, "高翔"),
    (User.Role.AUDITOR, "沈洁"),
    (User.Role.ADMIN, "Admin"),
)
TAGS: Final = {
    "late-parcel": "#b45309", "size": "#0f766e", "exchange": "#0f766e", "refund": "#be123c", "damaged": "#be123c",
    "restock": "#4338ca", "address": "#0369a1", "cancel": "#57534e", "invoice": "#57534e", "coupon": "#a21caf",
    "attitude": "#be123c", "missing-item": "#b45309", "payment": "#0369a1", "11.11": "#dc2626",
}  # fmt: skip
MACROS: Final[tuple[tuple[str, dict[str, str], list[tuple[str, dict[str, Any]]]], ...]] = (
    (
        "查件 · Trace parcel",
        {
            "zh-hans": "{{customer_name}}您好，订单{{order_number}}的物流我已联系快递公司核查，一个工作日内回复您。{{shop_name}} {{agent_name}}",
            "zh-hant": "{{customer_name}}您好，訂單{{order_number}}的物流我已請貨運公司查件，一個工作天內回覆您。{{shop_name}} {{agent_name}}",
            "en": "Hello {{customer_name}}, I have asked the carrier for a trace of order {{order_number}} and will write within one working day. {{agent_name}}, {{shop_name}}",
        },
        [("tag", {"tags": ["late-parcel"]}), ("hold", {"for": "others", "hours": 24})],
    ),
    (
        "请提供照片 · Ask for a photo",
        {
            "zh-hans": "{{customer_name}}您好，非常抱歉。麻烦您拍一张破损处和外箱的照片发给我们，收到后马上为您处理。",
            "zh-hant": "{{customer_name}}您好，非常抱歉。麻煩您拍一張瑕疵處與外箱的照片給我們，收到後立即為您處理。",
            "en": "Dear {{customer_name}}, we are sorry. Could you send us a photo of the damage and of the box? We'll settle it at once.",
        },
        [("tag", {"tags": ["damaged"]}), ("hold", {"for": "customer"})],
    ),
    (
        "已退款 · Refund done",
        {
            "zh-hans": "{{customer_name}}您好，退款已原路退回，银行三到五个工作日到账。工单号 {{ticket_number}}。",
            "zh-hant": "{{customer_name}}您好，退款已退回原付款方式，銀行約三到五個工作天入帳。單號 {{ticket_number}}。",
            "en": "Hello {{customer_name}}, the refund is on its way; banks take three to five days. Reference {{ticket_number}}.",
        },
        [("tag", {"tags": ["refund"]}), ("solve", {})],
    ),
    (
        "感谢并结单 · Thanks, solved",
        {
            "zh-hans": "感谢您的来信，{{customer_name}}。还有其他问题随时联系我们，祝您生活愉快！",
            "zh-hant": "謝謝您的來信，{{customer_name}}。還有其他問題歡迎隨時聯絡，祝您順心！",
            "en": "Thank you for writing, {{customer_name}}. Whatever else comes up, we're here. Have a lovely day!",
        },
        [("solve", {})],
    ),
    ("转投诉并升级 · Complaint", {}, [("kind", {"kind": "complaint"}), ("priority", {"priority": "urgent"})]),
)
VIEWS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("紧急 · Urgent", {"priority": ["urgent"], "status": ["new", "open"]}),
    ("投诉 · Complaints", {"kind": ["complaint"], "status": ["new", "open", "pending", "on_hold"]}),
    ("退换货 · Returns", {"kind": ["return"], "status": ["new", "open", "pending", "on_hold"]}),
)


@dataclass(frozen=True, slots=True)
class House:
    """Who works in the invented shop."""

    shop: Shop
    manager: User
    agents: Sequence[User]
    everybody: Sequence[User]


def furnish(password: str, now: datetime) -> House:
    """Make the shop's people, with one password for all of them, and what they work with."""
    Shop.objects.filter(pk=default_shop().pk).update(
        name="灯与织 Lantern & Loom", slogan="Made slowly, carried far", support_email="care@lantern-loom.example"
    )
    forget_shops()
    shop = default_shop()
    team = Team.objects.create(name="客服一组 Customer care")
    # Hashed once: the hash is slow on purpose.
    encoded = make_password(password)
    people = [
        User(email=f"agent{n}@lantern-loom.example", name=name, role=User.Role.AGENT, speaks=list(SPEAKS[n - 1]))
        for n, name in enumerate(AGENTS, start=1)
    ]
    people += [User(email=f"{role}@lantern-loom.example", name=name, role=role) for role, name in OTHERS]
    for user in people:
        user.password, user.is_demo, user.team = encoded, True, team
    User.objects.bulk_create(people)
    agents, (manager, trainee, *_rest) = people[: len(AGENTS)], people[len(AGENTS) :]
    trainee.mentor = agents[0]
    trainee.save(update_fields=["mentor"])
    _train(agents)
    _roster([*agents, manager, trainee], now)
    _equip()
    return House(shop, manager, agents, people)


def _train(agents: Sequence[User]) -> None:
    """The four most experienced have levels for every kind; the others take what comes."""
    Skill.objects.bulk_create(
        Skill(user=agent, kind=kind, level=min(5, 3 + (n + place) % 3))
        for n, agent in enumerate(agents[:4])
        for place, kind in enumerate(Kind.values)
    )


def _roster(people: Sequence[User], now: datetime) -> None:
    """Two shifts a day for the coming week."""
    zone = ZoneInfo("Asia/Shanghai")
    today = now.astimezone(zone).date()
    shifts = []
    for day in range(-1, 7):
        for n, user in enumerate(people):
            starts = datetime.combine(today + timedelta(days=day), time(8 if (n + day) % 2 else 14), zone)
            shifts.append(Shift(user=user, starts_at=starts, ends_at=starts + timedelta(hours=9)))
    Shift.objects.bulk_create(shifts)


def _equip() -> None:
    for name, color in TAGS.items():
        create_tag(name, color=color, by=SYSTEM)
    for place, (name, texts, actions) in enumerate(MACROS):
        does = [{"action": action, "params": params} for action, params in actions]
        save_macro(MacroDraft(name, texts=texts, actions=does, position=place), by=SYSTEM)
    for place, (name, filters) in enumerate(VIEWS):
        save_view(ViewDraft(name, filters=filters, position=place), by=SYSTEM)
    week = {day: [["09:00", "12:00"], ["13:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    create_calendar(CalendarDraft("办公时间 Office hours", "Asia/Shanghai", week), by=SYSTEM)


def favour_the_best() -> None:
    """A policy of its own for the shop's best customers. Made last: until the commit nobody keeps edited policies."""
    create_policy(
        PolicyDraft(
            "VIP",
            conditions={"customer_tag": "VIP"},
            targets={"first_response": 300, "next_response": 1800, "resolution": 43_200},
            position=100,
            escalations=[{"metric": "first_response", "offset_seconds": 0, "action": "notify_manager", "params": {}}],
        ),
        by=SYSTEM,
    )
