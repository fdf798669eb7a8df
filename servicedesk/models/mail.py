"""Mail on its way out. A row says who is to be told what, by ids and codes; the words are put in when it is sent."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.rows import Row, RowQuerySet


class MailState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    BOUNCED = "bounced", _("Bounced")
    CANCELLED = "cancelled", _("Cancelled")


ON_THE_WAY = (MailState.QUEUED, MailState.SENDING)


class OutgoingMailQuerySet(RowQuerySet["OutgoingMail"]):
    def due(self, at: datetime) -> Self:
        """To be sent now: queued ones whose time has come, and those whose sender died while it had them."""
        return self.filter(state__in=ON_THE_WAY, next_try_at__lte=at)


class OutgoingMail(Row):
    """One mail to one person, sent once. `next_try_at` is also the lease of whoever is sending it right now."""

    subject_type: ClassVar[str] = "mail"
    State = MailState

    key = models.CharField(max_length=120, unique=True)
    template = models.CharField(_("template"), max_length=60)
    recipient_type = models.CharField(_("recipient"), max_length=12)
    recipient_id = models.UUIDField()
    context = models.JSONField(default=dict)
    shop_id = models.UUIDField(null=True)
    state = models.CharField(_("state"), max_length=9, choices=MailState, default=MailState.QUEUED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), default=now)
    # A code of ours or of SMTP: what servers say in words can hold an address.
    error = models.CharField(_("last error"), max_length=40, blank=True)
    message_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), default=now)
    sent_at = models.DateTimeField(_("sent at"), null=True)

    objects: ClassVar[OutgoingMailQuerySet] = OutgoingMailQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("outgoing mail")
        verbose_name_plural = _("outgoing mails")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=MailState.values), name="servicedesk_mail_state"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_try_at"], condition=Q(state__in=ON_THE_WAY), name="servicedesk_mail_due"),
            models.Index(
                fields=["-id"],
                condition=Q(state__in=[MailState.FAILED, MailState.BOUNCED]),
                name="servicedesk_mail_failed",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
