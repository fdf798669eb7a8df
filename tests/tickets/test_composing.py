"""What goes with a message: mentions, macros, a moment to leave at; and what is said before it leaves."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from customers.models import Customer
from customers.spotting import contacts_in, contacts_of_others
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed
from servicedesk.models import Event, User
from tests.make import INTEGRATION, Make
from tickets.actions.composing import Composed, send_composed
from tickets.actions.conversing import Words, add_note, post_reply, receive_message, send_now, undo_reply
from tickets.actions.drafts import draft_of
from tickets.actions.macros import MacroDraft, save_macro
from tickets.actions.mentioning import colleagues_of
from tickets.actions.wording import set_word_list
from tickets.composing.checking import check_reply, vague_phrases, word_lists
from tickets.composing.warnings import Reply, is_named, says, warnings_of
from tickets.macros import said
from tickets.models import Mention, Message, Ticket, Visibility, WordList

HTMX = {"HX-Request": "true"}


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.staff(alice)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def mentioned(ticket: Ticket) -> list[Any]:
    return [event.changes for event in Event.objects.filter(subject_id=ticket.pk, kind="message.mentioned")]


# ------------------------------------------------------------------------------------------------ mentions


def test_a_mention_is_kept_with_its_note_and_told_by_ids_only(make: Make, by: Actor, bob: User) -> None:
    ticket = make.ticket()
    note = add_note(ticket, Words("@Bob, have a look", mentions=[bob.pk, bob.pk]), by=by)
    assert [one.user for one in Mention.objects.filter(message=note)] == [bob]
    assert mentioned(ticket) == [{"message": str(note.pk), "people": [str(bob.pk)], "visibility": "internal"}]


def test_a_mention_in_a_reply_is_told_as_it_leaves(make: Make, by: Actor, bob: User) -> None:
    ticket = make.ticket()
    post_reply(ticket, Words("@Bob will call you", mentions=[bob.pk]), by=by)
    taken_back = post_reply(ticket, Words("@Bob no", mentions=[bob.pk]), by=by)
    undo_reply(taken_back, by=by)
    assert mentioned(ticket) == []
    with time_machine.travel(now() + timedelta(seconds=11)):
        make.settle_down()
    assert len(mentioned(ticket)) == 1


def test_by_rest_it_is_told_at_once(make: Make, bob: User) -> None:
    ticket = make.ticket()
    post_reply(ticket, Words("@Bob", mentions=[bob.pk]), by=INTEGRATION)
    assert len(mentioned(ticket)) == 1


def test_who_may_not_see_the_ticket_cannot_be_mentioned(make: Make, by: Actor, charlie: User, alice: User) -> None:
    private = make.ticket(team=charlie.team)
    with pytest.raises(Invalid) as refused:
        add_note(private, Words("@Alice", mentions=[alice.pk]), by=Actor.staff(charlie))
    assert "Alice may not see this ticket" in str(refused.value.errors[0].detail)
    assert not Message.objects.filter(ticket=private, author="agent").exists()
    assert [user.name for user in colleagues_of(private)] == ["Charlie"]
    away = make.user(is_active=False)
    with pytest.raises(Invalid):
        add_note(make.ticket(), Words("@Away", mentions=[away.pk]), by=by)
    elsewhere = make.user(sees_every_shop=False)
    assert elsewhere not in colleagues_of(make.ticket())


# ------------------------------------------------------------------------------------------------ macros


def test_a_reply_does_what_its_macros_say_besides(make: Make, by: Actor) -> None:
    ticket = make.ticket()
    actions = [{"action": "tag", "params": {"tags": ["late"]}}, {"action": "solve", "params": {}}]
    macro = save_macro(MacroDraft("Sorry", texts={"en": "Sorry"}, actions=actions), by=SYSTEM)
    message = send_composed(ticket, Composed(Words("My own words"), macros=[macro]), by=by)
    assert (message.body, message.then) == ("My own words", "solve")
    assert [tag.name for tag in fresh(ticket).tags.all()] == ["late"]
    assert fresh(ticket).status != "solved"
    assert make.last(ticket, "macro.applied").changes == {"macro": str(macro.pk), "sent": True}
    other = send_composed(ticket, Composed(Words("Waits"), then="hold", macros=[macro]), by=by)
    assert other.then == "hold"


def test_a_macro_that_does_not_fit_sends_nothing(make: Make, by: Actor) -> None:
    ticket = make.ticket()
    macro = save_macro(MacroDraft("Old", texts={"en": "Sorry"}, is_active=False), by=SYSTEM)
    with pytest.raises(Conflict):
        send_composed(ticket, Composed(Words("x"), macros=[macro]), by=by)
    assert not Message.objects.filter(ticket=ticket, author="agent").exists()


def test_what_a_macro_does_is_said_in_words() -> None:
    actions = [
        {"action": "tag", "params": {"tags": ["a", "b"]}},
        {"action": "assign", "params": {"assignee": "me"}},
        {"action": "assign", "params": {"assignee": "7"}},
        {"action": "priority", "params": {"priority": "high"}},
        {"action": "hold", "params": {"hours": 3}},
        {"action": "solve", "params": {}},
    ]
    assert said(actions, {"7": "Bob"}) == [
        "tag a, b",
        "take it",
        "give it to Bob",
        "priority High",
        "on hold for 3 h",
        "solve",
    ]


# ------------------------------------------------------------------------------------------------ later


def test_a_scheduled_reply_waits_and_its_clock_stops_as_it_leaves(make: Make, by: Actor) -> None:
    ticket = make.ticket()
    at = now() + timedelta(hours=1)
    message = send_composed(ticket, Composed(Words("Good morning"), leaves_at=at), by=by)
    assert (message.delivery, message.leaves_at) == ("scheduled", at)
    with time_machine.travel(at - timedelta(minutes=1)):
        make.settle_down()
        assert fresh(ticket).first_responded_at is None
    with time_machine.travel(at + timedelta(seconds=2), tick=False):
        make.settle_down()
        assert (fresh(ticket).first_responded_at or at) > at
        assert Message.objects.get(pk=message.pk).delivery not in {"scheduled", "waiting"}


def test_a_scheduled_reply_is_sent_before_its_time(make: Make, by: Actor, bob: User) -> None:
    ticket = make.ticket()
    message = post_reply(ticket, Words("Later"), by=by, leaves_at=now() + timedelta(hours=1))
    with pytest.raises(NotAllowed):
        send_now(message, by=Actor.staff(make.user()))
    send_now(message, by=by)
    assert fresh(ticket).first_responded_at is not None
    with pytest.raises(Conflict):
        send_now(message, by=by)
    with time_machine.travel(now() + timedelta(hours=2)):
        make.settle_down()
    assert make.told(ticket).count("message.sent") == 1


def test_a_cancelled_one_is_a_draft_again(make: Make, by: Actor) -> None:
    ticket = make.ticket()
    undo_reply(post_reply(ticket, Words("Later"), by=by, leaves_at=now() + timedelta(hours=1)), by=by)
    draft = draft_of(ticket, by)
    assert draft is not None
    assert draft.body == "Later"
    with time_machine.travel(now() + timedelta(hours=2)):
        make.settle_down()
    assert "message.sent" not in make.told(ticket)


def test_a_customer_who_writes_before_it_leaves_is_told_to_its_author(make: Make, by: Actor, alice: User) -> None:
    ticket = make.ticket()
    message = post_reply(ticket, Words("Later"), by=by, leaves_at=now() + timedelta(hours=1))
    answer = receive_message(ticket, Words("Forget it"), by=INTEGRATION)
    told = make.last(ticket, "message.overtaken").changes
    assert told == {"message": str(message.pk), "agent": str(alice.pk), "overtaken_by": str(answer.pk)}
    assert Message.objects.get(pk=message.pk).delivery == "scheduled"


# ------------------------------------------------------------------------------------------------ warnings

CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"text": "Hello,\nwe look into it.", "name": "Dana Weiß", "is_first": True}, ["empty_greeting"]),
    ({"text": "We look into it.", "name": "Dana Weiß", "is_first": True}, ["name_missing"]),
    ({"text": "Hello Dana,\nwe look into it.", "name": "Dana Weiß", "is_first": True}, []),
    ({"text": "Hello,\nwe look into it.", "name": "", "is_first": True}, []),
    ({"text": "Hello,\nwe look into it.", "name": "Dana Weiß", "is_first": False}, []),
    ({"text": "您好，\n我们在查。", "name": "王小明", "is_first": True}, ["empty_greeting"]),
    ({"text": "王先生您好，我们在查。", "name": "王小明", "is_first": True}, []),
    ({"text": "We send it today.", "language": "zh-hans"}, ["other_language"]),
    ({"text": "我们今天寄出。", "language": "en"}, ["other_language"]),
    ({"text": "我们今天寄出。", "language": "zh-hant"}, ["other_script"]),
    ({"text": "我們今天寄出。", "language": "zh-CN"}, ["other_script"]),
    ({"text": "我們今天寄出。", "language": "zh"}, []),
    ({"text": "OK", "language": "zh-hans"}, []),
    ({"text": "Maybe tomorrow.", "vague": ["maybe"]}, ["vague"]),
    ({"text": "Maybelline is sold out.", "vague": ["maybe"]}, []),
    ({"text": "大概明天。", "vague": ["大概"]}, ["vague"]),
    ({"text": "Call dana@example.com", "foreign": ["dana@example.com"]}, ["others_data"]),
    ({"text": "  ", "language": "zh-hans", "is_first": True, "name": "Dana"}, []),
]


@pytest.mark.parametrize(("reply", "codes"), CASES, ids=[str(n) for n in range(len(CASES))])
def test_what_is_worth_a_second_look(reply: dict[str, Any], codes: list[str]) -> None:
    assert [one.code for one in warnings_of(Reply(**reply))] == codes


def test_names_and_phrases_are_found_as_people_write_them() -> None:
    assert is_named("Dana Weiß", "dear WEISS family")
    assert not is_named("Al Bo", "also both")
    assert is_named("欧阳小明", "小明您好") is False
    assert is_named("王小明", "小明您好")
    assert says("as soon as possible", "As Soon As Possible!")
    assert not says("", "x")


def test_contacts_are_seen_in_running_text() -> None:
    found = contacts_in("请打13800138000联系, 或 ｄａｎａ@example.com; order 20261122334455, 12345", "CN")
    assert sorted(found) == ["+8613800138000", "dana@example.com"]


def test_only_what_another_customer_has_is_somebody_elses(make: Make, dana: Customer) -> None:
    eve = make.customer("Eve", "eve@example.com", phone="13900139000")
    text = "eve@example.com, 139 0013 9000, dana@example.com, nobody@example.com"
    assert contacts_of_others(text, dana) == ["+8613900139000", "eve@example.com"]
    Customer.objects.filter(pk=eve.pk).update(merged_into=dana)
    assert contacts_of_others(text, dana) == []


def test_a_reply_is_checked_against_its_ticket(make: Make, dana: Customer, by: Actor) -> None:
    make.customer("Eve", "eve@example.com")
    ticket = make.ticket(customer=dana, body="My strap broke after two days.")
    codes = [one.code for one in check_reply(ticket, "您好，大概是 eve@example.com", by=by)]
    assert codes == ["others_data", "other_language", "name_missing", "vague"]
    assert check_reply(ticket, "大概", by=by, visibility=Visibility.INTERNAL) == []
    make.reply(ticket, "Hello Dana, we look into it.")
    assert check_reply(fresh(ticket), "It is on its way.", by=by) == []


def test_the_lists_of_vague_words_are_changed_by_managers_and_told(db: None, bob: User, by: Actor) -> None:
    assert "maybe" in vague_phrases("en-GB")
    assert vague_phrases("fr") == []
    with pytest.raises(NotAllowed):
        set_word_list("en", ["x"], by=by)
    manager = Actor.staff(bob)
    row = set_word_list("en", ["maybe", "  per  chance ", "maybe", ""], by=manager)
    assert (row.phrases, row.version, vague_phrases("en")) == (["maybe", "per chance"], 1, ["maybe", "per chance"])
    told = Event.objects.get(kind="word_list.changed").changes
    assert (told["language"], told["added"], "perhaps" in told["removed"]) == ("en", ["per chance"], True)
    set_word_list("en", ["maybe", "per chance"], by=manager)
    assert Event.objects.filter(kind="word_list.changed").count() == 1
    assert set(word_lists()) == {"en", "zh-hans", "zh-hant"}
    for language, phrases in (("fr", ["x"]), ("en", ["x" * 61]), ("en", [str(n) for n in range(301)])):
        with pytest.raises(Invalid):
            set_word_list(language, phrases, by=manager)
    set_word_list("zh-hans", [], by=manager)
    assert WordList.objects.count() == 2
    assert vague_phrases("zh-hans") == []


# ------------------------------------------------------------------------------------------------ REST


def test_the_same_by_rest(client: Client, alice: User, make: Make, bob: User) -> None:
    client.force_login(alice)
    ticket = make.ticket()
    address = f"/api/v1/tickets/{ticket.pk}/"

    def post(path: str, data: Any = None) -> Any:
        return client.post(address + path, data or {}, content_type="application/json")

    checked = post("warnings/", {"body": "asap"}).json()["warnings"]
    assert [one["code"] for one in checked] == ["other_language", "name_missing", "vague"]
    later = (now() + timedelta(days=1)).isoformat()
    sent = post("messages/", {"body": "asap", "leaves_at": later, "mentions": [str(bob.pk)]})
    assert (sent.status_code, sent.json()["delivery"], sent.json()["mentions"]) == (201, "scheduled", [str(bob.pk)])
    assert post(f"messages/{sent.json()['id']}/send-now/").json()["delivery"] != "scheduled"
    assert post(f"messages/{sent.json()['id']}/undo/").status_code == 409
    again = post("messages/", {"body": "asap", "leaves_at": later}).json()["id"]
    assert post(f"messages/{again}/undo/").status_code == 204
    assert client.get(address + "draft/").json()["body"] == "asap"
    assert post("messages/", {"body": "x", "macros": [str(bob.pk)]}).status_code == 422
    lists = client.get("/api/v1/word-lists/").json()["results"]
    assert [one["language"] for one in lists] == ["en", "zh-hans", "zh-hant"]
    assert client.get("/api/v1/word-lists/xx/").status_code == 404
    put = client.put("/api/v1/word-lists/en/", {"phrases": ["x"]}, content_type="application/json")
    assert put.status_code == 403
