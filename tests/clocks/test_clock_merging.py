"""Merged subjects: their clocks are put away and brought back exactly; a customer's earlier wait counts on the target."""

from dataclasses import replace

import pytest

from clocks.actions import (
    freeze_clocks,
    lend_wait,
    pause_clocks,
    recompute_clocks,
    resume_clocks,
    return_wait,
    settle,
    stop_clocks,
    thaw_clocks,
)
from clocks.models import Clock
from servicedesk.actor import SYSTEM
from servicedesk.models import Booking
from tests.clocks.probes import DAY, HOUR, MINUTE, MONDAY, Probe, plan, started, step

pytestmark = pytest.mark.django_db
WAIT = "next_response"


def rows(probe):
    return list(Clock.objects.of(probe).order_by("id").values())


def bookings():
    return sorted(Booking.objects.values_list("subject_id", "at"))


@pytest.fixture
def target():
    return Probe(number="P-2")


def test_frozen_and_thawed_clocks_are_exactly_as_they_were(probe, clock_face):
    started(probe, plan(target=HOUR, warn_at_percent=70, steps=(step("tell", 5),)), plan("solution", DAY))
    pause_clocks(probe, ["solution"], at=MONDAY + MINUTE, reason="pending")
    before, booked_before = rows(probe), bookings()
    freeze_clocks(probe, at=MONDAY + 2 * MINUTE)
    assert bookings() == []
    thaw_clocks(probe, at=MONDAY + 20 * MINUTE)
    assert (rows(probe), bookings()) == (before, booked_before)


def test_freezing_settles_first(probe, clock_face):
    started(probe)
    freeze_clocks(probe, at=MONDAY + HOUR)
    assert probe.clock().state == "breached"


def test_nothing_wakes_or_settles_a_frozen_clock(probe, clock_face):
    started(probe)
    freeze_clocks(probe, at=MONDAY + MINUTE)
    clock_face.live(DAY)
    assert settle(probe, at=clock_face.now) == []
    assert stop_clocks(probe, None, at=clock_face.now, by=SYSTEM) == []
    assert (probe.clock().state, probe.told()) == ("running", [])


def test_what_fell_due_while_frozen_is_judged_silently(probe, clock_face):
    started(probe, plan(warn_at_percent=50, steps=(step("early", -2), step("tell", 0), step("later", 120))))
    freeze_clocks(probe, at=MONDAY + MINUTE)
    clock_face.go(HOUR)
    thaw_clocks(probe, at=clock_face.now)
    assert [(event.kind, event.is_historic) for event in probe.told()] == [("clock.breached", True)]
    assert probe.clock().is_silent
    clock_face.live(DAY)
    assert [event.changes.get("step") for event in probe.told() if not event.is_historic] == ["later"]


def test_thawing_what_was_not_frozen_does_nothing(probe, clock_face):
    started(probe)
    assert thaw_clocks(probe, at=MONDAY + HOUR) == []


def test_an_earlier_wait_lends_its_due_time_and_takes_it_back(probe, target, clock_face):
    started(probe, plan(WAIT, HOUR))
    started(target, plan(WAIT, HOUR), at=MONDAY + 30 * MINUTE)
    own = target.clock(WAIT)
    freeze_clocks(probe, at=MONDAY + 40 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 40 * MINUTE)
    lent = target.clock(WAIT)
    assert (lent.pk, lent.due_at, lent.started_at) == (own.pk, MONDAY + HOUR, MONDAY)
    return_wait(probe, target, at=MONDAY + 50 * MINUTE)
    back = target.clock(WAIT)
    assert (back.due_at, back.started_at, back.loans) == (own.due_at, own.started_at, None)
    assert Booking.objects.get(subject_id=own.pk).at > own.due_at


