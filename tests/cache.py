"""The desk's cache as several test processes share one Redis database."""

from servicedesk.cache import SteadyCache


class SharedCache(SteadyCache):
    """Clearing it takes the keys of this process only (KEY_PREFIX), not those that another one counts with."""

    def clear(self) -> None:
        client = self._cache.get_client(write=True)
        if keys := list(client.scan_iter(match=f"{self.key_prefix}:*", count=1000)):
            client.delete(*keys)
        self.memory.clear()
