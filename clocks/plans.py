"""What a clock is to time: the plan that a policy makes for one metric."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from clocks.models import Calendar


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is to happen once, `offset` before (negative) or after the due time, by the wall clock.

    What `action` and `params` mean is the business of whoever listens to `clock.step_reached`: codes and ids only.
    """

    key: str
    offset: timedelta
    action: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, step: Mapping[str, Any]) -> "Step":
        return cls(step["key"], timedelta(seconds=step["offset_seconds"]), step["action"], step["params"])

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "offset_seconds": self.offset.total_seconds(),
            "action": self.action,
            "params": dict(self.params),
        }


@dataclass(frozen=True, slots=True)
class ClockPlan:
    """How long `metric` may take, counted in the calendar's working hours (None: round the clock)."""

    metric: str
    target: timedelta
    calendar: Calendar | None = None
    warn_at_percent: int | None = None
    steps: tuple[Step, ...] = ()
