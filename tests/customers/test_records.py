"""Making, correcting, tagging a record; adding and correcting contacts."""

import pytest

from customers.actions import add_contact_point, correct_contact, create_customer, tag_customer, update_customer
from customers.fields import move_to_customer
from customers.models import ContactPoint, Customer, CustomerTag, Reveal
from servicedesk.actor import SYSTEM
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, NotAllowed, NotFound
from servicedesk.models import Event

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])


@pytest.fixture
def dana(shop):
    return create_customer(shop=shop, name="Dana", email="dana@example.com", by=SYSTEM)


def last(customer) -> Event:
    return Event.objects.filter(subject_id=customer.pk).order_by("-pk")[0]


def again(customer) -> Customer:
    return Customer.objects.get(pk=customer.pk)


# ------------------------------------------------------------------------------------------------ create_customer


def test_a_customer_is_made(shop, alice):
    made = create_customer(shop=shop, name=" Dana ", email="d@example.com", tags=["VIP", "VIP", " "], by=alice)
    assert made.name == "Dana"
    assert [tag.name for tag in made.tags.all()] == ["VIP"]
    assert last(made).kind == "customer.created"


def test_a_contact_in_use_is_a_conflict(shop, dana):
    with pytest.raises(Conflict) as refused:
        create_customer(shop=shop, email="DANA@example.com", by=SYSTEM)
    assert refused.value.code == "contact_in_use"
    assert Customer.objects.count() == 1


def test_who_may_not_write_customers_may_not_make_one(shop, reviewer, integration):
    for actor in (reviewer, integration):
        with pytest.raises(NotAllowed):
            create_customer(shop=shop, name="Dana", by=actor)


# ------------------------------------------------------------------------------------------------ update_customer


def test_a_record_is_corrected(dana, alice):
    found = update_customer(dana, name="Dana Weiß", language="de", by=alice)
    assert (again(dana).name, found.version) == ("Dana Weiß", 2)
    assert last(dana).changes == {"fields": ["name", "language"]}


def test_a_correction_without_a_difference_says_nothing(dana, alice):
    update_customer(dana, name="Dana", by=alice)
    assert last(dana).kind == "customer.created"
    assert again(dana).version == 1


def test_who_may_not_write_customers_may_not_correct_one(dana, reviewer):
    with pytest.raises(NotAllowed):
        update_customer(dana, name="Mallory", by=reviewer)


def test_the_record_of_the_erased_or_merged_is_not_corrected(dana, shop, alice):
    other = create_customer(shop=shop, by=SYSTEM)
    Customer.objects.filter(pk=dana.pk).update(merged_into=other)
    with pytest.raises(Conflict):
        update_customer(dana, name="Dana W", by=alice)
    Customer.objects.filter(pk=other.pk).update(erased_at=now())
    with pytest.raises(Conflict):
        add_contact_point(other, kind="email", value="x@example.com", by=alice)


def test_a_customer_who_is_not_there_is_not_found(dana, alice):
    Customer.objects.filter(pk=dana.pk).delete()
    with pytest.raises(NotFound):
        update_customer(dana, name="x", by=alice)


# ------------------------------------------------------------------------------------------------ tag_customer


def test_tags_are_set_as_given(dana, alice):
    tag_customer(dana, ["VIP", "wholesale"], by=alice)
    tag_customer(dana, ["VIP"], by=alice)
    assert [tag.name for tag in dana.tags.all()] == ["VIP"]
    wholesale = CustomerTag.objects.get(name="wholesale")
    assert last(dana).changes == {"added": [], "removed": [str(wholesale.pk)]}
    assert again(dana).version == 3


def test_the_same_tags_again_say_nothing(dana, alice):
    tag_customer(dana, ["VIP"], by=alice)
    tag_customer(dana, ["VIP"], by=alice)
    assert again(dana).version == 2


def test_a_tag_that_is_too_long_is_refused(dana, alice):
    with pytest.raises(Invalid):
        tag_customer(dana, ["x" * 61], by=alice)


def test_who_may_not_write_customers_may_not_tag_one(dana, reviewer):
    with pytest.raises(NotAllowed):
        tag_customer(dana, ["VIP"], by=reviewer)


# ------------------------------------------------------------------------------------------------ add_contact_point


