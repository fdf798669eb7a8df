"""The threads that carry webhooks out, and the one HTTP exchange each of them makes at a time. No database here."""

import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import urllib3
from urllib3 import exceptions

from servicedesk.webhooks.addresses import AddressRefused, checked_connections, in_use

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 10.0
# However slowly it drips: after this the connection is cut. Shorter than the lease of a delivery.
WHOLE_SECONDS: Final = 20.0
MAX_ANSWER: Final = 65_536
COURIERS: Final = 32
USER_AGENT: Final = "servicedesk-webhooks/1"


@dataclass(slots=True)
class Parcel:
    """One try of one delivery."""

    delivery_id: UUID
    endpoint_id: UUID
    attempts: int
    url: str
    headers: dict[str, str]
    body: bytes
    connection: Any = None
    started: float = field(default_factory=time.monotonic)
    is_cut: bool = False

    def hang_up(self) -> None:
        """Cut a connection that takes too long; its courier then reports a time-out."""
        self.is_cut = True
        sock = getattr(self.connection, "sock", None)
        if sock is not None:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it just ended by itself


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a try ended: a status, or a word for why there is none."""

    parcel: Parcel
    status: int | None
    error: str
    retry_after: int | None = None

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Couriers:
    """Daemon threads, started as they are needed: a desk that stops doesn't wait for a slow receiver."""

    def __init__(self, size: int = COURIERS) -> None:
        self._size = size
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[tuple[Parcel, Callable[[Receipt], None]]] = queue.SimpleQueue()
        self._busy = 0
        self._guard = threading.Lock()
        self._connections = checked_connections(size)

    def carry(self, parcel: Parcel, report: Callable[[Receipt], None]) -> None:
        """Send it soon, on another thread, and `report` the receipt from there."""
        with self._guard:
            self._busy += 1
            if self._busy > len(self._threads) and len(self._threads) < self._size:
                thread = threading.Thread(target=self._work, name="webhooks", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put((parcel, report))

    def _work(self) -> None:
        while True:
            parcel, report = self._waiting.get()
            parcel.started = time.monotonic()
            receipt = exchange(self._connections, parcel)
            with self._guard:
                self._busy -= 1
            report(receipt)


def exchange(connections: urllib3.PoolManager, parcel: Parcel) -> Receipt:
    """One try. Never follows a redirect, reads at most MAX_ANSWER bytes of the answer and keeps none of them."""
    try:
        try:
            answer = _post(connections, parcel)
        except exceptions.ProtocolError:
            if parcel.is_cut:
                raise
            # A kept connection that the other side closed in the meantime; the message id makes a second one harmless.
            answer = _post(connections, parcel)
    except AddressRefused:
        return Receipt(parcel, None, "address_refused")
    except Exception as error:  # noqa: BLE001  whatever it was, it is this delivery's failure and no one else's
        return Receipt(parcel, None, "timeout" if parcel.is_cut else word_for(error))
    try:
        answer.read(MAX_ANSWER)
        is_whole = not answer.read(1)
    except (exceptions.HTTPError, OSError):
        is_whole = False  # the status has arrived, and it is what counts
    if is_whole:
        answer.release_conn()
    else:
        answer.close()
    word = "" if 200 <= answer.status < 300 else ("redirected" if 300 <= answer.status < 400 else "status")
    return Receipt(parcel, answer.status, word, _retry_after(answer))


def _post(connections: urllib3.PoolManager, parcel: Parcel) -> Any:
    in_use.tell = lambda connection: setattr(parcel, "connection", connection)
    return connections.connection_from_url(parcel.url).urlopen(
        "POST",
        urllib3.util.parse_url(parcel.url).request_uri,
        body=parcel.body,
        headers={**parcel.headers, "Content-Type": "application/json", "User-Agent": USER_AGENT},
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
        retries=False,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )


def word_for(error: Exception) -> str:
    """A word for the deliveries page; messages of libraries would repeat addresses."""
    if isinstance(error, exceptions.SSLError | ssl.SSLError):
        return "tls_failed"
    if isinstance(error, exceptions.NameResolutionError):
        return "name_unresolved"
    # urllib3 makes its NewConnectionError a kind of time-out, so it is asked for first.
    if isinstance(error, exceptions.NewConnectionError):
        return "connection_failed"
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return "timeout"
    return "connection_broken"


def _retry_after(answer: Any) -> int | None:
    text = answer.headers.get("Retry-After", "") if answer.status in {429, 503} else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


_couriers: Couriers | None = None
_guard = threading.Lock()


def couriers() -> Couriers:
    """This process's couriers."""
    global _couriers  # noqa: PLW0603  one pool for the process
    with _guard:
        if _couriers is None:
            _couriers = Couriers()
        return _couriers


def _start_anew() -> None:
    """A forked child has none of its parent's threads."""
    global _couriers, _guard
    _couriers, _guard = None, threading.Lock()


os.register_at_fork(after_in_child=_start_anew)
