"""Ports for servers that tests start."""

import os
import random
import socket
from typing import Final

# Below those that the system gives to outgoing connections and to whoever asks for any port: what was found free stays
# free until the server that it is for listens there. Each worker of pytest-xdist has a range of its own.
_FIRST: Final = 12_000
_RANGE: Final = 2_500
_WORKERS: Final = 8
_given: set[int] = set()


def worker_number() -> int:
    """0, 1 … for the workers of pytest-xdist; 0 without."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def free_port() -> int:
    """A port of 127.0.0.1 where nobody listens, and that is given once only in this process."""
    first = _FIRST + _RANGE * (worker_number() % _WORKERS)
    while True:
        port = random.randrange(first, first + _RANGE)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
