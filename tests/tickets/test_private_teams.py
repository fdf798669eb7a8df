"""A private team's tickets are its members' and those who oversee: in the feed, and in who may be given one."""

from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.carrying import sequence_events
from servicedesk.errors import Invalid
from servicedesk.events import record
from servicedesk.hearing import changes_for
from servicedesk.models import EventPosition, Team, User
from tests.counting import steady_caches
from tests.make import Make
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.linking import link_tickets, unlink_tickets
from tickets.actions.merging import merge_tickets, unmerge_ticket
from tickets.actions.routing import assign_ticket, route_ticket, take_next_ticket
from tickets.actions.working import close_ticket, reopen_ticket, solve_ticket
from tickets.models import Ticket

FEED = "/api/v1/events/?limit=100"


@pytest.fixture
def theirs(make: Make, charlie: User) -> Ticket:
    """A ticket of Charlie's team, which keeps its tickets to itself."""
    return make.ticket(team=charlie.team)


def heard_of(client: Client) -> set[str]:
    """The numbers of the tickets that the whole feed tells of."""
    while sequence_events():
        pass
    numbers, url = set(), FEED
    while url:
        page = client.get(url).json()
        numbers |= {event["subject"]["number"] for event in page["results"] if event["subject"]["type"] == "ticket"}
        url = page["next"]
    return numbers


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_feed_tells_of_it_to_its_members_and_who_oversees_only(
    make: Make, theirs: Ticket, alice: User, charlie: User
) -> None:
    open_to_all = make.ticket(team=alice.team)
    overseer = make.user(User.Role.MANAGER, team=alice.team, is_demo=True)
    nowhere = make.user(team=None)
    assert heard_of(signed_in(charlie)) == heard_of(signed_in(overseer)) == {theirs.number, open_to_all.number}
    assert heard_of(signed_in(alice)) == heard_of(signed_in(nowhere)) == {open_to_all.number}


def test_a_key_is_told_of_everything_in_its_shops(theirs: Ticket) -> None:
    key = issue_api_key(integration="reports", scopes=["events:read"], by=SYSTEM)
    assert heard_of(Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})) == {theirs.number}


def test_what_is_told_follows_the_team_the_ticket_is_with_now(make: Make, theirs: Ticket, alice: User) -> None:
    edit_ticket(theirs, Edit(team=None), by=SYSTEM)
    assert heard_of(signed_in(alice)) == {theirs.number}


def test_the_feed_asks_no_more_however_much_is_private(make: Make, theirs: Ticket, alice: User) -> None:
    client = signed_in(alice)
    asked = []
    for _n in range(3):
        heard_of(client)
        with steady_caches(), CaptureQueriesContext(connection) as queries:
            heard_of(client)
        asked.append(len(queries))
        make.ticket(team=theirs.team)
    assert EventPosition.objects.count() > 6
    assert len(set(asked)) == 1


def test_news_of_keys_and_webhooks_are_for_who_manages_them(make: Make, alice: User) -> None:
    issue_api_key(integration="reports", scopes=["events:read"], by=SYSTEM)
    while sequence_events():
        pass
    query = f"{FEED}&kind=api_key.issued"
    admin = make.user(User.Role.ADMIN, is_demo=True)
    assert len(signed_in(admin).get(query).json()["results"]) == 1
    assert signed_in(alice).get(query).json()["results"] == []


def test_nobody_is_given_a_ticket_they_cannot_see(make: Make, theirs: Ticket, alice: User, charlie: User) -> None:
    with pytest.raises(Invalid) as refused:
        assign_ticket(theirs, alice, by=Actor.staff(charlie))
    assert [(error.field, error.code) for error in refused.value.errors] == [("assignee", "outside_private_team")]
    assert Ticket.objects.get(pk=theirs.pk).assignee_id is None
    overseer = make.user(User.Role.MANAGER)
    for person in (charlie, overseer):
        assign_ticket(theirs, person, by=SYSTEM)
        assert Ticket.objects.get(pk=theirs.pk).assignee_id == person.pk


