"""Celery beat's schedule, kept in memory: it only triggers sweeps, so a restart has nothing to remember."""

import heapq
import time
from typing import Any, Final

import structlog
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from celery.schedules import schedule

from servicedesk import broker

log = structlog.get_logger(__name__)

# How long beat sleeps at most, and so how long it takes to notice that it shall stop.
LONGEST_SLEEP_SECONDS: Final = 0.5


def period_of(entry: ScheduleEntry) -> float:
    """Seconds from one turn to the next."""
    if not isinstance(entry.schedule, schedule):
        raise TypeError(f"{entry.name} has no fixed period")
    return float(entry.schedule.seconds)


class MemoryScheduler(Scheduler):
    """Beat without a file, that neither fills the queue of an absent worker nor the log while the broker is away.

    Every entry has a fixed period, so a heap of due times is all it takes; Celery's own computes each entry's calendar
    time several times a second, which is most of what an idle desk would do.
    """

    _due: list[tuple[float, str]] | None = None
    _broker_was_up = True

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due. Returns the seconds to sleep."""
        moment = time.monotonic()
        if self._due is None:
            self._due = [(moment, name) for name in self.schedule]
        while self._due[0][0] <= moment:
            due_at, name = self._due[0]
            entry = self.schedule[name]
            self.apply_entry(entry, producer=self.producer)
            # After a pause (a suspended machine, a broker that hung) the missed turns are not made up for.
            heapq.heapreplace(self._due, (max(due_at, moment) + period_of(entry), name))
        return min(LONGEST_SLEEP_SECONDS, max(0.0, self._due[0][0] - time.monotonic()))

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        if broker.is_crowded(broker.queue_of(str(entry.task))):
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            # The next turn tries again; one line per outage is enough.
            if self._broker_was_up:
                log.warning("beat.broker_is_away", error=type(error.__cause__ or error).__name__)
            self._broker_was_up = False
        else:
            if not self._broker_was_up:
                log.info("beat.broker_is_back")
            self._broker_was_up = True
