"""Carry events to whoever listens.

Two steps. The sequencer, under a lock held to its commit, gives committed events their position and writes down which
reactions each of them owes. Then the owed reactions are claimed in groups of at most 50 ms: a group runs in one
transaction, and if anything in it fails it is rolled back whole and run again one by one, so that a failure neither
stops nor repeats the others. A delivery row is made once, with the position, and goes in the transaction of its
reaction: that is what exactly once rests on.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet

from servicedesk.clock import now
from servicedesk.failures import describe, pause_after
from servicedesk.listening import REACTIONS, Reaction, reactions_to
from servicedesk.live.hub import publish
from servicedesk.models import Delivery, Event, EventPosition, UnsequencedEvent
from servicedesk.request_ids import caused_by

log = structlog.get_logger(__name__)

BATCH: Final = 500
# A group begins small and doubles while its reactions are quick: what is claimed and not reached was read for nothing.
SMALLEST_GROUP: Final = 4
GROUP: Final = 40
GROUP_SECONDS: Final = 0.05
TURN_SECONDS: Final = 0.1
LEASE: Final = timedelta(seconds=120)
# Any constant does, as long as nobody else on this database takes the same advisory lock.
SEQUENCER_LOCK: Final = 7_305_001


def sequence_waiting() -> int:
    """Give every committed event its position. Returns how many got one."""
    total = 0
    # Looked for outside of a transaction: on SQLite one takes the writer's place, to which idling has no claim.
    while UnsequencedEvent.objects.exists() and (done := sequence_events()):
        total += done
    return total


def carry(*, seconds: float = 10.0, sequence: Callable[[], int] = sequence_waiting) -> int:
    """Sequence what was committed and run what is owed until nothing is left or the time is up.

    Returns how many reactions ran, well or badly.
    """
    until = time.monotonic() + seconds
    ran = 0
    while time.monotonic() < until:
        sequenced = sequence()
        # By turns: while reactions pile up, what waits for positions only (feed, webhooks, live updates) goes on.
        turn = min(until, time.monotonic() + TURN_SECONDS)
        done = run_inside(turn) + run_outside(turn)
        ran += done
        if not sequenced and not done:
            break
    return ran


@transaction.atomic
def sequence_events(limit: int = BATCH) -> int:
    """Give up to `limit` committed events their positions and write down whom they owe. Returns how many."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEQUENCER_LOCK])
    waiting = list(UnsequencedEvent.objects.select_related("event").order_by("event_id")[:limit])
    if not waiting:
        return 0
    last = EventPosition.objects.order_by("-position").values_list("position", flat=True).first() or 0
    events = [row.event for row in waiting]
    positions = [EventPosition(position=last + n, event=event) for n, event in enumerate(events, start=1)]
    EventPosition.objects.bulk_create(positions)
    Delivery.objects.bulk_create(_owed(events))
    UnsequencedEvent.objects.filter(pk__in=[event.pk for event in events]).delete()
    transaction.on_commit(lambda: publish(positions))
    return len(events)


def _owed(events: Sequence[Event]) -> list[Delivery]:
    """The deliveries of these events, but for those of reactions that have just taken them all at once."""
    moment = now()
    done: set[str] = set()
    for reaction in REACTIONS.values():
        theirs = [event for event in events if reaction.listens_to(event)] if reaction.at_once else []
        if theirs and _took_all(reaction, theirs):
            done.add(reaction.name)
    return [
        Delivery(event=event, reaction=reaction.name, is_outside=reaction.outside, try_at=moment)
        for event in events
        for reaction in reactions_to(event.kind)
        if reaction.listens_to(event) and reaction.name not in done
    ]


def _took_all(reaction: Reaction, events: Sequence[Event]) -> bool:
    try:
        with transaction.atomic():
            reaction.function(events)
    except Exception as error:  # noqa: BLE001  whatever a reaction raises is its own failure
        _must_still_be_connected()
        log.warning("reaction.owed_singly", reaction=reaction.name, error=describe(error))
        return False
    return True


def _waiting(*, outside: bool) -> "QuerySet[Delivery]":
    return Delivery.objects.filter(is_outside=outside, try_at__lte=now())


