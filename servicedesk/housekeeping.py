"""What is cleared away once an hour. An app registers its own when its reactions are loaded.

@housekeeper
def forget_old_answers() -> int: ...
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog
from celery import shared_task

from servicedesk.failures import describe
from servicedesk.heartbeat import take_lease

log = structlog.get_logger(__name__)

Housekeeper = Callable[[], int]
PERIOD: Final = timedelta(hours=1)
# Each may go on for so long; a busy hour leaves more rows behind than fit into one batch.
PATIENCE_SECONDS: Final = 60.0
_housekeepers: dict[str, Housekeeper] = {}


def housekeeper(function: Housekeeper) -> Housekeeper:
    """Register what clears a batch of something away, and returns how many rows went: it is called until that is 0."""
    _housekeepers[f"{function.__module__}.{function.__qualname__}"] = function
    return function


def keep_house() -> dict[str, int]:
    """Let each housekeeper work; one that fails is logged and holds up nobody. Returns what each cleared away."""
    cleared: dict[str, int] = {}
    for name, function in _housekeepers.items():
        try:
            cleared[name] = _clear(function)
        except Exception as error:
            log.exception("housekeeping.failed", housekeeper=name, error=describe(error))
    return cleared


def _clear(function: Housekeeper) -> int:
    """Batch after batch until nothing is left or the time is up; the rest is for the next hour."""
    until = time.monotonic() + PATIENCE_SECONDS
    total = 0
    while (done := function()) and time.monotonic() < until:
        total += done
    return total + done


@shared_task(name="servicedesk.housekeeping.keep_house_hourly", ignore_result=True)
def keep_house_hourly() -> None:
    """Beat asks every few minutes; the lease says whether an hour has passed."""
    if take_lease("housekeeping", lasting=PERIOD):
        log.info("housekeeping.done", **{name.rpartition(".")[2]: count for name, count in keep_house().items()})


@housekeeper
def clear_expired_sessions() -> int:
    """Sessions that ran out."""
    from django.contrib.sessions.models import Session

    from servicedesk.clock import now

    return Session.objects.filter(expire_date__lt=now()).delete()[0]
