"""What must be true afterwards of every ticket that nobody answered in time."""

import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from tests.acceptance.desk import Desk
from tests.acceptance.figures import moment
from tests.acceptance.listeners import Hook, MailServer, Receiver
from tests.patience import PATIENCE_SECONDS, wait_until

# Both notify the manager: one mail each.
STEPS: Final = ("notify_manager", "notify_assignee")
SECOND_STEP_AFTER: Final = 2


def listen(desk: Desk, receiver: Receiver, *kinds: str) -> None:
    receiver.secret = desk.post("webhooks/", {"url": receiver.url, "kinds": list(kinds) or ["*"]})["secret"]


def promise(desk: Desk, *, escalates: bool = True, **targets: int) -> None:
    """A policy for what the load posts: these targets in seconds, and two steps once the first response is overdue."""
    offsets = dict(zip(STEPS, (0, SECOND_STEP_AFTER), strict=True))
    steps = [
        {"metric": "first_response", "offset_seconds": offset, "action": action, "params": {}}
        for action, offset in offsets.items()
    ]
    policy = {
        "name": "Strict",
        "conditions": {"channel": "chat"},
        "targets": targets,
        "warn_at_percent": 70,
        "position": -1,
        "escalations": steps if escalates else [],
    }
    desk.post("sla-policies/", policy)


def settle(receiver: Receiver, expected: Mapping[str, int], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until so many different events of each kind have come in, and a moment longer for what should not come."""

    def complete() -> bool:
        counts = Counter(hooks[0].kind for hooks in receiver.events().values())
        return all(counts[kind] >= number for kind, number in expected.items())

    def missing() -> str:
        counts = Counter(hooks[0].kind for hooks in receiver.events().values())
        return ", ".join(f"{kind}: {counts[kind]} of {number}" for kind, number in expected.items())

    try:
        wait_until(complete, seconds=seconds, every=0.1)
    except AssertionError:
        raise AssertionError(f"not within {seconds:.0f} s: {missing()}") from None
    time.sleep(1.5)


def each_breached_once(desk: Desk, receiver: Receiver, tickets: Collection[str], metrics: Collection[str]) -> list[Any]:
    """One verdict a clock: in the feed, in the ticket, and by webhook. Returns the breached clocks, as tickets show them."""
    wanted = {(ticket, metric): 1 for ticket in tickets for metric in metrics}
    told = Counter(
        (event["subject"]["id"], event["changes"]["metric"])
        for event in desk.events()
        if event["type"] == "clock.breached"
    )
    assert {pair: told[pair] for pair in wanted} == wanted
    heard = Counter((hooks[0].ticket, hooks[0].changes["metric"]) for hooks in _events(receiver, "clock.breached"))
    assert {pair: heard[pair] for pair in wanted} == wanted
    clocks = [clock for ticket in tickets for clock in desk.get(f"tickets/{ticket}/")["clocks"]]
    breached = [clock for clock in clocks if clock["metric"] in metrics]
    assert {clock["state"] for clock in breached} == {"breached"}
    assert len(breached) == len(wanted)
    return breached


def each_escalated_once(receiver: Receiver, tickets: Collection[str]) -> None:
    """One webhook a step."""
    wanted = {(ticket, step): 1 for ticket in tickets for step in STEPS}
    heard = Counter((hooks[0].ticket, hooks[0].changes["action"]) for hooks in _events(receiver, "ticket.escalated"))
    assert {pair: heard[pair] for pair in wanted} == wanted


def each_mailed_once(
    mail: MailServer, address: str, numbers: Collection[str], seconds: float = PATIENCE_SECONDS
) -> int:
    """One mail a step. The same Message-ID twice is one mail that a killed sender sent again; returns how many such."""
    wanted = len(STEPS) * len(numbers)
    wait_until(lambda: len({one["Message-ID"] for one in mail.to(address)}) >= wanted, f"{wanted} mails", seconds)
    time.sleep(1)
    mails = {one["Message-ID"]: one for one in mail.to(address)}
    by_ticket = Counter(str(one["Subject"]).partition("]")[0].lstrip("[") for one in mails.values())
    assert {number: by_ticket[number] for number in numbers} == dict.fromkeys(numbers, len(STEPS))
    return len(mail.to(address)) - len(mails)


def each_event_recognisable(receiver: Receiver) -> int:
    """However often a webhook came, it was the same id and the same bytes. Returns how many came more than once."""
    again = 0
    for hooks in receiver.events().values():
        assert len({hook.id for hook in hooks}) == 1
        assert len({hook.body for hook in hooks}) == 1
        again += len(hooks) > 1
    assert not receiver.refused
    return again


def detection_lags(clocks: Sequence[Any]) -> list[float]:
    return [(moment(clock["detected_at"]) - moment(clock["due_at"])).total_seconds() for clock in clocks]


def outside_lags(receiver: Receiver) -> list[float]:
    """From the due time to the webhook's arrival, by the receiver's own clock."""
    return [
        hooks[0].at - moment(hooks[0].changes["due_at"]).timestamp() for hooks in _events(receiver, "clock.breached")
    ]


def _events(receiver: Receiver, kind: str) -> list[list[Hook]]:
    return [hooks for hooks in receiver.events().values() if hooks[0].kind == kind]
