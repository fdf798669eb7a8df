"""How often something happened in its time, counted in the cache."""

from django.core.cache import cache


def count(name: str, *, seconds: int, by: int = 1) -> int:
    """Counts `by` more of `name` and returns how many that makes, these included, since the first of them.

    `seconds` after that they are forgotten. While Redis is away each process counts on its own (`servicedesk.cache`).
    """
    try:
        return cache.incr(name, by)
    except ValueError:
        # Not counted yet, unless somebody does at this very moment.
        return by if cache.add(name, by, seconds) else count(name, seconds=seconds, by=by)
