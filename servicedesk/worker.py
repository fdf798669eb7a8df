"""The background worker: one process, a reserved place for the sweep, threads for everything else.

Two of Celery's WorkControllers run in threads of this process, each with a thread pool: `sweep` has a place of its own,
so that a deadline never waits behind mail. The embedded desk and `manage.py worker` run the same class.

Why not two `celery worker` children: threads survive a killed and restarted Redis and PostgreSQL (tested), need one
interpreter's memory, and `kill -9` of one process leaves no orphan. Where one core is not enough, start several
(`manage.py worker --queues sweep`, `--queues celery`): claims are made in the database, so they don't collide.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from celery import Celery
from celery.bootsteps import RUN  # type: ignore[attr-defined]
from celery.worker import WorkController, state
from celery.worker.consumer import Consumer
from django.conf import settings
from django.db import connections

from servicedesk import memory_broker
from servicedesk.celery import app as main_app
from servicedesk.celery import make_app

log = structlog.get_logger(__name__)

QUEUES = ("sweep", "celery")
# Two places: while one sweep is in its leased second, the next one finds the lease taken and is gone at once.
SWEEP_PLACES = 2
DEFAULT_CONCURRENCY = 4
_RESTART_PAUSE_SECONDS = 2.0
# How long a consumer listens before it looks whether it shall stop.
_LISTEN_SECONDS = 0.5
# How long a busy thread keeps the interpreter from those that want it. A sweep or a webhook is a dozen short talks with
# the database or a receiver, and after each of them it waits this long for its turn; Python's own 5 ms, times a dozen,
# made the news of a breach late by some hundred milliseconds while reactions ran.
_SWITCH_SECONDS = 0.0005

_stopping = threading.Event()


def is_stopping() -> bool:
    """Long tasks ask this between two batches: what is left over is found again after the next start."""
    return _stopping.is_set()


def _listen(
    consumer: Any, connection: Any, task_consumer: Any, blueprint: Any, _hub: None, qos: Any, *_: Any, **__: Any
) -> None:
    """Celery's blocking loop, except that it ends at once: Celery's own waits two seconds more for a last message."""
    task_consumer.on_message = consumer.create_task_handler()
    task_consumer.consume()
    consumer.on_ready()
    while blueprint.state == RUN and consumer.connection:
        state.maybe_shutdown()
        if qos.prev != qos.value:
            qos.update()
        consumer.perform_pending_operations()
        with suppress(TimeoutError):
            connection.drain_events(timeout=_LISTEN_SECONDS)


class _Consumer(Consumer):
    """Celery's consumer, listening with our loop, and never away from a broker that is back for more than 2 s."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loop = _listen

    def ensure_connected(self, conn: Any) -> Any:
        def tell(error: Exception, interval: float) -> None:
            log.warning("worker.broker_is_away", error=type(error).__name__, next_try_in_seconds=interval)

        # Celery's own pauses grow to half a minute; `/readyz` would call the worker lost long after the broker is back.
        return conn.ensure_connection(
            tell, interval_start=0.5, interval_step=0.5, interval_max=2, callback=state.maybe_shutdown
        )


class _Controller(WorkController):
    """Celery's worker without its signal handlers, event loop and console output."""

    def __init__(self, *, ready: threading.Event, **kwargs: Any) -> None:
        self._ready = ready
        super().__init__(**kwargs)

    def on_consumer_ready(self, consumer: Any) -> None:
        self._ready.set()


class Worker:
    """The threads that carry out tasks, from `start()` to `stop()`."""

    def __init__(self, queues: Sequence[str] = QUEUES, *, concurrency: int = DEFAULT_CONCURRENCY) -> None:
        self._places = {queue: SWEEP_PLACES if queue == "sweep" else concurrency for queue in queues}
        self._ready = {queue: threading.Event() for queue in queues}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        _stopping.clear()
        sys.setswitchinterval(_SWITCH_SECONDS)
        state.should_stop = state.should_terminate = None
        main_app.finalize()
        # All of them before the first thread: Celery's list of applications is read while tasks are loaded.
        applications = {queue: self._application_for(queue) for queue in self._places}
        for queue, application in applications.items():
            thread = threading.Thread(target=self._run, args=(queue, application), name=f"worker-{queue}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait_until_ready(self, timeout: float) -> bool:
        """Whether every queue is being listened to, waiting at most `timeout` seconds for it, or until told to stop."""
        deadline = time.monotonic() + timeout
        while not (ready := all(event.is_set() for event in self._ready.values())):
            if time.monotonic() > deadline or _stopping.wait(0.02):
                break
        return ready

    def ask_to_stop(self) -> None:
        """Take no more messages; returns at once."""
        _stopping.set()
        state.should_stop = 0  # type: ignore[assignment]  # an exit status, None until then
        memory_broker.wake()

    def stop(self, timeout: float) -> bool:
        """Take no more messages and let running tasks end; False when some still ran after `timeout` seconds."""
        self.ask_to_stop()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, queue: str, application: Celery) -> None:
        """Run a controller for the queue, and another one should it end without having been told to."""
        while not _stopping.is_set():
            controller = _Controller(
                ready=self._ready[queue],
                app=application,
                hostname=f"{queue}@%h",
                queues=[queue],
                concurrency=self._places[queue],
                pool_cls="threads",
                consumer_cls=_Consumer,
                use_eventloop=False,
                without_gossip=True,
                without_mingle=True,
                without_heartbeat=True,
                loglevel=settings.LOG_LEVEL,
            )
            controller.start()
            connections.close_all()
            if not _stopping.is_set():
                log.error("worker ended by itself, starting another", queue=queue, exit_code=controller.exitcode)
                _stopping.wait(_RESTART_PAUSE_SECONDS)

    @staticmethod
    def _application_for(queue: str) -> Celery:
        """The queues that a worker consumes are kept on its application: each controller needs its own."""
        return main_app if queue == "celery" else make_app(f"servicedesk-{queue}", current=False)


def leave_at_once() -> None:
    """End the process, successfully, without waiting for threads that still run: sweeps find what they leave."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
