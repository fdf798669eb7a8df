import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from servicedesk.actor import SYSTEM
from servicedesk.carrying import carry
from servicedesk.events import SubjectRef, Told, record_many
from servicedesk.ids import new_id
from servicedesk.models import Event, WebhookEndpoint
from servicedesk.webhooks.actions import register_endpoint


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """A real server. `answers` decides: (request so far, its number) -> status, or a callable that writes it itself."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    answer: Callable[[BaseHTTPRequestHandler, int], int | None] = lambda _handler, _number: 204

    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.received]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.received.append(Received(self.path, headers, body, time.time()))
        receiver.connections.add(self.client_address)
        status = receiver.answer(self, len(receiver.received))
        if status is not None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that hung up is what some tests are about


@pytest.fixture
def new_receiver() -> Iterator[Callable[[], Receiver]]:
    servers = []

    def start() -> Receiver:
        server = Server(("127.0.0.1", 0), Handler)
        server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, thread))
        return server.receiver

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(new_receiver: Callable[[], Receiver]) -> Receiver:
    return new_receiver()


@pytest.fixture(autouse=True)
def _loopback_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_NETWORKS = ["127.0.0.0/8", "::1/128"]


@pytest.fixture
def hook(db: None, receiver: Receiver) -> WebhookEndpoint:
    return register_endpoint(url=receiver.url, kinds=["*"], by=SYSTEM)


def happen(number: int = 1, *, kind: str = "parcel.sent", historic: bool = False, shop: Any = None) -> list[Event]:
    """So many events of a noun that no chapter listens to, carried to the reactions."""
    told = [
        Told(
            kind,
            SubjectRef("parcel", new_id(), f"P-{n}", shop),
            SYSTEM,
            changes={"priority": "high"},
            historic=historic,
        )
        for n in range(number)
    ]
    events = record_many(told)
    carry()
    return events
