"""What the desk asks the message broker itself: does it answer, and is anybody taking messages?

The embedded desk has no Redis and never loads its client: a fifth of a second and ten megabytes saved.
"""

import functools
import time
from typing import TYPE_CHECKING

from django.conf import settings

from servicedesk import celery_settings

if TYPE_CHECKING:
    import redis

# Messages only nudge: a thousand waiting ones do no more than one. Without a worker (or with one too slow) the queue
# must not grow until Redis is full.
CROWDED_AT = 1_000
_ASK_AGAIN_AFTER_SECONDS = 1.0
_answers: dict[str, tuple[float, bool]] = {}


@functools.cache
def client() -> "redis.Redis":
    """A connection pool of our own to the broker, which gives up after a second instead of hanging."""
    import redis

    made: redis.Redis = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, socket_keepalive=True, health_check_interval=10
    )
    return made


def is_up() -> bool:
    """Whether the broker answers; the embedded one is part of this process."""
    if not settings.REDIS_URL:
        return True
    from redis import RedisError

    try:
        return bool(client().ping())
    except RedisError:
        return False


def queue_of(task: str) -> str:
    route = celery_settings.task_routes.get(task, {})
    return route.get("queue", celery_settings.task_default_queue)


def publish(channel: str, message: str) -> bool:
    """Say it to whoever listens on the channel now; False when the broker doesn't answer."""
    from redis import RedisError

    try:
        client().publish(channel, message)
    except RedisError:
        return False
    return True


def waiting_in(queue: str) -> int | None:
    """How many messages wait in a queue that no worker has taken yet; None when the broker doesn't answer."""
    if not settings.REDIS_URL:
        from servicedesk.memory_broker import Channel

        waiting = Channel.queues.get(queue)
        return waiting.qsize() if waiting is not None else 0
    from redis import RedisError

    try:
        return int(client().llen(queue))
    except RedisError:
        return None


def is_crowded(queue: str) -> bool:
    """Whether more nudges wait than could be of use; asked of the broker at most once a second."""
    asked_at, answer = _answers.get(queue, (-_ASK_AGAIN_AFTER_SECONDS, False))
    if time.monotonic() - asked_at < _ASK_AGAIN_AFTER_SECONDS:
        return answer
    # Where the broker is away, sending fails by itself and is counted there.
    answer = (waiting_in(queue) or 0) > CROWDED_AT
    _answers[queue] = (time.monotonic(), answer)
    return answer
