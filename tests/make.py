"""State for tests, arranged by calling the actions: no test lives in an impossible state."""

import itertools
import uuid
from typing import Any

from customers.actions import find_or_create_customer
from customers.models import Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.carrying import carry
from servicedesk.clock import now
from servicedesk.later import sweep_once
from servicedesk.models import Event, Shop, Team, User
from servicedesk.numbers import make_sequence
from servicedesk.permissions import SCOPE_PERMISSIONS, permissions_of_scopes
from servicedesk.shops import default_shop, forget_shops
from tickets.actions.conversing import Words, post_reply, receive_message
from tickets.actions.opening import Concern, open_ticket
from tickets.actions.working import close_ticket, hold_ticket, solve_ticket
from tickets.models import Message, SlaPolicy, Ticket
from tickets.policies import forget_policies

_numbers = itertools.count(1)

# Another system with every scope: what it posts leaves at once, and it may bring history over.
INTEGRATION = Actor("integration", uuid.UUID(int=7), permissions_of_scopes(list(SCOPE_PERMISSIONS)))


class Make:
    """`make.ticket(status="solved")` walks the real path to a solved ticket."""

    def __init__(self) -> None:
        """What the migrations set up, again: a test that commits leaves empty tables behind."""
        Shop.objects.get_or_create(code="main", defaults={"name": "My shop", "is_default": True})
        SlaPolicy.objects.get_or_create(name="Default", defaults={"position": 1_000_000})
        make_sequence("ticket", 1001)
        forget_shops()
        forget_policies()

    def shop(self, code: str = "") -> Shop:
        if not code:
            return default_shop()
        return Shop.objects.create(code=code, name=code.title())

    def team(self, name: str = "", **fields: Any) -> Team:
        return Team.objects.create(name=name or f"Team {next(_numbers)}", **fields)

    def user(self, role: str = User.Role.AGENT, *, present: bool = False, **fields: Any) -> User:
        n = next(_numbers)
        fields.setdefault("toured_at", now())
        user = User.objects.create_user(
            fields.pop("email", f"person{n}@desk.example"),
            "correct horse battery",
            role=role,
            name=fields.pop("name", f"Person {n}"),
            **fields,
        )
        if present:
            from servicedesk.actions.presence import set_presence

            user = set_presence(user, User.Presence.ONLINE, by=Actor.staff(user))
        return user

    def customer(self, name: str = "王小明", email: str = "", **facts: Any) -> Customer:
        return find_or_create_customer(
            shop=facts.pop("shop", None) or default_shop(),
            name=name,
            email=email or f"customer{next(_numbers)}@example.com",
            by=SYSTEM,
            trusted=True,
            **facts,
        )

    def ticket(self, status: str = "new", *, by: Actor = INTEGRATION, **facts: Any) -> Ticket:
        """A ticket in this state. `facts` are those of a concern, and `customer`, `shop`, `at`."""
        customer = facts.pop("customer", None) or self.customer()
        shop, at = facts.pop("shop", None) or customer.shop, facts.pop("at", None)
        concern = Concern(**{"subject": "Strap broke", "body": "包带断了，怎么办？", "channel": "email", **facts})
        ticket = open_ticket(concern, shop=shop, customer=customer, by=by, at=at)
        if status in {"open", "pending", "solved", "closed"}:
            self.reply(ticket)
        if status in {"pending", "on_hold"}:
            hold_ticket(ticket, wait_for="customer" if status == "pending" else "others", by=by)
        if status in {"solved", "closed"}:
            solve_ticket(ticket, by=by)
        if status == "closed":
            close_ticket(ticket, by=by)
        return Ticket.objects.get(pk=ticket.pk)

    def reply(self, ticket: Ticket, body: str = "We are sorry.", *, by: Actor = INTEGRATION, **facts: Any) -> Message:
        return post_reply(ticket, Words(body), by=by, **facts)

    def answer(self, ticket: Ticket, body: str = "谢谢", *, at: Any = None, by: Actor = INTEGRATION) -> Message:
        return receive_message(ticket, Words(body), by=by, at=at)

    def settle_down(self) -> None:
        """Carry every event to whoever listens and wake what is due, until nothing is left to do."""
        while carry(seconds=30) or sweep_once():
            pass

    def told(self, subject: Any) -> list[str]:
        """The kinds of a subject's events, oldest first."""
        return list(Event.objects.filter(subject_id=subject.pk).order_by("id").values_list("kind", flat=True))

    def last(self, subject: Any, kind: str) -> Event:
        return Event.objects.filter(subject_id=subject.pk, kind=kind).order_by("-id")[0]
