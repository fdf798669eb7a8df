"""What goes in and out of the doors of clocks and calendars. Names and shapes are the contract's."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from clocks.explaining import Explanation, Part
from clocks.models import Calendar, Clock, RecomputeJob
from clocks.notices import years_missing
from clocks.reading import paused_at, used_at
from clocks.weekly_hours import WEEKDAYS
from servicedesk.clock import now
from servicedesk.rest.fields import Instant, Words, utc
from servicedesk.rest.serializers import Strict

MOST_DAYS = 1000


class ClockOut(serializers.Serializer[Clock]):
    """A clock, as the contract has it. Times used and paused are those of this moment, in whole seconds."""

    metric = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(Clock.State.choices, read_only=True)
    target_seconds = serializers.IntegerField(read_only=True)
    used_seconds = serializers.IntegerField(read_only=True)
    started_at = Instant(read_only=True)
    due_at = Instant(read_only=True, allow_null=True, help_text="Null while it is paused.")
    stopped_at = Instant(read_only=True, allow_null=True)
    paused_seconds = serializers.IntegerField(read_only=True)
    detected_at = Instant(read_only=True, allow_null=True, help_text="When a breach was detected.")

    def to_representation(self, clock: Clock) -> dict[str, Any]:
        return clock_out(clock)


def clock_out(clock: Clock) -> dict[str, Any]:
    """What `ClockOut` says, for lists that have no time for a serializer a clock."""
    moment = now()
    return {
        "metric": clock.metric,
        "state": str(clock.state),
        "target_seconds": _whole(clock.target),
        "used_seconds": _whole(used_at(clock, moment)),
        "started_at": utc(clock.started_at),
        "due_at": None if clock.due_at is None else utc(clock.due_at),
        "stopped_at": None if clock.stopped_at is None else utc(clock.stopped_at),
        "paused_seconds": _whole(paused_at(clock, moment)),
        "detected_at": None if clock.detected_at is None else utc(clock.detected_at),
    }


class PartOut(serializers.Serializer[Part]):
    """A stretch of time: counted or left out, and why."""

    counted = serializers.BooleanField(read_only=True)
    seconds = serializers.FloatField(read_only=True)
    reason = serializers.CharField(read_only=True)
    why = serializers.CharField(read_only=True)

    def get_fields(self) -> dict[str, Any]:
        # "from" is a word of Python's, so these two cannot be declared.
        ends = {"from": Instant(source="start", read_only=True), "to": Instant(source="end", read_only=True)}
        return {**ends, **super().get_fields()}


class ExplanationOut(serializers.Serializer[Explanation]):
    """Every stretch of a clock's life up to now, or to its stop, and their sums in seconds."""

    metric = serializers.CharField(source="clock.metric", read_only=True)
    state = serializers.ChoiceField(Clock.State.choices, source="clock.state", read_only=True)
    started_at = Instant(source="clock.started_at", read_only=True)
    due_at = Instant(source="clock.due_at", read_only=True, allow_null=True)
    stopped_at = Instant(source="clock.stopped_at", read_only=True, allow_null=True)
    target_seconds = serializers.SerializerMethodField()
    used_seconds = serializers.SerializerMethodField()
    left_out_seconds = serializers.SerializerMethodField()
    paused_seconds = serializers.SerializerMethodField()
    summary = serializers.CharField(read_only=True)
    intervals = PartOut(many=True, read_only=True)

    def get_target_seconds(self, explained: Explanation) -> float:
        return explained.clock.target.total_seconds()

    def get_used_seconds(self, explained: Explanation) -> float:
        return explained.used.total_seconds()

    def get_left_out_seconds(self, explained: Explanation) -> float:
        return explained.left_out.total_seconds()

    def get_paused_seconds(self, explained: Explanation) -> float:
        return explained.paused.total_seconds()


class DayHours(serializers.ListField):
    """A day's intervals: [["09:00", "12:00"], ["13:00", "24:00"]]."""

    def __init__(self, **kwargs: Any) -> None:
        pair = serializers.ListField(child=Words(max_length=8), min_length=2, max_length=2)
        super().__init__(child=pair, max_length=48, required=False, **kwargs)


class WeekIn(Strict):
    """Weekly hours; a day left out is closed."""

    mon = DayHours()
    tue = DayHours()
    wed = DayHours()
    thu = DayHours()
    fri = DayHours()
    sat = DayHours()
    sun = DayHours()


class WeekOut(serializers.Serializer[Any]):
    """Weekly hours, every day named; a day without hours is closed."""

    mon = DayHours()
    tue = DayHours()
    wed = DayHours()
    thu = DayHours()
    fri = DayHours()
    sat = DayHours()
    sun = DayHours()

    def to_representation(self, hours: Any) -> dict[str, Any]:
        return {day: hours.get(day, []) for day in WEEKDAYS}


class CalendarFields(Strict):
    """What a calendar may be given; a PATCH replaces the fields it names."""

    holidays = serializers.ListField(child=serializers.DateField(), max_length=MOST_DAYS, required=False)
    extra_workdays = serializers.ListField(child=serializers.DateField(), max_length=MOST_DAYS, required=False)
    country = Words(max_length=2, allow_blank=True, allow_null=True, required=False)

    def validate_country(self, country: str | None) -> str:
        return country or ""


class CalendarIn(CalendarFields):
    name = Words(max_length=80)
    time_zone = Words(max_length=64)
    hours = WeekIn()


class CalendarEditIn(CalendarFields):
    name = Words(max_length=80, required=False)
    time_zone = Words(max_length=64, required=False)
    hours = WeekIn(required=False)


class RecomputeOut(serializers.Serializer[RecomputeJob]):
    """How far the recomputation of the open clocks is that a calendar's or a policy's edit asked for."""

    total = serializers.IntegerField(read_only=True)
    done = serializers.IntegerField(read_only=True)
    percent = serializers.IntegerField(read_only=True)
    created_at = Instant(read_only=True)
    finished_at = Instant(read_only=True, allow_null=True)


class CalendarOut(serializers.Serializer[Calendar]):
    """A calendar. `years_not_announced` are those for which its country has not named its make-up workdays yet."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    time_zone = serializers.CharField(read_only=True)
    hours = WeekOut(read_only=True)
    holidays = serializers.ListField(child=serializers.DateField(), read_only=True)
    extra_workdays = serializers.ListField(child=serializers.DateField(), read_only=True)
    country = serializers.SerializerMethodField()
    version = serializers.IntegerField(read_only=True)
    edited_at = Instant(read_only=True)
    years_not_announced = serializers.SerializerMethodField()
    recompute = RecomputeOut(read_only=True, allow_null=True, source="last_recompute")

    def get_country(self, calendar: Calendar) -> str | None:
        return calendar.country or None

    def get_years_not_announced(self, calendar: Calendar) -> list[int]:
        return years_missing(calendar.country)


def _whole(length: timedelta) -> int:
    return int(length.total_seconds())
