"""Whose plans clocks follow. An edit of a source (a calendar, a policy) recomputes the open clocks it governs.

register_source("policy", select=open_clocks_of_policy, plan=plans_of_policy)
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clocks.models import Calendar, Clock
from clocks.models.clocks import ClockQuerySet
from clocks.plans import ClockPlan, Step


@dataclass(frozen=True, slots=True)
class Source:
    """`select` names the clocks that the source governs (open ones are taken of them); `plan` gives, for a batch of
    locked clocks, the plan of each by its id, as it is now; a clock left out keeps the one it has."""

    select: Callable[[uuid.UUID], ClockQuerySet]
    plan: Callable[[uuid.UUID, Sequence[Clock]], Mapping[uuid.UUID, ClockPlan]]


SOURCES: Final[dict[str, Source]] = {}


def register_source(
    name: str,
    *,
    select: Callable[[uuid.UUID], ClockQuerySet],
    plan: Callable[[uuid.UUID, Sequence[Clock]], Mapping[uuid.UUID, ClockPlan]],
) -> None:
    SOURCES[name] = Source(select, plan)


def source(name: str) -> Source:
    try:
        return SOURCES[name]
    except KeyError:
        raise LookupError(f"nobody registered {name} as a source of clocks' plans: see clocks.sources") from None


def _clocks_of_calendar(calendar_id: uuid.UUID) -> ClockQuerySet:
    return Clock.objects.filter(calendar_id=calendar_id)


def _same_plans_by_new_hours(calendar_id: uuid.UUID, clocks: Sequence[Clock]) -> Mapping[uuid.UUID, ClockPlan]:
    calendar = Calendar.objects.get(pk=calendar_id)
    return {
        clock.pk: ClockPlan(
            clock.metric,
            clock.target,
            calendar,
            clock.warn_at_percent,
            tuple(Step.from_json(step) for step in clock.steps),
        )
        for clock in clocks
    }


register_source("calendar", select=_clocks_of_calendar, plan=_same_plans_by_new_hours)
