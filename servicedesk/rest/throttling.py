"""So many requests a minute for each key or person, counted in the cache."""

import threading
from typing import Any, Final

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from servicedesk.clock import now
from servicedesk.counting import count
from servicedesk.models import ApiKey

WINDOW_SECONDS: Final = 60
# A process takes this part of the rate from the counter at a time, so that not every request has to ask for itself.
SHARES: Final = 100
_left: dict[str, tuple[int, int]] = {}  # by name: the window, and how many of the requests taken for it are left
_guard = threading.Lock()


class ActorThrottle(BaseThrottle):
    """A counter a minute, shared by all processes and exact up to a hundredth of the rate for each of them."""

    retry_after: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        if request.user is None:
            # Nobody yet: only the documentation answers them, and it costs nothing worth counting.
            return True
        rate = settings.API_RATE_PER_MINUTE
        if isinstance(request.auth, ApiKey) and request.auth.rate_per_minute is not None:
            rate = request.auth.rate_per_minute
        seconds = now().timestamp()
        window = int(seconds // WINDOW_SECONDS)
        if _is_within(f"rest.rate:{request.user.pk}", window, rate):
            return True
        self.retry_after = (window + 1) * WINDOW_SECONDS - seconds
        return False

    def wait(self) -> float | None:
        return self.retry_after


def _is_within(name: str, window: int, rate: int) -> bool:
    share = max(1, rate // SHARES)
    with _guard:
        of, left = _left.get(name, (window, 0))
        if of == window and left > 0:
            _left[name] = (window, left - 1)
            return True
    taken = count(f"{name}:{window}", by=share, seconds=2 * WINDOW_SECONDS)
    granted = min(share, rate - (taken - share))
    with _guard:
        _left[name] = (window, max(0, granted - 1))
    return granted > 0
