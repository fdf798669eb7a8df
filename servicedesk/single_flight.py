"""Work that one thread of a process does for all.

Nudges come faster than a busy desk's work ends. Without this they would fill the places of a worker with takers of the
same rows, and leave none for anybody else's work.
"""

import threading
from collections.abc import Callable


class SingleFlight:
    """One run at a time in this process. Who comes meanwhile leaves word, is heard before it ends, and goes at once."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._running = threading.Lock()

    def ask(self) -> None:
        """Leave word: the present run, or else the next, takes it up."""
        self._asked.set()

    def take_up(self) -> bool:
        """For a run that can: whether word was left since it last looked."""
        asked = self._asked.is_set()
        self._asked.clear()
        return asked

    def run(self, work: Callable[[], int]) -> int:
        """The sum of what the runs returned; 0 where another thread is left to do it."""
        total = 0
        self._asked.set()
        while self._asked.is_set() and self._running.acquire(blocking=False):
            try:
                self._asked.clear()
                total += work()
            finally:
                self._running.release()
        return total
