"""What a member of staff is told: a pointer to an event, read or not."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.models.events import Event
from servicedesk.models.people import User
from servicedesk.rows import Row


class Notification(Row):
    """One event that one person is to see. The sentence is made from the event's kind when it is shown."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notifications")
    event = models.ForeignKey(Event, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "event"], name="servicedesk_notification_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], condition=models.Q(read_at=None), name="servicedesk_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.event_id}"
