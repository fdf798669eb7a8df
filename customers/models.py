"""Customers, how to reach them, and who looked. What is personal is encrypted under the customer's own key."""

import uuid
from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.fields import EncryptedText
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import Shop
from servicedesk.rows import Row, RowQuerySet


class CustomerTag(Row):
    """A word that groups customers (VIP, wholesale); policies can ask for it. It says nothing of one person."""

    name = models.CharField(_("name"), max_length=60, unique=True)

    class Meta:
        verbose_name = _("customer tag")
        verbose_name_plural = _("customer tags")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class CustomerQuerySet(RowQuerySet["Customer"]):
    def visible_to(self, actor: Actor) -> Self:
        """The customers of the actor's shops; a customer sees only their own record."""
        if actor.type == "customer":
            return self.filter(pk=actor.id)
        return self if actor.shops is None else self.filter(shop_id__in=actor.shops)

    def with_contacts(self) -> Self:
        """With what masks and contact properties need, in two more queries whatever the number of rows."""
        return self.prefetch_related("contact_points", "tags")


class Customer(Row):
    """A person whom a shop serves. Not a user: customers have no password here.

    `key_id` names the key in the key store under which everything of this customer is encrypted; it never changes. A
    merged customer points to the surviving one and keeps its key.
    """

    subject_type: ClassVar[str] = "customer"

    shop = models.ForeignKey(Shop, models.PROTECT, related_name="customers", verbose_name=_("shop"))
    key_id = models.UUIDField(unique=True, editable=False)
    name = EncryptedText(owner="self", verbose_name=_("name"), blank=True)
    language = models.CharField(_("language"), max_length=12, blank=True)
    tags = models.ManyToManyField(CustomerTag, blank=True, related_name="customers", verbose_name=_("tags"))
    is_anonymous = models.BooleanField(_("anonymous"), default=False)
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged", verbose_name=_("merged into")
    )
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), default=now, editable=False)

    objects: ClassVar[CustomerQuerySet] = CustomerQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        indexes: ClassVar = [models.Index(fields=["shop", "id"])]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def customer_id(self) -> uuid.UUID:
        """A customer belongs to themselves, so that the one visibility check fits."""
        return self.pk

    @property
    def email(self) -> str:
        """The e-mail address to write to; empty when none is known."""
        return self._contact(ContactPoint.Kind.EMAIL)

    @property
    def phone(self) -> str:
        """The phone number to call; empty when none is known."""
        return self._contact(ContactPoint.Kind.PHONE)

    def _contact(self, kind: str) -> str:
        """The first that serves for lookup, else the first."""
        points = [point for point in self.contact_points.all() if point.kind == kind]
        points.sort(key=lambda point: (not point.is_lookup, point.pk))
        return points[0].value if points else ""


class ContactPoint(Row):
    """One e-mail address or phone number of a customer.

    Where it serves for lookup it is unique within the shop. One that doesn't is kept to reach the customer and never
    identifies anybody: it was claimed by a stranger, or is a virtual number that many people share.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="contact_points", verbose_name=_("customer"))
    shop = models.ForeignKey(Shop, models.PROTECT, related_name="+", verbose_name=_("shop"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    digest = models.BinaryField(max_length=32, editable=False)
    value = EncryptedText(owner="customer", verbose_name=_("value"))
    is_lookup = models.BooleanField(_("serves for lookup"), default=True)
    source = models.CharField(_("source"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("created at"), default=now, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        # For those that don't serve for lookup, which a person may still ask for.
        indexes: ClassVar = [models.Index(fields=["digest"])]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["shop", "kind", "digest"], condition=models.Q(is_lookup=True), name="customers_contact_once"
            ),
            models.CheckConstraint(condition=models.Q(kind__in=["email", "phone"]), name="customers_contact_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class RevealQuerySet(RowQuerySet["Reveal"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if actor.shops is None else self.filter(customer__shop_id__in=actor.shops)


class Reveal(Row):
    """Somebody looked at what is masked, and said why. Reviewed by the manager; never edited."""

    class Reason(models.TextChoices):
        CALL_BACK = "call_back", _("To call or write back")
        VERIFY = "verify", _("To verify who they are")
        DELIVERY = "delivery", _("To settle a delivery")
        REFUND = "refund", _("To settle a refund")
        COMPLAINT = "complaint", _("To settle a complaint")
        CORRECTION = "correction", _("To correct the record")
        OTHER = "other", _("Another reason, given in the note")

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="reveals", verbose_name=_("customer"))
    by_type = models.CharField(_("kind of viewer"), max_length=12)
    by_id = models.UUIDField(_("viewer"), null=True)
    fields = models.JSONField(_("fields"))
    reason = models.CharField(_("reason"), max_length=12, choices=Reason)
    note = EncryptedText(owner="customer", verbose_name=_("note"), blank=True)
    at = models.DateTimeField(_("at"), default=now)

    objects: ClassVar[RevealQuerySet] = RevealQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("reveal")
        verbose_name_plural = _("reveals")
        indexes: ClassVar = [models.Index(fields=["by_id", "at"]), models.Index(fields=["customer", "at"])]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    reason__in=["call_back", "verify", "delivery", "refund", "complaint", "correction", "other"]
                ),
                name="customers_reveal_reason",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
