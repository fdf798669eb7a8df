"""Mail that came in: what became of it, and the mail itself, encrypted."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.fields import EncryptedBytes
from customers.models import Customer
from servicedesk.clock import now
from servicedesk.models import Shop
from servicedesk.rows import Row
from tickets.models.messages import Message
from tickets.models.tickets import Ticket


class MailOutcome(models.TextChoices):
    TICKET = "ticket", _("New ticket")
    MESSAGE = "message", _("Message in a ticket")
    IGNORED = "ignored", _("Ignored")


class InboundMail(Row):
    """One mail as received. The same Message-ID arrives at a shop once; a second delivery finds this row.

    `raw` is the mail, without the attachments that are kept as files, compressed, under the customer's key. Where no
    customer is known (bounces, absence notices of strangers, what cannot be read) it is `sealed` by the ring instead,
    and forgotten after 30 days.
    """

    Outcome = MailOutcome

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="+")
    message_id_digest = models.BinaryField(max_length=32)
    outcome = models.CharField(max_length=8, choices=MailOutcome)
    reason = models.CharField(max_length=40, blank=True)
    # Why its sender must not be answered automatically; empty for a person.
    machine = models.CharField(max_length=20, blank=True)
    customer = models.ForeignKey(Customer, models.CASCADE, null=True, related_name="+")
    ticket = models.ForeignKey(Ticket, models.SET_NULL, null=True, related_name="inbound_mails")
    message = models.ForeignKey(Message, models.SET_NULL, null=True, related_name="+")
    raw = EncryptedBytes(owner="customer", null=True)
    sealed = models.BinaryField(null=True, editable=False)
    size = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("received mail")
        verbose_name_plural = _("received mails")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message_id_digest", "shop"], name="tickets_mail_once"),
            models.CheckConstraint(condition=Q(outcome__in=MailOutcome.values), name="tickets_mail_outcome"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["received_at"], condition=Q(sealed__isnull=False), name="tickets_mail_sealed"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
