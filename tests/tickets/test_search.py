"""Finding tickets by words, phrases, numbers and contacts."""

import re
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer
from servicedesk.errors import Invalid
from servicedesk.ids import new_id
from servicedesk.models import User
from tests.counting import steady_caches
from tests.make import INTEGRATION, Make
from tickets.actions.conversing import Words, add_note
from tickets.actions.editing import Edit, edit_ticket
from tickets.actions.merging import merge_tickets, unmerge_ticket
from tickets.models import Message, SearchDocument, Ticket
from tickets.search import (
    Indexed,
    delete_for_customer,
    find_tickets,
    finding,
    index_documents,
    index_message,
    rebuild_search,
    stores,
)

pytestmark = pytest.mark.django_db

EVERY: Any = Ticket.objects.all()


def found(q: str, **facts: Any) -> list[str]:
    return [ticket.number for ticket in find_tickets(q, facts.pop("visible", Ticket.objects.all()), **facts).tickets]


@pytest.fixture
def strap(make: Make) -> Ticket:
    return make.ticket(subject="Broken strap", body="The leather strap of my bag came off.", order_number="A-2026/77")


@pytest.fixture
def refund(make: Make) -> Ticket:
    return make.ticket(subject="申请退款", body="包带断了，我想申请退款，谢谢")


def test_words_are_found_in_messages_and_subjects_whatever_their_case(strap: Ticket, refund: Ticket) -> None:
    assert found("LEATHER strap") == [strap.number]
    assert found("broken") == [strap.number]
    assert found("broken leather") == []


def test_chinese_is_found_by_any_run_of_characters(strap: Ticket, refund: Ticket) -> None:
    assert found("退款") == [refund.number]
    assert found("包带断了") == [refund.number]
    assert found("断") == [refund.number]
    assert found("款退") == []


def test_a_phrase_is_compared_as_written(make: Make, strap: Ticket) -> None:
    other = make.ticket(body="My bag has a strap of leather.")
    assert found("strap leather") == [other.number, strap.number]
    assert found('"leather strap"') == [strap.number]
    assert found("「strap of leather」") == [other.number]


def test_nothing_is_found_by_nothing(strap: Ticket) -> None:
    assert found("") == found("  ") == found('""') == found("!?") == []


def test_a_ticket_is_found_by_its_number_before_all_others(make: Make, strap: Ticket) -> None:
    mention = make.ticket(body=f"It is about {strap.number_value}, please.")
    assert found(strap.number) == [strap.number]
    assert found(f"t-{strap.number_value} ") == [strap.number]
    assert found(str(strap.number_value)) == [strap.number, mention.number]


def test_a_ticket_is_found_by_its_order(strap: Ticket, refund: Ticket) -> None:
    assert found("A-2026/77") == [strap.number]


def test_tickets_are_found_by_exact_contacts_and_not_by_parts(make: Make, dana: Customer, strap: Ticket) -> None:
    first, second = make.ticket(customer=dana), make.ticket(customer=dana)
    assert found("DANA@example.com") == [second.number, first.number]
    assert found("13800138000") == found("+86 138-0013-8000") == [second.number, first.number]
    assert found("dana@example") == []
    assert found("1380013") == []


def test_only_what_is_visible_is_found(make: Make, strap: Ticket, alice: User) -> None:
    make.shop("second")
    assert found("leather", visible=Ticket.objects.none()) == []
    assert found(strap.number, visible=Ticket.objects.none()) == []
    assert found("leather", visible=Ticket.objects.filter(status="solved")) == []
    assert found("leather", visible=Ticket.objects.filter(tags__name="x")) == []
    assert found("leather", visible=Ticket.objects.filter(shop__code="main")) == [strap.number]


def test_the_newest_come_first_and_each_once_page_by_page(make: Make) -> None:
    tickets = [make.ticket(subject="zebra", body="zebra zebra") for _ in range(7)]
    make.answer(tickets[1], "zebra again")
    expected = [tickets[n].number for n in (1, 6, 5, 4, 3, 2, 0)]
    seen, before = [], None
    for _ in range(10):
        page = find_tickets("zebra", EVERY, limit=2, before=before)
        seen += [ticket.number for ticket in page.tickets]
        before = page.before
        if before is None:
            break
    assert seen == expected


def test_named_tickets_are_paged_as_well(make: Make, dana: Customer) -> None:
    numbers = [make.ticket(customer=dana, body="dana@example.com").number for _ in range(3)][::-1]
    page = find_tickets("dana@example.com", EVERY, limit=2)
    assert [ticket.number for ticket in page.tickets] == numbers[:2]
    rest = find_tickets("dana@example.com", EVERY, limit=2, before=page.before)
    assert [ticket.number for ticket in rest.tickets] == numbers[2:]
    assert rest.before is None


@pytest.mark.parametrize("before", ["", "x", "d", "d0", "d-1", "xyz", "7", "d99999999999999999999"])
def test_a_foreign_cursor_is_refused(before: str) -> None:
    with pytest.raises(Invalid):
        find_tickets("word", EVERY, before=before)


