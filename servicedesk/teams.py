"""The teams, shown on every ticket and changed seldom: each process keeps them for a second."""

import time
from typing import Final

from servicedesk.models import Team

KEPT_SECONDS: Final = 1.0
_kept: tuple[float, list[Team]] = (0.0, [])


def teams_to_show() -> list[Team]:
    """By name, at most a second old: for choices on a page. What is chosen is looked up anew."""
    global _kept  # noqa: PLW0603 - one immutable pair, replaced whole
    since, teams = _kept
    if not since or time.monotonic() - since > KEPT_SECONDS:
        teams = list(Team.objects.all())
        _kept = (time.monotonic(), teams)
    return teams


def forget_teams() -> None:
    """Read the teams anew at the next use."""
    global _kept  # noqa: PLW0603 - as above
    _kept = (0.0, [])
