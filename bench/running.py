"""The measurements one after the other, each beside the processes it needs."""

import sys
import time
import traceback
from collections.abc import Callable, Sequence

from bench.figures import Gap, Row
from bench.house import come_to_work, furnish
from bench.measures import carrying, deadlines, embedded, following, reading, writing
from bench.scale import Scale
from bench.seeding import settle_tables
from bench.servers import FEW, Place, bare, desk, live, worker_and_beat


def measure(place: Place, scale: Scale) -> list[Row]:
    """Every row of the table."""
    say(f"seeding {scale.tickets:,} tickets")
    began = time.monotonic()
    house = furnish(place, scale)
    say(f"seeded in {time.monotonic() - began:.0f} s")
    rows: list[Row] = []
    with desk(place) as web:
        with desk(place, FEW) as web_few:
            rows += attempt(["queue fragment"], lambda: reading.queue_fragment(house, web, web_few))
        with bare(place) as yardstick:
            rows += attempt(["queue over REST"], lambda: reading.rest_queue(house, web, yardstick))
            rows += attempt(["ticket page"], lambda: reading.ticket_page(house, web, yardstick))
            rows += attempt(["search, rare"], lambda: reading.search(house, web, "zirconium", "rare word"))
            rows += attempt(["search, 退款"], lambda: reading.search(house, web, "退款", "退款"))
            rows += attempt(
                ["ticket by REST", "(bare insert", "web worker"], lambda: writing.ticket_by_rest(house, web, yardstick)
            )
        come_to_work(house)
        with live(place) as stream, worker_and_beat(place):
            rows += attempt(["end to end"], lambda: following.end_to_end(house, web, stream))
            rows += attempt(["reply sent"], lambda: following.live_update(house, web, stream))
            rows += attempt(["detection"], lambda: deadlines.detection(house))
    settle_tables()
    rows += attempt(["empty sweep"], lambda: deadlines.empty_sweep(house))
    rows += attempt(["events carried"], lambda: carrying.events_carried(house))
    rows += attempt(["clocks due at once"], lambda: deadlines.all_at_once(house))
    rows += attempt(["embedded process, idle: memory", "embedded process, idle: of"], lambda: embedded.idle(house))
    rows.append(Gap("dashboard, 90 days : queue fragment", "not built yet"))
    return rows


def attempt(names: Sequence[str], act: Callable[[], Sequence[Row]]) -> Sequence[Row]:
    """What `act` measures; where it fails, its rows say so, the traceback is printed, and the others go on."""
    say(names[0])
    try:
        return act()
    except Exception as error:  # noqa: BLE001  whatever broke is printed, and the run ends with status 1
        traceback.print_exc()
        return [Gap(name, f"failed: {type(error).__name__}", is_failure=True) for name in names]


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what} …", file=sys.stderr, flush=True)
