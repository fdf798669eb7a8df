"""The cache of several processes: Redis, and while it is away each process's own memory.

Only counters of limits live here (requests, questions, attempts to sign in), so a desk without Redis keeps its limits:
each process counts for itself what it sees. Nothing that decides who somebody is depends on it; sessions are rows.
"""

import json
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final

import structlog
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = structlog.get_logger(__name__)

# One request in so many seconds finds out whether Redis is back; the others don't wait for its timeout.
ASK_AGAIN_AFTER_SECONDS: Final = 5.0
COUNTERS_AT_MOST: Final = 10_000


class JsonSerializer:
    """JSON where Django would pickle: whoever could write to Redis could have any code run here."""

    def dumps(self, value: Any) -> int | bytes:
        # Redis counts with plain numbers.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


def _or_in_memory(name: str) -> Callable[..., Any]:
    asked = getattr(RedisCache, name)

    def method(self: "SteadyCache", *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= SteadyCache.away_until:
            try:
                return asked(self, *args, **kwargs)
            except RedisError as error:
                SteadyCache.away_until = time.monotonic() + ASK_AGAIN_AFTER_SECONDS
                log.warning("cache.redis_is_away", error=type(error).__name__)
        return getattr(self.memory, name)(*args, **kwargs)

    return method


class SteadyCache(RedisCache):
    """For `CACHES`. Django makes one for each thread; the memory behind them is the process's."""

    away_until: ClassVar[float] = 0.0

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.memory = LocMemCache("while-redis-is-away", {**params, "OPTIONS": {"MAX_ENTRIES": COUNTERS_AT_MOST}})

    add = _or_in_memory("add")
    get = _or_in_memory("get")
    set = _or_in_memory("set")
    touch = _or_in_memory("touch")
    delete = _or_in_memory("delete")
    get_many = _or_in_memory("get_many")
    has_key = _or_in_memory("has_key")
    incr = _or_in_memory("incr")
    set_many = _or_in_memory("set_many")
    delete_many = _or_in_memory("delete_many")
    clear = _or_in_memory("clear")
