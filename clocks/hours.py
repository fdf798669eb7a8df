"""The working hours of calendars' versions, kept in each process: a version never changes."""

import uuid
from collections.abc import Iterable
from typing import Final

from clocks.business_time import WorkingHours
from clocks.models import CalendarVersion

MOST_KEPT: Final = 1024
_kept: dict[uuid.UUID, WorkingHours] = {}


def hours_of(version_id: uuid.UUID | None) -> WorkingHours | None:
    """The hours of a calendar's version; None (round the clock) for None."""
    if version_id is None:
        return None
    hours = _kept.get(version_id)
    if hours is None:
        hours = CalendarVersion.objects.get(pk=version_id).working_hours()
        _keep({version_id: hours})
    return hours


def load_hours(version_ids: Iterable[uuid.UUID | None]) -> None:
    """Read those that are not kept yet, in one query."""
    missing = {one for one in version_ids if one is not None and one not in _kept}
    if not missing:
        return
    _keep({version.pk: version.working_hours() for version in CalendarVersion.objects.filter(pk__in=missing)})


def _keep(hours: dict[uuid.UUID, WorkingHours]) -> None:
    if len(_kept) + len(hours) > MOST_KEPT:
        _kept.clear()
    _kept.update(hours)
