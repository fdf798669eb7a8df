"""Whatever is done to a subject in whatever order, its clocks keep their promises."""

from datetime import timedelta

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clocks.actions import (
    cancel_clocks,
    edit_calendar,
    finalise_clocks,
    freeze_clocks,
    pause_clocks,
    recompute_clocks,
    reopen_clocks,
    resume_clocks,
    settle,
    start_clocks,
    stop_clocks,
    thaw_clocks,
)
from clocks.actions.calendars import CalendarDraft
from clocks.explaining import explain
from clocks.models import Calendar, Clock
from clocks.reading import used_at
from servicedesk.actor import SYSTEM
from servicedesk.models import Booking, Event
from tests.clocks.probes import MONDAY, OFFICE, Face, Probe, office, plan, step

METRICS = ["answer", "wait", "solution"]
some_metrics = st.sets(st.sampled_from(METRICS), min_size=1)
minutes = st.integers(1, 3000).map(lambda n: timedelta(minutes=n))
STEPS = (step("early", -15), step("at once", 0), step("later", 45))


class Clocks(RuleBasedStateMachine):
    """One subject, its clocks, a calendar, and time that goes on with or without the detector."""

    def __init__(self):
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.travel = time_machine.travel(MONDAY, tick=False)
        self.face = Face(self.travel.start())
        self.probe, self.verdicts, self.frozen = Probe(), {}, False

    @initialize()
    def open_office(self):
        self.calendar = office()

    def teardown(self):
        self.travel.stop()
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @rule(length=minutes, awake=st.booleans())
    def time_goes_on(self, length, awake):
        if awake:
            self.face.live(length)
        else:
            self.face.go(length)

    @precondition(lambda self: not self.frozen)
    @rule(
        metric=st.sampled_from(METRICS), length=minutes, by_calendar=st.booleans(), percent=st.sampled_from([None, 70])
    )
    def start(self, metric, length, by_calendar, percent):
        if metric in {clock.metric for clock in settle(self.probe, at=self.face.now)}:
            return
        made = plan(metric, length, calendar=self._calendar(by_calendar), warn_at_percent=percent, steps=STEPS)
        (clock,) = start_clocks(self.probe, [made], at=self.face.now, by=SYSTEM)
        assert clock.due_at >= self.face.now + length

    @rule(metrics=some_metrics)
    def stop(self, metrics):
        stop_clocks(self.probe, metrics, at=self.face.now, by=SYSTEM)

    @rule(metrics=some_metrics, reason=st.sampled_from(["pending", "on_hold"]))
    def pause(self, metrics, reason):
        before = self._due()
        pause_clocks(self.probe, metrics, at=self.face.now, reason=reason)
        self._not_earlier(before)

    @rule()
    def resume(self):
        before = self._due()
        resume_clocks(self.probe, at=self.face.now)
        self._not_earlier(before)

    @rule(metrics=some_metrics)
    def cancel(self, metrics):
        cancel_clocks(self.probe, metrics, at=self.face.now, by=SYSTEM)

    @rule(metrics=some_metrics)
    def reopen(self, metrics):
        met = {clock.pk: clock for clock in self._clocks() if clock.state == "met"}
        for clock in reopen_clocks(self.probe, metrics, at=self.face.now, solved_at=self.face.now, by=SYSTEM):
            assert met[clock.pk].used == clock.used
            del self.verdicts[clock.pk]

    @rule(metric=st.sampled_from(METRICS), length=minutes, by_calendar=st.booleans())
    def recompute(self, metric, length, by_calendar):
        used = {clock.pk: used_at(clock, self.face.now) for clock in settle(self.probe, at=self.face.now)}
        made = plan(metric, length, calendar=self._calendar(by_calendar), steps=STEPS)
        for clock in recompute_clocks(self.probe, [made], at=self.face.now, by=SYSTEM):
            assert used_at(clock, self.face.now) == used[clock.pk]

    @rule(opens=st.integers(0, 12), closes=st.integers(13, 24))
    def edit_the_calendar(self, opens, closes):
        hours = OFFICE | {"sat": [[f"{opens:02}:00", f"{closes:02}:00"]]}
        self.calendar = edit_calendar(self.calendar, CalendarDraft("Office", "UTC", hours), by=SYSTEM)

    @rule()
    def close(self):
        finalise_clocks(self.probe, at=self.face.now, by=SYSTEM)

    @precondition(lambda self: not self.frozen)
    @rule()
    def freeze(self):
        freeze_clocks(self.probe, at=self.face.now)
        self.frozen = True

    @precondition(lambda self: self.frozen)
    @rule()
    def thaw(self):
        thaw_clocks(self.probe, at=self.face.now)
        self.frozen = False

    # ------------------------------------------------------------------------------------------ promises

    @invariant()
    def at_most_one_clock_of_a_metric_is_open(self):
        metrics = [clock.metric for clock in self._clocks() if clock.is_open]
        assert len(metrics) == len(set(metrics))

    @invariant()
    def a_running_clock_is_due_no_earlier_than_its_target_after_its_start(self):
        for clock in self._clocks():
            if clock.state == "running":
                assert clock.due_at >= clock.started_at + clock.target

    @invariant()
    def verdicts_are_final(self):
        for clock in self._clocks():
            if clock.state in {"met", "breached", "cancelled"}:
                assert self.verdicts.setdefault(clock.pk, clock.state) == clock.state
            else:
                assert clock.pk not in self.verdicts

    @invariant()
    def what_is_met_was_stopped_in_time_and_used_no_more_than_its_target(self):
        for clock in self._clocks():
            if clock.state == "met":
                assert clock.stopped_at <= clock.due_at
                assert clock.used <= clock.target

    @invariant()
    def a_breach_is_told_once_and_no_step_twice(self):
        told = Event.objects.filter(subject_id=self.probe.pk)
        breaches = [event.changes["clock"] for event in told if event.kind == "clock.breached"]
        breached = [str(clock.pk) for clock in self._clocks() if clock.state == "breached"]
        assert sorted(breaches) == sorted(breached)
        steps = [
            (event.changes["clock"], event.changes["step"]) for event in told if event.kind == "clock.step_reached"
        ]
        assert len(steps) == len(set(steps))

    @invariant()
    def what_can_still_befall_a_clock_is_booked(self):
        booked = dict(Booking.objects.filter(kind="clock.next").values_list("subject_id", "at"))
        for clock in self._clocks():
            if clock.state == "running" and clock.frozen_at is None:
                assert booked[clock.pk] <= clock.due_at + timedelta(microseconds=1)
            if clock.stopped_at is not None or clock.frozen_at is not None:
                assert clock.pk not in booked

    @invariant()
    def the_explanation_adds_up_to_the_time_used(self):
        for clock in self._clocks():
            explanation = explain(clock, at=self.face.now)
            assert explanation.used == used_at(clock, self.face.now)
            parts = explanation.intervals
            assert [one.end for one in parts[:-1]] == [one.start for one in parts[1:]]

    def _clocks(self):
        return list(Clock.objects.of(self.probe))

    def _due(self):
        return {clock.pk: clock.due_at for clock in settle(self.probe, at=self.face.now) if clock.due_at}

    def _not_earlier(self, before):
        for clock in self._clocks():
            if clock.state == "running" and clock.pk in before:
                assert clock.due_at >= before[clock.pk]

    def _calendar(self, wanted):
        return Calendar.objects.get(pk=self.calendar.pk) if wanted else None


@pytest.mark.django_db
@pytest.mark.slow
def test_random_sequences_of_actions_never_break_a_promise():
    from hypothesis.stateful import run_state_machine_as_test

    checks = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    run_state_machine_as_test(
        Clocks, settings=settings(max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=checks)
    )
