"""Tickets about to be shown by REST: what an answer says beside the ticket's own columns, in a fixed number of queries.

By hand and in plain values, not by prefetching: a list of fifty would make hundreds of querysets and rows that nobody
asks again, and took five times as long.
"""

import uuid
from collections import defaultdict, namedtuple
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from clocks.models import Clock
from customers.fields import opened, with_keys
from customers.masking import mask_email, mask_name, mask_phone
from customers.models import ContactPoint, Customer
from servicedesk.actor import Actor
from servicedesk.selecting import AmongIds, Kept
from servicedesk.shops import code_of_shop
from tickets.models import Ticket

Ids = Collection[uuid.UUID]

# What `TicketOut` reads, and the columns by which lists are ordered.
TICKET_FIELDS = (
    "number_value", "shop", "customer", "subject", "kind", "channel", "status", "priority", "language", "order_number",
    "external_id", "assignee", "team", "created_at", "first_responded_at", "solved_at", "closed_at", "snoozed_until",
    "follows", "merged_into", "version", "next_due_at",
)  # fmt: skip
# What `ClockOut` reads; the course and the steps are long.
CLOCK_FIELDS = (
    "subject_id", "metric", "state", "target", "used", "counted_from", "paused_at", "paused_total", "started_at",
    "due_at", "stopped_at", "detected_at", "frozen_at", "calendar_version_id",
)  # fmt: skip


def _row_class(names: Sequence[str]) -> Any:
    return namedtuple("ClockRow", names)  # noqa: PYI024  the names are listed once, above


ClockRow: Final = _row_class(CLOCK_FIELDS)

_CUSTOMERS: Final = Kept(
    lambda: (
        Customer.objects.filter(AmongIds("pk"))
        .order_by("-contact_points__is_lookup", "contact_points__id")
        .values_list("pk", "name", "contact_points__pk", "contact_points__kind", "contact_points__value")
    )
)
_TAGS: Final = Kept(
    lambda: (
        Ticket.tags.through.objects.filter(AmongIds("ticket_id"))
        .order_by("tag__name")
        .values_list("ticket_id", "tag__name")
    )
)
_CLOCKS: Final = Kept(
    lambda: (
        Clock.objects.filter(AmongIds("subject_id"), subject_type=Ticket.subject_type)
        .order_by("started_at", "id")
        .values_list(*CLOCK_FIELDS)
    )
)


@dataclass(slots=True)
class Masked:
    """A customer as far as a ticket shows them."""

    name: str = ""
    phone: str = ""
    email: str = ""


@dataclass(slots=True)
class Beside:
    """What is shown of a ticket beside its own columns."""

    shop: str
    customer: Masked
    tags: list[str] = field(default_factory=list)
    clocks: list[Any] = field(default_factory=list)  # clocks, or rows of CLOCK_FIELDS
    follows: uuid.UUID | None = None
    merged_into: uuid.UUID | None = None


def load_for_showing(rows: Sequence[Any], actor: Actor) -> Sequence[Any]:
    """Give each ticket its `beside`, without other tickets that the actor does not see, and load the keys it needs."""
    tickets: list[Any] = with_keys(rows)
    stored = [ticket for ticket in tickets if ticket.fresh_clocks is None]
    if stored:
        _load(stored)
    for ticket in tickets:
        if ticket.fresh_clocks is not None:
            ticket.beside = _at_hand(ticket)
    _name_others(tickets, actor)
    return tickets


def _name_others(tickets: Sequence[Any], actor: Actor) -> None:
    hidden = unseen((pk for ticket in tickets for pk in (ticket.follows_id, ticket.merged_into_id)), actor)
    for ticket in tickets:
        ticket.beside.follows = None if ticket.follows_id in hidden else ticket.follows_id
        ticket.beside.merged_into = None if ticket.merged_into_id in hidden else ticket.merged_into_id


def unseen(ids: Iterable[uuid.UUID | None], actor: Actor) -> frozenset[uuid.UUID]:
    """Which of these tickets the actor doesn't see. No statement where there are none, or nothing is kept from them."""
    named = frozenset(pk for pk in ids if pk is not None)
    if not named or actor.sees_everything:
        return frozenset()
    return named - frozenset(Ticket.objects.visible_to(actor).filter(pk__in=named).values_list("pk", flat=True))


def _load(tickets: Sequence[Any]) -> None:
    ids = [ticket.pk for ticket in tickets]
    customers, tags, clocks = masked_customers({ticket.customer_id for ticket in tickets}), _tags(ids), _clocks(ids)
    shops = {shop_id: code_of_shop(shop_id) for shop_id in {ticket.shop_id for ticket in tickets}}
    for ticket in tickets:
        ticket.beside = Beside(
            shop=shops[ticket.shop_id],
            customer=customers[ticket.customer_id],
            tags=tags[ticket.pk],
            clocks=clocks[ticket.pk],
        )


def _at_hand(ticket: Ticket) -> Beside:
    """The same of a ticket that was opened a moment ago, which knows most of it."""
    customer = ticket.customer
    return Beside(
        shop=code_of_shop(ticket.shop_id),
        customer=Masked(mask_name(customer.name), mask_phone(customer.phone), mask_email(customer.email)),
        tags=[tag.name for tag in ticket.tags.all()],
        clocks=list(ticket.fresh_clocks or ()),
    )


def masked_customers(ids: Ids) -> dict[uuid.UUID, Masked]:
    """Names, phones and addresses, masked: of each kind the contact that serves for lookup, else the first."""
    rows = _CUSTOMERS.rows(ids=ids)
    names = {pk: blob for pk, blob, *_point in rows}
    found = dict(zip(names, map(_named, opened(Customer, "name", [(pk, pk, names[pk]) for pk in names])), strict=True))
    # A customer without contacts has one row, without a point.
    points = [(point, pk, blob, kind) for pk, _name, point, kind, blob in rows if point is not None]
    values = opened(ContactPoint, "value", [(point, pk, blob) for point, pk, blob, _kind in points])
    for (_point, pk, _blob, kind), value in zip(points, values, strict=True):
        if kind == ContactPoint.Kind.EMAIL:
            found[pk].email = found[pk].email or mask_email(value)
        else:
            found[pk].phone = found[pk].phone or mask_phone(value)
    return found


def _named(name: str | None) -> Masked:
    return Masked(mask_name(name or ""))


def _tags(ids: Ids) -> dict[uuid.UUID, list[str]]:
    found: dict[uuid.UUID, list[str]] = defaultdict(list)
    for ticket_id, name in _TAGS.rows(ids=ids):
        found[ticket_id].append(name)
    return found


def _clocks(ids: Ids) -> dict[uuid.UUID, list[Any]]:
    found: dict[uuid.UUID, list[Any]] = defaultdict(list)
    for clock in map(ClockRow._make, _CLOCKS.rows(ids=ids)):
        found[clock.subject_id].append(clock)
    return found
