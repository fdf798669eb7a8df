"""Macros, saved views, tags and links: what agents work with."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from customers.models import Customer
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.errors import Conflict, Invalid, NotAllowed, NotFound
from servicedesk.models import User
from servicedesk.permissions import SCOPE_PERMISSIONS
from tests.make import INTEGRATION, Make
from tickets.actions.linking import link_tickets, linked_with, unlink_tickets
from tickets.actions.macros import MacroDraft, apply_macro, delete_macro, edit_macro, render_macro, save_macro
from tickets.actions.tags import create_tag, edit_tag
from tickets.actions.views import ViewDraft, delete_view, edit_view, save_view
from tickets.macros import filled_in, text_for, variables_of
from tickets.models import Delivery, Macro, Message, SavedView, Tag, Ticket, TicketLink

pytestmark = pytest.mark.django_db

SORRY = {
    "en": "Dear {{customer_name}}, we look into {{ticket_number}} (order {{ order_number }}). {{agent_name}}, {{shop_name}}",
    "zh-hans": "{{customer_name}}您好，{{ticket_number}} 正在处理。",
}


def macro(name: str = "Sorry", **facts: Any) -> Macro:
    return save_macro(MacroDraft(name, **{"texts": SORRY, **facts}), by=SYSTEM)


def do(*actions: tuple[str, dict[str, Any]], **facts: Any) -> Macro:
    return macro(actions=[{"action": name, "params": params} for name, params in actions], **facts)


# ------------------------------------------------------------------------------------------------ texts


def test_variables_are_replaced_once() -> None:
    assert variables_of("{{a}} {{ b }} {c}") == {"a", "b"}
    assert filled_in("{{a}} {{ b }}!", {"a": "{{b}}", "b": "x"}) == "{{b}} x!"


def test_the_text_is_of_the_language_or_one_of_its_beginnings_or_any() -> None:
    texts = {"en": "Hi", "zh-hans": "你好"}
    assert text_for(texts, "zh-Hans-CN") == ("你好", "zh-hans")
    assert text_for(texts, "de", "en-GB") == ("Hi", "en")
    assert text_for(texts, "de") == ("Hi", "en")
    assert text_for({}, "de") == ("", "")


def test_a_text_is_filled_in_in_the_customers_language(make: Make, dana: Customer, alice: User) -> None:
    ticket = make.ticket(customer=dana, order_number="A-7", language="en")
    expected = f"Dear Dana Weiß, we look into {ticket.number} (order A-7). Alice, My shop"
    assert render_macro(ticket, macro(), by=Actor.staff(alice)) == expected
    chinese = make.ticket(language="zh-hans")
    assert render_macro(chinese, macro(), by=Actor.staff(alice)).startswith("王小明您好")


WRONG = [
    ({"name": " "}, "name"),
    ({"texts": {}}, "texts"),
    ({"texts": {"en": "Hello {{nickname}}"}}, "texts.en"),
    ({"texts": {"en": "Hello {{customer_name}"}}, "texts.en"),
    ({"texts": {"tlh": "nuqneH"}}, "texts.tlh"),
    ({"actions": [{"action": "explode"}]}, "actions.0.action"),
    ({"actions": [{"action": "tag", "params": {"tags": "late"}}]}, "actions.0.params"),
    ({"actions": [{"action": "priority", "params": {"priority": "top"}}]}, "actions.0.params"),
    ({"actions": [{"action": "assign", "params": {"assignee": "Bob"}}]}, "actions.0.params"),
    ({"actions": [{"action": "hold", "params": {"for": "ever"}}]}, "actions.0.params"),
    ({"actions": [{"action": "solve", "params": {"now": True}}]}, "actions.0.params"),
]


@pytest.mark.parametrize(("facts", "field"), WRONG)
def test_what_makes_no_sense_is_refused_by_field(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        save_macro(replace(MacroDraft("Sorry", texts=SORRY), **facts), by=SYSTEM)
    assert [error.field for error in refusal.value.errors] == [field]


# ------------------------------------------------------------------------------------------------ whose


def test_everybody_keeps_their_own_and_who_leads_keeps_the_shared(make: Make, alice: User, bob: User) -> None:
    with pytest.raises(NotAllowed):
        save_macro(MacroDraft("x", texts=SORRY), by=Actor.staff(alice))
    own = save_macro(MacroDraft("own", texts=SORRY, owner=alice), by=Actor.staff(alice))
    shared = save_macro(MacroDraft("shared", texts=SORRY), by=Actor.staff(bob))
    of_team = save_macro(MacroDraft("of the team", texts=SORRY, team=make.team("Shoes")), by=Actor.staff(bob))
    assert set(Macro.objects.visible_to(Actor.staff(alice))) == {own, shared}
    assert set(Macro.objects.visible_to(SYSTEM)) == {own, shared, of_team}
    with pytest.raises(NotAllowed):
        edit_macro(own, replace(MacroDraft.of(own), name="mine"), by=Actor.staff(bob))
    with pytest.raises(NotAllowed):
        delete_macro(shared, by=Actor.staff(alice))
    assert edit_macro(own, replace(MacroDraft.of(own), name="better"), by=Actor.staff(alice)).name == "better"
    assert make.told(own) == ["macro.created", "macro.edited"]
    delete_macro(own, by=Actor.staff(alice))
    assert not Macro.objects.filter(name="better").exists()


def test_somebody_elses_own_is_not_seen(make: Make, alice: User) -> None:
    other = make.user()
    own = save_macro(MacroDraft("own", texts=SORRY, owner=other), by=Actor.staff(other))
    with pytest.raises(NotFound):
        delete_macro(own, by=Actor.staff(alice))


def test_a_shops_macros_are_seen_by_who_works_for_it(make: Make) -> None:
    shop = make.shop("second")
    of_shop = macro(shop=shop)
    user = make.user(sees_every_shop=False)
    assert of_shop not in Macro.objects.visible_to(Actor.staff(user))
    user.shops.add(shop)
    assert of_shop in Macro.objects.visible_to(Actor.staff(user))


# ------------------------------------------------------------------------------------------------ applying


def test_applying_files_in_one_edit_and_leaves_the_text_to_be_sent(make: Make, alice: User) -> None:
    team = make.team("Returns")
    ticket = make.ticket(tags=("new", "old"))
    applied = apply_macro(
        ticket,
        do(
            ("tag", {"tags": ["late"]}),
            ("untag", {"tags": ["old"]}),
            ("priority", {"priority": "high"}),
            ("team", {"team": str(team.pk)}),
            ("assign", {"assignee": "me"}),
            ("solve", {}),
        ),
        by=Actor.staff(alice),
        send=False,
    )
    done = applied.ticket
    assert (applied.then, applied.message) == ("solve", None)
    assert applied.text
    assert (done.priority, done.team, done.assignee, done.status) == ("high", team, alice, "open")
    assert set(done.tags.values_list("name", flat=True)) == {"late", "new"}
    assert make.told(ticket).count("ticket.edited") == 1
    assert make.told(ticket)[-1] == "macro.applied"
    assert Message.objects.filter(ticket=ticket).count() == 1


def test_the_reply_carries_the_move_and_can_be_taken_back_with_it(make: Make, alice: User) -> None:
    ticket = make.ticket("open")
    applied = apply_macro(ticket, do(("solve", {})), by=Actor.staff(alice), send=True)
    assert applied.message is not None
    assert (applied.message.delivery, applied.message.then) == (Delivery.WAITING, "solve")
    assert applied.ticket.status == "open"


def test_an_integrations_reply_leaves_at_once_and_moves(make: Make, alice: User) -> None:
    ticket = make.ticket()
    applied = apply_macro(ticket, do(("hold", {"for": "customer"})), by=INTEGRATION, send=True)
    assert applied.ticket.status == "pending"


def test_a_note_and_moves_without_words(make: Make, alice: User) -> None:
    ticket = make.ticket("open")
    noted = apply_macro(
        ticket, do(("hold", {"for": "others", "hours": 4}), is_note=True), by=Actor.staff(alice), send=True
    )
    assert noted.message is not None
    assert noted.message.visibility == "internal"
    assert noted.ticket.status == "on_hold"
    silent = apply_macro(ticket, do(("solve", {}), texts={}), by=Actor.staff(alice), send=True)
    assert (silent.text, silent.message, silent.ticket.status) == ("", None, "solved")


def test_a_macro_asks_the_permissions_of_what_it_does(make: Make, alice: User) -> None:
    auditor = Actor.staff(make.user(User.Role.AUDITOR))
    ticket = make.ticket()
    with pytest.raises(NotAllowed):
        apply_macro(ticket, do(("tag", {"tags": ["late"]})), by=auditor, send=False)
    with pytest.raises(Conflict):
        apply_macro(ticket, macro(is_active=False), by=Actor.staff(alice), send=False)
    with pytest.raises(Conflict):
        apply_macro(ticket, macro(shop=make.shop("second")), by=Actor.staff(alice), send=False)


def test_what_fails_undoes_all_of_it(make: Make, alice: User) -> None:
    ticket = make.ticket("closed")
    with pytest.raises(Conflict):
        apply_macro(ticket, do(("tag", {"tags": ["late"]}), ("solve", {}), texts={}), by=Actor.staff(alice), send=True)


# ------------------------------------------------------------------------------------------------ views, tags, links


def test_a_view_keeps_filters_and_no_words(make: Make, alice: User) -> None:
    view = save_view(ViewDraft("Urgent", owner=alice, filters={"priority": ["urgent"]}), by=Actor.staff(alice))
    assert SavedView.objects.visible_to(Actor.staff(make.user())).count() == 0
    edited = edit_view(view, replace(ViewDraft.of(view), name="Very urgent"), by=Actor.staff(alice))
    assert edited.name == "Very urgent"
    for filters in ({"q": "Dana"}, {"customer": "x"}, {"order": "A-7"}, {"status": {"a": 1}}):
        with pytest.raises(Invalid):
            edit_view(view, replace(ViewDraft.of(view), filters=filters), by=Actor.staff(alice))
    with pytest.raises(NotAllowed):
        save_view(ViewDraft("For all"), by=Actor.staff(alice))
    delete_view(view, by=Actor.staff(alice))
    assert make.told(view) == ["saved_view.created", "saved_view.edited", "saved_view.deleted"]


def test_tags_are_made_once_and_renamed(make: Make, alice: User, bob: User) -> None:
    tag = create_tag(" late ", color="#ff0000", by=Actor.staff(bob))
    assert tag.name == "late"
    with pytest.raises(Conflict):
        create_tag("late", by=Actor.staff(bob))
    with pytest.raises(NotAllowed):
        edit_tag(tag, name="later", by=Actor.staff(alice))
    with pytest.raises(Invalid):
        edit_tag(tag, color="red", by=Actor.staff(bob))
    edit_tag(tag, name="later", by=Actor.staff(bob))
    assert Tag.objects.get().name == "later"


def test_links_are_kept_once_told_on_both_and_taken_away(make: Make, alice: User) -> None:
    one, other = make.ticket(), make.ticket()
    by = Actor.staff(alice)
    link_tickets(one, other, by=by)
    link_tickets(other, one, by=by)
    assert TicketLink.objects.count() == 1
    assert list(linked_with(one, by=by)) == [other]
    assert list(linked_with(other, by=by)) == [one]
    assert make.told(one)[-1] == make.told(other)[-1] == "ticket.linked"
    assert make.last(one, "ticket.linked").changes == {"other": str(other.pk), "other_number": other.number}
    unlink_tickets(other, one, by=by)
    assert make.told(one)[-1] == "ticket.unlinked"
    with pytest.raises(NotFound):
        unlink_tickets(other, one, by=by)
    with pytest.raises(Invalid):
        link_tickets(one, one, by=by)
    with pytest.raises(NotAllowed):
        link_tickets(one, other, by=Actor.staff(make.user(User.Role.AUDITOR)))


# ------------------------------------------------------------------------------------------------ the REST doors


@pytest.fixture
def api(db: None) -> Client:
    key = issue_api_key(integration="Tests", scopes=list(SCOPE_PERMISSIONS), by=SYSTEM)
    return Client(headers={"authorization": f"Bearer {key.fresh_secret}"})


JSON: Any = {"content_type": "application/json"}


def test_macros_over_rest(make: Make, api: Client) -> None:
    body = {"name": "Sorry", "texts": SORRY, "actions": [{"action": "solve", "params": {}}], "shop": "main"}
    made = api.post("/api/v1/macros/", body, **JSON)
    assert made.status_code == 201
    shown = made.json()
    assert {name: shown[name] for name in body} == body
    address = f"/api/v1/macros/{shown['id']}/"
    assert api.patch(address, {"name": "So sorry"}, **JSON).json()["name"] == "So sorry"
    assert [one["name"] for one in api.get("/api/v1/macros/").json()["results"]] == ["So sorry"]
    ticket = make.ticket(language="en")
    applied = api.post(f"{address}apply/", {"ticket": str(ticket.pk), "send": True}, **JSON)
    assert applied.status_code == 200
    assert applied.json()["message"]["body"] == applied.json()["text"]
    assert Ticket.objects.get(pk=ticket.pk).status == "solved"
    wrong = api.post("/api/v1/macros/", {"name": "x", "texts": {"en": "{{nickname}}"}}, **JSON)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "texts.en")
    assert api.delete(address).status_code == 204


def test_tags_and_views_over_rest(api: Client) -> None:
    tag = api.post("/api/v1/tags/", {"name": "late", "color": "#ff0000"}, **JSON)
    assert tag.status_code == 201
    assert api.patch(f"/api/v1/tags/{tag.json()['id']}/", {"name": "later"}, **JSON).status_code == 200
    assert [one["name"] for one in api.get("/api/v1/tags/").json()["results"]] == ["later"]
    view = api.post(
        "/api/v1/saved-views/", {"name": "Urgent", "filters": {"priority": ["urgent"], "status": "new"}}, **JSON
    )
    assert view.status_code == 201
    assert view.json()["filters"] == {"priority": ["urgent"], "status": "new"}
    assert api.post("/api/v1/saved-views/", {"name": "x", "filters": {"q": "Dana"}}, **JSON).status_code == 422
    assert api.post("/api/v1/saved-views/", {"name": "x", "filters": {"status": "gone"}}, **JSON).status_code == 422
    assert api.delete(f"/api/v1/saved-views/{view.json()['id']}/").status_code == 204


def test_links_over_rest_with_what_follows(make: Make, api: Client) -> None:
    one, other = make.ticket(), make.ticket("closed")
    later = make.answer(other, "It broke again").ticket
    address = f"/api/v1/tickets/{one.pk}"
    linked = api.post(f"{address}/link/", {"other": str(other.pk)}, **JSON)
    assert (linked.status_code, linked.json()["id"]) == (200, str(one.pk))

    def links_of(ticket: Ticket) -> set[str]:
        return {row["id"] for row in api.get(f"/api/v1/tickets/{ticket.pk}/links/").json()["results"]}

    assert links_of(one) == {str(other.pk)}
    assert links_of(other) == {str(one.pk), str(later.pk)}
    assert links_of(later) == {str(other.pk)}
    assert api.post(f"{address}/unlink/", {"other": str(other.pk)}, **JSON).status_code == 200
    assert api.post(f"{address}/unlink/", {"other": str(other.pk)}, **JSON).status_code == 404
    unknown = api.post(f"{address}/link/", {"other": "0199c0de-0000-7000-8000-000000000000"}, **JSON)
    assert (unknown.status_code, unknown.json()["errors"][0]["field"]) == (422, "other")
