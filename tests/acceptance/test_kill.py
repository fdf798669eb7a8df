"""kill -9 at random moments under load: what was answered 201 is there, its clocks fire, its webhooks arrive."""

import random
import time

import requests

from tests.acceptance.checking import each_breached_once, each_event_recognisable, listen, promise, settle
from tests.acceptance.conftest import ON_SERVERS
from tests.acceptance.desk import Desk
from tests.acceptance.figures import FULL, note, size
from tests.acceptance.listeners import Receiver
from tests.acceptance.load import Load
from tests.patience import wait_until

SHAPE = "PostgreSQL + Redis" if ON_SERVERS else "embedded"
VICTIMS = ("web", "worker", "beat", "redis", "postgres") if ON_SERVERS else ("desk",)
KILLS = size(5 if ON_SERVERS else 2, 20)


def test_nothing_that_was_answered_is_lost_when_processes_are_killed(standing, receiver):
    with standing() as desk:
        promise(desk, escalates=False, first_response=2, resolution=4)
        listen(desk, receiver, "ticket.opened", "clock.breached")
        back: list[float] = []
        with Load(desk) as load:
            for kill in range(KILLS):
                time.sleep(random.uniform(0.5, 2.5))
                back.append(kill_and_restart(desk, VICTIMS[kill % len(VICTIMS)]))
            wait_until(lambda: len(load.answered) > 10, "some tickets")
        desk.wait_ready()
        finish(desk, load, receiver)
        tickets = [ticket["id"] for ticket in load.answered.values()]
        each_breached_once(desk, receiver, tickets, ["first_response", "resolution"])
        opened = {hook.ticket for hook in receiver.of("ticket.opened")}
        assert set(tickets) <= opened
        again = each_event_recognisable(receiver)
    note(
        f"kill -9, {SHAPE}",
        kills=KILLS,
        victims=VICTIMS,
        tickets=len(tickets),
        never_answered=len(load.unanswered),
        statuses={str(status): number for status, number in load.statuses.items()},
        webhooks=len(receiver.hooks),
        came_again=again,
        slowest_return_s=round(max(back), 1),
    )


def kill_and_restart(desk: Desk, victim: str) -> float:
    """Returns after how many seconds requests were answered again."""
    desk.kill(victim)
    time.sleep(random.uniform(0, 0.5))
    began = time.monotonic()
    desk.start(victim)
    wait_until(lambda: answers(desk), f"{victim} is back\n{desk.logs()}", every=0.1)
    return time.monotonic() - began


def answers(desk: Desk) -> bool:
    try:
        return desk.is_up() and desk.ask("GET", "tickets/?limit=1").status_code == 200
    except requests.RequestException:
        return False


def finish(desk: Desk, load: Load, receiver: Receiver) -> None:
    """Let everything come to rest: leases of the killed run out (by themselves in the full run), deadlines pass."""
    if FULL:
        until = time.monotonic() + 65
        for name in list(load.unanswered):
            load.post(name, patience=max(2, until - time.monotonic()))
    else:
        desk.run("let_leases_run_out.py")
    number = len(load.answered)
    settle(receiver, {"ticket.opened": number, "clock.breached": 2 * number}, seconds=150)
