"""The ASGI application behind /live/: one server-sent event stream for each open page.

In production a process of its own (`uvicorn servicedesk.live.app:application`), in the embedded desk part of the one
process. A stream costs a few kilobytes and no thread. It ends by itself after about ten minutes, and when the session
does; the browser comes back with the last position it has seen and misses nothing.
"""

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

import django
import structlog
from django.apps import apps
from django.conf import settings

if not apps.ready:
    django.setup()

from servicedesk import metrics
from servicedesk.live import visitors
from servicedesk.live.feed import Feed, Watcher

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH: Final = "/live/"
HEARTBEAT_SECONDS: Final = 15.0
# Spread over two minutes, so that streams opened together don't all come back together.
LIFETIME_SECONDS: Final = 540
LIFETIME_SPREAD_SECONDS: Final = 120
# A person has a few browsers, each shares one stream among its tabs; above this the oldest gives way.
STREAMS_PER_PERSON: Final = 12
HEARTBEAT: Final = b": still here\n\n"
HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Compression would hold messages back until its buffer is full; nginx would as well.
    (b"content-encoding", b"identity"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class LiveApp:
    """ASGI: lifespan, /healthz and /live/."""

    def __init__(self) -> None:
        self._feed: Feed | None = None

    @property
    def feed(self) -> Feed:
        if self._feed is None:
            self._feed = Feed()
        return self._feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"] == "/healthz":
            await _answer(send, 200, b"ok\n")
        elif scope["path"] not in {PATH, PATH.rstrip("/")}:
            await _answer(send, 404, b"not found\n")
        elif scope["method"] != "GET":
            await _answer(send, 405, b"GET only\n")
        else:
            await self._stream(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._end_streams_on_signal()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.feed.shut()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _end_streams_on_signal(self) -> None:
        """The server waits for open connections before it tells us that it stops: end the streams a step earlier."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            server = signal.getsignal(number)

            def both(received: int, frame: Any, server: Any = server) -> None:
                loop.call_soon_threadsafe(self.feed.close)
                if callable(server):
                    server(received, frame)

            # Not in the main thread (a test's server): then nobody sends it signals either.
            with contextlib.suppress(ValueError):
                signal.signal(number, both)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        session_key = _cookie(scope, settings.SESSION_COOKIE_NAME)
        visitor = await self.feed.ask(visitors.renew, session_key) if session_key else None
        if visitor is None:
            await _answer(send, 401, b"sign in first\n")
            return
        if self.feed.is_closed:
            await _answer(send, 503, b"stopping\n")
            return
        watcher = await self.feed.join(visitor, _position(scope))
        self._make_room(visitor)
        gone = asyncio.ensure_future(_until_gone(receive, watcher))
        metrics.LIVE_STREAMS.inc()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await self._tell(watcher, session_key, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            metrics.LIVE_STREAMS.dec()
            gone.cancel()
            self.feed.leave(watcher)

    async def _tell(self, watcher: Watcher, session_key: str, send: Send) -> None:
        """Write what there is to tell until the stream has to end."""
        ends = time.monotonic() + LIFETIME_SECONDS + secrets.randbelow(LIFETIME_SPREAD_SECONDS)
        beats = time.monotonic() + HEARTBEAT_SECONDS
        while not watcher.is_over and not self.feed.is_closed and time.monotonic() < ends:
            body = await watcher.take(max(0.0, beats - time.monotonic()))
            if time.monotonic() >= beats:
                beats = time.monotonic() + HEARTBEAT_SECONDS
                body += HEARTBEAT
                if not await self._is_still_welcome(watcher, session_key):
                    return
            if body and not watcher.is_over:
                metrics.LIVE_MESSAGES.inc(body.count(b"\ndata: "))
                await send({"type": "http.response.body", "body": body, "more_body": True})

    async def _is_still_welcome(self, watcher: Watcher, session_key: str) -> bool:
        try:
            visitor = await self.feed.ask(visitors.renew, session_key)
        except Exception as error:  # noqa: BLE001  the database may be away for a moment: that ends nobody's session
            log.warning("live.cannot_renew", error=type(error).__name__)
            return True
        if visitor is None:
            return False
        watcher.visitor = visitor
        return True

    def _make_room(self, visitor: visitors.Visitor) -> None:
        theirs = [watcher for watcher in self.feed.watchers if watcher.visitor.user_id == visitor.user_id]
        for watcher in sorted(theirs, key=lambda one: one.began)[:-STREAMS_PER_PERSON]:
            watcher.end()


async def _until_gone(receive: Receive, watcher: Watcher) -> None:
    """End the stream when the browser closes its side."""
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.end()


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _cookie(scope: Scope, name: str) -> str:
    try:
        found = SimpleCookie(_header(scope, b"cookie")).get(name)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _position(scope: Scope) -> int | None:
    """Where the page got to: Last-Event-ID when the browser reconnects, `?after=` when the page was just made."""
    after = parse_qs(scope["query_string"].decode("latin-1")).get("after", [""])[0]
    given = _header(scope, b"last-event-id") or after
    return int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None


application = LiveApp()
