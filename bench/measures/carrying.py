"""Events carried to those who listen, by one worker."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bench.figures import Figure, Target, alone, in_turn
from bench.house import House
from bench.yardsticks import raw
from servicedesk.actor import SYSTEM
from servicedesk.carrying import carry, run_inside, sequence_events
from servicedesk.events import SubjectRef, Told, record_many
from servicedesk.ids import new_id
from servicedesk.listening import REACTIONS, on, reactions_to
from servicedesk.models import Delivery, Event

KIND: Final = "bench.happened"
LISTENERS: Final = 3
BATCH: Final = 500


def events_carried(house: House) -> list[Figure]:
    """Events a second to three reactions each, and what raw claims of the deliveries come to."""
    count = house.scale.events
    while carry():
        pass
    with _listeners():
        rounds = in_turn(house.scale.rounds, lambda: _carried(count), _claims_of(house, count))
    raw_rate = sorted(one[1] for one in rounds)[len(rounds) // 2]
    note = f"raw claims of the same rows {raw_rate:,.0f} events/s"
    target = Target(1_000, 3_000, at_least=True)
    return [alone("events carried to 3 reactions each", "/s", [one[0] for one in rounds], target, note=note)]


def _carried(count: int) -> float:
    _record(count)
    began = time.perf_counter()
    while sequence_events() or run_inside(time.monotonic() + 60):
        pass
    return count / (time.perf_counter() - began)


def _claims_of(house: House, count: int) -> Callable[[], float]:
    def claims() -> float:
        _record(count)
        while sequence_events():
            pass
        rate = raw.claims(house.place.server, Delivery._meta.db_table, "try_at <= now()", "try_at = NULL")
        Delivery.objects.all().delete()
        return rate / LISTENERS

    return claims


def _record(count: int) -> None:
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        record_many(Told(KIND, SubjectRef("bench", new_id()), SYSTEM) for _ in range(size))


@contextmanager
def _listeners() -> Iterator[None]:
    """Three that listen and do nothing, instead of the desk's own: it is the carrying that is measured."""
    kept = dict(REACTIONS)
    REACTIONS.clear()
    for n in range(LISTENERS):

        def note(event: Event) -> None:
            """Nothing."""

        note.__name__ = f"note_{n}"
        on(KIND)(note)
    reactions_to.cache_clear()
    try:
        yield
    finally:
        REACTIONS.clear()
        REACTIONS.update(kept)
        reactions_to.cache_clear()
