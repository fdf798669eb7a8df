"""Whose message is this?"""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from customers.actions import create_customer, find_or_create_customer, matching
from customers.contacts import owners_of
from customers.models import ContactPoint, Customer
from servicedesk.actor import SYSTEM, Actor
from servicedesk.errors import Invalid, NotAllowed
from servicedesk.ids import new_id
from servicedesk.models import Event, Shop
from servicedesk.permissions import ROLE_PERMISSIONS
from tests.counting import steady_caches

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])


def find(shop, *, trusted=True, by=SYSTEM, **facts) -> Customer:
    return find_or_create_customer(shop=shop, by=by, trusted=trusted, **facts)


def told(customer) -> list[str]:
    return list(Event.objects.filter(subject_id=customer.pk).order_by("pk").values_list("kind", flat=True))


def contacts_of(customer) -> set[tuple[str, str, bool]]:
    return {(point.kind, point.value, point.is_lookup) for point in customer.contact_points.all()}


def test_somebody_new_is_made_with_all_that_was_given(shop, alice):
    dana = find(
        shop, name="Dana", email="Dana@Example.com", phone="138-0013-8000", language="de", source="web", by=alice
    )
    assert dana.name == "Dana"
    assert dana.language == "de"
    assert not dana.is_anonymous
    assert contacts_of(dana) == {("email", "dana@example.com", True), ("phone", "+8613800138000", True)}
    assert told(dana) == ["customer.created"]


def test_the_event_names_kinds_and_never_values(shop, alice):
    dana = find(shop, name="Dana", email="dana@example.com", by=alice)
    event = Event.objects.get(subject_id=dana.pk)
    assert event.changes == {"contacts": ["email"]}
    assert (event.by_type, event.by_id) == ("staff", alice.id)


@pytest.mark.parametrize("by_phone", ["+86 138-0013-8000", "13800138000", "１３８００１３８０００"])
def test_the_same_person_is_found_however_the_contact_is_written(shop, by_phone):
    dana = find(shop, email="dana@example.com", phone="13800138000")
    assert find(shop, email=" DANA@example.com ") == dana
    assert find(shop, phone=by_phone) == dana
    assert Customer.objects.count() == 1


def test_without_a_contact_everybody_is_a_new_anonymous_customer(shop):
    one, other = find(shop, name="Dana"), find(shop, name="Dana")
    assert one != other
    assert one.is_anonymous
    assert one.name == "Dana"


def test_shops_do_not_share_their_customers(shop, other_shop):
    assert find(shop, email="dana@example.com") != find(other_shop, email="dana@example.com")


def test_email_wins_over_phone_and_the_other_match_is_proposed(shop):
    dana = find(shop, email="dana@example.com")
    erik = find(shop, email="erik@example.com", phone="13800138000")
    found = find(shop, email="dana@example.com", phone="13800138000")
    assert found == dana
    assert contacts_of(dana) == {("email", "dana@example.com", True)}
    event = Event.objects.get(kind="customer.match_proposed")
    assert event.subject_id == dana.pk
    assert event.changes == {"other": str(erik.pk), "because": "phone"}


def test_another_email_with_a_known_phone_is_another_person(shop):
    dana = find(shop, email="dana@example.com", phone="13800138000")
    other = find(shop, email="erik@example.com", phone="13800138000")
    assert other != dana
    assert contacts_of(other) == {("email", "erik@example.com", True), ("phone", "+8613800138000", False)}
    assert told(other) == ["customer.created", "customer.match_proposed"]
    assert find(shop, phone="13800138000") == dana


def test_who_is_trusted_completes_what_a_record_lacks(shop, integration):
    dana = find(shop, phone="13800138000")
    found = find(shop, name="Dana", email="dana@example.com", phone="13800138000", language="de", by=integration)
    assert found == dana
    assert found.name == "Dana"
    assert found.version == 2
    assert contacts_of(found) == {("phone", "+8613800138000", True), ("email", "dana@example.com", True)}
    assert told(dana) == ["customer.created", "customer.completed"]
    assert find(shop, email="dana@example.com") == dana


def test_nothing_that_a_record_has_is_changed(shop):
    dana = find(shop, name="Dana", email="dana@example.com", language="de")
    find(shop, name="Mallory", email="dana@example.com", language="en")
    dana.refresh_from_db()
    assert (dana.name, dana.language, dana.version) == ("Dana", "de", 1)


def test_a_stranger_matches_only_the_address_given_and_adds_nothing(shop):
    dana = find(shop, email="dana@example.com")
    found = find(shop, trusted=False, name="Mallory", email="dana@example.com", phone="13900139000", language="en")
    assert found == dana
    assert contacts_of(dana) == {("email", "dana@example.com", True)}
    assert Customer.objects.get(pk=dana.pk).name == ""
    assert told(dana) == ["customer.created"]


