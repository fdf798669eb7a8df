"""Who listens outside the desk, each with its own clock: a receiver of webhooks and a mail server."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from standardwebhooks import Webhook, WebhookVerificationError

from tests.ports import free_port


@dataclass(frozen=True, slots=True)
class Hook:
    """One request of the desk, as it came in."""

    at: float
    id: str
    headers: dict[str, str]
    body: bytes
    told: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.told["type"])

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.told["data"])

    @property
    def changes(self) -> dict[str, Any]:
        return dict(self.data["changes"])

    @property
    def ticket(self) -> str:
        return str(self.data["subject"]["id"])


@dataclass
class Receiver:
    """Every webhook that came in; one whose signature is wrong is refused and counted."""

    url: str
    secret: str = ""
    hooks: list[Hook] = field(default_factory=list)
    refused: int = 0

    def of(self, kind: str) -> list[Hook]:
        return [hook for hook in list(self.hooks) if hook.kind == kind]

    def events(self) -> dict[str, list[Hook]]:
        """What came in, by the event it tells of."""
        found: dict[str, list[Hook]] = defaultdict(list)
        for hook in list(self.hooks):
            found[hook.data["event_id"]].append(hook)
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        at = time.time()
        receiver: Receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) < int(self.headers["Content-Length"]):
            return  # cut off as its sender was killed: nothing was delivered, and it comes again
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            told = Webhook(receiver.secret).verify(body, headers)
            receiver.hooks.append(Hook(at, headers["webhook-id"], headers, body, told))
            status = 204
        except WebhookVerificationError:
            receiver.refused += 1
            status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A desk that was killed hangs up in the middle of a request: that is what is tried here."""


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield server.receiver
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class MailServer:
    """Every mail that was accepted, with its recipients and the moment."""

    url: str
    mails: list[tuple[float, list[str], EmailMessage]] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((time.time(), list(envelope.rcpt_tos), message))
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        return [message for _at, recipients, message in list(self.mails) if address in recipients]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    port = free_port()
    handler = MailServer(f"smtp://127.0.0.1:{port}")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler
    controller.stop()
