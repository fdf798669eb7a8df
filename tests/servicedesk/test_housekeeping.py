"""What is cleared away once an hour."""

import pytest

from servicedesk import housekeeping
from servicedesk.housekeeping import keep_house


def test_a_housekeeper_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [5000, 5000, 12]
    monkeypatch.setattr(housekeeping, "_housekeepers", {"forget": lambda: left.pop(0) if left else 0})
    assert keep_house() == {"forget": 10_012}


def test_one_that_never_ends_leaves_the_rest_for_the_next_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(housekeeping, "_housekeepers", {"forget": lambda: 7})
    assert keep_house() == {"forget": 7}


def test_one_that_fails_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise ValueError

    monkeypatch.setattr(housekeeping, "_housekeepers", {"bad": fail, "good": lambda: 0})
    assert keep_house() == {"good": 0}
