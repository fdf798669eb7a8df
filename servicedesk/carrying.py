"""Carry events to whoever listens.

Two steps. The sequencer, under a lock held to its commit, gives committed events their position and writes down which
reactions each of them owes. Then the owed reactions are claimed in groups of at most 50 ms: a group runs in one
transaction, and if anything in it fails it is rolled back whole and run again one by one, so that a failure neither
stops nor repeats the others. A delivery row is made once, with the position, and goes in the transaction of its
reaction: that is what exactly once rests on.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import connection, transaction

from servicedesk.bulk import add, delete_by_key
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

# Written out: Django's compiling of them would cost more than a group of quick reactions.
UNSEQUENCED: Final = """
    SELECT * FROM servicedesk_event
    WHERE id IN (SELECT event_id FROM servicedesk_unsequencedevent ORDER BY event_id LIMIT %s) ORDER BY id"""
IS_WAITING: Final = "SELECT 1 FROM servicedesk_delivery WHERE is_outside = %s AND try_at <= %s LIMIT 1"
DUE: Final = """
    SELECT d.id AS owed_pk, d.reaction AS owed_to, d.attempts AS owed_tries, e.*
    FROM servicedesk_delivery d JOIN servicedesk_event e ON e.id = d.event_id
    WHERE d.is_outside = %s AND d.try_at <= %s
    ORDER BY d.try_at, d.id LIMIT %s"""


@dataclass(frozen=True, slots=True)
class Owed:
    """A claimed delivery: its key, the reaction's name, how often it failed, and the event."""

    pk: int
    reaction: str
    attempts: int
    event: Event


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
    events = list(Event.objects.raw(UNSEQUENCED, [limit]))
    if not events:
        return 0
    last = EventPosition.objects.order_by("-position").values_list("position", flat=True).first() or 0
    positions = [EventPosition(position=last + n, event=event) for n, event in enumerate(events, start=1)]
    add(positions)
    add(_owed(events))
    delete_by_key(UnsequencedEvent, [event.pk for event in events])
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
        Delivery(event_id=event.pk, reaction=reaction.name, is_outside=reaction.outside, try_at=moment)
        for event in events
        for reaction in reactions_to(event.kind)
        if (reaction.historic or not event.is_historic) and reaction.name not in done
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


def _is_waiting(*, outside: bool) -> bool:
    """Whether anything is due. Asked outside of a transaction: on SQLite one takes the writer's place."""
    with connection.cursor() as cursor:
        cursor.execute(IS_WAITING, [outside, _at(now())])
        return cursor.fetchone() is not None


def _due(*, outside: bool, limit: int) -> list[Owed]:
    """The oldest due deliveries nobody else holds, locked where the database locks rows."""
    lock = " FOR UPDATE OF d SKIP LOCKED" if connection.features.has_select_for_update_skip_locked else ""
    rows = Event.objects.raw(DUE + lock, [outside, _at(now()), limit])
    return [Owed(row.owed_pk, row.owed_to, row.owed_tries, row) for row in rows]  # type: ignore[attr-defined]


def _at(moment: datetime) -> Any:
    """A moment as the database compares it."""
    return connection.ops.adapt_datetimefield_value(moment)


def run_inside(until: float) -> int:
    """Run plain reactions, a group a transaction, until none is due."""
    ran, limit, is_full = 0, SMALLEST_GROUP, False
    # After a full group there is more as a rule, and the next claim finds out.
    while time.monotonic() < until and (is_full or _is_waiting(outside=False)):
        try:
            done = _run_group(limit)
            is_full = done == limit
            limit = min(GROUP, 2 * limit) if is_full else SMALLEST_GROUP
        except Exception as error:  # noqa: BLE001  see below
            # Whoever it was, the group is undone: one by one, each bears its own failure.
            log.info("reactions.group_undone", error=describe(error))
            done, is_full = _run_singly(), False
        if not done:
            break
        ran += done
    return ran


@transaction.atomic
def _run_group(limit: int) -> int:
    """One group in one transaction; anything that fails undoes all of it."""
    began = time.monotonic()
    done: list[int] = []
    for owed in _due(outside=False, limit=limit):
        _react(owed)
        done.append(owed.pk)
        if time.monotonic() - began > GROUP_SECONDS:
            break
    delete_by_key(Delivery, done)
    return len(done)


def _run_singly(limit: int = GROUP) -> int:
    """A group's worth of deliveries, each in a transaction of its own, failures written down."""
    ran = 0
    for _turn in range(limit):
        with transaction.atomic():
            rows = _due(outside=False, limit=1)
            if not rows:
                break
            owed = rows[0]
            try:
                with transaction.atomic():
                    _react(owed)
            except Exception as error:  # noqa: BLE001  whatever a reaction raises is its own failure
                _must_still_be_connected()
                _fail(owed, error)
            else:
                delete_by_key(Delivery, [owed.pk])
            ran += 1
    return ran


def run_outside(until: float) -> int:
    """Run reactions that talk to the world, each under a lease that is committed before it starts."""
    ran = 0
    while time.monotonic() < until and _is_waiting(outside=True):
        claimed = _lease_outside()
        if not claimed:
            break
        for owed in claimed:
            try:
                _react(owed)
            except Exception as error:  # noqa: BLE001  whatever a reaction raises is its own failure
                _fail(owed, error)
            else:
                delete_by_key(Delivery, [owed.pk])
            ran += 1
    return ran


@transaction.atomic
def _lease_outside(limit: int = 10) -> Sequence[Owed]:
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


def _react(owed: Owed) -> None:
    reaction = REACTIONS.get(owed.reaction)
    if reaction is None:
        raise LookupError(f"no reaction of the name {owed.reaction}")
    with caused_by(owed.event.request_id):
        reaction.react(owed.event)


def _fail(owed: Owed, error: Exception) -> None:
    """Write the failure down where the operations page shows it, and when it is tried again."""
    attempts, words = owed.attempts + 1, describe(error)
    pause = pause_after(attempts)
    # Not save(): one that ran beyond its lease may have been done by another meanwhile.
    Delivery.objects.filter(pk=owed.pk).update(
        attempts=attempts, error=words, try_at=None if pause is None else now() + pause
    )
    log.warning(
        "reaction.failed",
        reaction=owed.reaction,
        event_id=str(owed.event.pk),
        error=words,
        attempts=attempts,
    )
