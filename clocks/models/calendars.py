"""Calendars: when work is done. What a clock ran under is kept as a version that never changes."""

from datetime import date
from typing import Any, ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from clocks.business_time import WorkingHours
from clocks.country_days import CountryDays
from clocks.weekly_hours import parse_week
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.rows import Row, RowQuerySet


class CalendarQuerySet(RowQuerySet["Calendar"]):
    def visible_to(self, actor: Actor) -> Self:
        """Calendars belong to no shop: who may read them reads all."""
        return self if actor.may("sla.read") else self.none()


class Calendar(Row):
    """Weekly hours in a time zone, days off, days worked out of turn. Actions edit it; each edit makes a version."""

    subject_type: ClassVar[str] = "calendar"
    shop_id: ClassVar[None] = None

    name = models.CharField(_("name"), max_length=80, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64)
    hours = models.JSONField(_("weekly hours"), default=dict)
    holidays = models.JSONField(_("days off"), default=list, blank=True)
    extra_workdays = models.JSONField(_("days worked out of turn"), default=list, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    current = models.ForeignKey(
        "clocks.CalendarVersion", models.PROTECT, null=True, editable=False, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=now, editable=False)
    edited_at = models.DateTimeField(default=now, editable=False)

    objects: ClassVar = CalendarQuerySet.as_manager()

    class Meta:
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class CalendarVersion(Row):
    """A calendar as it was from one edit to the next, with its country's days as they were known then. Immutable."""

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    time_zone = models.CharField(max_length=64)
    hours = models.JSONField(default=dict)
    holidays = models.JSONField(default=list)
    extra_workdays = models.JSONField(default=list)
    country = models.CharField(max_length=2, blank=True)
    # {"years": [2026, …], "off": ["2026-10-01", …], "on": ["2026-10-10", …]}: fixed, so that a new release of the
    # library or an entry in the override table changes nothing behind the back of a clock that already ran.
    country_days = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=now)

    class Meta:
        verbose_name = _("calendar version")
        verbose_name_plural = _("calendar versions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["calendar", "version"], name="clocks_calendar_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.calendar_id} v{self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("A calendar's versions are immutable: edit the calendar.")
        super().save(*args, **kwargs)

    def working_hours(self) -> WorkingHours:
        return WorkingHours(
            week=parse_week(self.hours),
            time_zone=self.time_zone,
            holidays=_days(self.holidays),
            extra_workdays=_days(self.extra_workdays),
            country_days=CountryDays(
                self.country,
                frozenset(self.country_days.get("years", ())),
                _days(self.country_days.get("off", ())),
                _days(self.country_days.get("on", ())),
            ),
        )


class CountryDay(Row):
    """What the manager knows better than the library: a country's day off, or a day worked to make up for one."""

    subject_type: ClassVar[str] = "country_day"
    shop_id: ClassVar[None] = None

    country = models.CharField(_("country"), max_length=2)
    on = models.DateField(_("day"))
    is_working = models.BooleanField(_("worked"), default=False)
    name = models.CharField(_("name"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("correction of a public holiday")
        verbose_name_plural = _("corrections of public holidays")
        ordering: ClassVar = ["country", "-on"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["country", "on"], name="clocks_country_day_once"),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.on}"


def _days(texts: Any) -> frozenset[date]:
    return frozenset(date.fromisoformat(text) for text in texts)
