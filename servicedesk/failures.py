"""What is kept of a failure, and when it is tried again."""

import traceback
from datetime import timedelta
from typing import Final

from servicedesk.errors import DomainError

PAUSES: Final = tuple(timedelta(seconds=s) for s in (1, 5, 30, 120, 600, 1800, 3600, 3600 * 3, 3600 * 6, 3600 * 12))


def describe(error: BaseException) -> str:
    """The error's type and place: a message could hold a customer's words, a place cannot.

    Only our own refusals, whose sentences hold no personal data by rule, are kept as they are.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 2)[-2:]}:{frames[-1].lineno}" if frames else "?"
    place = place.replace("['", "").replace("', '", "/").replace("']", "")
    text = f"{type(error).__name__} at {place}"
    if isinstance(error, DomainError | LookupError) and type(error).__module__.startswith(("servicedesk", "builtins")):
        text += f": {error}" if isinstance(error, DomainError) else ""
    return text[:300]


def pause_after(attempts: int) -> timedelta | None:
    """How long to wait after this many failures; None when it is given up and waits for a person."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None
