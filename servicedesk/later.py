"""Later: something booked for a time, and what to do, in batches, when the time has come.

    book("ticket.wake", ticket.pk, at=until)

    @when("ticket.wake")
    def wake_tickets(bookings: Sequence[Booking], now: datetime) -> None: ...

A booking is a row. A sweep claims due rows, takes them away and hands them to their handlers in one transaction; a
handler that needs another turn books again. Nothing is kept in a broker's ETA.
"""

import json
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from django.conf import settings
from django.db import connection, transaction

from servicedesk.clock import now
from servicedesk.failures import describe, pause_after
from servicedesk.models import Booking

log = structlog.get_logger(__name__)

Wake = Callable[[Sequence[Booking], datetime], None]
WAKES: Final[dict[str, Wake]] = {}
BATCH: Final = 500
# A row that another process books for sooner than the next known one is noticed after at most this long. The embedded
# desk is one process, which is told (`_stirred`); it looks by itself only in case a command beside it booked.
NAP_SECONDS: Final = 0.1
EMBEDDED_NAP_SECONDS: Final = 1.0
_stirred: Final = threading.Event()
# Found, locked and taken away in one talk with the database: a sweep has many, and each waits for its turn.
CLAIM: Final = """
    WITH due AS MATERIALIZED (
        SELECT id FROM servicedesk_booking WHERE try_at <= %s ORDER BY try_at LIMIT %s {lock}
    )
    DELETE FROM servicedesk_booking WHERE id IN (SELECT id FROM due) RETURNING *"""


@dataclass(frozen=True, slots=True)
class Booked:
    """One booking to be written by `book_many`."""

    kind: str
    subject_id: uuid.UUID
    at: datetime
    key: str = ""
    payload: dict[str, Any] = field(default_factory=dict)


def when(kind: str) -> Callable[[Wake], Wake]:
    """Register what is done with due bookings of this kind. The handler gets them in batches, inside the claim."""

    def register(function: Wake) -> Wake:
        WAKES[kind] = function
        return function

    return register


def book(
    kind: str, subject_id: uuid.UUID, *, at: datetime, key: str = "", payload: dict[str, Any] | None = None
) -> None:
    """Book it. Booking the same (kind, subject, key) again moves it. The payload holds ids and codes only."""
    book_many([Booked(kind, subject_id, at, key, payload or {})])


def book_many(booked: Iterable[Booked]) -> None:
    """Several bookings in one statement."""
    booked = list(booked)
    if connection.vendor == "postgresql":
        _book_in_columns(booked)
        return
    Booking.objects.bulk_create(
        [
            Booking(kind=b.kind, subject_id=b.subject_id, key=b.key, at=b.at, try_at=b.at, payload=b.payload)
            for b in booked
        ],
        update_conflicts=True,
        unique_fields=["subject_id", "kind", "key"],
        update_fields=["at", "try_at", "payload", "attempts", "error"],
    )
    transaction.on_commit(_stirred.set)


