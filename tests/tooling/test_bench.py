"""What the benchmark makes of what it measured."""

import pytest

from bench.figures import Gap, Target, alone, in_turn, percentile, ratio, windows
from bench.report import NAMES, in_order


def test_rounds_alternate():
    said = []
    rounds = in_turn(3, lambda: said.append("a") or 1.0, lambda: said.append("b") or 2.0)
    assert said == ["a", "b"] * 3
    assert rounds == [(1.0, 2.0)] * 3


def test_a_ratio_is_the_median_of_the_rounds_ratios_and_not_the_ratio_of_the_medians():
    found = ratio("x", "ms", [(1.0, 1.0), (6.0, 2.0), (9.0, 4.5)], Target(2.0, 1.0))
    assert (found.ours, found.yardstick, found.value) == (6.0, 2.0, 2.0)
    assert (found.low, found.high) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("at_least", "value", "is_met", "is_all_met"),
    [
        (True, 0.39, False, False),
        (True, 0.40, True, False),
        (True, 0.60, True, True),
        (False, 0.61, False, False),
        (False, 0.60, True, False),
        (False, 0.40, True, True),
    ],
)
def test_what_must_be_reached_and_what_is_gone_for_are_two_marks(at_least, value, is_met, is_all_met):
    target = Target(0.40, 0.60, at_least=True) if at_least else Target(0.60, 0.40)
    found = alone("x", "/s", [value], target)
    assert (found.is_met, found.is_all_met) == (is_met, is_all_met)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([1.0], 0.99, 1.0), (list(range(1, 101)), 0.99, 99), (list(range(1, 101)), 0.5, 50), ([3, 1, 2], 1.0, 3)],
)
def test_a_percentile_is_the_nearest_rank(values, share, expected):
    assert percentile(values, share) == expected


def test_samples_fall_into_equal_stretches_of_time():
    samples = [(0.0, 1.0), (1.0, 2.0), (9.0, 3.0), (10.0, 4.0)]
    assert windows(samples, 2) == [[1.0, 2.0], [3.0, 4.0]]


def test_the_table_has_every_row_in_its_order():
    rows = [Gap(name, "not built yet") for name in NAMES]
    assert in_order(rows[::-1]) == rows


def test_a_table_that_lacks_a_row_is_refused():
    with pytest.raises(RuntimeError, match="missing"):
        in_order([Gap(name, "not built yet") for name in NAMES[1:]])
