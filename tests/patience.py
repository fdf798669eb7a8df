"""How long a test may wait, and what a bound on time means on a machine slower or busier than the one it was set on.

Where something is only waited for, the patience is ample: it costs nothing when the thing comes. Where a test is about
how long something takes, its bound is multiplied by `slowness()`.
"""

import time
from collections.abc import Callable
from typing import Final

# More than anything that comes at all takes, on a machine many times slower.
PATIENCE_SECONDS: Final = 120.0
# What the piece of work below takes on a quiet machine with two cores.
_USUAL_SECONDS: Final = 0.12


def slowness() -> float:
    """How many times longer than usually a piece of work takes just now, by the clock on the wall; at least 1."""
    began = time.perf_counter()
    total = 0
    for number in range(3_000_000):
        total += number % 7
    return max(1.0, (time.perf_counter() - began) / _USUAL_SECONDS)


def wait_until(
    holds: Callable[[], object], what: str = "", seconds: float = PATIENCE_SECONDS, every: float = 0.02
) -> None:
    """Ask again and again; the test fails when it doesn't hold in time."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:.0f} s: {what or holds}"
        time.sleep(every)
