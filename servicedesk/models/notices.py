"""What a member of staff is told: a pointer to an event, read or not; and by which ways each of them wants to hear."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models.events import Event
from servicedesk.models.people import User
from servicedesk.notice_kinds import KINDS, SUBJECTS
from servicedesk.rows import Row, RowQuerySet


class Digest(models.TextChoices):
    """How often what somebody has not read is mailed to them."""

    OFF = "off", _("Never")
    HOURLY = "hourly", _("Every hour")
    DAILY = "daily", _("Every day")


class NoticeQuerySet(RowQuerySet["Notice"]):
    def visible_to(self, actor: Actor) -> Self:
        """One's own, as long as one may see what they are about: a ticket may have moved to a private team since."""
        if not actor.is_staff:
            return self.none()
        rows = self.filter(user=actor.id)
        for name, subject in SUBJECTS.items():
            shown = subject.rows(actor).filter(pk=OuterRef("subject_id"))
            rows = rows.filter(~Q(subject_type=name) | Exists(shown))
        return rows

    def on_desk(self) -> Self:
        return self.filter(desk=True)

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notice(Row):
    """One event that one person is to hear of. The sentence is made of its kind as it is shown.

    `desk`, `browser`, `sound` and `digest` are the ways the person had chosen for this kind when it happened. What is
    not on the desk's bell only waits for its digest.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="notices", db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(_("kind"), max_length=64)
    subject_type = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    subject_number = models.CharField(max_length=24, blank=True)
    created_at = models.DateTimeField(default=now)
    read_at = models.DateTimeField(null=True, blank=True)
    desk = models.BooleanField(default=True)
    browser = models.BooleanField(default=False)
    sound = models.BooleanField(default=False)
    digest = models.CharField(max_length=6, choices=Digest, default=Digest.OFF)
    # When it went into a digest, whose mail is known by this very moment.
    digested_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[NoticeQuerySet] = NoticeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event", "user", "kind"], name="servicedesk_notice_once"),
            models.CheckConstraint(condition=Q(digest__in=Digest.values), name="servicedesk_notice_digest"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], condition=Q(desk=True), name="servicedesk_notices"),
            models.Index(fields=["user", "-id"], condition=Q(desk=True, read_at=None), name="servicedesk_unread"),
            models.Index(
                fields=["user", "digest"],
                condition=Q(digest__in=[Digest.HOURLY, Digest.DAILY], digested_at=None, read_at=None),
                name="servicedesk_undigested",
            ),
            models.Index(fields=["read_at"], condition=Q(read_at__isnull=False), name="servicedesk_notices_read"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_number}".strip()

    @property
    def text(self) -> str:
        """What happened, in the reader's language. It names nobody."""
        kind = KINDS.get(self.kind)
        return self.kind if kind is None else str(kind.words(self.event))

    @property
    def icon(self) -> str:
        kind = KINDS.get(self.kind)
        return "bell" if kind is None else kind.icon

    @property
    def address(self) -> str:
        """Where it happened, as a path on this site; "" where nothing is registered to show it."""
        subject = SUBJECTS.get(self.subject_type)
        return "" if subject is None else subject.address(self.subject_number, self.event)


class NoticePreference(Row):
    """By which ways one person hears of one kind. Who never chose has no row: the kind's own defaults hold."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notice_preferences", db_index=False)
    kind = models.CharField(_("kind"), max_length=64)
    desk = models.BooleanField(default=True)
    browser = models.BooleanField(default=False)
    sound = models.BooleanField(default=False)
    digest = models.CharField(max_length=6, choices=Digest, default=Digest.OFF)

    class Meta:
        verbose_name = _("notification preference")
        verbose_name_plural = _("notification preferences")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind"], name="servicedesk_notice_preference_once"),
            models.CheckConstraint(condition=Q(digest__in=Digest.values), name="servicedesk_preference_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"
