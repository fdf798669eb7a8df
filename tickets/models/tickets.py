"""The ticket: one customer concern from first message to closure."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import FilteredRelation, Q
from django.utils.translation import gettext_lazy as _

from customers.fields import EncryptedText
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import Shop, Team
from servicedesk.rows import Row, RowQuerySet
from servicedesk.states import Stateful

if TYPE_CHECKING:
    from clocks.models import Clock


class Kind(models.TextChoices):
    INQUIRY = "inquiry", _("Pre-sale inquiry")
    ORDER = "order", _("Order")
    SHIPPING = "shipping", _("Shipping")
    RETURN = "return", _("Return")
    COMPLAINT = "complaint", _("Complaint")
    OTHER = "other", _("Other")


class Channel(models.TextChoices):
    API = "api", _("API")
    WEB = "web", _("Web form")
    EMAIL = "email", _("E-mail")
    CHAT = "chat", _("Chat")
    PHONE = "phone", _("Phone")
    SOCIAL = "social", _("Social media")


class Priority(models.TextChoices):
    LOW = "low", _("Low")
    NORMAL = "normal", _("Normal")
    HIGH = "high", _("High")
    URGENT = "urgent", _("Urgent")


class Status(models.TextChoices):
    NEW = "new", _("New")
    OPEN = "open", _("Open")
    PENDING = "pending", _("Waiting for the customer")
    ON_HOLD = "on_hold", _("On hold")
    SOLVED = "solved", _("Solved")
    CLOSED = "closed", _("Closed")


class TransferReason(models.TextChoices):
    """Why a ticket is given to somebody else. Told to other systems, so a code and never a text."""

    SKILL = "skill", _("Another skill is needed")
    LANGUAGE = "language", _("Another language is needed")
    TEAM = "team", _("Another team's work")
    WORKLOAD = "workload", _("Too much to do")
    ABSENCE = "absence", _("Absent, or the shift ends")
    CUSTOMER = "customer", _("The customer asked for it")
    OTHER = "other", _("Another reason")


UNSOLVED = (Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD)
WORKABLE = (Status.NEW, Status.OPEN)
WAITING = (Status.PENDING, Status.ON_HOLD)


class TicketQuerySet(RowQuerySet["Ticket"]):
    """Reads of tickets; the views of the queue are defined here, once for page and API."""

    def visible_to(self, actor: Actor) -> Self:
        """Those of the actor's shops; private teams' only to their members and to who oversees."""
        if actor.is_system:
            return self
        rows = self if actor.shops is None else self.filter(shop_id__in=actor.shops)
        if actor.type == "customer":
            return rows.filter(customer_id=actor.id)
        if actor.minds_private_teams:
            # Private teams are few: naming them keeps the team out of the join and the queue's index in use.
            hidden = Team.objects.filter(is_private=True).exclude(pk__in=[actor.team] if actor.team else [])
            rows = rows.exclude(Q(team__isnull=False) & Q(team__in=hidden))
        return rows

    def of_private_teams(self) -> Self:
        return self.filter(team__is_private=True)

    def for_page(self) -> Self:
        """What a ticket's page shows of it, without a query for each relation."""
        return self.select_related("customer", "assignee", "team")

    def with_draft_of(self, author: uuid.UUID | None) -> Self:
        """With this person's draft as `my_draft`, None where there is none, without a query of its own."""
        mine = FilteredRelation("drafts", condition=Q(drafts__author=author))
        return self.annotate(my_draft=mine).select_related("my_draft")

    def for_queue(self) -> Self:
        """What a line of a queue shows of each ticket, and no column more."""
        return self.select_related("customer", "assignee").only(
            "number_value", "subject", "kind", "channel", "status", "priority", "language", "next_due_at",
            "at_risk_from", "customer__key_id", "customer__name", "assignee__name",
        )  # fmt: skip

    def standing(self) -> Self:
        """Without those merged into another one: they keep their status and are worked there."""
        return self.filter(merged_into=None)

    def unsolved(self) -> Self:
        return self.filter(merged_into=None, status__in=UNSOLVED)

    def awake(self, at: datetime) -> Self:
        """Without those snoozed beyond this moment."""
        return self.filter(Q(snoozed_until=None) | Q(snoozed_until__lte=at))

    def unassigned(self) -> Self:
        return self.filter(merged_into=None, status__in=WORKABLE, assignee=None)

    def at_risk(self, at: datetime) -> Self:
        """Past the warning moment of a clock and not yet past its deadline."""
        return self.unsolved().filter(at_risk_from__lte=at, next_due_at__gt=at)

    def breached(self) -> Self:
        """Those of which a clock was ever breached."""
        return self.filter(merged_into=None, is_breached=True)

    def waiting(self) -> Self:
        return self.filter(merged_into=None, status__in=WAITING)


