"""What a manager should know of in good time. Each app says its own; the managers' start page shows them."""

from collections.abc import Callable, Iterable
from typing import Final

Notices = Callable[[], Iterable[str]]

_SOURCES: Final[dict[str, Notices]] = {}


def register_notices(name: str, notices: Notices) -> None:
    """`notices()` gives what is to be said now, in the reader's language; nothing where all is well."""
    _SOURCES[name] = notices


def read_notices() -> list[str]:
    return [text for notices in _SOURCES.values() for text in notices()]
