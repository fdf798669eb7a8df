from datetime import datetime
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.rows import Row, RowQuerySet

if TYPE_CHECKING:
    from servicedesk.actor import Actor


class WebhookEndpointQuerySet(RowQuerySet["WebhookEndpoint"]):
    def listening(self) -> "WebhookEndpointQuerySet":
        return self.filter(state=WebhookEndpoint.State.ACTIVE)

    def visible_to(self, actor: "Actor") -> "WebhookEndpointQuerySet":
        """Endpoints are the whole desk's affair: who may read them sees them all, a shop's key only its shops'."""
        rows = self.exclude(state=WebhookEndpoint.State.REMOVED)
        if not actor.may("webhooks.read"):
            return rows.none()
        if actor.shops is None:
            return rows
        ours = {str(shop) for shop in actor.shops}
        bound = [row.pk for row in rows.exclude(shop_ids=None) if ours.issuperset(row.shop_ids or ())]
        return rows.filter(pk__in=bound)


class WebhookEndpoint(Row):
    """An address outside the house that is told of events.

    `kinds` holds event kinds, `noun.*` for all of a noun, or `*`. `shop_ids` None means every shop. Both secrets are
    sealed; the previous one still signs until `previous_secret_until`, so that a receiver can change over in peace.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused")
        GONE = "gone", _("gone")  # the receiver answered 410
        REMOVED = "removed", _("removed")

    subject_type: ClassVar[str] = "webhook"
    shop_id: ClassVar[UUID | None] = None

    url = models.URLField(_("address"), max_length=500)
    kinds = models.JSONField(_("kinds"))
    shop_ids = models.JSONField(_("shops"), null=True, blank=True, default=None)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ACTIVE)
    secret = models.BinaryField(editable=False)
    previous_secret = models.BinaryField(null=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    failures_in_row = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    last_success_at = models.DateTimeField(_("last success at"), null=True, editable=False)
    last_failure_at = models.DateTimeField(_("last failure at"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    # In the clear, only on what the action that made the secret returns.
    fresh_secret: str = ""

    objects: ClassVar = WebhookEndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["active", "paused", "gone", "removed"]),
                name="servicedesk_webhook_endpoint_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"

    def wants(self, kind: str, shop_id: UUID | None) -> bool:
        if self.shop_ids is not None and (shop_id is None or str(shop_id) not in self.shop_ids):
            return False
        return any(wanted in ("*", kind, f"{kind.partition('.')[0]}.*") for wanted in self.kinds)


class WebhookDeliveryQuerySet(RowQuerySet["WebhookDelivery"]):
    def visible_to(self, actor: "Actor") -> "WebhookDeliveryQuerySet":
        return self.filter(endpoint__in=WebhookEndpoint.objects.visible_to(actor).values("pk"))

    def due(self, at: datetime) -> "WebhookDeliveryQuerySet":
        return self.filter(status=WebhookDelivery.Status.PENDING, next_try_at__lte=at)


class WebhookDelivery(Row):
    """One event on its way to one endpoint. `next_try_at` is also the lease of whoever is sending it right now."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("failed")

    subject_type: ClassVar[str] = "webhook_delivery"
    shop_id: ClassVar[UUID | None] = None

    endpoint = models.ForeignKey(WebhookEndpoint, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(
        "servicedesk.Event", models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(_("kind"), max_length=64)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), default=now)
    give_up_at = models.DateTimeField(editable=False)
    holder = models.UUIDField(null=True, editable=False)
    last_status = models.PositiveSmallIntegerField(_("last answer"), null=True)
    last_error = models.CharField(_("last error"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created at"), default=now, editable=False)
    delivered_at = models.DateTimeField(_("delivered at"), null=True)

    objects: ClassVar = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="servicedesk_webhook_delivery_once"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "delivered", "failed"]), name="servicedesk_webhook_delivery_status"
            ),
        ]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status="pending"), name="servicedesk_webhook_due"),
            models.Index(fields=["endpoint", "-id"], name="servicedesk_webhook_newest"),
            models.Index(fields=["-id"], condition=Q(status="failed"), name="servicedesk_webhook_failed"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def message_id(self) -> str:
        """The `webhook-id` header: the same for every try of this event at this endpoint."""
        return f"msg_{self.pk.hex}"