def test_a_later_wait_lends_nothing_but_is_remembered(probe, target, clock_face):
    started(target, plan(WAIT, HOUR))
    started(probe, plan(WAIT, HOUR), at=MONDAY + 30 * MINUTE)
    freeze_clocks(probe, at=MONDAY + 40 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 40 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + HOUR
    assert target.told() == []


def test_pauses_while_lent_count_for_the_wait_that_is_taken_up_again(probe, target, clock_face):
    started(probe, plan(WAIT, 2 * HOUR))
    started(target, plan(WAIT, 2 * HOUR), at=MONDAY + 30 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 40 * MINUTE)
    pause_clocks(target, None, at=MONDAY + 50 * MINUTE, reason="on_hold")
    resume_clocks(target, at=MONDAY + 80 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + 150 * MINUTE
    return_wait(probe, target, at=MONDAY + 90 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + 180 * MINUTE


def test_a_wait_is_given_back_while_the_clock_stands(probe, target, clock_face):
    started(probe, plan(WAIT, 2 * HOUR))
    started(target, plan(WAIT, 2 * HOUR), at=MONDAY + 30 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 40 * MINUTE)
    pause_clocks(target, None, at=MONDAY + 50 * MINUTE, reason="on_hold")
    return_wait(probe, target, at=MONDAY + 60 * MINUTE)
    assert (target.clock(WAIT).state, target.clock(WAIT).due_at) == ("paused", None)
    resume_clocks(target, at=MONDAY + 80 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + 180 * MINUTE


def test_two_sources_lend_and_take_back_in_any_order(probe, target, clock_face):
    other = replace(probe, pk=Probe().pk)
    started(probe, plan(WAIT, HOUR))
    started(other, plan(WAIT, HOUR), at=MONDAY + 10 * MINUTE)
    started(target, plan(WAIT, HOUR), at=MONDAY + 30 * MINUTE)
    lend_wait(other, target, at=MONDAY + 31 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 32 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + HOUR
    return_wait(probe, target, at=MONDAY + 33 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + 70 * MINUTE
    return_wait(other, target, at=MONDAY + 34 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + 90 * MINUTE


def test_where_nothing_waits_on_the_target_a_clock_goes_on_with_the_wait(probe, target, clock_face):
    started(probe, plan("first_response", HOUR, steps=(step("tell", 0),)))
    freeze_clocks(probe, at=MONDAY + 10 * MINUTE)
    taken = lend_wait(probe, target, at=MONDAY + 10 * MINUTE)
    assert (taken.metric, taken.due_at, taken.subject_number) == (WAIT, MONDAY + HOUR, "P-2")
    return_wait(probe, target, at=MONDAY + 20 * MINUTE)
    assert target.clock(WAIT).state == "cancelled"
    clock_face.live(DAY)
    assert target.told("clock.breached") == []


def test_a_wait_taken_over_is_enforced_on_the_target(probe, target, clock_face):
    started(probe, plan("first_response", HOUR))
    freeze_clocks(probe, at=MONDAY + 10 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 10 * MINUTE)
    clock_face.live(2 * HOUR)
    assert len(target.told("clock.breached")) == 1
    assert return_wait(probe, target, at=clock_face.now).state == "breached"


def test_a_new_plan_for_the_target_is_one_for_the_lent_wait_too(probe, target, clock_face):
    started(probe, plan(WAIT, HOUR))
    started(target, plan(WAIT, HOUR), at=MONDAY + 30 * MINUTE)
    lend_wait(probe, target, at=MONDAY + 31 * MINUTE)
    recompute_clocks(target, [plan(WAIT, 2 * HOUR)], at=MONDAY + 35 * MINUTE, by=SYSTEM)
    assert target.clock(WAIT).due_at == MONDAY + 2 * HOUR
    return_wait(probe, target, at=MONDAY + 40 * MINUTE)
    assert target.clock(WAIT).due_at == MONDAY + 150 * MINUTE


def test_nobody_waiting_lends_nothing(probe, target, clock_face):
    started(target, plan(WAIT, HOUR))
    assert lend_wait(probe, target, at=MONDAY) is None
    assert return_wait(probe, target, at=MONDAY) is None


def test_a_wait_that_is_already_breached_on_the_target_needs_no_loan(probe, target, clock_face):
    started(target, plan(WAIT))
    started(probe, plan(WAIT, DAY))
    settle(target, at=MONDAY + HOUR)
    assert lend_wait(probe, target, at=MONDAY + HOUR) is None
    assert Clock.objects.of(target).count() == 1