def test_both_doors_say_what_to_do(theirs: Ticket, alice: User, charlie: User) -> None:
    client = signed_in(charlie)
    answer = client.post(f"/api/v1/tickets/{theirs.pk}/assign/", {"assignee": str(alice.pk)}, "application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "outside_private_team"
    words = answer.json()["errors"][0]["detail"]
    assert "team" in words
    page = client.post(f"/desk/tickets/{theirs.number}/assign/", {"assignee": str(alice.pk)})
    assert (page.status_code, words in unescape(page.content.decode())) == (422, True)


def test_routing_never_picks_somebody_who_cannot_see_it(make: Make, theirs: Ticket) -> None:
    outsider = make.user(team=make.team("Bags"), present=True)
    nowhere = make.user(present=True)
    assert route_ticket(theirs).assignee_id is None
    assert take_next_ticket(outsider, by=SYSTEM) is None
    assert take_next_ticket(nowhere, by=SYSTEM) is None
    member = make.user(team=theirs.team, present=True)
    assert route_ticket(theirs).assignee_id == member.pk


def test_a_ticket_moved_to_a_private_team_leaves_an_agent_outside_of_it(make: Make, alice: User, charlie: User) -> None:
    ticket = make.ticket(team=alice.team)
    assign_ticket(ticket, alice, by=SYSTEM)
    edit_ticket(ticket, Edit(team=charlie.team), by=Actor.staff(alice))
    ticket.refresh_from_db()
    assert ticket.assignee_id is None
    assert ticket.queued_at is not None
    told = make.last(ticket, "ticket.assigned").changes
    assert told == {"assignee": None, "previous": str(alice.pk), "how": "left_team"}


def test_one_moved_to_a_private_team_goes_to_its_members_on_duty(make: Make, alice: User) -> None:
    member = make.user(team=make.team("Complaints", is_private=True), present=True)
    make.settle_down()
    ticket = make.ticket(team=alice.team)
    assign_ticket(ticket, alice, by=SYSTEM)
    edit_ticket(ticket, Edit(team=member.team), by=Actor.staff(alice))
    make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).assignee_id == member.pk


def test_a_member_keeps_a_ticket_that_becomes_their_private_teams(make: Make, charlie: User) -> None:
    ticket = make.ticket()
    assign_ticket(ticket, charlie, by=SYSTEM)
    edit_ticket(ticket, Edit(team=charlie.team), by=SYSTEM)
    assert Ticket.objects.get(pk=ticket.pk).assignee_id == charlie.pk


def test_who_changes_team_keeps_none_of_the_old_private_teams_tickets(
    make: Make, theirs: Ticket, alice: User, charlie: User
) -> None:
    assign_ticket(theirs, charlie, by=SYSTEM)
    open_to_all = make.ticket(team=alice.team)
    assign_ticket(open_to_all, charlie, by=SYSTEM)
    User.objects.filter(pk=charlie.pk).update(team=alice.team)
    record("user.edited", charlie, by=SYSTEM)
    make.settle_down()
    theirs.refresh_from_db()
    assert (theirs.assignee_id, theirs.queued_at is not None) == (None, True)
    assert make.last(theirs, "ticket.assigned").changes == {
        "assignee": None, "previous": str(charlie.pk), "how": "left_team",
    }  # fmt: skip
    assert Ticket.objects.get(pk=open_to_all.pk).assignee_id == charlie.pk


def test_what_a_person_leaves_behind_goes_to_a_member_on_duty(make: Make, theirs: Ticket, charlie: User) -> None:
    assign_ticket(theirs, charlie, by=SYSTEM)
    member = make.user(team=theirs.team, present=True)
    User.objects.filter(pk=charlie.pk).update(team=None)
    record("user.edited", charlie, by=SYSTEM)
    make.settle_down()
    assert Ticket.objects.get(pk=theirs.pk).assignee_id == member.pk


def test_a_team_that_becomes_private_takes_its_tickets_from_outsiders(make: Make, charlie: User) -> None:
    team = make.team("Complaints")
    ticket = make.ticket(team=team)
    assign_ticket(ticket, charlie, by=SYSTEM)
    Team.objects.filter(pk=team.pk).update(is_private=True)
    record("team.edited", team, by=SYSTEM)
    make.settle_down()
    assert Ticket.objects.get(pk=ticket.pk).assignee_id is None


def test_reopening_gives_it_to_nobody_who_left_the_team(make: Make, theirs: Ticket) -> None:
    member = make.user(team=theirs.team, present=True)
    assign_ticket(theirs, member, by=SYSTEM)
    solve_ticket(theirs, by=SYSTEM)
    User.objects.filter(pk=member.pk).update(team=None)
    reopen_ticket(theirs, by=SYSTEM)
    assert Ticket.objects.get(pk=theirs.pk).assignee_id is None


def mentioning(make: Make, theirs: Ticket, event: str, alice: User) -> Ticket:
    """A ticket that Alice sees, whose events name one that she doesn't."""
    ticket = make.ticket(team=alice.team, customer=theirs.customer)
    if event == "linked":
        link_tickets(ticket, theirs, by=SYSTEM)
        unlink_tickets(ticket, theirs, by=SYSTEM)
    elif event == "merged":
        merge_tickets(ticket, into=theirs, by=SYSTEM)
        unmerge_ticket(ticket, by=SYSTEM)
    elif event == "absorbed":
        merge_tickets(theirs, into=ticket, by=SYSTEM)
        unmerge_ticket(theirs, by=SYSTEM)
    else:
        solve_ticket(ticket, by=SYSTEM)
        close_ticket(ticket, by=SYSTEM)
        follow_up = make.answer(ticket).ticket
        edit_ticket(follow_up, Edit(team=theirs.team), by=SYSTEM)
    return ticket


