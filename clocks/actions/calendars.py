"""Create and edit calendars, and correct what the library says about a country's days."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Final
from zoneinfo import available_timezones

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from clocks.actions.recomputing import request_recompute
from clocks.business_time import ONE_DAY
from clocks.country_days import fix_years, is_known_country
from clocks.models import Calendar, CalendarVersion, CountryDay
from clocks.weekly_hours import HoursError, format_week, parse_week
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import FieldError, Invalid
from servicedesk.events import record
from servicedesk.later import book, drop
from servicedesk.shops import must_serve_every_shop

# Fixed in a version: the year before the edit, its own, and the two that follow. Beyond them the library is asked.
YEARS_FIXED: Final = range(-1, 3)
MOST_DAYS: Final = 1000
DAY_LISTS: Final = ("holidays", "extra_workdays")
UNKNOWN_COUNTRY: Final = _("Nothing is known of this country's public holidays.")
REFRESH: Final = "clocks.refresh_country"
CONTENT: Final = ("time_zone", "hours", "holidays", "extra_workdays", "country")


@dataclass(frozen=True, slots=True)
class CalendarDraft:
    """What a calendar is to hold: `hours` as in `parse_week`; `country` (an ISO code, or "") whose holidays apply."""

    name: str
    time_zone: str
    hours: Mapping[str, Sequence[Sequence[str]]]
    holidays: Sequence[date] = field(default=())
    extra_workdays: Sequence[date] = field(default=())
    country: str = ""

    @classmethod
    def of(cls, calendar: Calendar) -> "CalendarDraft":
        return cls.read({one.name: getattr(calendar, one.name) for one in fields(cls)})

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "CalendarDraft":
        """From values whose days are lists of ISO dates. Raises Invalid where one is none."""
        return cls(**{**values, **{name: _days(name, values[name]) for name in DAY_LISTS}})


@transaction.atomic
def create_calendar(draft: CalendarDraft, *, by: Actor) -> Calendar:
    """Raises Invalid, naming the fields, where the draft makes no sense."""
    _must_edit(by)
    values = check_draft(draft, None)
    calendar = Calendar(version=0, **values)
    calendar.save(force_insert=True)
    _make_version(calendar)
    record("calendar.created", calendar, by=by, changes={"version": calendar.version})
    return calendar


@transaction.atomic
def edit_calendar(calendar: Calendar, draft: CalendarDraft, *, by: Actor) -> Calendar:
    """Give the calendar this content. Its clocks are recomputed in the background, unless only the name is new.

    Raises Invalid, naming the fields, where the draft makes no sense.
    """
    calendar = Calendar.objects.lock(calendar.pk)
    _must_edit(by)
    values = check_draft(draft, calendar)
    changed = [name for name, value in values.items() if getattr(calendar, name) != value]
    if not changed:
        return calendar
    for name in changed:
        setattr(calendar, name, values[name])
    _make_version(calendar)
    record("calendar.edited", calendar, by=by, changes={"version": calendar.version, "fields": changed})
    if any(name in CONTENT for name in changed):
        request_recompute("calendar", calendar.pk, by=by)
    return calendar


@transaction.atomic
def set_country_day(*, country: str, on: date, is_working: bool, name: str = "", by: Actor) -> CountryDay:
    """Say that a country works on a day, or doesn't, whatever the library says. The country's calendars follow."""
    _must_edit(by)
    _check_country(country)
    day, _created = CountryDay.objects.update_or_create(
        country=country, on=on, defaults={"is_working": is_working, "name": name}
    )
    changes = {"country": country, "on": on.isoformat(), "is_working": is_working}
    record("country_day.set", day, by=by, changes=changes)
    refresh_country_days(country=country, by=by)
    return day


@transaction.atomic
def remove_country_day(day: CountryDay, *, by: Actor) -> None:
    """The library's word holds again for this day."""
    day = CountryDay.objects.lock(day.pk)
    _must_edit(by)
    record("country_day.removed", day, by=by, changes={"country": day.country, "on": day.on.isoformat()})
    day.delete()
    refresh_country_days(country=day.country, by=by)


@transaction.atomic
def refresh_country_days(*, country: str, by: Actor = SYSTEM) -> list[Calendar]:
    """Make a new version of each calendar of the country whose days are no longer what its version has fixed.

    So it is after an entry in the override table, or a release of the library that knows a year just announced.
    Returns the calendars that changed; their clocks are recomputed in the background.
    """
    _must_edit(by)
    calendars = Calendar.objects.filter(country=country).select_related("current").locking().order_by("pk")
    changed = [one for one in calendars if _is_outdated(one)]
    for calendar in changed:
        _make_version(calendar)
        changes = {"version": calendar.version, "fields": ["country_days"]}
        record("calendar.edited", calendar, by=by, changes=changes)
        request_recompute("calendar", calendar.pk, by=by)
    return changed


