"""Clients that post tickets as a careful integration does: with a key, and again until there is an answer."""

import secrets
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import requests

from tests.acceptance.desk import Desk
from tests.patience import PATIENCE_SECONDS


def ticket_body(name: str, **facts: Any) -> dict[str, Any]:
    return {
        "subject": f"Where is my parcel {name}?",
        "body": f"订单 {name} 一周没有消息了。",
        "channel": "chat",
        "external_id": name,
        # The same at every try: another body under the same key would be refused.
        "customer": {"name": "王小明", "phone": f"+86138{zlib.crc32(name.encode()) % 10**8:08d}"},
        **facts,
    }


class Load:
    """Tickets that were answered 201 are in `answered`, by the name that they were posted under."""

    def __init__(self, desk: Desk, *, clients: int = 4, pause: float = 0.15, **facts: Any) -> None:
        self._desk, self._pause, self._facts = desk, pause, facts
        self._clients, self._stopped = clients, threading.Event()
        self._threads: list[threading.Thread] = []
        self._prefix = secrets.token_hex(4)
        self.answered: dict[str, dict[str, Any]] = {}
        self.unanswered: set[str] = set()
        self.statuses: Counter[int | str] = Counter()

    def __enter__(self) -> Self:
        for client in range(self._clients):
            thread = threading.Thread(target=self._post_on_and_on, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _post_on_and_on(self, client: int) -> None:
        number = 0
        while not self._stopped.is_set():
            number += 1
            name = f"{self._prefix}-{client}-{number}"
            self.post(name)
            self._stopped.wait(self._pause)

    def post(self, name: str, patience: float = 5.0) -> bool:
        """Post it, and again after each failure, under the same key. Whether it was answered."""
        body = ticket_body(name, **self._facts)
        until = time.monotonic() + patience
        self.unanswered.add(name)
        while time.monotonic() < until:
            try:
                answer = self._desk.ask("POST", "tickets/", body, Idempotency_Key=name)
            except requests.RequestException as error:
                self.statuses[type(error).__name__] += 1
                time.sleep(0.2)
                continue
            self.statuses[answer.status_code] += 1
            if answer.status_code == 201:
                self.answered[name] = answer.json()
                self.unanswered.discard(name)
                return True
            time.sleep(0.2)
        return False


def at_once(things: Iterable[Callable[[], Any]], threads: int) -> Sequence[Any]:
    """Call all of them on so many threads, none before every thread is there; their results in order."""
    gate = threading.Barrier(threads)
    begun = threading.local()

    def call(thing: Callable[[], Any]) -> Any:
        if not hasattr(begun, "yes"):
            begun.yes = True
            gate.wait(PATIENCE_SECONDS)
        return thing()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, things))
