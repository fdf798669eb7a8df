"""What follows a request: reactions, the agent's screen, the other browser's fragment. All processes run."""

import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg2

from bench.figures import Figure, Target, alone, percentile, windows
from bench.house import House
from bench.load import Answered, post_tickets
from bench.servers import PATIENCE_SECONDS, Server
from bench.visiting import FRAGMENT, Screen, Visitor
from servicedesk.models import User
from tickets.models import Status, Ticket

LOOK_SECONDS: Final = 0.02
# Tickets of which some event still waits for its position, or for a reaction. One statement, hence one moment.
OWED: Final = (
    "SELECT DISTINCT subject_id::text FROM servicedesk_event WHERE id IN ("
    "SELECT event_id FROM servicedesk_unsequencedevent"
    " UNION ALL SELECT event_id FROM servicedesk_delivery WHERE error = '')"
)


class Watch:
    """When each ticket was last seen to owe something, looked at fifty times a second."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg2.connect(database)
        self._connection.autocommit = True
        self.looks: list[float] = []
        self.owed: dict[str, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def look(self) -> int:
        """How many tickets owe something now."""
        with self._connection.cursor() as cursor:
            began = time.monotonic()
            cursor.execute(OWED)
            rows = cursor.fetchall()
        self.looks.append(time.monotonic())
        self.owed.update((row[0], began) for row in rows)
        return len(rows)

    def wait_until_calm(self) -> None:
        """Until nothing is owed. TimeoutError when it takes ten times the usual patience."""
        until = time.monotonic() + PATIENCE_SECONDS * 10
        while self.look():
            if time.monotonic() > until:
                raise TimeoutError("reactions are still owed")
            time.sleep(LOOK_SECONDS)

    def _run(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self.look()

    @contextmanager
    def watching(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
            time.sleep(LOOK_SECONDS * 3)
        finally:
            self._over.set()
            self._thread.join()

    def settled_at(self, ticket_id: str, told_at: float) -> float:
        """The first look at which the ticket owed nothing any more: no earlier than it was so."""
        last = max(self.owed.get(ticket_id, 0.0), told_at)
        return self.looks[min(bisect_right(self.looks, last), len(self.looks) - 1)]


def end_to_end(house: House, web: Server, live: Server) -> list[Figure]:
    """From sending a ticket until its reactions ran and the agent's screen was told, at half the load reached."""
    watch = Watch(house.place.server)
    watch.wait_until_calm()
    screen = Screen(live.port, house.cookies[0])
    rate, seconds = house.requests_a_second / 2, house.scale.load_seconds * house.scale.rounds
    with watch.watching():
        found = post_tickets(web.port, "/api/v1/tickets/", house.key, seconds=seconds, rate=rate)
        ids = {ticket_id for _due, _at, ticket_id in found.requests}
        if not screen.has_all(ids, PATIENCE_SECONDS):
            raise TimeoutError("the screen was not told of every ticket")
        watch.wait_until_calm()
    told = [(screen.told[ticket_id] - due) * 1000 for due, _answered, ticket_id in found.requests]
    answered = [(answered - due) * 1000 for due, answered, _id in found.requests]
    note = f"{rate:.0f}/s for {seconds:.0f} s; p50: answered {_p50(answered)}, told {_p50(told)}"
    name = "end to end at half that load, p99"
    return [_figure(house, name, list(_taken(found, screen, watch)), 0.99, Target(2_000, 500), note)]


def _figure(
    house: House, name: str, taken: list[tuple[float, float]], share: float, target: Target, note: str
) -> Figure:
    """Of (when, milliseconds): the percentile of all, and how far it spread over equal stretches of time."""
    parts = [percentile(part, share) for part in windows(taken, house.scale.rounds)]
    whole = [value for _when, value in taken]
    note = f"{note}, all {_p50(whole)} ms"
    return alone(name, "ms", parts, target, value=percentile(whole, share), note=note)


def _p50(values: list[float]) -> str:
    return f"{percentile(values, 0.5):.0f}"


def _taken(found: Answered, screen: Screen, watch: Watch) -> Iterator[tuple[float, float]]:
    """When each was due to be sent, and the milliseconds until it was settled and told."""
    for due, _answered, ticket_id in found.requests:
        told = screen.told[ticket_id]
        yield due, (max(told, watch.settled_at(ticket_id, told)) - due) * 1000


def live_update(house: House, web: Server, live: Server) -> list[Figure]:
    """From sending a reply until another browser, told by its stream, has fetched the ticket's fragments."""
    Watch(house.place.server).wait_until_calm()
    tickets = Ticket.objects.filter(status=Status.OPEN).order_by("-id").only("id", "number_value")
    screen, other = Screen(live.port, house.cookies[1]), Visitor(web.port, {"Cookie": house.cookies[1]} | FRAGMENT)
    sender = Visitor(web.port, house.bearer)
    taken: list[tuple[float, float]] = []
    answered, told = [], []
    for n, ticket in enumerate(tickets[: house.scale.replies + 2]):
        text = f"reply-number-{n}"
        screen.forget()
        began = time.monotonic()
        sender.post(f"/api/v1/tickets/{ticket.pk}/messages/", _reply(text, house.agents[0]))
        answered.append((time.monotonic() - began) * 1000)
        told.append((screen.wait_for(str(ticket.pk)) - began) * 1000)
        if text.encode() not in other.get(f"/desk/tickets/{ticket.number}/news/"):
            raise RuntimeError("the fragment does not show the reply")
        taken.append((began, (time.monotonic() - began) * 1000))
        time.sleep(0.05)
    note = f"stream and fetch, no browser; p50: answered {_p50(answered)}, told {_p50(told)}"
    return [_figure(house, "reply sent → other side's fragment, p95", taken[2:], 0.95, Target(300, 150), note)]


def _reply(text: str, agent: User) -> dict[str, Any]:
    return {"body": text, "visibility": "public", "author": "agent", "agent": str(agent.pk)}
