"""A browser's two connections: one that asks for pages, one that listens to the live stream."""

import http.client
import json
import statistics
import threading
import time
from collections.abc import Mapping

from bench.servers import PATIENCE_SECONDS

FRAGMENT = {"HX-Request": "true"}


class Visitor:
    """A kept connection with the headers that say who it is."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = dict(headers)

    def get(self, path: str) -> bytes:
        """RuntimeError where the answer is not a 200."""
        return self._ask("GET", path, None)

    def post(self, path: str, data: object) -> bytes:
        """JSON; RuntimeError where the answer is not a 200 or 201."""
        return self._ask("POST", path, json.dumps(data))

    def _ask(self, method: str, path: str, body: str | None) -> bytes:
        headers = self._headers | ({"Content-Type": "application/json"} if body else {})
        self._connection.request(method, path, body=body, headers=headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{method} {path} answered {answer.status}")
        return read

    def milliseconds(self, path: str, times: int) -> float:
        """The median of so many requests, after one that is not counted."""
        self.get(path)
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            self.get(path)
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)


class Screen:
    """An open live stream, and when it was first told of each ticket (monotonic clock)."""

    def __init__(self, port: int, cookie: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._connection.request("GET", "/live/", headers={"Cookie": cookie})
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise RuntimeError(f"/live/ answered {self._answer.status}")
        self.told: dict[str, float] = {}
        self._news = threading.Condition()
        # It opens with the position it begins at: from then on nothing is missed.
        while not self._answer.readline().startswith(b"id:"):
            pass
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while line := self._answer.readline():
            if line.startswith(b"data:"):
                moment, said = time.monotonic(), json.loads(line[5:])
                with self._news:
                    self.told.setdefault(said.get("id") or said["type"], moment)
                    self._news.notify_all()

    def forget(self) -> None:
        """Hear of every ticket as if for the first time."""
        with self._news:
            self.told.clear()

    def wait_for(self, ticket_id: str) -> float:
        """When it was told of this ticket, waiting for it. TimeoutError when it isn't."""
        with self._news:
            if not self._news.wait_for(lambda: ticket_id in self.told, PATIENCE_SECONDS):
                raise TimeoutError("the stream did not tell of the ticket")
            return self.told[ticket_id]

    def has_all(self, ticket_ids: set[str], patience: float) -> bool:
        """Whether it was told of all of them, waiting so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: ticket_ids <= self.told.keys(), patience)
