"""What somebody of the staff has written to a ticket and not sent yet."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.fields import EncryptedText
from customers.models import Customer
from servicedesk.clock import now
from servicedesk.rows import Row
from tickets.models.messages import Visibility
from tickets.models.tickets import Ticket


class Draft(Row):
    """One person's unsent text in one ticket, encrypted with the key of the customer whose ticket it is.

    `version` counts the saves: by it two windows of one person know of each other. `replaced` is the text in whose
    place a window put its own without having seen it. What goes along is kept by id: files that were uploaded ahead,
    colleagues who are mentioned, macros that are applied as it is sent.
    """

    subject_type: ClassVar[str] = "draft"

    ticket = models.ForeignKey(Ticket, models.CASCADE, related_name="drafts")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    visibility = models.CharField(_("visibility"), max_length=8, choices=Visibility, default=Visibility.PUBLIC)
    body = EncryptedText(owner="customer", verbose_name=_("text"))
    replaced = EncryptedText(owner="customer", verbose_name=_("text of another window"))
    attachments = models.JSONField(default=list)
    mentions = models.JSONField(default=list)
    macros = models.JSONField(default=list)
    version = models.PositiveIntegerField(default=0)
    saved_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ticket", "author"], name="tickets_draft_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
