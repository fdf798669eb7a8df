"""A clock: how long something may take, and how long it took."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from clocks.models.calendars import Calendar, CalendarVersion
from servicedesk.errors import InvalidMove
from servicedesk.events import SubjectRef
from servicedesk.rows import Row, RowQuerySet


class ClockQuerySet(RowQuerySet["Clock"]):
    def of(self, subject: Any) -> "ClockQuerySet":
        return self.filter(subject_id=subject.pk, subject_type=subject.subject_type)

    def open(self) -> "ClockQuerySet":
        """Not stopped: running, paused, or breached and still waited for."""
        return self.filter(stopped_at__isnull=True)

    def going(self) -> "ClockQuerySet":
        """Open, and not put away with a merged subject."""
        return self.open().filter(frozen_at__isnull=True)


class Clock(Row):
    """One thing timed on one subject: a first response, a wait, a resolution.

    `spans` is the clock's whole course and the source of `used`, `paused_total`, `counted_from`, `paused_at`, `due_at`
    and `warn_at`, which are kept beside it for queries (see `clocks.course`).
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        MET = "met", _("Met")
        BREACHED = "breached", _("Breached")
        CANCELLED = "cancelled", _("Cancelled")

    COLORS: ClassVar[Mapping[str, str]] = {
        State.RUNNING: "blue",
        State.PAUSED: "secondary",
        State.MET: "green",
        State.BREACHED: "red",
        State.CANCELLED: "secondary",
    }
    # met → running is a reopened subject; breached → running is imported history that learns of an earlier stop.
    MOVES: ClassVar[Mapping[str, frozenset[str]]] = {
        State.RUNNING: frozenset({State.PAUSED, State.MET, State.BREACHED, State.CANCELLED}),
        State.PAUSED: frozenset({State.RUNNING, State.MET, State.BREACHED, State.CANCELLED}),
        State.MET: frozenset({State.RUNNING}),
        State.BREACHED: frozenset({State.RUNNING}),
        State.CANCELLED: frozenset(),
    }

    subject_type = models.CharField(_("subject"), max_length=32)
    subject_id = models.UUIDField()
    subject_number = models.CharField(max_length=24, blank=True)
    shop_id = models.UUIDField(null=True)
    metric = models.CharField(_("metric"), max_length=40)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.RUNNING)

    target = models.DurationField(_("target"))
    calendar = models.ForeignKey(Calendar, models.PROTECT, null=True, db_index=False, related_name="clocks")
    calendar_version = models.ForeignKey(CalendarVersion, models.PROTECT, null=True, db_index=False, related_name="+")

    started_at = models.DateTimeField(_("started"))
    due_at = models.DateTimeField(_("due"), null=True)
    stopped_at = models.DateTimeField(_("stopped"), null=True)
    detected_at = models.DateTimeField(_("breach detected"), null=True)
    # Since when the detector could have known of this due time: detection lag is counted from the later of the two.
    known_at = models.DateTimeField()

    spans = models.JSONField(default=list)
    used = models.DurationField(_("time used before the present stretch"), default=timedelta)
    counted_from = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(_("paused since"), null=True)
    paused_total = models.DurationField(_("time paused before"), default=timedelta)

    warn_at_percent = models.PositiveSmallIntegerField(null=True)
    warn_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(_("warned"), null=True)
    steps = models.JSONField(default=list)
    steps_done = models.JSONField(default=list)
    # Steps after the due time wait while a breached clock stands; by so much they are late.
    steps_delay = models.DurationField(default=timedelta)

    # Who was responsible at the verdict, and how many of the team were on duty: history cannot supply that later.
    assignee_id = models.UUIDField(null=True)
    team_id = models.UUIDField(null=True)
    on_duty = models.PositiveSmallIntegerField(null=True)

    is_historic = models.BooleanField(default=False)
    # What fell due before this moment was over before it reached us.
    over_until = models.DateTimeField(null=True)
    is_silent = models.BooleanField(default=False)
    is_final = models.BooleanField(default=False)
    frozen_at = models.DateTimeField(null=True)
    loans = models.JSONField(null=True)

    objects: ClassVar = ClockQuerySet.as_manager()

    class Meta:
        verbose_name = _("clock")
        verbose_name_plural = _("clocks")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_id", "metric", "subject_type"],
                condition=Q(stopped_at__isnull=True),
                name="clocks_clock_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["running", "paused", "met", "breached", "cancelled"]),
                name="clocks_clock_known_state",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["met", "cancelled"]) | Q(stopped_at__isnull=False),
                name="clocks_clock_ended_is_stopped",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["running", "paused"]) | Q(stopped_at__isnull=True),
                name="clocks_clock_going_is_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["subject_id"], name="clocks_clock_subject"),
            # Not by state: a verdict then changes no indexed column, and PostgreSQL writes it in place (HOT).
            models.Index(fields=["due_at"], name="clocks_clock_due", condition=Q(stopped_at__isnull=True)),
            models.Index(
                fields=["calendar", "id"],
                name="clocks_clock_calendar",
                condition=Q(stopped_at__isnull=True, calendar__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.subject_number}".strip()

    @property
    def subject(self) -> SubjectRef:
        return SubjectRef(self.subject_type, self.subject_id, self.subject_number, self.shop_id)

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None

    @property
    def lag(self) -> timedelta | None:
        """From the moment the breach could have been known to its detection; None without a breach."""
        if self.detected_at is None or self.due_at is None:
            return None
        return self.detected_at - max(self.due_at, self.known_at)

    def move_to(self, state: str) -> None:
        """Take the move, or raise InvalidMove. The caller saves."""
        if state not in self.MOVES[self.state]:
            raise InvalidMove(
                _("A clock that is “%(now)s” cannot become “%(wanted)s”.") % {"now": self.state, "wanted": str(state)}
            )
        self.state = state

    def is_overdue(self, at: datetime) -> bool:
        """Whether `at` lies past a due time that nobody judged yet."""
        return self.state in {"running", "paused"} and self.due_at is not None and self.due_at < at
