"""Notices on the ground floor: written once, by the ways each person chose, read, and cleared away."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid, NotAllowed
from servicedesk.events import SubjectRef, record
from servicedesk.housekeeping import keep_house
from servicedesk.ids import new_id
from servicedesk.live import hub
from servicedesk.models import Event, Notice, User
from servicedesk.notices.actions import read_all_notices, read_notice, read_notices_about
from servicedesk.notices.choosing import choices_of, choose_channels
from servicedesk.notices.reading import newest_notices, read_bell
from servicedesk.notices.telling import Telling, notify, notify_all
from tests.make import INTEGRATION, Make

KIND = "ticket.assigned"


def happened(make: Make, kind: str = KIND) -> Event:
    return record(kind, make.ticket(), by=SYSTEM)


def unread(user: User) -> int:
    return read_bell(Actor.staff(user)).unread


def test_the_same_news_twice_is_one_notice(make: Make, alice: User) -> None:
    event = happened(make)
    notify([alice], KIND, event)
    notify([alice, alice], KIND, event)
    notice = Notice.objects.get()
    assert (notice.user, notice.kind, notice.subject_id) == (alice, KIND, event.subject_id)
    assert notice.subject_number == event.subject_number
    # The same event may be two kinds of news for one person.
    notify([alice], "message.received", event)
    assert Notice.objects.count() == 2


def test_who_has_left_is_told_nothing(make: Make, alice: User) -> None:
    alice.is_active = False
    notify([alice], KIND, happened(make))
    assert not Notice.objects.exists()


def test_a_notice_comes_by_the_ways_that_were_chosen(make: Make, alice: User, bob: User) -> None:
    choose_channels({KIND: {"sound": True, "browser": False, "digest": "daily"}}, by=Actor.staff(alice))
    notify([alice, bob], KIND, happened(make))
    ways = {one.user: (one.desk, one.browser, one.sound, one.digest) for one in Notice.objects.all()}
    assert ways == {alice: (True, False, True, "daily"), bob: (True, True, False, "off")}


def test_who_wants_to_hear_of_it_in_no_way_gets_no_row(make: Make, alice: User) -> None:
    choose_channels({KIND: {"desk": False}}, by=Actor.staff(alice))
    notify([alice], KIND, happened(make))
    assert not Notice.objects.exists()


def test_many_cost_as_many_statements_as_one(make: Make, alice: User, bob: User, charlie: User) -> None:
    people = [alice, bob, charlie]
    for user in people:
        choose_channels({KIND: {"digest": "daily"}}, by=Actor.staff(user))

    def cost(number: int) -> int:
        tellings = [Telling(KIND, happened(make), people) for _ in range(number)]
        with CaptureQueriesContext(connection) as asked:
            notify_all(tellings)
        return len([q for q in asked.captured_queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))])

    first, few, many = cost(1), cost(1), cost(9)
    # The first of a day books the digest, for which the roster is looked at.
    assert few < first
    assert few == many <= 4


def test_open_pages_are_told_after_the_commit(
    make: Make, alice: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    said: list[Any] = []
    monkeypatch.setattr(hub, "_send", said.append)
    with django_capture_on_commit_callbacks() as callbacks:
        notify([alice], KIND, happened(make))
    assert not said
    for callback in callbacks:
        callback()
    assert [message for message in said if "notice.changed" in message and str(alice.pk) in message]


# ------------------------------------------------------------------------------------------------ reading


def test_one_is_read_or_those_about_a_ticket_or_all(make: Make, alice: User, bob: User) -> None:
    events = [happened(make) for _ in range(4)]
    for event in events:
        notify([alice, bob], KIND, event)
    by = Actor.staff(alice)
    assert read_bell(by).shown == "4"
    read_notice(Notice.objects.get(user=alice, event=events[0]), by=by)
    assert read_notices_about(events[1].subject_id, by=by) == 1
    assert unread(alice) == 2
    assert read_all_notices(by=by) == 2
    assert (unread(alice), read_bell(by).shown, unread(bob)) == (0, "", 4)


def test_the_count_is_bounded(make: Make, alice: User) -> None:
    ticket = make.ticket()
    notify_all([Telling(KIND, record(KIND, ticket, by=SYSTEM), [alice]) for _ in range(101)])
    bell = read_bell(Actor.staff(alice))
    assert (bell.unread, bell.shown) == (100, "99+")


def test_what_one_may_no_longer_see_is_not_on_the_bell(make: Make, alice: User, charlie: User) -> None:
    ticket = make.ticket(team=alice.team)
    notify([alice], KIND, record(KIND, ticket, by=SYSTEM))
    ticket.team = charlie.team
    ticket.save(update_fields=["team"])
    assert unread(alice) == 0
    assert newest_notices(Actor.staff(alice)) == []


def test_what_is_about_nothing_that_is_guarded_is_shown(make: Make, alice: User) -> None:
    notify([alice], KIND, record("thing.done", SubjectRef("thing", new_id()), by=SYSTEM))
    assert unread(alice) == 1


def test_nobody_reads_anothers_and_an_integration_has_none(make: Make, alice: User, bob: User) -> None:
    notify([alice], KIND, happened(make))
    read_notice(Notice.objects.get(), by=Actor.staff(bob))
    assert unread(alice) == 1
    with pytest.raises(NotAllowed):
        read_all_notices(by=INTEGRATION)
    assert not Notice.objects.visible_to(INTEGRATION).exists()


def test_the_bell_costs_two_queries_however_much_is_on_it(
    make: Make, alice: User, django_assert_num_queries: Any
) -> None:
    ticket, by = make.ticket(), Actor.staff(alice)
    for number in (1, 40):
        notify_all([Telling(KIND, record(KIND, ticket, by=SYSTEM), [alice]) for _ in range(number)])
        with django_assert_num_queries(2):
            read_bell(by)


def test_what_a_browser_says_aloud_names_nobody(make: Make, alice: User, dana: Any) -> None:
    ticket = make.ticket(customer=dana, subject="Secret subject")
    notify([alice], "message.received", record("message.received", ticket, by=SYSTEM))
    [aloud] = read_bell(Actor.staff(alice)).aloud
    assert aloud["text"] == f"{ticket.number} · The customer answered"
    assert (aloud["browser"], aloud["sound"], aloud["about"]) == (True, False, str(ticket.pk))


# ------------------------------------------------------------------------------------------------ choosing


def test_what_is_left_out_stays_as_it_is(make: Make, alice: User) -> None:
    by = Actor.staff(alice)
    before = choices_of(by)
    choose_channels({KIND: {"sound": True}}, by=by)
    after = {one.kind.code: one.channels for one in choose_channels({KIND: {"digest": "hourly"}}, by=by).choices}
    chosen = after[KIND]
    assert (chosen.desk, chosen.browser, chosen.sound, chosen.digest) == (True, True, True, "hourly")
    assert {one.kind.code for one in before.choices} == set(after)
    assert before.version != choices_of(by).version


@pytest.mark.parametrize(
    "wanted", [{"no.such": {"desk": True}}, {KIND: {"digest": "weekly"}}, {"clock.breached_in_team": {"desk": True}}]
)
def test_what_does_not_exist_for_this_person_is_refused(make: Make, alice: User, wanted: Any) -> None:
    with pytest.raises(Invalid):
        choose_channels(wanted, by=Actor.staff(alice))


def test_who_leads_can_choose_about_their_team(make: Make, bob: User) -> None:
    choose_channels({"clock.breached_in_team": {"desk": False}}, by=Actor.staff(bob))


def test_preferences_belong_to_people(db: None) -> None:
    with pytest.raises(NotAllowed):
        choose_channels({KIND: {"desk": False}}, by=INTEGRATION)


# ------------------------------------------------------------------------------------------------ clearing away


def test_read_ones_go_after_a_month_and_unread_ones_stay(make: Make, alice: User) -> None:
    old, kept = happened(make), happened(make)
    for event in (old, kept):
        notify([alice], KIND, event)
    read_notices_about(old.subject_id, by=Actor.staff(alice))
    with time_machine.travel(now() + timedelta(days=29), tick=False):
        keep_house()
    assert Notice.objects.count() == 2
    with time_machine.travel(now() + timedelta(days=31), tick=False):
        keep_house()
    assert Notice.objects.get().event == kept
