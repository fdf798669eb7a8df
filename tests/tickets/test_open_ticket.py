"""Opening a ticket."""

from datetime import timedelta

import pytest

from clocks.models import Clock
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed, NotFound
from servicedesk.models import User
from tests.make import Make
from tickets.actions.opening import Concern, open_ticket
from tickets.models import Ticket

CONCERN = Concern(subject="Strap broke", body="包带断了", channel="email")


def test_it_starts_two_clocks_due_in_exactly_ten_minutes_and_a_day(make: Make) -> None:
    ticket = make.ticket()
    due = {clock.metric: clock.due_at - clock.started_at for clock in Clock.objects.of(ticket)}
    assert due == {"first_response": timedelta(seconds=600), "resolution": timedelta(seconds=86_400)}
    assert ticket.next_due_at == ticket.created_at + timedelta(seconds=600)
    assert ticket.at_risk_from == ticket.created_at + timedelta(seconds=420)


def test_it_tells(make: Make) -> None:
    ticket = make.ticket(kind="return", priority="high")
    assert make.told(ticket) == ["ticket.opened", "message.received"]
    assert make.last(ticket, "ticket.opened").changes["priority"] == "high"


def test_what_was_said_opens_again_and_lies_encrypted(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana, subject="绝密主题", body="绝密正文")
    fresh = Ticket.objects.select_related("customer").get(pk=ticket.pk)
    assert fresh.subject == "绝密主题"
    assert fresh.messages.get().body == "绝密正文"
    assert "绝密主题".encode() not in bytes(Ticket.objects.values_list("subject", flat=True).get(pk=ticket.pk))


def test_no_event_holds_what_the_customer_said_or_who_they_are(make: Make, dana: Customer) -> None:
    ticket = make.ticket(customer=dana, subject="Geheimwort", body="Geheimtext")
    changes = str([make.last(ticket, kind).changes for kind in make.told(ticket)])
    assert not any(word in changes for word in ("Geheimwort", "Geheimtext", "Dana", "dana@example.com"))


def test_numbers_rise(make: Make) -> None:
    first, second = make.ticket(), make.ticket()
    assert second.number_value > first.number_value
    assert first.number == f"T-{first.number_value}"


def test_an_external_id_is_used_once_per_integration_and_shop(make: Make) -> None:
    make.ticket(external_id="shop-7")
    with pytest.raises(Conflict) as refusal:
        make.ticket(external_id="shop-7")
    assert refusal.value.code == "external_id_taken"
    assert Ticket.objects.count() == 1


def test_history_brought_over_keeps_its_time_and_stays_silent(make: Make) -> None:
    yesterday = now() - timedelta(days=1, hours=1)
    ticket = make.ticket(at=yesterday)
    assert ticket.created_at == yesterday
    assert make.last(ticket, "ticket.opened").is_historic
    make.settle_down()
    assert "ticket.acknowledged" not in make.told(ticket)


def test_a_time_ahead_is_refused(make: Make) -> None:
    with pytest.raises(Invalid):
        make.ticket(at=now() + timedelta(minutes=1))


def test_bringing_history_over_needs_its_permission(make: Make, dana: Customer, alice: User) -> None:
    with pytest.raises(NotAllowed):
        open_ticket(CONCERN, shop=dana.shop, customer=dana, by=Actor.staff(alice), at=now() - timedelta(days=1))


def test_an_auditor_may_not(make: Make, dana: Customer) -> None:
    auditor = make.user(User.Role.AUDITOR)
    with pytest.raises(NotAllowed):
        open_ticket(CONCERN, shop=dana.shop, customer=dana, by=Actor.staff(auditor))
    assert not Ticket.objects.exists()


def test_a_shop_one_does_not_work_for_is_not_there(make: Make, dana: Customer) -> None:
    elsewhere = make.user(sees_every_shop=False)
    with pytest.raises(NotFound):
        open_ticket(CONCERN, shop=dana.shop, customer=dana, by=Actor.staff(elsewhere))


def test_tags_are_made_as_they_are_used(make: Make) -> None:
    make.ticket(tags=("vip", "bag"))
    ticket = make.ticket(tags=("vip",))
    assert [tag.name for tag in ticket.tags.all()] == ["vip"]


def test_the_default_policy_governs(make: Make) -> None:
    policy = make.ticket().policy
    assert policy is not None
    assert policy.targets["first_response"] == 600
