"""Calendars: made, edited, and followed by the clocks they govern."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from clocks.actions import (
    create_calendar,
    edit_calendar,
    pause_clocks,
    recomputing,
    refresh_country_days,
    remove_country_day,
    set_country_day,
    settle,
)
from clocks.actions.calendars import CalendarDraft
from clocks.models import Calendar, CalendarVersion, RecomputeJob
from servicedesk.actor import SYSTEM, Actor
from servicedesk.errors import Invalid, NotAllowed
from servicedesk.models import Event
from servicedesk.permissions import ROLE_PERMISSIONS
from tests.clocks.probes import DAY, HOUR, MINUTE, MONDAY, OFFICE, Probe, office, plan, started

pytestmark = pytest.mark.django_db
AGENT = Actor("staff", None, ROLE_PERMISSIONS["agent"])
MANAGER = Actor("staff", None, ROLE_PERMISSIONS["manager"])
LONGER = OFFICE | {"mon": [["09:00", "20:00"]]}


def edit(calendar, by=MANAGER, **changes):
    return edit_calendar(calendar, replace(CalendarDraft.of(calendar), **changes), by=by)


def test_a_calendar_is_made_with_its_first_version(clock_face):
    calendar = office(holidays=(date(2026, 12, 25),))
    assert calendar.version == 1
    assert calendar.current.hours == OFFICE
    assert calendar.holidays == ["2026-12-25"]
    assert Event.objects.get().kind == "calendar.created"


def test_only_who_may_edit_policies_makes_and_edits_calendars(clock_face):
    calendar = office()
    draft = CalendarDraft.of(calendar)
    for refused in (
        lambda: create_calendar(replace(draft, name="Other"), by=AGENT),
        lambda: edit_calendar(calendar, draft, by=AGENT),
        lambda: set_country_day(country="CN", on=date(2026, 12, 1), is_working=True, by=AGENT),
    ):
        with pytest.raises(NotAllowed):
            refused()


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"name": " "}, "name", "blank"),
        ({"name": "Taken"}, "name", "unique"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "unknown_time_zone"),
        ({"country": "XX"}, "country", "unknown_country"),
        ({"hours": {}}, "hours", "no_working_time"),
        ({"hours": {"mon": []}}, "hours", "no_working_time"),
        ({"hours": {"mon": [["9", "10:00"]]}}, "hours.mon.0", "not_a_time"),
        ({"holidays": [date(2026, 1, 1)] * 1001}, "holidays", "too_many"),
        (
            {"holidays": [date(2026, 1, 1)], "extra_workdays": [date(2026, 1, 1)]},
            "extra_workdays",
            "contradiction",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(clock_face, changes, field, code):
    office(name="Taken")
    calendar = office()
    with pytest.raises(Invalid) as refused:
        edit(calendar, **changes)
    assert [(error.field, error.code) for error in refused.value.errors] == [(field, code)]


def test_an_edit_makes_a_version_and_leaves_the_old_one_as_it_was(clock_face):
    calendar = office()
    edited = edit(calendar, hours=LONGER)
    assert (edited.version, edited.current.hours) == (2, LONGER)
    old = CalendarVersion.objects.get(calendar=calendar, version=1)
    assert old.hours == OFFICE
    with pytest.raises(TypeError):
        old.save()
    assert Event.objects.filter(kind="calendar.edited").get().changes == {"version": 2, "fields": ["hours"]}


def test_an_edit_that_changes_nothing_is_none(clock_face):
    calendar = office()
    assert edit(calendar).version == 1
    assert not RecomputeJob.objects.exists()


def test_a_new_name_recomputes_nothing(clock_face):
    assert edit(office(), name="Shop").version == 2
    assert not RecomputeJob.objects.exists()


def test_an_edit_recomputes_the_open_clocks_it_governs(probe, clock_face):
    calendar = office()
    other = office(name="Other")
    started(probe, plan(target=10 * HOUR, calendar=calendar), plan("elsewhere", 10 * HOUR, calendar=other))
    clock_face.go(MONDAY + 2 * HOUR)
    edit(calendar, hours=LONGER)
    assert probe.clock().due_at == MONDAY + DAY + HOUR
    clock_face.sweep()
    assert probe.clock().due_at == MONDAY + 10 * HOUR
    assert probe.clock("elsewhere").due_at == MONDAY + DAY + HOUR
    assert [span["hours"] for span in probe.clock().spans] == [
        str(CalendarVersion.objects.get(calendar=calendar, version=n).pk) for n in (1, 2)
    ]


def test_an_edit_keeps_the_time_used_under_the_old_hours(probe, clock_face):
    calendar = office()
    started(probe, plan(target=4 * HOUR, calendar=calendar))
    clock_face.go(MONDAY + 3 * HOUR)
    edit(calendar, hours={"tue": [["09:00", "10:00"]]})
    clock_face.sweep()
    assert probe.clock().due_at == MONDAY + DAY + HOUR


def test_progress_is_shown_and_a_job_goes_on_where_it_was(clock_face, monkeypatch):
    monkeypatch.setattr(recomputing, "BATCH", 4)
    calendar = office()
    for _ in range(10):
        started(Probe(), plan(target=10 * HOUR, calendar=calendar))
    edit(calendar, hours=LONGER)
    job = RecomputeJob.objects.get()
    assert (job.total, job.done, job.percent, job.finished_at) == (10, 0, 0, None)
    recomputing.recompute_batch(job.pk, at=clock_face.now)
    job.refresh_from_db()
    assert (job.done, job.percent) == (4, 40)
    clock_face.sweep()
    job.refresh_from_db()
    assert (job.done, job.percent, job.finished_at) == (10, 100, clock_face.now)


def test_subjects_that_somebody_holds_are_recomputed_afterwards(probe, clock_face, house):
    calendar = office()
    started(probe, plan(target=10 * HOUR, calendar=calendar))
    house.busy = {probe.pk}
    edit(calendar, hours=LONGER)
    job = RecomputeJob.objects.get()
    recomputing.recompute_batch(job.pk, at=clock_face.now)
    recomputing.recompute_batch(job.pk, at=clock_face.now)
    job.refresh_from_db()
    assert (job.done, job.finished_at) == (0, None)
    house.busy = set()
    clock_face.live(MINUTE)
    job.refresh_from_db()
    assert (job.done, probe.clock().due_at) == (1, MONDAY + 10 * HOUR)


def test_a_clock_that_was_being_started_during_the_edit_is_found_a_while_later(probe, clock_face, monkeypatch):
    # Ids are made outside of Python, by the machine's own time, which tests that travel leave behind.
    monkeypatch.setattr(recomputing, "LATECOMERS_SINCE", timedelta(days=36_500) / 4)
    calendar = office()
    edit(calendar, hours=LONGER)
    clock_face.sweep()
    stale = Calendar.objects.get(pk=calendar.pk)
    stale.current = CalendarVersion.objects.get(calendar=calendar, version=1)
    started(probe, plan(target=10 * HOUR, calendar=stale))
    assert probe.clock().due_at == MONDAY + DAY + HOUR
    clock_face.live(2 * MINUTE)
    assert probe.clock().due_at == MONDAY + 10 * HOUR
    assert RecomputeJob.objects.get().looked_again_at is not None


def test_a_second_edit_replaces_a_recomputation_under_way(probe, clock_face):
    calendar = office()
    started(probe, plan(target=10 * HOUR, calendar=calendar))
    edit(calendar, hours=LONGER)
    edit(Calendar.objects.get(pk=calendar.pk), hours=OFFICE | {"mon": [["09:00", "21:00"]], "tue": []})
    assert RecomputeJob.objects.filter(finished_at=None).count() == 1
    clock_face.live(2 * MINUTE)
    assert probe.clock().due_at == MONDAY + 10 * HOUR
    assert not RecomputeJob.objects.filter(looked_again_at=None).exists()


def test_clocks_that_stand_follow_when_they_go_on_and_breached_ones_never(probe, clock_face):
    breached = Probe()
    calendar = office()
    started(probe, plan(target=10 * HOUR, calendar=calendar))
    started(breached, plan(calendar=calendar))
    pause_clocks(probe, None, at=MONDAY, reason="pending")
    settle(breached, at=MONDAY + HOUR)
    was_due = breached.clock().due_at
    clock_face.go(HOUR)
    edit(calendar, hours=LONGER)
    clock_face.sweep()
    assert probe.clock().calendar_version.version == 2
    assert (breached.clock().due_at, breached.clock().calendar_version.version) == (was_due, 1)


# ------------------------------------------------------------------------------------------------ a country's days


def test_a_correction_reaches_every_calendar_of_the_country_and_their_clocks(probe, clock_face):
    calendar = office(country="CN")
    german = office(name="Berlin", country="DE")
    started(probe, plan(target=10 * HOUR, calendar=calendar))
    day = set_country_day(country="CN", on=date(2026, 11, 24), is_working=False, name="Typhoon", by=MANAGER)
    clock_face.sweep()
    assert probe.clock().due_at == MONDAY + 2 * DAY + HOUR
    assert Calendar.objects.get(pk=german.pk).version == 1
    remove_country_day(day, by=MANAGER)
    clock_face.sweep()
    assert probe.clock().due_at == MONDAY + DAY + HOUR
    assert Calendar.objects.get(pk=calendar.pk).version == 3


def test_a_correction_needs_a_country_that_is_known(clock_face):
    with pytest.raises(Invalid):
        set_country_day(country="XX", on=date(2026, 11, 24), is_working=False, by=MANAGER)


def test_a_release_of_the_library_is_noticed_within_a_day(clock_face, monkeypatch):
    calendar = office(country="CN")
    clock_face.live(DAY + HOUR)
    assert Calendar.objects.get(pk=calendar.pk).version == 1
    announced = {**calendar.current.country_days, "on": ["2027-02-14"]}
    monkeypatch.setattr("clocks.actions.calendars._country_days", lambda country, years: announced)
    clock_face.live(DAY)
    assert Calendar.objects.get(pk=calendar.pk).version == 2
    clock_face.live(2 * DAY)
    assert Calendar.objects.get(pk=calendar.pk).version == 2


def test_nothing_new_makes_no_new_version(clock_face):
    office(country="CN")
    assert refresh_country_days(country="CN", by=SYSTEM) == []
