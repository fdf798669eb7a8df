"""The worker's process: who gets its interpreter, and when."""

import sys
from collections.abc import Iterator

import pytest

from servicedesk.worker import Worker


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


def test_a_busy_thread_hands_the_interpreter_on_within_a_millisecond() -> None:
    """A sweep talks to the database a dozen times, and after each talk waits for its turn behind busy reactions."""
    worker = Worker(queues=())
    worker.start()
    try:
        assert sys.getswitchinterval() <= 0.001
    finally:
        assert worker.stop(1)
