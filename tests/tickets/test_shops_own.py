"""What holds in every shop is not for who works for some of them: their macros, policies and calendars are those shops'."""

from dataclasses import replace

import pytest

from clocks.actions.calendars import CalendarDraft, create_calendar
from servicedesk.actor import SYSTEM, Actor
from servicedesk.errors import NotAllowed
from servicedesk.models import Shop, User
from servicedesk.shops import forget_shops
from tests.make import Make
from tickets.actions.macros import MacroDraft, delete_macro, edit_macro, save_macro
from tickets.actions.policies import PolicyDraft, create_policy, edit_policy
from tickets.models import SlaPolicy


@pytest.fixture
def ours(make: Make) -> Shop:
    shop = make.shop("ours")
    forget_shops()
    return shop


@pytest.fixture
def manager(make: Make, ours: Shop) -> Actor:
    """Leads in one shop of two."""
    person = make.user(User.Role.MANAGER, sees_every_shop=False)
    person.shops.add(ours)
    return Actor.staff(person)


def test_a_macro_of_ones_own_shops_only(manager: Actor, ours: Shop) -> None:
    draft = MacroDraft("Hello", texts={"en": "Hello"})
    everywhere = save_macro(draft, by=SYSTEM)
    for refused in (
        lambda: save_macro(draft, by=manager),
        lambda: edit_macro(everywhere, replace(draft, shop=ours), by=manager),
        lambda: delete_macro(everywhere, by=manager),
    ):
        with pytest.raises(NotAllowed):
            refused()
    own = save_macro(replace(draft, shop=ours), by=manager)
    with pytest.raises(NotAllowed):
        edit_macro(own, draft, by=manager)
    assert edit_macro(own, replace(draft, shop=ours, name="Hi"), by=manager).name == "Hi"
    delete_macro(own, by=manager)


def test_a_policy_that_names_ones_own_shops_only(manager: Actor, make: Make) -> None:
    default = SlaPolicy.objects.get(name="Default")
    with pytest.raises(NotAllowed):
        edit_policy(default, replace(PolicyDraft.of(default), warn_at_percent=1), by=manager)
    for conditions in ({}, {"shop": "main"}, {"shop": ["ours", "main"]}, {"kind": "return"}):
        with pytest.raises(NotAllowed):
            create_policy(PolicyDraft("Taken over", conditions=conditions), by=manager)
    own = create_policy(PolicyDraft("Ours", conditions={"shop": ["ours"]}), by=manager)
    with pytest.raises(NotAllowed):
        edit_policy(own, replace(PolicyDraft.of(own), conditions={}), by=manager)
    assert edit_policy(own, replace(PolicyDraft.of(own), warn_at_percent=60), by=manager).warn_at_percent == 60


def test_no_calendar(manager: Actor) -> None:
    draft = CalendarDraft(name="Nights", time_zone="UTC", hours={})
    with pytest.raises(NotAllowed):
        create_calendar(draft, by=manager)


def test_who_works_for_all_the_shops_there_are_edits_what_holds_in_all(manager: Actor, make: Make) -> None:
    person = User.objects.get(role=User.Role.MANAGER)
    person.shops.add(make.shop())
    create_policy(PolicyDraft("Everywhere"), by=Actor.staff(person))
    save_macro(MacroDraft("Everywhere", texts={"en": "Hello"}), by=Actor.staff(person))
