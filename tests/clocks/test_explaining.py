"""Why a clock shows what it shows."""

from datetime import date

import pytest
from django.utils import translation

from clocks.actions import (
    edit_calendar,
    freeze_clocks,
    pause_clocks,
    reopen_clocks,
    resume_clocks,
    set_country_day,
    stop_clocks,
)
from clocks.actions.calendars import CalendarDraft
from clocks.explaining import explain
from clocks.serializers import ClockOut, ExplanationOut
from servicedesk.actor import SYSTEM
from tests.clocks.probes import DAY, HOUR, MINUTE, MONDAY, OFFICE, office, plan, started

pytestmark = pytest.mark.django_db


def told(explanation):
    return [(part.reason, part.counted, int(part.seconds / 60)) for part in explanation.intervals]


def test_every_stretch_is_explained_and_the_sums_fit(probe, clock_face):
    started(probe, plan(target=20 * HOUR, calendar=office(holidays=(date(2026, 11, 24),))))
    pause_clocks(probe, None, at=MONDAY + HOUR, reason="pending")
    resume_clocks(probe, at=MONDAY + 2 * HOUR)
    clock_face.go(MONDAY + 2 * DAY + HOUR)
    explanation = explain(probe.clock())
    assert told(explanation) == [
        ("working_hours", True, 60),
        ("pending", False, 60),
        ("working_hours", True, 420),
        ("closed", False, 360),
        ("holiday", False, 24 * 60),
        ("closed", False, 540),
        ("working_hours", True, 60),
    ]
    assert (explanation.used, explanation.paused, explanation.left_out) == (9 * HOUR, HOUR, 39 * HOUR)
    assert (
        explanation.summary
        == "9:00:00 of 20:00:00 used; 39:00:00 left out; 1:00:00 paused; due 2026-11-26 12:00:00 UTC"
    )
    assert [str(part.why) for part in explanation.intervals][1] == "paused: waiting for the customer"


def test_round_the_clock_counts_everything(probe, clock_face):
    started(probe)
    clock_face.go(5 * MINUTE)
    assert told(explain(probe.clock())) == [("round_the_clock", True, 5)]


def test_a_stopped_clock_is_explained_up_to_its_stop_and_a_reopened_one_says_it_was_solved(probe, clock_face):
    started(probe, plan(target=DAY))
    stop_clocks(probe, None, at=MONDAY + HOUR, by=SYSTEM)
    clock_face.go(DAY)
    assert told(explain(probe.clock())) == [("round_the_clock", True, 60)]
    reopen_clocks(probe, ["answer"], at=clock_face.now, solved_at=MONDAY + HOUR, by=SYSTEM)
    clock_face.go(HOUR)
    assert told(explain(probe.clock())) == [
        ("round_the_clock", True, 60),
        ("solved", False, 23 * 60),
        ("round_the_clock", True, 60),
    ]


def test_the_hours_that_were_in_force_then_explain_what_counted_then(probe, clock_face):
    calendar = office()
    started(probe, plan(target=30 * HOUR, calendar=calendar))
    clock_face.go(MONDAY + 2 * HOUR)
    longer = CalendarDraft("Office", "UTC", OFFICE | {"mon": [["10:00", "20:00"]]})
    edit_calendar(calendar, longer, by=SYSTEM)
    clock_face.sweep()
    clock_face.go(MONDAY + 12 * HOUR)
    assert told(explain(probe.clock())) == [
        ("working_hours", True, 120),
        ("working_hours", True, 9 * 60),
        ("closed", False, 60),
    ]


def test_a_frozen_clock_is_explained_as_it_was_put_away(probe, clock_face):
    started(probe)
    freeze_clocks(probe, at=MONDAY + MINUTE)
    clock_face.go(DAY)
    assert told(explain(probe.clock())) == [("round_the_clock", True, 1)]
    assert ClockOut(probe.clock()).data["used_seconds"] == 60


def test_a_clock_can_be_explained_as_of_a_moment(probe, clock_face):
    started(probe)
    assert told(explain(probe.clock(), at=MONDAY + 2 * MINUTE)) == [("round_the_clock", True, 2)]
    assert told(explain(probe.clock(), at=MONDAY)) == []


@pytest.mark.parametrize(("language", "name"), [("zh-hans", "国庆节"), ("zh-hant", "國慶節"), ("en", "National Day")])
def test_public_holidays_are_called_by_their_names(probe, clock_face, language, name):
    october = MONDAY.replace(month=9, day=30)
    started(probe, plan(target=20 * HOUR, calendar=office(country="CN")), at=october)
    with translation.override(language):
        explanation = explain(probe.clock(), at=october + 2 * DAY)
    assert any(name in part.why for part in explanation.intervals)
    assert "make_up_workday" not in {part.reason for part in explanation.intervals}


def test_a_correction_has_its_own_name(probe, clock_face):
    set_country_day(country="CN", on=date(2026, 11, 24), is_working=False, name="Typhoon", by=SYSTEM)
    set_country_day(country="CN", on=date(2026, 11, 28), is_working=True, by=SYSTEM)
    started(probe, plan(target=60 * HOUR, calendar=office(country="CN")))
    explanation = explain(probe.clock(), at=MONDAY + 6 * DAY)
    assert "public holiday: Typhoon" in {part.why for part in explanation.intervals}
    assert "make_up_workday" in {part.reason for part in explanation.intervals}


def test_an_unknown_reason_for_a_pause_is_shown_as_it_is(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY, reason="parts_ordered")
    assert explain(probe.clock(), at=MONDAY + MINUTE).intervals[0].why == "paused: parts_ordered"


def test_a_clock_in_json_is_the_contracts(probe, clock_face):
    started(probe)
    pause_clocks(probe, None, at=MONDAY + MINUTE, reason="pending")
    clock_face.go(HOUR)
    assert ClockOut(probe.clock()).data == {
        "metric": "answer",
        "state": "paused",
        "target_seconds": 600,
        "used_seconds": 60,
        "started_at": "2026-11-23T09:00:00Z",
        "due_at": None,
        "stopped_at": None,
        "paused_seconds": 59 * 60,
        "detected_at": None,
    }


def test_an_explanation_in_json_names_from_and_to(probe, clock_face):
    started(probe)
    clock_face.go(MINUTE)
    data = ExplanationOut(explain(probe.clock())).data
    assert data["intervals"] == [
        {
            "from": "2026-11-23T09:00:00Z",
            "to": "2026-11-23T09:01:00Z",
            "counted": True,
            "seconds": 60.0,
            "reason": "round_the_clock",
            "why": "counts round the clock",
        }
    ]
    assert (data["used_seconds"], data["metric"], data["state"]) == (60.0, "answer", "running")
