"""What happens to a subject's clocks: start, settle, stop, pause, resume, cancel, reopen, finalise, recompute."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from clocks.actions import (
    cancel_clocks,
    finalise_clocks,
    pause_clocks,
    recompute_clocks,
    reopen_clocks,
    resume_clocks,
    settle,
    start_clocks,
    stop_clocks,
)
from clocks.models import Clock
from clocks.reading import paused_at, used_at
from clocks.subjects import Duty
from servicedesk.actor import SYSTEM
from servicedesk.ids import new_id
from servicedesk.models import Booking
from tests.clocks.probes import DAY, HOUR, MINUTE, MONDAY, Probe, office, plan, started, step
from tests.counting import steady_caches

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)


def stop(probe, at, *metrics, **more):
    return stop_clocks(probe, metrics or None, at=at, by=SYSTEM, **more)


# ------------------------------------------------------------------------------------------------ start


def test_a_started_clock_runs_to_its_due_time(probe, clock_face):
    started(probe, plan(target=600 * SECOND), plan("solution", 86_400 * SECOND))
    first, second = Clock.objects.of(probe).order_by("target")
    assert (first.state, first.started_at, first.due_at) == ("running", MONDAY, MONDAY + 600 * SECOND)
    assert second.due_at == MONDAY + 86_400 * SECOND
    assert first.subject_number == "P-1"


def test_clocks_are_started_in_two_statements(probe, django_assert_num_queries):
    with steady_caches(), django_assert_num_queries(2, info="clocks, bookings"):
        start_clocks(probe, [plan(), plan("solution", DAY)], at=MONDAY, by=SYSTEM)


def test_a_clock_counts_in_its_calendars_hours(probe, clock_face):
    started(probe, plan(target=10 * HOUR, calendar=office()))
    assert probe.clock().due_at == MONDAY + DAY + HOUR


def test_a_second_open_clock_of_a_metric_is_refused_by_the_database(probe, clock_face):
    started(probe)
    with pytest.raises(IntegrityError), transaction.atomic():
        started(probe)


def test_a_subject_nobody_can_lock_gets_no_clock(clock_face):
    stranger = Probe()
    stranger.__class__ = type("Stranger", (Probe,), {"subject_type": "stranger"})
    with pytest.raises(LookupError, match="stranger"):
        started(stranger)


# ------------------------------------------------------------------------------------------------ stop, verdict


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(5 * MINUTE, "met"), (10 * MINUTE, "met"), (10 * MINUTE + MICROSECOND, "breached"), (DAY, "breached")],
)
def test_the_verdict_is_decided_by_the_stopping_events_own_time(probe, clock_face, after, verdict):
    started(probe)
    clock_face.go(3 * DAY)
    stop(probe, MONDAY + after)
    clock = probe.clock()
    assert (clock.state, clock.stopped_at) == (verdict, MONDAY + after)
    assert used_at(clock, clock_face.now) == after
    assert not Booking.objects.filter(subject_id=clock.pk).exists()


def test_meeting_it_is_told(probe, clock_face):
    started(probe)
    actor_at = MONDAY + MINUTE
    stop(probe, actor_at)
    (event,) = probe.told("clock.met")
    assert event.at == actor_at
    assert event.changes == {
        "clock": str(probe.clock().pk),
        "metric": "answer",
        "due_at": "2026-11-23T09:10:00Z",
        "stopped_at": "2026-11-23T09:01:00Z",
    }


def test_a_late_stop_is_settled_first_and_keeps_who_was_responsible(probe, clock_face, house):
    who = Duty(new_id(), new_id(), 3)
    house.duty[probe.pk] = who
    started(probe, plan(steps=(step("tell", 0), step("tell again", 60))))
    clock_face.go(11 * MINUTE)
    stop(probe, clock_face.now)
    clock = probe.clock()
    assert (clock.assignee_id, clock.team_id, clock.on_duty) == (who.assignee_id, who.team_id, 3)
    assert clock.detected_at == clock_face.now
    assert clock.lag == MINUTE
    assert [event.kind for event in probe.told()] == ["clock.breached", "clock.step_reached"]
    breached = probe.told("clock.breached")[0]
    assert (breached.at, breached.changes["detected_at"]) == (clock.due_at, "2026-11-23T09:11:00Z")
    assert breached.changes["on_duty"] == 3


def test_a_breached_clock_stays_breached_and_records_when_it_was_stopped(probe, clock_face):
    started(probe)
    settle(probe, at=MONDAY + HOUR)
    stop(probe, MONDAY + 2 * HOUR)
    clock = probe.clock()
    assert (clock.state, clock.stopped_at, clock.due_at) == ("breached", MONDAY + 2 * HOUR, MONDAY + 10 * MINUTE)
    assert len(probe.told()) == 1


def test_only_the_named_metrics_are_stopped(probe, clock_face):
    started(probe, plan(), plan("solution", DAY))
    assert [clock.metric for clock in stop(probe, MONDAY + MINUTE, "answer")] == ["answer"]
    assert probe.clock("solution").state == "running"


def test_stopping_what_is_not_open_does_nothing(probe, clock_face):
    assert stop(probe, MONDAY) == []


def test_a_stop_before_the_start_counts_as_one_at_the_start(probe, clock_face):
    started(probe)
    stop(probe, MONDAY - MINUTE)
    assert (probe.clock().stopped_at, probe.clock().used) == (MONDAY, timedelta(0))


def test_settling_breaches_what_was_overdue_and_returns_what_is_open(probe, clock_face):
    started(probe, plan(), plan("solution", DAY))
    states = {clock.metric: clock.state for clock in settle(probe, at=MONDAY + HOUR)}
    assert states == {"answer": "breached", "solution": "running"}
    assert {clock.metric for clock in settle(probe, at=MONDAY + HOUR)} == {"answer", "solution"}
    assert len(probe.told("clock.breached")) == 1


def test_a_due_moment_exactly_at_closing_time_is_missed_by_an_answer_after_it(probe, clock_face):
    started(probe, plan(target=9 * HOUR, calendar=office()))
    assert probe.clock().due_at == MONDAY + 9 * HOUR
    stop(probe, MONDAY + 9 * HOUR + MINUTE)
    assert probe.clock().state == "breached"


# ------------------------------------------------------------------------------------------------ pause, resume


def test_a_paused_clock_has_no_due_time_and_goes_on_with_what_was_left(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + 4 * MINUTE, reason="pending")
    paused = probe.clock()
    assert (paused.state, paused.due_at, paused.paused_at) == ("paused", None, MONDAY + 4 * MINUTE)
    assert not Booking.objects.filter(subject_id=paused.pk).exists()
    assert used_at(paused, MONDAY + DAY) == 4 * MINUTE
    assert paused_at(paused, MONDAY + DAY) == DAY - 4 * MINUTE
    resume_clocks(probe, at=MONDAY + DAY)
    resumed = probe.clock()
    assert (resumed.state, resumed.due_at) == ("running", MONDAY + DAY + 6 * MINUTE)
    assert resumed.paused_total == DAY - 4 * MINUTE
    assert Booking.objects.get(subject_id=resumed.pk).at == resumed.due_at + MICROSECOND


def test_pausing_twice_for_the_same_reason_is_pausing_once(probe, clock_face):
    started(probe)
    assert len(pause_clocks(probe, ["answer"], at=MONDAY + MINUTE, reason="pending")) == 1
    assert pause_clocks(probe, ["answer"], at=MONDAY + 2 * MINUTE, reason="pending") == []
    assert len(pause_clocks(probe, ["answer"], at=MONDAY + 3 * MINUTE, reason="on_hold")) == 1
    resume_clocks(probe, at=MONDAY + 5 * MINUTE)
    assert probe.clock().paused_total == 4 * MINUTE


def test_only_the_clocks_that_stand_are_resumed(probe, clock_face):
    started(probe, plan(), plan("solution", DAY))
    pause_clocks(probe, ["solution"], at=MONDAY + MINUTE, reason="pending")
    assert [clock.metric for clock in resume_clocks(probe, at=MONDAY + 2 * MINUTE)] == ["solution"]


def test_a_clock_paused_at_its_due_moment_is_not_late_yet(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + 10 * MINUTE, reason="pending")
    assert probe.clock().due_at is None
    resume_clocks(probe, at=MONDAY + HOUR)
    assert probe.clock().due_at == MONDAY + HOUR
    stop(probe, MONDAY + HOUR)
    assert probe.clock().state == "met"


def test_a_pause_after_the_due_time_comes_too_late(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + 11 * MINUTE, reason="pending")
    assert probe.clock().state == "breached"


def test_a_clock_that_stands_when_it_is_stopped_is_met_and_shows_when_it_would_have_been_due(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + 4 * MINUTE, reason="pending")
    stop(probe, MONDAY + HOUR)
    clock = probe.clock()
    assert (clock.state, clock.due_at) == ("met", MONDAY + HOUR + 6 * MINUTE)
    assert (clock.used, clock.paused_total) == (4 * MINUTE, 56 * MINUTE)


# ------------------------------------------------------------------------------------------------ cancel


def test_a_cancelled_clock_is_never_judged(probe, clock_face):
    started(probe)
    cancel_clocks(probe, at=MONDAY + MINUTE, by=SYSTEM)
    clock_face.live(DAY)
    assert (probe.clock().state, probe.told()) == ("cancelled", [])


def test_a_breached_clock_that_is_cancelled_stays_breached(probe, clock_face):
    started(probe)
    cancel_clocks(probe, ["answer"], at=MONDAY + HOUR, by=SYSTEM)
    assert (probe.clock().state, probe.clock().stopped_at) == ("breached", MONDAY + HOUR)


# ------------------------------------------------------------------------------------------------ reopen, finalise


def test_reopening_takes_the_same_clock_up_again_and_counts_the_solved_time_as_a_pause(probe, clock_face):
    started(probe)
    stop(probe, MONDAY + 4 * MINUTE)
    met = probe.clock()
    reopen_clocks(probe, ["answer"], at=MONDAY + DAY, solved_at=MONDAY + 4 * MINUTE, by=SYSTEM)
    clock = probe.clock()
    assert clock.pk == met.pk
    assert (clock.state, clock.stopped_at, clock.due_at) == ("running", None, MONDAY + DAY + 6 * MINUTE)
    assert clock.paused_total == DAY - 4 * MINUTE
    (event,) = probe.told("clock.resumed")
    assert event.changes["due_at"] == "2026-11-24T09:06:00Z"


def test_a_breached_a_final_and_a_cancelled_clock_are_not_taken_up_again(probe, clock_face):
    started(probe, plan("late"), plan("final", DAY), plan("cancelled", DAY))
    stop(probe, MONDAY + HOUR, "late", "final")
    finalise_clocks(probe, at=MONDAY + HOUR, by=SYSTEM)
    cancel_clocks(probe, ["cancelled"], at=MONDAY + HOUR, by=SYSTEM)
    metrics = ["late", "final", "cancelled"]
    assert reopen_clocks(probe, metrics, at=MONDAY + DAY, solved_at=MONDAY + HOUR, by=SYSTEM) == []


def test_a_metric_that_waits_again_already_is_not_reopened(probe, clock_face):
    started(probe)
    stop(probe, MONDAY + MINUTE)
    started(probe, at=MONDAY + HOUR)
    assert reopen_clocks(probe, ["answer"], at=MONDAY + 65 * MINUTE, solved_at=MONDAY + MINUTE, by=SYSTEM) == []


# ------------------------------------------------------------------------------------------------ recompute


def recompute(probe, at, *plans):
    return recompute_clocks(probe, plans, at=at, by=SYSTEM)


def test_a_recomputed_clock_keeps_the_time_it_used(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + 2 * MINUTE, reason="pending")
    resume_clocks(probe, at=MONDAY + HOUR)
    clock_face.go(MONDAY + HOUR + 3 * MINUTE)
    recompute(probe, clock_face.now, plan(target=30 * MINUTE))
    clock = probe.clock()
    assert used_at(clock, clock_face.now) == 5 * MINUTE
    assert clock.due_at == MONDAY + HOUR + 28 * MINUTE
    (event,) = probe.told("clock.recomputed")
    assert event.changes["target_seconds"] == [600, 1800]
    assert event.changes["due_at"] == ["2026-11-23T10:08:00Z", "2026-11-23T10:28:00Z"]


def test_another_calendar_counts_from_the_recomputation_on(probe, clock_face):
    started(probe, plan(target=20 * HOUR))
    clock_face.go(MONDAY + 12 * HOUR)
    recompute(probe, clock_face.now, plan(target=20 * HOUR, calendar=office()))
    assert probe.clock().due_at == MONDAY + DAY + 8 * HOUR


def test_a_deadline_that_a_recomputation_moves_into_the_past_is_breached_with_no_lag(probe, clock_face):
    started(probe, plan(target=DAY, steps=(step("tell", 0),)))
    clock_face.go(2 * HOUR)
    recompute(probe, clock_face.now, plan(target=HOUR, steps=(step("tell", 0),)))
    clock = probe.clock()
    assert (clock.state, clock.due_at) == ("breached", MONDAY + HOUR)
    assert (clock.detected_at, clock.lag) == (clock_face.now, timedelta(0))
    assert [e.kind for e in probe.told()] == ["clock.recomputed", "clock.breached", "clock.step_reached"]


def test_a_paused_clock_is_recomputed_where_it_stands(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + 2 * MINUTE, reason="pending")
    recompute(probe, MONDAY + HOUR, plan(target=HOUR))
    assert (probe.clock().state, probe.clock().due_at) == ("paused", None)
    resume_clocks(probe, at=MONDAY + DAY)
    assert probe.clock().due_at == MONDAY + DAY + 58 * MINUTE


def test_a_breached_clock_is_not_recomputed(probe, clock_face):
    started(probe)
    settle(probe, at=MONDAY + HOUR)
    assert recompute(probe, MONDAY + HOUR, plan(target=DAY)) == []
    assert probe.clock().state == "breached"


def test_the_same_plan_changes_nothing(probe, clock_face):
    started(probe)
    assert recompute(probe, MONDAY + MINUTE, plan()) == []
    assert recompute(probe, MONDAY + MINUTE, plan("unknown")) == []


def test_steps_that_were_reached_are_not_reached_again_under_a_new_plan(probe, clock_face):
    started(probe, plan(target=HOUR, warn_at_percent=50, steps=(step("early", -20),)))
    clock_face.live(45 * MINUTE)
    recompute(
        probe, clock_face.now, plan(target=2 * HOUR, warn_at_percent=50, steps=(step("early", -20), step("late", 5)))
    )
    clock_face.live(DAY)
    assert [event.changes["step"] for event in probe.told("clock.step_reached")] == ["early", "late"]
    assert len(probe.told("clock.warned")) == 1


# ------------------------------------------------------------------------------------------------ a reply in its undo time


def test_a_reply_in_its_undo_time_stops_the_clock_as_of_the_press_of_the_button(probe, clock_face, house):
    started(probe)
    pressed = MONDAY + 10 * MINUTE - SECOND
    house.held[probe.pk] = pressed + 10 * SECOND
    clock_face.live(pressed + 9 * SECOND)
    settle(probe, at=clock_face.now)
    assert probe.clock().state == "running"
    clock_face.go(pressed + 10 * SECOND)
    stop(probe, pressed)
    assert probe.clock().state == "met"


def test_a_reply_that_was_undone_lets_the_verdict_fall_afterwards(probe, clock_face, house):
    started(probe)
    house.held[probe.pk] = MONDAY + 10 * MINUTE + 9 * SECOND
    clock_face.live(12 * MINUTE)
    clock = probe.clock()
    assert clock.state == "breached"
    assert clock.detected_at == house.held[probe.pk]


def test_a_pause_within_the_undo_time_does_not_save_an_overdue_clock(probe, clock_face, house):
    started(probe)
    house.held[probe.pk] = MONDAY + 11 * MINUTE
    clock_face.go(MONDAY + 10 * MINUTE + SECOND)
    pause_clocks(probe, None, at=clock_face.now, reason="pending")
    assert probe.clock().state == "paused"
    clock_face.live(HOUR)
    assert probe.clock().state == "breached"


def test_a_pause_within_the_undo_time_does_not_harm_a_reply_pressed_in_time(probe, clock_face, house):
    started(probe)
    pressed = MONDAY + 10 * MINUTE - SECOND
    house.held[probe.pk] = pressed + 10 * SECOND
    clock_face.go(pressed + 5 * SECOND)
    pause_clocks(probe, None, at=clock_face.now, reason="pending")
    clock_face.go(pressed + 10 * SECOND)
    stop(probe, pressed)
    clock = probe.clock()
    assert (clock.state, clock.stopped_at, clock.used) == ("met", pressed, pressed - MONDAY)


def test_a_late_stop_decides_even_while_another_reply_is_in_its_undo_time(probe, clock_face, house):
    started(probe)
    house.held[probe.pk] = MONDAY + HOUR
    clock_face.go(20 * MINUTE)
    stop(probe, clock_face.now)
    assert probe.clock().state == "breached"
