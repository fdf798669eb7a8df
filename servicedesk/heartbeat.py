"""Signs of life: who gave one when, and how much is waiting.

The worker's is given by a task that went the whole way (beat, broker, default queue, thread, database); the sweep's by
every sweep that ended well. `/readyz` looks at their ages.
"""

import time
from datetime import timedelta
from typing import Final

from celery import shared_task

from servicedesk.clock import now
from servicedesk.models import Booking, Delivery, Heartbeat, Lease, UnsequencedEvent

WORKER: Final = "worker"
SWEEP: Final = "sweep"
STALE_AFTER_SECONDS: Final = 10.0
_NOTE_EVERY_SECONDS: Final = 2.0
_noted: dict[str, float] = {}


def note(name: str) -> None:
    """Say that this part is well; written at most every two seconds a process."""
    if time.monotonic() - _noted.get(name, -_NOTE_EVERY_SECONDS) < _NOTE_EVERY_SECONDS:
        return
    _noted[name] = time.monotonic()
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=now())], update_conflicts=True, unique_fields=["name"], update_fields=["at"]
    )


def ages() -> dict[str, float]:
    """Seconds since each part's last sign of life."""
    moment = now()
    return {name: (moment - at).total_seconds() for name, at in Heartbeat.objects.values_list("name", "at")}


def backlog() -> dict[str, int]:
    """Rows that wait to be worked on, by what they are; each count is of a small or indexed set."""
    moment = now()
    return {
        "events_without_position": UnsequencedEvent.objects.count(),
        "reactions_due": Delivery.objects.filter(try_at__lte=moment).count(),
        "reactions_given_up": Delivery.objects.filter(try_at__isnull=True).count(),
        "bookings_overdue": Booking.objects.filter(try_at__lte=moment).count(),
        "bookings_given_up": Booking.objects.filter(try_at__isnull=True).count(),
    }


def lags() -> dict[str, float]:
    """Seconds by which the oldest due row is late, of reactions and of bookings; 0 where nothing is due."""
    moment = now()
    due = {
        "reactions": Delivery.objects.filter(try_at__lte=moment),
        "bookings": Booking.objects.filter(try_at__lte=moment),
    }
    oldest = {name: rows.order_by("try_at").values_list("try_at", flat=True).first() for name, rows in due.items()}
    return {name: (moment - at).total_seconds() if at is not None else 0.0 for name, at in oldest.items()}


def take_lease(name: str, *, lasting: timedelta) -> bool:
    """Whether the caller is the one to do this now; then nobody else is for `lasting`."""
    moment = now()
    until = moment + lasting
    if Lease.objects.filter(name=name, until__lte=moment).update(until=until):
        return True
    if Lease.objects.filter(name=name).exists():
        return False
    # The first time ever. Of several at once the row of one is kept.
    _row, made = Lease.objects.get_or_create(name=name, defaults={"until": until})
    return made


@shared_task(name="servicedesk.heartbeat.beat_heart", ignore_result=True)
def beat_heart() -> None:
    """The worker's sign of life."""
    note(WORKER)
