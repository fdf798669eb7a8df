"""Who is mentioned in what was written."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.rows import Row
from tickets.models.messages import Message


class Mention(Row):
    """A colleague named with `@` in a note or a reply. The text holds the name, this row the person."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "user"], name="tickets_mention_once"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} @ {self.user_id}"
