"""Wake a background task once the present transaction has committed.

    nudge("carry")

A nudge carries nothing: the row just written is the work, and a sweep finds it within a second or so if the nudge is
lost. So a nudge may be merged with others, may be late, and never fails or delays the request that gave it:

- `nudge` only sets a flag after commit. A thread of this process does the sending, so a request neither pays for the
  publishing (about a millisecond) nor waits for a broker that is away.
- The first flag after a quiet time is sent at once. Those that come while it is being sent, and for GAP_SECONDS after,
  share the next message: 500 requests a second make at most 1 / GAP_SECONDS messages a second.
- Nothing is lost by the merging: the flag is taken down *before* the message leaves, so work committed after that
  raises it again, and another message follows. The last nudge of a burst always has a message sent after its commit.
"""

import atexit
import os
import threading
import time
from typing import Final, cast

import structlog
from django.db import connection, transaction

from servicedesk import broker, metrics
from servicedesk.celery import app

log = structlog.get_logger(__name__)

TASKS: Final = {
    "carry": "servicedesk.tasks.carry_events",
    "sweep": "servicedesk.tasks.sweep_bookings",
    "mail": "servicedesk.mail.tasks.send_mail",
    "webhooks": "servicedesk.webhooks.tasks.send_webhooks",
}
GAP_SECONDS: Final = 0.025
# By then the periodic sweep has come by more than once.
EXPIRES_SECONDS: Final = 5
# After a failure the broker is left alone for a moment; what was to be sent then is found by the sweep.
PAUSE_SECONDS: Final = 1.0
FAREWELL_SECONDS: Final = 1.0


def nudge(name: str) -> None:
    """After commit, wake the task behind `name` (a key of TASKS); at once outside a transaction."""
    task = TASKS[name]
    if not connection.in_atomic_block:
        _sender.request(task)
        return
    callback = _callbacks[task]
    # A batch of ten thousand events needs one callback, not ten thousand. Only callbacks of the same savepoints count:
    # one that belongs to an inner block goes with it when that is rolled back.
    savepoints = set(connection.savepoint_ids)
    if any(known is callback and at == savepoints for at, known, _robust in _last_callbacks()):
        return
    transaction.on_commit(callback, robust=True)


def _last_callbacks() -> list[tuple[set[str], object, bool]]:
    # The type stubs still know Django 4's pairs.
    return cast("list[tuple[set[str], object, bool]]", connection.run_on_commit[-8:])


class _Sender:
    """The thread that publishes what was asked for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._asked: set[str] = set()
        self._thread: threading.Thread | None = None
        self._sending = False
        self._broker_was_up = True

    def request(self, task: str) -> None:
        if app.conf.task_always_eager:
            # Tests call the carrier and the sweeps themselves; eager ones would run inside the request's commit.
            return
        with self._condition:
            self._asked.add(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nudges", daemon=True)
                self._thread.start()
            self._condition.notify()

    def drain(self, timeout: float) -> None:
        """Wait until everything asked for has been sent or given up."""
        deadline = time.monotonic() + timeout
        while self._is_busy() and time.monotonic() < deadline:
            time.sleep(0.005)

    def _is_busy(self) -> bool:
        # Under the lock: what was asked for is being sent at the same moment that it is no longer asked for.
        with self._condition:
            return self._thread is not None and bool(self._asked or self._sending)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._asked)
                tasks, self._asked = self._asked, set()
                self._sending = True
            answers = [self._send(task) for task in tasks]
            self._sending = False
            time.sleep(GAP_SECONDS if all(answers) else PAUSE_SECONDS)

    def _send(self, task: str) -> bool:
        try:
            if broker.is_crowded(broker.queue_of(task)):
                return True
            app.send_task(task, expires=EXPIRES_SECONDS, retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001  the sweep will find the work, and this thread must go on
            metrics.NUDGES_LOST.inc()
            if self._broker_was_up:
                log.warning("nudges.broker_is_away", error=type(error).__name__)
            self._broker_was_up = False
            return False
        self._broker_was_up = True
        return True


_sender = _Sender()
_callbacks = {task: (lambda task=task: _sender.request(task)) for task in TASKS.values()}


def _start_anew() -> None:
    """A forked child has no sender thread, and perhaps a lock that nobody will release."""
    global _sender  # noqa: PLW0603  replaced whole, while the child has one thread only
    _sender = _Sender()


os.register_at_fork(after_in_child=_start_anew)
# A management command that ends at once must not take its nudges along.
atexit.register(lambda: _sender.drain(FAREWELL_SECONDS))
