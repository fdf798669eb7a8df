"""How much is measured: everything follows from the number of tickets."""

from dataclasses import dataclass
from typing import Final

FULL: Final = 50_000


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and lengths of one run. Times are seconds, counts are of the thing named."""

    tickets: int
    customers: int
    rounds: int
    requests: int
    load_seconds: float
    steady_seconds: float
    due_at_once: int
    events: int
    replies: int
    idle_seconds: float
    with_demo: bool

    @classmethod
    def of(cls, tickets: int) -> "Scale":
        """The whole measurement from FULL tickets on; below it only shows that it runs, within a minute and a half."""
        if tickets >= FULL:
            return cls(tickets, 2_000, 5, 25, 5.0, 36.0, 10_000, 3_000, 100, 30.0, with_demo=True)
        return cls(tickets, 50, 3, 5, 0.4, 2.0, 200, 300, 6, 1.5, with_demo=False)