def _due(*, outside: bool, limit: int) -> list[Delivery]:
    """The oldest due deliveries nobody else holds, locked where the database locks rows."""
    rows = _waiting(outside=outside).order_by("try_at", "id")
    return list(rows.select_for_update(skip_locked=True, of=("self",)).select_related("event")[:limit])


def run_inside(until: float) -> int:
    """Run plain reactions, a group a transaction, until none is due."""
    ran, limit = 0, SMALLEST_GROUP
    while time.monotonic() < until and _waiting(outside=False).exists():
        try:
            done = _run_group(limit)
            limit = min(GROUP, 2 * limit) if done == limit else SMALLEST_GROUP
        except Exception as error:  # noqa: BLE001  see below
            # Whoever it was, the group is undone: one by one, each bears its own failure.
            log.info("reactions.group_undone", error=describe(error))
            done = _run_singly()
        if not done:
            break
        ran += done
    return ran


@transaction.atomic
def _run_group(limit: int) -> int:
    """One group in one transaction; anything that fails undoes all of it."""
    began = time.monotonic()
    done: list[int] = []
    for delivery in _due(outside=False, limit=limit):
        _react(delivery)
        done.append(delivery.pk)
        if time.monotonic() - began > GROUP_SECONDS:
            break
    if done:
        Delivery.objects.filter(pk__in=done).delete()
    return len(done)


def _run_singly(limit: int = GROUP) -> int:
    """A group's worth of deliveries, each in a transaction of its own, failures written down."""
    ran = 0
    for _turn in range(limit):
        with transaction.atomic():
            rows = _due(outside=False, limit=1)
            if not rows:
                break
            delivery = rows[0]
            try:
                with transaction.atomic():
                    _react(delivery)
            except Exception as error:  # noqa: BLE001  whatever a reaction raises is its own failure
                _must_still_be_connected()
                _fail(delivery, error)
            else:
                delivery.delete()
            ran += 1
    return ran


def run_outside(until: float) -> int:
    """Run reactions that talk to the world, each under a lease that is committed before it starts."""
    ran = 0
    while time.monotonic() < until and _waiting(outside=True).exists():
        claimed = _lease_outside()
        if not claimed:
            break
        for delivery in claimed:
            try:
                _react(delivery)
            except Exception as error:  # noqa: BLE001  whatever a reaction raises is its own failure
                _fail(delivery, error)
            else:
                delivery.delete()
            ran += 1
    return ran


@transaction.atomic
def _lease_outside(limit: int = 10) -> Sequence[Delivery]:
    rows = _due(outside=True, limit=limit)
    if rows:
        Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(try_at=now() + LEASE)
    return rows


def _must_still_be_connected() -> None:
    """Raise again what is handled unless its savepoint could be undone: then the database is away, and nobody failed.

    A database error alone does not say so: a deadlock, a full cache or a statement it can't carry out is a reaction's
    own failure, and must not hold up those behind it.
    """
    if connection.needs_rollback or connection.closed_in_transaction:
        raise  # noqa: PLE0704  called while an exception is handled


def _react(delivery: Delivery) -> None:
    reaction = REACTIONS.get(delivery.reaction)
    if reaction is None:
        raise LookupError(f"no reaction of the name {delivery.reaction}")
    event: Event = delivery.event
    with caused_by(event.request_id):
        reaction.react(event)


def _fail(delivery: Delivery, error: Exception) -> None:
    """Write the failure down where the operations page shows it, and when it is tried again."""
    delivery.attempts += 1
    delivery.error = describe(error)
    pause = pause_after(delivery.attempts)
    delivery.try_at = None if pause is None else now() + pause
    # Not save(): one that ran beyond its lease may have been done by another meanwhile.
    Delivery.objects.filter(pk=delivery.pk).update(
        attempts=delivery.attempts, error=delivery.error, try_at=delivery.try_at
    )
    log.warning(
        "reaction.failed",
        reaction=delivery.reaction,
        event_id=str(delivery.event_id),
        error=delivery.error,
        attempts=delivery.attempts,
    )
