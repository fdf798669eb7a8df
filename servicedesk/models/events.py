"""What happened, in which order it was committed, and who still has to be told; and what is booked for later."""

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now
from servicedesk.rows import Row


class Event(Row):
    """One thing that happened: audit entry, timeline line, webhook payload, live update and outbox at once.

    Holds ids, codes, numbers and times, never personal text. Immutable.
    """

    kind = models.CharField(_("kind"), max_length=64)
    at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"), default=now)
    subject_type = models.CharField(_("subject"), max_length=32)
    subject_id = models.UUIDField()
    subject_number = models.CharField(max_length=24, blank=True)
    shop_id = models.UUIDField(null=True)
    by_type = models.CharField(max_length=12)
    by_id = models.UUIDField(null=True)
    changes = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    is_historic = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [models.Index(fields=["subject_id", "id"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_number}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Events are immutable: record another one.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("Events are immutable: they cannot be deleted.")


class UnsequencedEvent(models.Model):
    """Committed, or about to be, and without a position yet: what the sequencer has to look at."""

    event = models.OneToOneField(Event, models.CASCADE, primary_key=True, related_name="+", db_constraint=False)

    def __str__(self) -> str:
        return str(self.event_id)


class EventPosition(models.Model):
    """Where an event stands in the order of commits: the feed's `after`, the live stream's Last-Event-ID."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, models.CASCADE, related_name="sequenced", db_constraint=False)

    def __str__(self) -> str:
        return str(self.position)


class Delivery(models.Model):
    """One reaction that one event still owes. Gone once it ran; what failed stays, with its error and next try."""

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", db_constraint=False)
    reaction = models.CharField(_("reaction"), max_length=120)
    is_outside = models.BooleanField(default=False)
    try_at = models.DateTimeField(_("next try"), null=True, default=now)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "reaction"], name="servicedesk_delivery_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["is_outside", "try_at", "id"], name="servicedesk_delivery_due"),
        ]

    def __str__(self) -> str:
        return f"{self.reaction} {self.event_id}"


class Booking(models.Model):
    """Something to be done at a time. The row is the work; a queue message is only a nudge."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(_("kind"), max_length=64)
    subject_id = models.UUIDField()
    key = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField(_("booked for"))
    try_at = models.DateTimeField(_("next try"), null=True)
    payload = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subject_id", "kind", "key"], name="servicedesk_booking_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["try_at"], name="servicedesk_booking_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
