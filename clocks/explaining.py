"""Why a clock shows what it shows: every stretch that counted, every one that didn't, and the reason in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from clocks import course as courses
from clocks.business_time import NOTHING, Reason, intervals
from clocks.country_days import holiday_name
from clocks.hours import hours_of, load_hours
from clocks.models import CalendarVersion, Clock, CountryDay
from servicedesk.clock import now

REASONS: Final[Mapping[str, Promise]] = {
    Reason.ROUND_THE_CLOCK: gettext_lazy("counts round the clock"),
    Reason.WORKING_HOURS: gettext_lazy("working hours"),
    Reason.EXTRA_WORKDAY: gettext_lazy("extra workday"),
    Reason.MAKE_UP_WORKDAY: gettext_lazy("make-up workday"),
    Reason.CLOSED: gettext_lazy("outside working hours"),
    Reason.WEEKEND: gettext_lazy("weekend"),
    Reason.DAY_OFF: gettext_lazy("no working day"),
    Reason.HOLIDAY: gettext_lazy("day off in the calendar"),
    Reason.PUBLIC_HOLIDAY: gettext_lazy("public holiday"),
    "pending": gettext_lazy("paused: waiting for the customer"),
    "on_hold": gettext_lazy("paused: waiting for others"),
    "solved": gettext_lazy("paused: it was solved"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the clock's life. `reason` is a code, `why` says it in the present language."""

    start: datetime
    end: datetime
    counted: bool
    reason: str
    why: str
    on: date | None = None

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def seconds(self) -> float:
        return self.length.total_seconds()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A clock's whole course up to `until`: its parts without gaps, and their sums."""

    clock: Clock
    until: datetime
    intervals: Sequence[Part]
    used: timedelta
    left_out: timedelta
    paused: timedelta
    summary: str


def explain(clock: Clock, *, at: datetime | None = None) -> Explanation:
    """Explain a clock as it stands at `at` (now), or as it stood when it stopped or was put away."""
    moment = at or now()
    ends = [one for one in (clock.stopped_at, clock.frozen_at) if one is not None]
    until = max(min([moment, *ends]), clock.started_at)
    course = courses.from_json(clock.spans)
    load_hours(one.hours_id for one in course)
    parts = [part for one in course for part in _parts(one, until)]
    named = _with_names(clock, parts)
    used = sum((one.length for one in parts if one.counted), NOTHING)
    paused = courses.stood(course, until)
    left_out = sum((one.length for one in parts if not one.counted), NOTHING) - paused
    return Explanation(clock, until, named, used, left_out, paused, _summary(clock, used, left_out, paused))


def _parts(one: courses.Stretch, until: datetime) -> Iterator[Part]:
    end = until if one.end is None else min(one.end, until)
    if not one.runs:
        if one.start < end:
            yield Part(one.start, end, False, one.why, _words(one.why))
        return
    for stretch in intervals(one.start, end, hours_of(one.hours_id)):
        yield Part(stretch.start, stretch.end, stretch.counted, stretch.reason, _words(stretch.reason), stretch.on)


def _words(reason: str) -> str:
    return str(REASONS[reason]) if reason in REASONS else _("paused: %(reason)s") % {"reason": reason}


def _with_names(clock: Clock, parts: Sequence[Part]) -> list[Part]:
    """Public holidays called by their names, in the present language where they have one in it."""
    days = {one.on for one in parts if one.reason == Reason.PUBLIC_HOLIDAY and one.on is not None}
    if not days or clock.calendar_version_id is None:
        return list(parts)
    country = CalendarVersion.objects.only("country").get(pk=clock.calendar_version_id).country
    own = CountryDay.objects.filter(country=country, on__in=days).exclude(name="").values_list("on", "name")
    names = {on: holiday_name(country, on, get_language() or "") for on in days} | dict(own)
    return [_named(one, names) for one in parts]


def _named(one: Part, names: Mapping[date, str]) -> Part:
    name = names.get(one.on) if one.on is not None and one.reason == Reason.PUBLIC_HOLIDAY else None
    if not name:
        return one
    why = _("public holiday: %(name)s") % {"name": name}
    return Part(one.start, one.end, one.counted, one.reason, why, one.on)


def _summary(clock: Clock, used: timedelta, left_out: timedelta, paused: timedelta) -> str:
    said = [_("%(used)s of %(target)s used") % {"used": spell(used), "target": spell(clock.target)}]
    if left_out:
        said.append(_("%(time)s left out") % {"time": spell(left_out)})
    if paused:
        said.append(_("%(time)s paused") % {"time": spell(paused)})
    if clock.due_at is not None:
        said.append(_("due %(moment)s UTC") % {"moment": date_format(clock.due_at, "Y-m-d H:i:s", use_l10n=False)})
    return "; ".join(said)


def spell(length: timedelta) -> str:
    """Hours, minutes, seconds: 26:03:09."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
