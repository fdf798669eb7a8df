"""The load that is sent to loopback, from a process of its own.

Lean sockets, so that it is the server that is measured; nothing of Django is used here.
"""

import contextlib
import itertools
import json
import socket
import threading
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

CLIENTS: Final = 16


@dataclass(slots=True)
class Answered:
    """What came back: for each request when it was due to be sent, when the answer was there, and the ticket's id.

    Times are of the monotonic clock, which all processes of a machine share.
    """

    spent: float
    requests: list[tuple[float, float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.requests) / self.spent


def post_tickets(port: int, path: str, key: str, *, seconds: float, rate: float | None = None) -> Answered:
    """CLIENTS clients posting tickets for so long: as fast as they are answered, or so many a second in all.

    RuntimeError when any was refused.
    """
    context = get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_send, args=(port, path, key, seconds, rate, results))
    process.start()
    found: Answered = results.get(timeout=seconds + 120)
    process.join()
    if found.failures or not found.requests:
        raise RuntimeError(f"{path}: {len(found.failures)} failures, such as {found.failures[:3]}")
    return found


def _send(port: int, path: str, key: str, seconds: float, rate: float | None, results: Any) -> None:
    began = time.monotonic()
    found = Answered(seconds)
    turns = Turns(began, began + seconds, rate)

    def client() -> None:
        try:
            with contextlib.closing(Client(port, path, key)) as connected:
                for turn, due in turns:
                    time.sleep(max(0.0, due - time.monotonic()))
                    status, body = connected.post(turn)
                    if status == 201:
                        found.requests.append((due, time.monotonic(), json.loads(body)["id"]))
                    else:
                        found.failures.append(f"status {status}")
        except (OSError, ValueError) as error:
            found.failures.append(repr(error))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.spent = time.monotonic() - began
    results.put(found)


class Turns:
    """The requests' numbers and the moments at which they are due, handed out to all clients, until the time is up."""

    def __init__(self, began: float, until: float, rate: float | None) -> None:
        self._began, self._until, self._rate = began, until, rate
        self._numbers = itertools.count()

    def __iter__(self) -> "Turns":
        return self

    def __next__(self) -> tuple[int, float]:
        number = next(self._numbers)
        due = time.monotonic() if self._rate is None else self._began + number / self._rate
        if due >= self._until:
            raise StopIteration
        return number, due


class Client:
    """One kept connection that posts tickets, each of another customer."""

    def __init__(self, port: int, path: str, key: str) -> None:
        self._port = port
        self._head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, turn: int) -> tuple[int, bytes]:
        """Returns the answer's status and body."""
        email = f"load{turn}-{time.monotonic_ns()}@example.com"
        body = json.dumps({
            "subject": "包带断了 strap broke",
            "body": "收到两天就断了，怎么办？ The strap broke after two days.",
            "customer": {"name": "王小明", "email": email},
        }).encode()  # fmt: skip
        self._socket.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
        head, _, rest = self._read_until(b"\r\n\r\n").partition(b"\r\n\r\n")
        headers = head.lower()
        length = int(headers.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(rest) < length:
            rest += self._receive()
        if b"connection: close" in headers:
            # The worker has served its share and is being replaced.
            self.close()
            self._connect()
        return int(head[9:12]), rest

    def _read_until(self, mark: bytes) -> bytes:
        read = b""
        while mark not in read:
            read += self._receive()
        return read

    def _receive(self) -> bytes:
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionError("the server closed the connection in the middle")
        return received

    def close(self) -> None:
        self._socket.close()
