"""The embedded desk's broker: Kombu's in-memory transport, with a put that wakes the consumer.

Kombu's own looks for messages at an interval (by default each second): either slow to react or busy when idle.
"""

import threading
from queue import Empty
from typing import Any

from kombu.transport import memory


class _Bell:
    """Rung when something changed that a consumer may be waiting for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.rings = 0

    def ring(self) -> None:
        with self._condition:
            self.rings += 1
            self._condition.notify_all()

    def wait(self, heard: int, timeout: float) -> None:
        """Until it has been rung more often than `heard` times, at most `timeout` seconds."""
        with self._condition:
            self._condition.wait_for(lambda: self.rings != heard, timeout)


_bell = _Bell()


def wake() -> None:
    """Make every consumer look up: at messages, and at whether it shall stop."""
    _bell.ring()


class Channel(memory.Channel):
    """Queues shared by the whole process."""

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        _bell.ring()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: FBT001, FBT002  # Kombu's signature
        super().basic_ack(delivery_tag, multiple)
        # A consumer whose prefetch was used up may take the next message now.
        _bell.ring()


class Transport(memory.Transport):
    """Waits for a put instead of polling."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:
        """Deliver one message; TimeoutError when there was none, after `timeout` seconds or one ring of the bell.

        One ring is enough to return: the caller's loop then also sees that it shall stop, and calls again at once.
        """
        for patience in (timeout if timeout is not None else threading.TIMEOUT_MAX, 0):
            heard = _bell.rings
            try:
                self.cycle.get(self._deliver, timeout=timeout)  # type: ignore[union-attr]  # made in __init__
            except Empty:
                _bell.wait(heard, patience)
            else:
                return
        raise TimeoutError
