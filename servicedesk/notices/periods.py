"""When the next digest is due. Pure: values in, values out."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
# Where nobody keeps a roster: as offices open.
WITHOUT_ROSTER: Final = time(9)


def next_hour(at: datetime, zone: tzinfo) -> datetime:
    """The next full hour by this zone's clock, which in some zones is half past in others."""
    local = at.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return at + HOUR - into


def next_shift(at: datetime, zone: tzinfo, starts: Iterable[datetime]) -> datetime:
    """The next start of a day's first shift; without any ahead the next morning.

    `starts`: of the person's shifts, from the beginning of today in `zone` on.
    """
    firsts: dict[object, datetime] = {}
    for start in sorted(starts):
        firsts.setdefault(start.astimezone(zone).date(), start)
    coming = [start for start in firsts.values() if start > at]
    if coming:
        return min(coming)
    today = at.astimezone(zone).date()
    mornings = (datetime.combine(today + n * DAY, WITHOUT_ROSTER, zone) for n in range(2))
    return next(morning for morning in mornings if morning > at)


def beginning_of_day(at: datetime, zone: tzinfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date(), time(), zone)
