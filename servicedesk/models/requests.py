from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.rows import Row


class Integration(Row):
    """A program outside the desk that acts in its own name; its keys may change, it stays the same actor."""

    subject_type: ClassVar[str] = "integration"
    shop_id: ClassVar[UUID | None] = None

    name = models.CharField(_("name"), max_length=100, unique=True)
    created_at = models.DateTimeField(_("created at"), default=now, editable=False)

    class Meta:
        verbose_name = _("integration")
        verbose_name_plural = _("integrations")

    def __str__(self) -> str:
        return self.name


class ApiKey(Row):
    """One secret of an integration. Only its SHA-256 digest is kept: 256 random bits need no slow hash."""

    subject_type: ClassVar[str] = "api_key"
    shop_id: ClassVar[UUID | None] = None

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="keys", verbose_name=_("integration"))
    prefix = models.CharField(_("prefix"), max_length=16, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    # A list in the row, not a relation: authentication may cost one query. None means every shop.
    shop_ids = models.JSONField(_("shops"), null=True, blank=True, default=None)
    rate_per_minute = models.PositiveIntegerField(_("requests a minute"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), default=now, editable=False)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, blank=True, editable=False)

    # In the clear, only on what the action that made the key returns.
    fresh_secret: str = ""

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"sd_{self.prefix}_…"

    def visible_shop_ids(self) -> frozenset[UUID] | None:
        """The shops this key may see; None means every shop."""
        return None if self.shop_ids is None else frozenset(UUID(value) for value in self.shop_ids)

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


class IdempotencyRecord(Row):
    """The claim on one Idempotency-Key, and the sealed first answer once there is one.

    `claim` is a keyed digest of actor, method, path and key: clients put all sorts of things into a key, so the key
    itself is never stored. `holder` changes whenever the claim changes hands; only its holder may complete it.
    """

    claim = models.BinaryField(max_length=32, unique=True, editable=False)
    body_digest = models.BinaryField(max_length=32, editable=False)
    holder = models.UUIDField(editable=False)
    lease_until = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(default=now, db_index=True, editable=False)
    completed_at = models.DateTimeField(null=True, editable=False)
    answer = models.BinaryField(null=True, editable=False)

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")

    def __str__(self) -> str:
        return str(self.pk)