def test_a_strangers_phone_beside_a_new_email_finds_nobody_and_claims_nothing(shop):
    dana = find(shop, phone="13800138000")
    stranger = find(shop, trusted=False, email="new@example.com", phone="13800138000")
    assert stranger != dana
    assert ("phone", "+8613800138000", False) in contacts_of(stranger)
    assert "customer.match_proposed" in told(stranger)
    claimed = find(shop, trusted=False, email="other@example.com", phone="13900139000")
    assert ("phone", "+8613900139000", False) in contacts_of(claimed)
    assert find(shop, phone="13900139000") != claimed


def test_a_stranger_who_gives_a_phone_only_is_found_by_it(shop):
    dana = find(shop, phone="13800138000")
    assert find(shop, trusted=False, phone="13800138000") == dana


def test_a_virtual_number_identifies_nobody(shop):
    one = find(shop, phone="18412345678转1234")
    other = find(shop, phone="18412345678转1234")
    assert one != other
    assert one.phone == "+8618412345678;ext=1234"


def test_a_merged_customer_is_found_as_the_one_who_survived(shop):
    old, kept, last = find(shop, email="old@example.com"), find(shop, email="kept@example.com"), find(shop)
    Customer.objects.filter(pk=old.pk).update(merged_into=kept)
    Customer.objects.filter(pk=kept.pk).update(merged_into=last)
    assert find(shop, email="old@example.com") == last


def test_the_shops_region_is_taken_for_numbers_without_country_code(other_shop):
    Shop.objects.filter(pk=other_shop.pk).update(phone_region="TW")
    other_shop.refresh_from_db()
    assert find(other_shop, phone="0912 345 678").phone == "+886912345678"


def test_malformed_contacts_are_refused_together_and_nothing_is_made(shop):
    with pytest.raises(Invalid) as refused:
        find(shop, email="nonsense", phone="nonsense")
    assert [error.field for error in refused.value.errors] == ["email", "phone"]
    assert not Customer.objects.exists()


def test_who_may_not_open_tickets_may_not_make_customers(shop, reviewer):
    with pytest.raises(NotAllowed):
        find(shop, email="dana@example.com", by=reviewer)


def test_who_does_not_see_the_shop_may_not_make_customers_in_it(shop, other_shop):
    elsewhere = Actor("staff", new_id(), ROLE_PERMISSIONS["agent"], frozenset({other_shop.pk}))
    with pytest.raises(NotAllowed):
        find(shop, email="dana@example.com", by=elsewhere)


def test_finding_somebody_costs_two_queries_and_making_somebody_few(shop):
    find(shop, name="Dana", email="dana@example.com", phone="13800138000", language="de")
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        find(shop, email="dana@example.com")
    assert len([query for query in queries if query["sql"].startswith("SELECT")]) == 2
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        find(shop, name="Erik", email="erik@example.com", phone="13900139000")
    assert len([query for query in queries if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]) <= 6


@pytest.mark.django_db(databases=["default", "keystore"], transaction=True)
@pytest.mark.parametrize("trusted", [True, False])
def test_simultaneous_first_contacts_make_one_customer(shop, trusted):
    found, errors = [], []
    together = threading.Barrier(8)

    def contact() -> None:
        try:
            together.wait()
            found.append(find(shop, name="Dana", email="dana@example.com", phone="13800138000", trusted=trusted).pk)
        except Exception as error:  # noqa: BLE001  whatever it is, the test is to say it
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=contact) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(found) == 8
    assert len(set(found)) == 1
    assert Customer.objects.count() == 1
    assert ContactPoint.objects.count() == 2
    assert Event.objects.filter(kind="customer.created").count() == 1


def test_a_phone_that_another_person_was_given_at_this_moment_claims_nothing(shop, monkeypatch):
    """Two people who share a phone, each with an e-mail of their own, write at once."""
    other = find(shop, email="other@example.com", phone="13800138000")
    before = [{}]  # nobody had it before the other one's commit
    monkeypatch.setattr(matching, "owners_of", lambda *asked: before.pop() if before else owners_of(*asked))
    dana = find(shop, email="dana@example.com", phone="13800138000")
    assert dana != other
    assert contacts_of(dana) == {("email", "dana@example.com", True), ("phone", "+8613800138000", False)}
    assert told(dana) == ["customer.created", "customer.match_proposed"]


def test_a_customer_sees_only_themselves_and_staff_their_shops(shop, other_shop, alice):
    dana = create_customer(shop=shop, email="dana@example.com", by=SYSTEM)
    erik = create_customer(shop=other_shop, email="erik@example.com", by=SYSTEM)
    assert set(Customer.objects.visible_to(alice)) == {dana, erik}
    assert set(Customer.objects.visible_to(Actor.customer(dana.pk, shop.pk))) == {dana}
    assert set(Customer.objects.visible_to(Actor("staff", new_id(), shops=frozenset({other_shop.pk})))) == {erik}
