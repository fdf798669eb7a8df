"""What a clock shows at a moment: how much of its time is used, how long it stood."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from clocks.business_time import elapsed
from clocks.hours import hours_of
from clocks.models import Clock, RecomputeJob


def with_last_recompute(rows: Sequence[Any], source: str) -> Sequence[Any]:
    """Calendars or policies, each with the recomputation its latest edit asked for as `last_recompute`, or None."""
    jobs = RecomputeJob.objects.filter(source=source, source_id__in=[row.pk for row in rows])
    last = {job.source_id: job for job in jobs.order_by("created_at")}
    for row in rows:
        row.last_recompute = last.get(row.pk)
    return rows


def used_at(clock: Clock, at: datetime) -> timedelta:
    """The time that counted up to `at`; a clock that stands, stopped or was put away shows what it had by then."""
    if clock.counted_from is None:
        return clock.used
    until = at if clock.frozen_at is None else min(at, clock.frozen_at)
    return clock.used + elapsed(clock.counted_from, until, hours_of(clock.calendar_version_id))


def paused_at(clock: Clock, at: datetime) -> timedelta:
    """How long it stood up to `at`, by the wall clock."""
    if clock.paused_at is None:
        return clock.paused_total
    until = at if clock.frozen_at is None else min(at, clock.frozen_at)
    return clock.paused_total + max(until - clock.paused_at, timedelta(0))