def test_a_contact_is_added(dana, alice):
    point = add_contact_point(dana, kind="phone", value="138 0013 8000", source="desk", by=alice)
    assert (point.value, point.is_lookup) == ("+8613800138000", True)
    assert last(dana).kind == "customer.contact_added"
    assert last(dana).changes == {"contact": str(point.pk), "kind": "phone"}


def test_a_contact_that_the_record_has_is_not_added_twice(dana, alice):
    add_contact_point(dana, kind="email", value="Dana@example.com", by=alice)
    assert dana.contact_points.count() == 1
    assert last(dana).kind == "customer.created"


def test_a_claimed_contact_becomes_one_that_identifies(dana, alice):
    ContactPoint.objects.filter(customer=dana).update(is_lookup=False)
    assert add_contact_point(dana, kind="email", value="dana@example.com", by=alice).is_lookup
    assert dana.contact_points.count() == 1


def test_anothers_contact_is_a_conflict(dana, shop, alice):
    other = create_customer(shop=shop, by=SYSTEM)
    with pytest.raises(Conflict):
        add_contact_point(other, kind="email", value="dana@example.com", by=alice)


def test_a_malformed_contact_is_refused(dana, alice):
    with pytest.raises(Invalid):
        add_contact_point(dana, kind="phone", value="nonsense", by=alice)


def test_who_may_not_write_customers_may_not_add_a_contact(dana, reviewer):
    with pytest.raises(NotAllowed):
        add_contact_point(dana, kind="phone", value="13800138000", by=reviewer)


def test_an_anonymous_customer_with_a_contact_is_anonymous_no_longer(shop, alice):
    nobody = create_customer(shop=shop, by=SYSTEM)
    assert nobody.is_anonymous
    add_contact_point(nobody, kind="phone", value="13800138000", by=alice)
    assert not again(nobody).is_anonymous


# ------------------------------------------------------------------------------------------------ correct_contact


def test_a_corrected_contact_finds_and_the_old_one_does_not(dana, shop, alice):
    correct_contact(dana, kind="email", value="dana@example.org", by=alice)
    assert again(dana).email == "dana@example.org"
    assert dana.contact_points.count() == 1
    assert create_customer(shop=shop, email="dana@example.com", by=SYSTEM) != dana
    assert last(dana).kind == "customer.contact_corrected"


def test_a_contact_can_be_taken_away_or_given_for_the_first_time(dana, alice):
    correct_contact(dana, kind="phone", value="13800138000", by=alice)
    assert again(dana).phone == "+8613800138000"
    correct_contact(dana, kind="phone", value="", by=alice)
    correct_contact(dana, kind="email", value=" ", by=alice)
    assert (again(dana).phone, again(dana).email, again(dana).is_anonymous) == ("", "", True)


def test_correcting_to_a_second_contact_leaves_one(dana, alice):
    add_contact_point(dana, kind="email", value="second@example.com", by=alice)
    correct_contact(dana, kind="email", value="second@example.com", by=alice)
    assert [point.value for point in dana.contact_points.all()] == ["second@example.com"]


def test_correcting_to_anothers_contact_is_a_conflict(dana, shop, alice):
    other = create_customer(shop=shop, email="other@example.com", by=SYSTEM)
    with pytest.raises(Conflict):
        correct_contact(other, kind="email", value="dana@example.com", by=alice)
    assert again(other).email == "other@example.com"


def test_who_may_not_write_customers_may_not_correct_a_contact(dana, reviewer):
    with pytest.raises(NotAllowed):
        correct_contact(dana, kind="email", value="x@example.com", by=reviewer)


# ------------------------------------------------------------------------------------------------ rows that move


def test_a_row_given_to_another_customer_is_encrypted_with_their_key(dana, shop):
    other = create_customer(shop=shop, by=SYSTEM)
    row = Reveal.objects.create(customer=dana, by_type="system", fields=[], reason="other", note="the note")
    row = Reveal.objects.get(pk=row.pk)
    row.save(update_fields=move_to_customer(row, other))
    assert Reveal.objects.get(pk=row.pk).note == "the note"
    assert bytes(Reveal.objects.values_list("note", flat=True).get(pk=row.pk))[1:17] == other.key_id.bytes
