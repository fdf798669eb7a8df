"""A ticket's clocks as people read them: how much is left, how much is used, and why they are due when they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils.translation import gettext as _

from clocks import course as courses
from clocks.hours import hours_of
from clocks.models import Clock
from servicedesk.clock import now
from tickets.models import Metric

FAR_AHEAD: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClockCard:
    """One clock, ready to be shown. `percent` is of the target; `paused` and `over` are words where it doesn't tick."""

    metric: str
    label: str
    is_open: bool
    due_at: datetime | None
    warn_at: datetime | None
    tone: str
    percent: int
    used: timedelta
    target: timedelta
    started_at: datetime
    stands: str = ""
    state_label: str = ""
    explained: Any = field(default=None)


def cards_of(clocks: Sequence[Clock], *, explained: bool = False) -> list[ClockCard]:
    """The latest clock of each metric, the next to fall due first. Of many waits the last one matters."""
    latest = {clock.metric: clock for clock in clocks}
    moment = now()
    cards = [card_of(clock, moment, explained=explained) for clock in latest.values()]
    return sorted(cards, key=lambda card: (not card.is_open, card.due_at or FAR_AHEAD))


def card_of(clock: Clock, at: datetime, *, explained: bool) -> ClockCard:
    used = courses.used(courses.from_json(clock.spans), clock.stopped_at or clock.frozen_at or at, hours_of)
    return ClockCard(
        metric=clock.metric,
        label=str(Metric(clock.metric).label) if clock.metric in Metric.values else clock.metric,
        is_open=clock.is_open,
        due_at=clock.due_at if ticks(clock) else None,
        warn_at=clock.warn_at,
        tone=tone_of(clock, at),
        percent=min(100, int(used / clock.target * 100)) if clock.target else 0,
        used=used,
        target=clock.target,
        started_at=clock.started_at,
        stands=words_of(clock, used),
        state_label=str(clock.get_state_display()),
        explained=explanation_of(clock, at) if explained else None,
    )


def ticks(clock: Clock) -> bool:
    """Whether it has a deadline ahead or behind: one that was put away with a merged ticket doesn't."""
    return clock.is_open and clock.frozen_at is None and clock.due_at is not None


def tone_of(clock: Clock, at: datetime) -> str:
    if clock.state == Clock.State.BREACHED or (ticks(clock) and clock.due_at is not None and clock.due_at < at):
        return "late"
    if ticks(clock) and clock.warn_at is not None and clock.warn_at <= at:
        return "warn"
    return "ok"


def words_of(clock: Clock, used: timedelta) -> str:
    """What stands in place of a countdown: nothing while it ticks."""
    if ticks(clock):
        return ""
    if clock.is_open and (clock.state == Clock.State.PAUSED or clock.frozen_at is not None):
        return _("paused")
    return str(clock.get_state_display())


def explanation_of(clock: Clock, at: datetime) -> Any:
    from clocks.explaining import explain

    return explain(clock, at=at)