@pytest.mark.parametrize("few", [0, 1000])
def test_a_rare_word_is_found_however_far_back(make: Make, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(stores, "FEW", few)
    monkeypatch.setattr(finding, "FEW", few)
    monkeypatch.setattr(stores, "WALK", 4)
    monkeypatch.setattr(stores, "GLANCE", 2)
    rare = make.ticket(body="platypus")
    for _ in range(4):
        make.ticket(body="ordinary")
    newer = make.ticket(body="platypus")
    assert found("platypus") == [newer.number, rare.number]
    assert found("ordinary platypus") == []
    assert len(found("ordinary", limit=3)) == 3
    assert found("platypus", limit=1) == [newer.number]


def test_notes_are_found(strap: Ticket) -> None:
    add_note(strap, Words("probably the warehouse in Utrecht"), by=INTEGRATION)
    assert found("utrecht") == [strap.number]


def test_an_edited_text_is_found_by_its_new_words_only(make: Make, strap: Ticket) -> None:
    edit_ticket(strap, Edit(subject="Torn handle"), by=INTEGRATION)
    assert found("broken") == []
    assert found("handle") == [strap.number]
    message = Message.objects.filter(ticket=strap).get()
    index_message(message, "nothing")
    assert found("leather") == []
    assert SearchDocument.objects.filter(ticket=strap).count() == 2


def test_a_merged_tickets_words_lead_to_its_target(make: Make, dana: Customer) -> None:
    source, target = make.ticket(customer=dana, body="giraffe"), make.ticket(customer=dana, body="okapi")
    merge_tickets(source, into=target, by=INTEGRATION)
    assert found("giraffe") == [target.number]
    assert found(source.number) == [source.number]
    unmerge_ticket(source, by=INTEGRATION)
    assert found("giraffe") == [source.number]


def test_the_index_holds_neither_words_nor_their_order(strap: Ticket) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tokens::text FROM tickets_searchdocument")
        else:
            cursor.execute("SELECT tokens FROM tickets_search")
        rows = [row[0] for row in cursor.fetchall()]
    assert rows
    for row in rows:
        words = row.replace("'", "").split()
        assert words == sorted(words)
        assert all(re.fullmatch(r"[a-p]{12}", word) for word in words)


def test_a_customers_documents_can_be_taken_out(make: Make, dana: Customer, strap: Ticket) -> None:
    make.ticket(customer=dana, body="secret leather")
    assert delete_for_customer(dana.pk) == 2
    assert found("secret") == []
    assert found("leather") == [strap.number]
    assert delete_for_customer(dana.pk) == 0


def test_a_deleted_message_is_no_longer_found(strap: Ticket) -> None:
    message = make_message_go(strap)
    assert found("leather") == []
    assert not SearchDocument.objects.filter(message=message).exists()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tickets_search")
            assert cursor.fetchone()[0] == SearchDocument.objects.count()


def make_message_go(ticket: Ticket) -> uuid.UUID:
    message = Message.objects.get(ticket=ticket)
    Ticket.objects.filter(pk=ticket.pk).update(last_message=None)
    pk = message.pk
    message.delete()
    return pk


def test_rebuilding_finds_everything_again_in_the_same_order(make: Make, strap: Ticket, refund: Ticket) -> None:
    make.answer(strap, "谢谢 zebra")
    make.answer(refund, "zebra")
    before = found("zebra")
    SearchDocument.objects.all().delete()
    assert found("zebra") == []
    told: list[tuple[int, int]] = []
    assert rebuild_search(lambda done, total: told.append((done, total))) == 6
    assert found("zebra") == before == [refund.number, strap.number]
    assert told == [(6, 6)]
    newest = make.ticket(body="zebra")
    assert found("zebra")[0] == newest.number


def test_what_was_written_during_a_rebuild_stays_as_it_is(make: Make, strap: Ticket) -> None:
    assert rebuild_search() == rebuild_search() == 2
    assert found("leather") == [strap.number]


def test_a_new_ticket_is_indexed_in_one_statement_on_postgresql(make: Make, dana: Customer, strap: Ticket) -> None:
    documents = [Indexed(strap.pk, None, dana.pk, "one two"), Indexed(new_id(), None, dana.pk, "three")]
    SearchDocument.objects.all().delete()
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        index_documents(documents)
    assert len(queries) == (1 if connection.vendor == "postgresql" else 4)


def test_a_search_by_words_costs_few_queries(make: Make, strap: Ticket) -> None:
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        found("leather")
    # On PostgreSQL: a glance at the newest, the index for the rest, the tickets themselves.
    assert len(queries) <= 4


def test_a_subject_of_nothing_but_marks_is_no_document(make: Make) -> None:
    ticket = make.ticket(subject="???", body="real words")
    assert SearchDocument.objects.filter(ticket=ticket).count() == 1
    assert found("words") == [ticket.number]
