"""The embedded desk: pages, REST, live streams, worker and beat in one process, for one machine without servers.

uvicorn has the main thread. `/live/` is answered by the asynchronous stream application; everything else by the WSGI
application on a bounded pool of threads, each with a database connection that it keeps. Worker and beat have threads.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import IO, Any, Final

import structlog
import uvicorn
from a2wsgi import WSGIMiddleware
from celery import beat
from django.conf import settings
from django.db import connections

from servicedesk.beat import MemoryScheduler
from servicedesk.celery import app as celery_app
from servicedesk.upgrading import CannotStart
from servicedesk.worker import Worker, is_stopping

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

WEB_THREADS: Final = 16
# A sender that stops in the middle of a request must not keep a thread for ever.
BODY_PATIENCE_SECONDS: Final = 60
STOP_SECONDS: Final = 4.0
# Request line and headers; a longer address is refused by the desk itself (settings.ADDRESS_MAX_BYTES).
HEAD_MAX_BYTES: Final = 256 * 1024


class Disconnected(OSError):
    """The sender left before the whole body had come. Django makes an unreadable request of it: nothing is kept."""


# --------------------------------------------------------------------------------------------------- before serving


@contextlib.contextmanager
def data_dir_taken() -> Iterator[Path]:
    """DATA_DIR, private to its owner, and no second embedded desk in it: the two would not hear of each other."""
    folder: Path = settings.DATA_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(0o700)
        lock = (folder / "desk.lock").open("a+")
    except OSError as error:
        raise CannotStart(f"DATA_DIR {folder} cannot be written: {error.strerror}") from None
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"another desk{_holder(file)} already runs on the data in {folder}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield folder


def _holder(file: IO[str]) -> str:
    file.seek(0)
    pid = file.read(20).strip()
    return f" (process {pid})" if pid.isdigit() else ""


def reserve_port(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not yet listening: a taken port is noticed before anything else is done."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} on {host} is taken; choose another one with PORT=…") from None
        raise CannotStart(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return bound


# -------------------------------------------------------------------------------------------------------- serving


class EmbeddedDesk:
    """Everything that runs, from `serve` until a signal ends it."""

    def __init__(self, *, on_ready: Callable[[], None], concurrency: int = 4) -> None:
        self._on_ready = on_ready
        self._worker = Worker(concurrency=concurrency)
        self._beat = _Beat()

    def serve(self, bound: socket.socket) -> bool:
        """Serve until SIGINT or SIGTERM. Returns whether everything had ended in time."""
        config = uvicorn.Config(
            application(),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        )
        # uvicorn raises the signal again once it has stopped; it has done its work by then.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        self._worker.start()
        self._beat.start()
        _Server(config, on_ready=self._ready, on_exit=self._begin_to_stop).run(sockets=[bound])
        return self._stop()

    def _ready(self) -> None:
        if self._worker.wait_until_ready(10):
            self._on_ready()
        elif not is_stopping():
            log.error("embedded.worker_is_not_ready")

    def _begin_to_stop(self) -> None:
        """Worker and beat wind up while the server still ends its requests."""
        self._worker.ask_to_stop()
        self._beat.ask_to_stop()

    def _stop(self) -> bool:
        self._begin_to_stop()
        began = time.monotonic()
        is_clean = self._worker.stop(STOP_SECONDS)
        self._beat.join(max(0.0, STOP_SECONDS - (time.monotonic() - began)))
        connections.close_all()
        return is_clean and not self._beat.is_alive()


class _Beat(threading.Thread):
    """Celery beat in a thread; should it ever end by itself, another one follows."""

    def __init__(self) -> None:
        super().__init__(name="beat", daemon=True)
        self._told_to_stop = threading.Event()
        self._service = self._new_service()

    def run(self) -> None:
        while not self._told_to_stop.is_set():
            try:
                self._service.start()
            except Exception:
                log.exception("embedded.beat_ended")
            self._told_to_stop.wait(1)
            if not self._told_to_stop.is_set():
                self._service = self._new_service()

    def ask_to_stop(self) -> None:
        """Returns at once."""
        self._told_to_stop.set()
        self._service.stop(wait=False)

    @staticmethod
    def _new_service() -> beat.Service:
        # The setting `beat_scheduler` is only read by Celery's own command.
        return beat.Service(celery_app, scheduler_cls=MemoryScheduler)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None], on_exit: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_exit = on_exit

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            await asyncio.to_thread(self._on_ready)

    def handle_exit(self, sig: int, frame: Any) -> None:
        self._on_exit()
        super().handle_exit(sig, frame)


def application() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The one ASGI application: live streams beside the WSGI application."""
    from django.urls import get_resolver

    from servicedesk.live.app import PATH
    from servicedesk.live.app import application as live
    from servicedesk.wsgi import application as wsgi

    # Import all views now: the first visitor shall not wait for it.
    _ = get_resolver().url_patterns
    pages: Any = WSGIMiddleware(wsgi, workers=WEB_THREADS)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] == PATH):
            await live(scope, receive, send)
        else:
            await pages(scope, _whole_or_nothing(receive), send)

    return both


def _whole_or_nothing(receive: Receive) -> Receive:
    """Reading a body that breaks off raises, instead of looking like a shorter body that ended."""
    whole = False

    async def watched() -> Message:
        nonlocal whole
        async with asyncio.timeout(None if whole else BODY_PATIENCE_SECONDS):
            message = await receive()
        if message["type"] == "http.disconnect" and not whole:
            raise Disconnected(errno.ECONNRESET, "the sender left before the whole body had come")
        whole = whole or not message.get("more_body", False)
        return message

    return watched
