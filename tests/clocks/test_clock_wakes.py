"""The detector: warnings, verdicts and steps, in batches, each once, however late it comes."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clocks.actions import pause_clocks, resume_clocks, stop_clocks
from clocks.models import Clock
from clocks.subjects import Duty
from clocks.wakes import MEANWHILE, advance_clocks
from servicedesk.actor import SYSTEM
from servicedesk.ids import new_id
from servicedesk.models import Booking, Event
from tests.clocks.probes import DAY, HOUR, MINUTE, MONDAY, Probe, office, plan, started, step
from tests.counting import steady_caches

pytestmark = pytest.mark.django_db
MILLISECOND = timedelta(milliseconds=1)
STEPS = (step("early", -2, "raise_priority"), step("at once", 0), step("later", 30, "reassign", team="night"))


def kinds(probe):
    return [(event.kind, event.changes.get("step", ""), event.at) for event in probe.told()]


def test_a_clock_is_warned_judged_and_escalated_in_the_order_of_its_times(probe, clock_face):
    started(probe, plan(warn_at_percent=70, steps=STEPS))
    clock_face.live(DAY)
    assert kinds(probe) == [
        ("clock.warned", "", MONDAY + 7 * MINUTE),
        ("clock.step_reached", "early", MONDAY + 8 * MINUTE),
        ("clock.breached", "", MONDAY + 10 * MINUTE),
        ("clock.step_reached", "at once", MONDAY + 10 * MINUTE),
        ("clock.step_reached", "later", MONDAY + 40 * MINUTE),
    ]
    assert not Booking.objects.exists()


def test_a_step_says_what_is_to_be_done(probe, clock_face):
    started(probe, plan(steps=STEPS))
    clock_face.live(DAY)
    event = probe.told("clock.step_reached")[-1]
    clock = probe.clock()
    assert event.changes == {
        "clock": str(clock.pk),
        "metric": "answer",
        "due_at": "2026-11-23T09:10:00Z",
        "step": "later",
        "action": "reassign",
        "params": {"team": "night"},
    }
    assert (event.subject_number, event.by_type) == ("P-1", "system")


def test_a_verdict_is_detected_at_its_due_time(probe, clock_face):
    started(probe)
    clock_face.live(DAY)
    assert probe.clock().lag < MILLISECOND


def test_one_booking_at_a_time_stands_for_a_clock(probe, clock_face):
    started(probe, plan(warn_at_percent=70, steps=STEPS))
    seen = []
    while booking := Booking.objects.first():
        assert Booking.objects.count() == 1
        seen.append(booking.at - MONDAY)
        clock_face.live(booking.at)
    assert [int(at / MINUTE) for at in seen] == [7, 8, 10, 40]


def test_a_clock_that_is_met_is_left_alone(probe, clock_face):
    started(probe, plan(steps=STEPS))
    stop_clocks(probe, None, at=MONDAY + MINUTE, by=SYSTEM)
    clock_face.live(DAY)
    assert [event.kind for event in probe.told()] == ["clock.met"]


def test_a_warning_is_given_at_its_share_of_the_time_used_not_of_the_time_passed(probe, clock_face):
    started(probe, plan(target=10 * HOUR, calendar=office(), warn_at_percent=95))
    clock_face.live(3 * DAY)
    assert kinds(probe)[0] == ("clock.warned", "", MONDAY + DAY + 30 * MINUTE)


def test_a_warning_is_given_once_though_the_clock_paused(probe, clock_face):
    started(probe, plan(warn_at_percent=50))
    clock_face.live(6 * MINUTE)
    pause_clocks(probe, None, at=clock_face.now, reason="pending")
    clock_face.live(HOUR)
    resume_clocks(probe, at=clock_face.now)
    clock_face.live(HOUR)
    assert [event.kind for event in probe.told()] == ["clock.warned", "clock.breached"]


def test_steps_after_the_due_time_wait_while_a_breached_clock_stands(probe, clock_face):
    started(probe, plan(steps=STEPS))
    clock_face.live(20 * MINUTE)
    pause_clocks(probe, None, at=clock_face.now, reason="pending")
    clock_face.live(DAY)
    assert [event.changes.get("step") for event in probe.told()] == ["early", None, "at once"]
    resume_clocks(probe, at=clock_face.now)
    resumed_at = clock_face.now
    clock_face.live(DAY)
    assert kinds(probe)[-1] == ("clock.step_reached", "later", resumed_at + 20 * MINUTE)


def test_steps_end_with_the_stop(probe, clock_face):
    started(probe, plan(steps=STEPS))
    clock_face.live(20 * MINUTE)
    stop_clocks(probe, None, at=clock_face.now, by=SYSTEM)
    clock_face.live(DAY)
    assert "later" not in [event.changes.get("step") for event in probe.told()]


def test_the_verdict_says_who_was_responsible(probe, clock_face, house):
    who = house.duty[probe.pk] = Duty(new_id(), new_id(), 0)
    started(probe)
    clock_face.live(HOUR)
    clock = probe.clock()
    assert (clock.assignee_id, clock.team_id, clock.on_duty) == (who.assignee_id, who.team_id, 0)
    assert probe.told()[0].changes["team"] == str(who.team_id)


def test_a_subject_that_somebody_holds_is_left_for_a_moment_later(probe, clock_face, house):
    free = Probe()
    started(probe)
    started(free)
    house.busy = {probe.pk}
    clock_face.go(11 * MINUTE)
    while Booking.objects.filter(at__lte=clock_face.now).exists():
        clock_face.sweep()
    assert (probe.clock().state, free.clock().state) == ("running", "breached")
    assert Booking.objects.get().at == clock_face.now + MEANWHILE
    house.busy = set()
    clock_face.live(MEANWHILE)
    assert probe.clock().state == "breached"


def test_a_detector_that_was_down_neither_loses_nor_invents_a_breach(clock_face):
    late, on_time, silent, paused = (Probe() for _ in range(4))
    for one in (late, on_time, silent, paused):
        started(one, plan(warn_at_percent=50, steps=STEPS))
    clock_face.go(MONDAY + 9 * MINUTE)
    stop_clocks(on_time, None, at=clock_face.now, by=SYSTEM)
    pause_clocks(paused, None, at=clock_face.now, reason="pending")
    clock_face.go(MONDAY + 12 * MINUTE)
    stop_clocks(late, None, at=clock_face.now, by=SYSTEM)
    clock_face.go(MONDAY + 30 * MINUTE)
    clock_face.sweep()
    states = [one.clock().state for one in (late, on_time, silent, paused)]
    assert states == ["breached", "met", "breached", "paused"]
    for one in (late, silent):
        assert [event.kind for event in one.told("clock.breached")] == ["clock.breached"]
        assert one.told("clock.breached")[0].at == MONDAY + 10 * MINUTE
    assert [event.changes["step"] for event in silent.told("clock.step_reached")] == ["early", "at once"]
    assert [event.changes["step"] for event in on_time.told("clock.step_reached")] == ["early"]
    assert paused.told("clock.breached") == []
    clock_face.live(DAY)
    assert Event.objects.filter(kind="clock.breached").count() == 2


def test_a_booking_of_a_clock_that_is_gone_or_done_does_nothing(probe, clock_face):
    started(probe)
    clock = probe.clock()
    stale = [Booking(kind="clock.next", subject_id=clock.pk, at=MONDAY), Booking(subject_id=new_id(), at=MONDAY)]
    advance_clocks(stale, clock_face.now)
    assert (probe.clock().state, Booking.objects.get().at) == ("running", clock.due_at + timedelta(microseconds=1))
    stop_clocks(probe, None, at=MONDAY + MINUTE, by=SYSTEM)
    advance_clocks(stale, clock_face.now)
    assert Booking.objects.count() == 0


@pytest.mark.parametrize("how_many", [2, 40])
def test_a_batch_costs_the_same_number_of_queries_whatever_its_size(clock_face, house, how_many):
    for _ in range(how_many):
        probe = Probe()
        house.duty[probe.pk] = Duty(new_id())
        started(probe, plan(steps=STEPS))
    clock_face.go(10 * MINUTE + MILLISECOND)
    bookings = list(Booking.objects.all())
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        advance_clocks(bookings, clock_face.now)
    assert Clock.objects.filter(state="breached").count() == how_many
    assert Event.objects.count() == 3 * how_many
    assert len(queries) <= 10, [query["sql"][:80] for query in queries]