@pytest.mark.parametrize("event", ["linked", "merged", "absorbed", "followed_up"])
def test_no_event_names_a_ticket_that_its_reader_does_not_see(
    make: Make, theirs: Ticket, alice: User, charlie: User, event: str
) -> None:
    ticket = mentioning(make, theirs, event, alice)
    follow_up = Ticket.objects.filter(follows=ticket).first() or theirs
    while sequence_events():
        pass
    pages = [FEED, f"/api/v1/tickets/{ticket.pk}/timeline/?limit=100"]
    for page in pages:
        shown = signed_in(alice).get(page).content.decode()
        assert f"ticket.{event}" in shown
        assert (str(follow_up.pk) in shown, f'"{follow_up.number}"' in shown) == (False, False)
        told = signed_in(charlie).get(page).content.decode()
        assert (str(follow_up.pk) in told, f'"{follow_up.number}"' in told) == (True, True)


def test_the_one_that_a_follow_up_follows_is_named_to_who_sees_it_only(make: Make, alice: User, charlie: User) -> None:
    old = make.ticket("closed", team=charlie.team)
    ticket = make.answer(old).ticket
    edit_ticket(ticket, Edit(team=alice.team), by=SYSTEM)
    page = f"/api/v1/tickets/{ticket.pk}/timeline/"
    assert str(old.pk) not in signed_in(alice).get(page).content.decode()
    assert str(old.pk) in signed_in(charlie).get(page).content.decode()


def test_the_old_tickets_page_says_where_it_goes_on_to_who_may_look_there(
    make: Make, theirs: Ticket, alice: User, charlie: User
) -> None:
    ticket = mentioning(make, theirs, "followed_up", alice)
    number = Ticket.objects.get(follows=ticket).number
    page = f"/desk/tickets/{ticket.number}/"
    assert f"Goes on in {number}" in signed_in(charlie).get(page).content.decode()
    assert "Goes on in" not in signed_in(alice).get(page).content.decode()


@pytest.mark.parametrize("relation", ["merged_into", "follows"])
def test_a_ticket_names_no_other_one_that_its_reader_does_not_see(
    make: Make, theirs: Ticket, alice: User, charlie: User, relation: str
) -> None:
    if relation == "merged_into":
        ticket = make.ticket(team=alice.team, customer=theirs.customer)
        merge_tickets(ticket, into=theirs, by=SYSTEM)
    else:
        theirs = make.ticket("closed", team=charlie.team)
        ticket = make.answer(theirs).ticket
        edit_ticket(ticket, Edit(team=alice.team), by=SYSTEM)
    for page in (f"/api/v1/tickets/{ticket.pk}/", "/api/v1/tickets/"):
        assert str(theirs.pk) not in signed_in(alice).get(page).content.decode()
        assert f'"{relation}":"{theirs.pk}"' in signed_in(charlie).get(page).content.decode()


def test_a_tickets_page_says_into_which_it_was_merged_to_who_may_look_there(
    make: Make, theirs: Ticket, alice: User, charlie: User
) -> None:
    ticket = make.ticket(team=alice.team, customer=theirs.customer)
    merge_tickets(ticket, into=theirs, by=SYSTEM)
    page = f"/desk/tickets/{ticket.number}/"
    assert f"Merged into {theirs.number}" in signed_in(charlie).get(page).content.decode()
    assert theirs.number not in signed_in(alice).get(page).content.decode()


def test_messages_that_came_with_an_unseen_ticket_are_of_the_one_it_was_merged_into(
    make: Make, theirs: Ticket, alice: User, charlie: User
) -> None:
    ticket = make.ticket(team=alice.team, customer=theirs.customer)
    merge_tickets(theirs, into=ticket, by=SYSTEM)
    page = f"/api/v1/tickets/{ticket.pk}/messages/"
    assert {one["ticket"] for one in signed_in(alice).get(page).json()["results"]} == {str(ticket.pk)}
    assert {one["ticket"] for one in signed_in(charlie).get(page).json()["results"]} == {str(ticket.pk), str(theirs.pk)}


def test_a_webhook_of_one_shop_names_no_ticket_of_another(make: Make) -> None:
    here, there = make.ticket(), make.ticket(shop=make.shop("bags"), customer=None)
    event = record("ticket.linked", here, by=SYSTEM, changes={"other": str(there.pk), "other_number": there.number})
    ours = Actor("integration", None, shops=frozenset({here.shop_id}))
    assert changes_for([event], ours)[event.pk] == {}
    assert changes_for([event], Actor("integration", None))[event.pk] == event.changes
