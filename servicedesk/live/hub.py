"""From whoever committed something to the processes that hold live streams.

Like every message here, this one only wakes: "there are new positions". The stream process reads them from the table,
in their order, so a lost, doubled or late wake-up loses nothing, and a look every few seconds makes up for all of them.
"""

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import structlog
from django.conf import settings

from servicedesk import broker

if TYPE_CHECKING:
    from servicedesk.models import EventPosition

log = structlog.get_logger(__name__)

CHANNEL: Final = "desk:live"
WAKE: Final = ""

Listener = Callable[[str], object]
_listeners: list[Listener] = []
_lock = threading.Lock()


def publish(positions: "Sequence[EventPosition]") -> None:
    """Events were committed and given these positions: wake the streams. Called after commit; never raises."""
    if positions:
        _send(WAKE)


def announce(kind: str, *, user_id: uuid.UUID, subject_id: uuid.UUID | None = None) -> None:
    """Tell one person's open pages something that is no event, such as "notice.changed". Not repeated if missed."""
    _send(json.dumps({"user": str(user_id), "type": kind, "id": str(subject_id) if subject_id else None}))


def listen(listener: Listener) -> Callable[[], None]:
    """Be called, on another thread, with each message sent from now on. Returns what ends it."""
    if settings.REDIS_URL:
        ended = threading.Event()
        threading.Thread(target=_hear_redis, args=(listener, ended), name="live-redis", daemon=True).start()
        return ended.set
    with _lock:
        _listeners.append(listener)

    def end() -> None:
        with _lock:
            _listeners.remove(listener)

    return end


def _hear_redis(listener: Listener, ended: threading.Event) -> None:
    """A thread of its own: redis-py's asynchronous subscription does not always notice that it is cancelled."""
    from redis import RedisError

    while not ended.is_set():
        try:
            with broker.client().pubsub(ignore_subscribe_messages=True) as subscription:  # type: ignore[no-untyped-call]
                subscription.subscribe(CHANNEL)
                # For whatever was said while nobody listened.
                listener(WAKE)
                while not ended.is_set():
                    if message := subscription.get_message(timeout=0.5):
                        listener(message["data"].decode())
        except RedisError as error:
            log.info("live.redis_is_away", error=type(error).__name__)
            ended.wait(1)


def _send(message: str) -> None:
    if settings.REDIS_URL:
        if not broker.publish(CHANNEL, message):
            # The streams look for themselves every few seconds.
            log.info("live.wake_lost")
        return
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        listener(message)
