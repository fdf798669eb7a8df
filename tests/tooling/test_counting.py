"""Counts of queries don't depend on how long a test has been running."""

from typing import Any

import pytest

from servicedesk import shops, teams
from tests.counting import steady_caches
from tests.make import Make
from tickets import policies


def test_what_is_kept_stays_while_queries_are_counted(
    make: Make, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    make.team("Bags")
    with steady_caches(), django_assert_num_queries(0):
        moment = teams.time.monotonic()
        monkeypatch.setattr(teams.time, "monotonic", lambda: moment + 3600)
        assert shops.every_shop()
        assert teams.teams_to_show()
        assert policies.rules_in_force()