def _must_edit(by: Actor) -> None:
    """Calendars are the desk's own: any shop's policies may go by them."""
    by.must("sla.edit")
    must_serve_every_shop(by)


def _make_version(calendar: Calendar) -> None:
    """Raise the calendar's version, keep its content as that version, and save both."""
    moment = now()
    calendar.version += 1
    calendar.edited_at = moment
    content = {name: getattr(calendar, name) for name in CONTENT}
    version = CalendarVersion(
        calendar=calendar,
        version=calendar.version,
        country_days=_country_days(calendar.country, [moment.year + n for n in YEARS_FIXED]),
        created_at=moment,
        **content,
    )
    version.save(force_insert=True)
    calendar.current = version
    calendar.save(update_fields=["name", *CONTENT, "version", "edited_at", "current"])
    if calendar.country:
        book(REFRESH, calendar.pk, at=moment + ONE_DAY)
    else:
        drop(REFRESH, calendar.pk)


def _country_days(country: str, years: Iterable[int]) -> dict[str, Any]:
    if not country:
        return {}
    overrides = CountryDay.objects.filter(country=country).values_list("on", "is_working")
    fixed = fix_years(country, years, overrides)
    return {
        "years": sorted(fixed.years),
        "off": sorted(on.isoformat() for on in fixed.off),
        "on": sorted(on.isoformat() for on in fixed.on),
    }


def _is_outdated(calendar: Calendar) -> bool:
    fixed = calendar.current.country_days if calendar.current is not None else {}
    return _country_days(calendar.country, fixed.get("years", ())) != fixed


# ------------------------------------------------------------------------------------------------ what makes sense


def check_draft(draft: CalendarDraft, calendar: Calendar | None) -> dict[str, Any]:
    """The draft as columns of `calendar`, or of a new one; Invalid with all that is wrong with it."""
    errors = [*_wrong_name(draft, calendar), *_wrong_place(draft), *_wrong_hours(draft), *_wrong_days(draft)]
    if errors:
        raise Invalid(errors=errors)
    values = {one.name: getattr(draft, one.name) for one in fields(draft)}
    values["hours"] = format_week(parse_week(draft.hours))
    for name in DAY_LISTS:
        values[name] = sorted({on.isoformat() for on in getattr(draft, name)})
    return values


def _wrong_name(draft: CalendarDraft, calendar: Calendar | None) -> Iterable[FieldError]:
    others = Calendar.objects.filter(name=draft.name).exclude(pk=calendar.pk if calendar else uuid.UUID(int=0))
    if not draft.name.strip():
        yield FieldError("name", "blank", _("A calendar needs a name."))
    elif others.exists():
        yield FieldError("name", "unique", _("There is a calendar of this name."))


def _wrong_place(draft: CalendarDraft) -> Iterable[FieldError]:
    if draft.time_zone not in available_timezones():
        yield FieldError("time_zone", "unknown_time_zone", _("Use a name of the IANA list, such as Asia/Shanghai."))
    if draft.country and not is_known_country(draft.country):
        yield FieldError("country", "unknown_country", UNKNOWN_COUNTRY)


def _wrong_hours(draft: CalendarDraft) -> Iterable[FieldError]:
    try:
        week = parse_week(draft.hours)
    except HoursError as error:
        yield FieldError(error.path, error.code, error.detail)
        return
    if not any(week):
        yield FieldError("hours", "no_working_time", _("At least one day needs working hours."))


def _wrong_days(draft: CalendarDraft) -> Iterable[FieldError]:
    for name in DAY_LISTS:
        if len(getattr(draft, name)) > MOST_DAYS:
            yield FieldError(name, "too_many", _("There are too many days in the list."))
    if set(draft.holidays) & set(draft.extra_workdays):
        yield FieldError("extra_workdays", "contradiction", _("A day cannot be both off and worked."))


def _days(name: str, texts: Any) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(on) for on in texts or ())
    except (TypeError, ValueError):
        raise Invalid.field(name, "not_a_date", _("Days are written as 2026-12-25.")) from None


def _check_country(country: str) -> None:
    if not is_known_country(country):
        raise Invalid.field("country", "unknown_country", UNKNOWN_COUNTRY)
