"""Open a ticket: where every concern begins, whichever door it came in by."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from clocks.actions import start_clocks
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, NotFound
from servicedesk.events import Told, record_many
from servicedesk.inserting import insert_together
from servicedesk.models import Shop, Team
from servicedesk.numbers import next_number
from servicedesk.rows import know
from tickets.actions.turns import Moment, moment_after, show_clocks
from tickets.attachments import Upload, attach
from tickets.models import Attachment, Author, Channel, Kind, Message, Metric, Priority, Status, Tag, Ticket
from tickets.policies import asks_for_customer_tags, plans_for, policy_for
from tickets.search import Indexed, index_documents


@dataclass(frozen=True, slots=True)
class Concern:
    """What a customer brings: the words and what is known about them."""

    subject: str
    body: str
    channel: str = Channel.API
    kind: str = Kind.OTHER
    priority: str = Priority.NORMAL
    language: str = ""
    order_number: str = ""
    tags: tuple[str, ...] = ()
    team: Team | None = None
    external_id: str = ""
    is_from_machine: bool = False
    attachments: tuple[Upload | Attachment, ...] = field(default=())


def open_ticket(
    concern: Concern,
    *,
    shop: Shop,
    customer: Customer,
    by: Actor,
    at: datetime | None = None,
    follows: Ticket | None = None,
    undoable: bool = True,
) -> Ticket:
    """Make a ticket of a concern, start its clocks, and tell. `at` is when the concern was received.

    `undoable=False` is for a caller that undoes everything when this raises, as the doors do: within their transaction
    it saves a savepoint, and nothing more can be done in the transaction then.

    Raises NotFound for a shop the actor does not see, Conflict for an `external_id` that this integration has already
    used in the shop, Invalid for an `at` ahead of now.
    """
    by.must("tickets.open")
    if by.shops is not None and shop.pk not in by.shops:
        raise NotFound
    with transaction.atomic(savepoint=undoable):
        return _open(concern, shop, customer, by, at, follows)


def _open(
    concern: Concern, shop: Shop, customer: Customer, by: Actor, at: datetime | None, follows: Ticket | None
) -> Ticket:
    moment, historic = moment_after(None, at, by), at is not None
    ticket = _new_ticket(concern, shop, customer, by, moment)
    ticket.follows = follows
    # The clocks first: the ticket is written once, with what the queue is ordered by.
    _start_clocks(ticket, frozenset(concern.tags), {"at": moment, "by": by, "historic": historic})
    message = ticket.last_message = _first_message(ticket, concern, moment)
    _insert(ticket, message)
    attach(concern.attachments, message, by=by)
    _tag(ticket, concern.tags)
    index_documents(
        [
            Indexed(ticket.pk, None, customer.pk, concern.subject),
            Indexed(ticket.pk, message.pk, customer.pk, concern.body),
        ]
    )
    _tell(ticket, message, by, moment, historic=historic)
    return ticket


def _new_ticket(concern: Concern, shop: Shop, customer: Customer, by: Actor, moment: datetime) -> Ticket:
    return Ticket(
        number_value=next_number("ticket"),
        shop=shop,
        customer=customer,
        subject=concern.subject,
        kind=concern.kind,
        channel=concern.channel,
        priority=concern.priority,
        language=concern.language or customer.language or shop.default_language,
        order_number=concern.order_number,
        team=concern.team,
        external_id=concern.external_id,
        is_from_machine=concern.is_from_machine,
        integration_id=by.id if by.type == "integration" else None,
        status=Status.NEW,
        created_at=moment,
        last_at=moment,
        waiting_since=moment,
        queued_at=moment,
    )


def _start_clocks(ticket: Ticket, tags: frozenset[str], when: Moment) -> None:
    ticket.policy = policy_for(ticket, tags=tags, customer_tags=_tags_of(ticket.customer))
    plans = plans_for(ticket.policy, Metric.FIRST_RESPONSE, Metric.RESOLUTION)
    ticket.fresh_clocks = start_clocks(ticket, plans, **when)
    show_clocks(ticket, ticket.fresh_clocks)


def _first_message(ticket: Ticket, concern: Concern, moment: datetime) -> Message:
    return Message(
        ticket=ticket,
        customer=ticket.customer,
        author=Author.CUSTOMER,
        integration_id=ticket.integration_id,
        channel=concern.channel,
        body=concern.body,
        sent_at=moment,
        created_at=now(),
    )


def _insert(ticket: Ticket, message: Message) -> None:
    """The rows, or Conflict where the integration's own id for the ticket was used before."""
    try:
        insert_together([ticket], [message], undoable=bool(ticket.external_id))
    except IntegrityError as error:
        if not ticket.external_id or "external" not in str(error):
            raise
        raise Conflict(
            _("A ticket with this external_id exists already. Read it, or send another id."), code="external_id_taken"
        ) from error


def _tag(ticket: Ticket, names: Collection[str]) -> None:
    if names:
        ticket.tags.set(tags_named(names))
    else:
        know(ticket, "tags", [])


def _tags_of(customer: Customer) -> frozenset[str]:
    """The customer's tags; not asked for while no policy does."""
    if not asks_for_customer_tags():
        return frozenset()
    return frozenset(tag.name for tag in customer.tags.all())


def tags_named(names: Iterable[str]) -> list[Tag]:
    """The tags of these names, made where they are new. Safe against somebody making the same one at once."""
    wanted = sorted(set(names))
    known = {tag.name for tag in Tag.objects.filter(name__in=wanted)}
    missing = [Tag(name=name) for name in wanted if name not in known]
    if missing:
        Tag.objects.bulk_create(missing, ignore_conflicts=True)
    return list(Tag.objects.filter(name__in=wanted))


def _tell(ticket: Ticket, message: Message, by: Actor, moment: datetime, *, historic: bool) -> None:
    changes: dict[str, Any] = {
        "kind": ticket.kind,
        "channel": ticket.channel,
        "priority": ticket.priority,
        "message": str(message.pk),
    }
    if ticket.follows_id is not None:
        changes["follows"] = str(ticket.follows_id)
    heard = {"message": str(message.pk), "visibility": message.visibility, "channel": message.channel}
    record_many(
        [
            Told("ticket.opened", ticket, by, moment, changes, historic),
            Told("message.received", ticket, by, moment, heard, historic),
        ]
    )