def _book_in_columns(booked: Sequence[Booked]) -> None:
    """The same as columns of arrays, for PostgreSQL: one statement, the same for one booking and for a thousand."""
    columns = [
        [one.kind for one in booked],
        [str(one.subject_id) for one in booked],
        [one.key for one in booked],
        [one.at.isoformat() for one in booked],
        [json.dumps(one.payload) if one.payload else "{}" for one in booked],
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO servicedesk_booking (kind, subject_id, key, at, try_at, payload, attempts, error)
            SELECT kind, subject_id, key, at, at, payload, 0, ''
            FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::timestamptz[], %s::jsonb[])
                AS new (kind, subject_id, key, at, payload)
            ON CONFLICT (subject_id, kind, key) DO UPDATE SET
                at = excluded.at, try_at = excluded.try_at, payload = excluded.payload, attempts = 0, error = ''
            """,
            columns,
        )


def drop(kind: str, subject_id: uuid.UUID, key: str | None = None) -> int:
    """Take a booking back. Returns how many rows went: 0 means that its time had come already."""
    rows = Booking.objects.filter(kind=kind, subject_id=subject_id)
    if key is not None:
        rows = rows.filter(key=key)
    return rows.delete()[0]


def drop_many(kind: str, subject_ids: Iterable[uuid.UUID]) -> int:
    """Take the bookings of several subjects back."""
    return Booking.objects.filter(kind=kind, subject_id__in=list(subject_ids)).delete()[0]


def sweep(*, seconds: float = 1.0) -> int:
    """Wake what is due, again and again for about this long, asleep in between. Returns how many were woken."""
    until = time.monotonic() + seconds
    woken = 0
    while (left := until - time.monotonic()) > 0:
        done = sweep_once()
        woken += done
        if not done:
            nap = EMBEDDED_NAP_SECONDS if settings.EMBEDDED else NAP_SECONDS
            _stirred.wait(min(left, _seconds_to_next(), nap))
            _stirred.clear()
    return woken


def sweep_once(limit: int = BATCH) -> int:
    """Wake one batch. Returns its size."""
    if not Booking.objects.filter(try_at__lte=now()).exists():
        # On SQLite a transaction takes the one writer's place; an empty sweep has no claim to it.
        return 0
    try:
        return _wake_batch(limit)
    except Exception as error:  # noqa: BLE001  see below
        # Whoever it was, the batch is undone: one by one, so that one bad row holds up nobody.
        log.info("wake.batch_undone", error=describe(error))
        return _wake_singly(limit)


@transaction.atomic
def _wake_batch(limit: int) -> int:
    """What is due, a kind at a time, in one transaction; anything that fails undoes all of it."""
    moment = now()
    claimed = _claim(moment, limit)
    by_kind: dict[str, list[Booking]] = defaultdict(list)
    for booking in claimed:
        by_kind[booking.kind].append(booking)
    for kind, bookings in by_kind.items():
        _handler(kind)(bookings, moment)
    return len(claimed)


def _wake_singly(limit: int) -> int:
    """A batch's worth of bookings, each in a transaction of its own, failures written down."""
    for woken in range(limit):
        with transaction.atomic():
            moment = now()
            claimed = _claim(moment, 1)
            if not claimed:
                return woken
            try:
                with transaction.atomic():
                    _handler(claimed[0].kind)(claimed, moment)
            except Exception as error:  # noqa: BLE001  whatever a handler raises is its own failure
                _put_back(claimed[0], error)
    return limit


def _claim(moment: datetime, limit: int) -> list[Booking]:
    """Due bookings that nobody else holds, the longest due first.

    Taken away before they are handled: a handler that books the same thing again makes a new row.
    """
    lock = "FOR UPDATE SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    params = [connection.ops.adapt_datetimefield_value(moment), limit]
    return sorted(Booking.objects.raw(CLAIM.format(lock=lock), params), key=lambda booking: booking.try_at or moment)


def _handler(kind: str) -> Wake:
    try:
        return WAKES[kind]
    except KeyError:
        raise LookupError(f"nothing is to be done for bookings of the kind {kind}") from None


def _put_back(booking: Booking, error: Exception) -> None:
    """The row again, with its failure and its next try, unless the subject was booked anew meanwhile."""
    booking.attempts += 1
    booking.error = describe(error)
    pause = pause_after(booking.attempts)
    booking.try_at = None if pause is None else now() + pause
    booking.pk = None
    Booking.objects.bulk_create([booking], ignore_conflicts=True)
    log.warning("wake.failed", kind=booking.kind, subject_id=str(booking.subject_id), error=booking.error)


def _seconds_to_next() -> float:
    """Seconds until the next booking is due, a long time when there is none."""
    first = Booking.objects.filter(try_at__isnull=False).order_by("try_at").values_list("try_at", flat=True).first()
    return max(0.0, (first - now()).total_seconds()) if first is not None else 3600.0
