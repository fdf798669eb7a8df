"""Drafts: kept for one person and ticket, encrypted, last window wins and nothing is lost, gone when sent."""

from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from customers.keys import forget_key
from customers.keystore.models import DataKey, Tombstone
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, NotAllowed, NotFound, Stale
from servicedesk.models import Event, User
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, add_note, post_reply, undo_reply
from tickets.actions.drafts import Unsent, discard_draft, draft_of, save_draft
from tickets.actions.merging import merge_tickets
from tickets.attachments import UNCLAIMED_FOR, keep_bytes, sweep_unclaimed, upload_ahead
from tickets.models import Attachment, Draft, Ticket, Visibility

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(make: Make) -> Ticket:
    return make.ticket()


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.staff(alice)


def body_of(ticket: Ticket, by: Actor) -> str:
    draft = draft_of(ticket, by)
    return "" if draft is None else draft.body


def test_a_draft_is_ones_own_and_one_for_each_ticket(ticket: Ticket, by: Actor, bob: User, make: Make) -> None:
    save_draft(ticket, Unsent("Half a sent"), by=by)
    draft = save_draft(ticket, Unsent("Half a sentence", Visibility.INTERNAL), by=by)
    assert (draft.version, body_of(ticket, by), draft.visibility) == (2, "Half a sentence", "internal")
    assert Draft.objects.count() == 1
    assert draft_of(ticket, Actor.staff(bob)) is None
    assert draft_of(make.ticket(), by) is None


