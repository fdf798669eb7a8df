"""The id of the request or task under way: every log line and every event carries it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The present request's or task's id; empty outside of one."""
    return _current.get()


@contextmanager
def caused_by(identifier: str) -> Iterator[None]:
    """Everything recorded inside names this id as its cause."""
    token = _current.set(identifier[:64])
    try:
        yield
    finally:
        _current.reset(token)
