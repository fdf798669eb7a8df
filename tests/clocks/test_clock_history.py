"""History brought over from another system: its own times decide, and nothing follows from what is already over."""

import pytest

from clocks.actions import pause_clocks, recompute_clocks, reopen_clocks, resume_clocks, stop_clocks
from clocks.models import Clock
from servicedesk.actor import SYSTEM
from tests.clocks.probes import DAY, HOUR, MINUTE, MONDAY, plan, started, step

pytestmark = pytest.mark.django_db
WHEN = {"by": SYSTEM, "historic": True}


def imported(probe, *plans):
    return started(probe, *plans, at=MONDAY - 3 * DAY, historic=True)


def test_a_breach_that_was_over_before_it_reached_us_is_silent(probe, clock_face):
    imported(probe, plan(warn_at_percent=70, steps=(step("early", -5), step("tell", 0), step("again", 60))))
    clock_face.live(MINUTE)
    clock = probe.clock()
    assert (clock.state, clock.is_silent) == ("breached", True)
    (event,) = probe.told()
    assert (event.kind, event.is_historic, event.at) == ("clock.breached", True, clock.due_at)


def test_a_deadline_that_still_lies_ahead_is_enforced_like_any_other(probe, clock_face):
    imported(probe, plan(target=4 * DAY, warn_at_percent=50, steps=(step("tell", 0),)))
    clock_face.live(2 * DAY)
    assert [(event.kind, event.is_historic) for event in probe.told()] == [
        ("clock.breached", False),
        ("clock.step_reached", False),
    ]


def test_a_step_that_lies_ahead_is_reached_though_the_breach_is_history(probe, clock_face):
    imported(probe, plan(steps=(step("over", 0), step("ahead", 4 * 24 * 60))))
    clock_face.live(2 * DAY)
    assert [event.changes.get("step") for event in probe.told("clock.step_reached")] == ["ahead"]


def test_a_stop_imported_later_at_or_before_the_due_time_makes_it_met(probe, clock_face):
    imported(probe)
    clock_face.live(MINUTE)
    stop_clocks(probe, ["answer"], at=MONDAY - 3 * DAY + 10 * MINUTE, **WHEN)
    clock = probe.clock()
    assert (clock.state, clock.detected_at, clock.on_duty) == ("met", None, None)
    assert [(event.kind, event.is_historic) for event in probe.told()] == [
        ("clock.breached", True),
        ("clock.met", True),
    ]


def test_a_stop_imported_later_and_past_the_due_time_leaves_it_breached(probe, clock_face):
    imported(probe)
    clock_face.live(MINUTE)
    stop_clocks(probe, ["answer"], at=MONDAY - 2 * DAY, **WHEN)
    assert (probe.clock().state, probe.clock().stopped_at) == ("breached", MONDAY - 2 * DAY)


def test_pauses_imported_later_count_and_the_breach_is_told_once(probe, clock_face):
    began = MONDAY - 3 * DAY
    imported(probe, plan("answer", DAY))
    clock_face.live(MINUTE)
    pause_clocks(probe, None, at=began + HOUR, reason="pending", **WHEN)
    assert probe.clock().state == "paused"
    resume_clocks(probe, at=began + 26 * HOUR, **WHEN)
    clock_face.live(MINUTE)
    assert probe.clock().state == "breached"
    stop_clocks(probe, None, at=began + 40 * HOUR, **WHEN)
    clock = probe.clock()
    assert (clock.state, clock.used, clock.paused_total) == ("met", 15 * HOUR, 25 * HOUR)
    assert [event.kind for event in probe.told()] == ["clock.breached", "clock.met"]


def test_stopping_one_metric_lifts_no_verdict_on_another(probe, clock_face):
    imported(probe, plan(), plan("solution", DAY))
    clock_face.live(MINUTE)
    stop_clocks(probe, ["answer"], at=MONDAY - 3 * DAY + MINUTE, **WHEN)
    assert (probe.clock().state, probe.clock("solution").state) == ("met", "breached")
    clock_face.live(DAY)
    assert len(probe.told("clock.breached")) == 2


def test_a_breach_that_happened_here_is_final_even_for_imports(probe, clock_face):
    imported(probe, plan(target=4 * DAY))
    clock_face.live(2 * DAY)
    stop_clocks(probe, None, at=MONDAY, **WHEN)
    assert probe.clock().state == "breached"


def test_a_live_change_that_moves_an_imported_deadline_into_the_past_is_no_history(probe, clock_face):
    imported(probe, plan(target=4 * DAY))
    clock_face.go(HOUR)
    recompute_clocks(probe, [plan(target=3 * DAY + 30 * MINUTE)], at=clock_face.now, by=SYSTEM)
    assert (probe.clock().state, probe.clock().is_silent) == ("breached", False)


def test_a_reopening_is_brought_over(probe, clock_face):
    began = MONDAY - 3 * DAY
    imported(probe, plan(target=4 * HOUR))
    stop_clocks(probe, None, at=began + HOUR, **WHEN)
    reopen_clocks(probe, ["answer"], at=began + DAY, solved_at=began + HOUR, **WHEN)
    stop_clocks(probe, None, at=began + DAY + 3 * HOUR, **WHEN)
    clock = probe.clock()
    assert (clock.state, clock.used) == ("met", 4 * HOUR)
    assert all(event.is_historic for event in probe.told())
    assert Clock.objects.of(probe).count() == 1