class Ticket(Stateful, Row):
    """One customer concern. Its subject is encrypted with the customer's key."""

    subject_type: ClassVar[str] = "ticket"
    Status = Status
    # All its clocks, on the instance that `open_ticket` returns, so that its answer need not read them.
    fresh_clocks: "Sequence[Clock] | None" = None

    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        Status.NEW: frozenset({Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.SOLVED}),
        Status.OPEN: frozenset({Status.PENDING, Status.ON_HOLD, Status.SOLVED}),
        Status.PENDING: frozenset({Status.OPEN, Status.ON_HOLD, Status.SOLVED}),
        Status.ON_HOLD: frozenset({Status.OPEN, Status.PENDING, Status.SOLVED}),
        Status.SOLVED: frozenset({Status.OPEN, Status.CLOSED}),
        Status.CLOSED: frozenset(),
    }

    number_value = models.BigIntegerField(_("number"), unique=True)
    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+", verbose_name=_("shop"))
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="tickets", verbose_name=_("customer"))
    subject = EncryptedText(owner="customer", verbose_name=_("subject"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.OTHER)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel)
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.NEW)
    priority = models.CharField(_("priority"), max_length=8, choices=Priority, default=Priority.NORMAL)
    language = models.CharField(_("language"), max_length=12, blank=True)
    order_number = models.CharField(_("order"), max_length=64, blank=True)
    external_id = models.CharField(max_length=128, blank=True)
    integration_id = models.UUIDField(null=True, editable=False)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="tickets", verbose_name=_("assignee")
    )
    team = models.ForeignKey(Team, models.PROTECT, null=True, related_name="tickets", verbose_name=_("team"))
    tags = models.ManyToManyField("tickets.Tag", related_name="tickets", verbose_name=_("tags"))
    policy = models.ForeignKey("tickets.SlaPolicy", models.PROTECT, null=True, related_name="tickets")
    follows = models.ForeignKey("self", models.PROTECT, null=True, related_name="follow_ups")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged")
    last_message = models.ForeignKey("tickets.Message", models.SET_NULL, null=True, related_name="+")

    created_at = models.DateTimeField(_("received at"))
    first_responded_at = models.DateTimeField(null=True)
    solved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    # The customer's earliest message that nobody of the staff has answered yet.
    waiting_since = models.DateTimeField(null=True)
    last_at = models.DateTimeField(_("time of the latest thing that happened"))
    snoozed_until = models.DateTimeField(null=True)

    # Told by the clocks after each change, so that queues need no join: the next deadline, the moment its warning
    # begins, and whether any clock was ever breached.
    next_due_at = models.DateTimeField(null=True)
    at_risk_from = models.DateTimeField(null=True)
    is_breached = models.BooleanField(default=False)
    # Routed by itself and still without an agent: where it stands in the team's queue since when.
    queued_at = models.DateTimeField(null=True)
    # Its first message came from a machine: it is worked like any other and never answered automatically.
    is_from_machine = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1)

    objects: ClassVar[TicketQuerySet] = TicketQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="tickets_ticket_status"),
            models.UniqueConstraint(
                fields=["integration_id", "shop", "external_id"],
                condition=~Q(external_id=""),
                name="tickets_ticket_external_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_due_at", "id"], condition=Q(status__in=UNSOLVED), name="tickets_open_due"),
            models.Index(
                fields=["assignee", "next_due_at", "id"],
                condition=Q(status__in=UNSOLVED),
                name="tickets_open_mine",
            ),
            models.Index(
                fields=["next_due_at", "id"],
                condition=Q(status__in=WORKABLE, assignee=None),
                name="tickets_open_unassigned",
            ),
            models.Index(
                fields=["next_due_at", "id"],
                condition=Q(status__in=UNSOLVED, is_breached=True),
                name="tickets_open_breached",
            ),
            models.Index(
                fields=["next_due_at", "id"],
                condition=Q(status__in=WAITING, merged_into=None),
                name="tickets_open_waiting",
            ),
            models.Index(
                fields=["at_risk_from", "next_due_at"], condition=Q(status__in=UNSOLVED), name="tickets_open_at_risk"
            ),
            models.Index(fields=["queued_at"], condition=Q(queued_at__isnull=False), name="tickets_queued"),
            models.Index(fields=["customer", "id"], name="tickets_by_customer"),
            models.Index(fields=["order_number"], condition=~Q(order_number=""), name="tickets_by_order"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The public reference, T-1042."""
        return f"T-{self.number_value}"

    @property
    def private_team_id(self) -> uuid.UUID | None:
        """The team that keeps this ticket to itself, if one does."""
        return self.team_id if self.team is not None and self.team.is_private else None

    @property
    def is_unsolved(self) -> bool:
        return self.status in UNSOLVED

    @property
    def pulse(self) -> str:
        """How the next deadline stands now: `late`, `soon`, `calm`, or nothing where no clock runs."""
        if self.next_due_at is None or not self.is_unsolved:
            return ""
        moment = now()
        if self.next_due_at <= moment:
            return "late"
        return "soon" if self.at_risk_from is not None and self.at_risk_from <= moment else "calm"


class Tag(Row):
    """A word to sort tickets by."""

    subject_type: ClassVar[str] = "tag"
    shop_id: ClassVar[None] = None

    name = models.CharField(_("name"), max_length=40, unique=True)
    color = models.CharField(_("colour"), max_length=9, blank=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class TicketLink(Row):
    """Two tickets that have to do with each other, the lower id first."""

    first = models.ForeignKey(Ticket, models.CASCADE, related_name="+")
    second = models.ForeignKey(Ticket, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("link between tickets")
        verbose_name_plural = _("links between tickets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="tickets_link_once"),
            models.CheckConstraint(condition=Q(first__lt=models.F("second")), name="tickets_link_ordered"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} – {self.second_id}"


class Merge(Row):
    """One merge of a source ticket into a target, open until it is undone: what unmerge needs to restore."""

    source = models.ForeignKey(Ticket, models.CASCADE, related_name="merges")
    target = models.ForeignKey(Ticket, models.CASCADE, related_name="+")
    source_status = models.CharField(max_length=8)
    merged_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)
    # What of the source was put away: {"queued_at", "bookings": [{"kind", "at"}], "merged": [ids merged into it]}.
    kept = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source"], condition=Q(undone_at=None), name="tickets_merge_open_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} → {self.target_id}"


def link_ends(one: uuid.UUID, other: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """The two ends in the order in which a link keeps them."""
    return (one, other) if one < other else (other, one)
