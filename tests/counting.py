"""What a count of queries stands on: it is the same on a slow machine as on a quick one.

Processes keep shops, teams, policies and API keys for a second or a few. Where that time is over between two counts,
or in the middle of one, somebody reads them again, and a test fails that is about something else.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from unittest import mock

from servicedesk import remembered_keys, shops, teams
from servicedesk.rest import authentication
from tickets import policies

# By module: how long what is kept may be kept.
TERMS = (
    (shops, "KEPT_SECONDS", math.inf),
    (teams, "KEPT_SECONDS", math.inf),
    (policies, "KEPT_SECONDS", math.inf),
    (remembered_keys, "REMEMBERED_SECONDS", math.inf),
    (authentication, "TOUCH_EVERY", timedelta(days=1)),
)


@contextmanager
def steady_caches() -> Iterator[None]:
    """Inside, what processes keep is at hand and stays: no query is due to a cache that lapsed.

    An API key is not read ahead: the first request with it reads it, and those after it don't.
    """
    with ExitStack() as held:
        for module, name, term in TERMS:
            held.enter_context(mock.patch.object(module, name, term))
        shops.every_shop()
        teams.teams_to_show()
        policies.rules_in_force()
        yield