def test_its_text_lies_encrypted_and_no_event_tells_of_it(ticket: Ticket, by: Actor) -> None:
    before = Event.objects.count()
    draft = save_draft(ticket, Unsent("Half a sentence"), by=by)
    save_draft(ticket, Unsent("Another one"), by=by, base=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT body, replaced FROM tickets_draft")
        stored = b"".join(bytes(value) for value in cursor.fetchone())
    assert b"sentence" not in stored
    assert b"Another" not in stored
    assert str(draft.customer.key_id.hex) in stored.hex()
    assert Event.objects.count() == before


def test_of_two_windows_the_last_wins_and_the_other_text_is_kept(ticket: Ticket, by: Actor) -> None:
    first = save_draft(ticket, Unsent("from the first"), by=by, base=0)
    second = save_draft(ticket, Unsent("from the second"), by=by, base=0)
    assert (second.body, second.replaced) == ("from the second", "from the first")
    again = save_draft(ticket, Unsent("from the first, longer"), by=by, base=first.version)
    assert (again.body, again.replaced) == ("from the first, longer", "from the second")
    on = save_draft(ticket, Unsent("from the first, longer still"), by=by, base=again.version)
    assert on.replaced == "from the second"
    assert save_draft(ticket, Unsent("x", settled=True), by=by, base=on.version).replaced == ""


def test_what_was_sent_or_discarded_does_not_come_back(ticket: Ticket, by: Actor) -> None:
    draft = save_draft(ticket, Unsent("Done."), by=by)
    add_note(ticket, Words("Done.", is_draft=True), by=by)
    assert draft_of(ticket, by) is None
    with pytest.raises(Conflict) as refused:
        save_draft(ticket, Unsent("Done."), by=by, base=draft.version)
    assert refused.value.code == "draft_gone"
    assert save_draft(ticket, Unsent("Something else"), by=by, base=0).version == 1


def test_a_message_that_is_not_the_draft_leaves_it(ticket: Ticket, by: Actor) -> None:
    save_draft(ticket, Unsent("Half a sentence"), by=by)
    add_note(ticket, Words("A macro's text"), by=by)
    assert body_of(ticket, by) == "Half a sentence"


def test_discarding_needs_the_version_that_is_there(ticket: Ticket, by: Actor) -> None:
    draft = save_draft(ticket, Unsent("one"), by=by)
    save_draft(ticket, Unsent("two"), by=by)
    with pytest.raises(Stale):
        discard_draft(ticket, by=by, base=draft.version)
    assert body_of(ticket, by) == "two"
    discard_draft(ticket, by=by)
    discard_draft(ticket, by=by)
    assert draft_of(ticket, by) is None


def test_what_is_taken_back_is_a_draft_again_before_what_was_begun_since(ticket: Ticket, by: Actor) -> None:
    message = post_reply(ticket, Words("Too quick.", is_draft=True), by=by)
    save_draft(ticket, Unsent("By the way"), by=by)
    undo_reply(message, by=by)
    assert body_of(ticket, by) == "Too quick.\n\nBy the way"


def test_a_taken_back_reply_joined_to_a_note_stays_with_the_team(ticket: Ticket, by: Actor) -> None:
    message = post_reply(ticket, Words("Too quick."), by=by)
    save_draft(ticket, Unsent("He is difficult", Visibility.INTERNAL), by=by)
    undo_reply(message, by=by)
    draft = draft_of(ticket, by)
    assert draft is not None
    assert draft.visibility == Visibility.INTERNAL


def test_drafts_go_along_into_the_ticket_that_theirs_is_merged_into(make: Make, by: Actor, bob: User) -> None:
    target = make.ticket()
    source = make.ticket(customer=target.customer)
    save_draft(target, Unsent("In the target"), by=by)
    save_draft(source, Unsent("In the source", Visibility.INTERNAL), by=by)
    save_draft(source, Unsent("Bob's"), by=Actor.staff(bob))
    merge_tickets(source, into=target, by=INTEGRATION)
    assert body_of(target, by) == "In the target\n\nIn the source"
    assert body_of(target, Actor.staff(bob)) == "Bob's"
    assert Draft.objects.get(ticket=target, author=by.id).visibility == Visibility.INTERNAL
    assert not Draft.objects.filter(ticket=source).exists()


def test_who_may_not_write_there_keeps_no_draft(ticket: Ticket, make: Make, alice: User, charlie: User) -> None:
    auditor = Actor.staff(make.user(User.Role.AUDITOR))
    for actor in (auditor, INTEGRATION):
        with pytest.raises(NotAllowed):
            save_draft(ticket, Unsent("x"), by=actor)
        with pytest.raises(NotAllowed):
            discard_draft(ticket, by=actor)
    private = make.ticket(team=charlie.team)
    with pytest.raises(NotFound):
        save_draft(private, Unsent("x"), by=Actor.staff(alice))


def test_nothing_new_is_written_of_an_erased_customer(ticket: Ticket, by: Actor) -> None:
    save_draft(ticket, Unsent("x"), by=by)
    Customer.objects.filter(pk=ticket.customer_id).update(erased_at=now())
    erased = Ticket.objects.get(pk=ticket.pk)
    with pytest.raises(Conflict) as refused:
        save_draft(erased, Unsent("y"), by=by)
    assert refused.value.code == "customer_erased"
    DataKey.objects.filter(pk=ticket.customer.key_id).delete()
    Tombstone.objects.create(key_id=ticket.customer.key_id)
    forget_key(ticket.customer.key_id)
    assert draft_of(Ticket.objects.get(pk=ticket.pk), by) is None


def test_a_file_that_a_draft_names_is_not_swept(ticket: Ticket, by: Actor) -> None:
    named, other = (upload_ahead(keep_bytes("a.txt", b"text"), ticket.customer) for _ in range(2))
    save_draft(ticket, Unsent("See the file", attachments=[named.pk]), by=by)
    with time_machine.travel(now() + UNCLAIMED_FOR * 2, tick=False):
        assert sweep_unclaimed() == 1
    assert list(Attachment.objects.all()) == [named]
    assert other.pk != named.pk


# ------------------------------------------------------------------------------------------------ doors


@pytest.fixture
def rest(client: Client, alice: User) -> Any:
    client.force_login(alice)

    def ask(method: str, ticket: Ticket, data: Any = None, **headers: str) -> Any:
        return client.generic(
            method, f"/api/v1/tickets/{ticket.pk}/draft/", data, content_type="application/json", headers=headers
        )

    return ask


def test_by_rest_it_is_read_saved_and_discarded(rest: Any, ticket: Ticket) -> None:
    empty = rest("GET", ticket)
    assert (empty.status_code, empty.json()["version"], empty.json()["body"]) == (200, 0, "")
    saved = rest("PUT", ticket, '{"body": "Half", "visibility": "internal", "base": 0}')
    assert (saved.status_code, saved.json()["version"], saved.headers["ETag"]) == (200, 1, '"v1"')
    assert rest("PUT", ticket, '{"body": "Other", "base": 0}').json()["replaced"] == "Half"
    assert rest("DELETE", ticket, **{"If-Match": '"v1"'}).status_code == 412
    assert rest("DELETE", ticket, **{"If-Match": '"v2"'}).status_code == 204
    gone = rest("PUT", ticket, '{"body": "Other", "base": 2}')
    assert (gone.status_code, gone.json()["code"]) == (409, "draft_gone")
    assert rest("GET", ticket).json()["version"] == 0


def test_by_rest_others_tickets_and_wrong_bodies_are_refused(rest: Any, make: Make, charlie: User) -> None:
    assert rest("GET", make.ticket(team=charlie.team)).status_code == 404
    assert rest("PUT", make.ticket(), '{"body": "x", "base": -1}').status_code == 422
    assert rest("PUT", make.ticket(), '{"text": "x"}').status_code == 422


def test_without_script_a_draft_is_saved_shown_and_discarded_by_the_page(
    client: Client, alice: User, ticket: Ticket
) -> None:
    client.force_login(alice)
    address = f"/desk/tickets/{ticket.number}/"
    assert client.post(address + "draft/", {"body": "Half a sentence", "visibility": "internal"}).status_code == 303
    page = client.get(address).content.decode()
    assert "Half a sentence</textarea>" in page
    assert 'value="internal" checked' in page
    assert client.post(address + "discard-draft/").status_code == 303
    assert "Half a sentence" not in client.get(address).content.decode()


def test_what_was_begun_is_still_shown_where_nobody_can_write_any_more(client: Client, alice: User, make: Make) -> None:
    ticket = make.ticket("closed")
    save_draft(ticket, Unsent("Half a sentence"), by=Actor.staff(alice))
    client.force_login(alice)
    assert "Half a sentence" in client.get(f"/desk/tickets/{ticket.number}/").content.decode()
