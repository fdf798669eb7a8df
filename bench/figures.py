"""What a measurement comes to: a value beside its targets, and how far it spread over the rounds."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Round = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """What must be reached and what is gone for; at least so much, or at most."""

    must: float
    go_for: float
    at_least: bool = False

    def is_met(self, value: float, bound: float) -> bool:
        return value >= bound if self.at_least else value <= bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. `value` stands against the target: the ratio where there is a yardstick, else `ours`."""

    name: str
    unit: str
    ours: float
    yardstick: float | None
    value: float
    low: float
    high: float
    target: Target
    note: str = ""

    @property
    def is_met(self) -> bool:
        return self.target.is_met(self.value, self.target.must)

    @property
    def is_all_met(self) -> bool:
        return self.target.is_met(self.value, self.target.go_for)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"is_met": self.is_met, "is_all_met": self.is_all_met}


@dataclass(frozen=True, slots=True)
class Gap:
    """A row without a figure, and why."""

    name: str
    why: str
    is_failure: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Row = Figure | Gap


def in_turn(rounds: int, *acts: Callable[[], float]) -> list[Round]:
    """A B A B …: what each came to in each round."""
    return [tuple(act() for act in acts) for _ in range(rounds)]


def ratio(name: str, unit: str, rounds: Sequence[Round], target: Target, note: str = "") -> Figure:
    """Ours against the yardstick: the median of the rounds' ratios. The first two of each round count."""
    ratios = [one[0] / one[1] for one in rounds]
    ours, yardstick = (statistics.median(one[n] for one in rounds) for n in (0, 1))
    return Figure(
        name, unit, ours, yardstick, statistics.median(ratios), min(ratios), max(ratios), target, note
    )  # fmt: skip


def alone(
    name: str, unit: str, values: Sequence[float], target: Target, *, value: float | None = None, note: str = ""
) -> Figure:
    """A figure without a yardstick: the median of the rounds, or the value given, and how far the rounds spread."""
    found = statistics.median(values) if value is None else value
    return Figure(name, unit, found, None, found, min(values), max(values), target, note)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def windows(samples: Sequence[tuple[float, float]], count: int) -> list[list[float]]:
    """(when, value) pairs as the values of so many equal stretches of time; empty stretches are left out."""
    first, last = min(when for when, _ in samples), max(when for when, _ in samples)
    width = (last - first) / count or 1.0
    parts: list[list[float]] = [[] for _ in range(count)]
    for when, value in samples:
        parts[min(count - 1, int((when - first) / width))].append(value)
    return [part for part in parts if part]
