"""Queries that are compiled once: they find what the querysets they were made of find, whatever they are given."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import ContactPoint, Customer
from servicedesk.ids import new_id
from servicedesk.selecting import AmongIds, Kept, slot
from tests.make import Make

NAMES = Kept(lambda: Customer.objects.filter(AmongIds("pk")).order_by("-pk").values_list("pk", "name", "created_at"))
POINTS = Kept(
    lambda: ContactPoint.objects.filter(
        digest__in=[slot("one", ContactPoint, "digest"), slot("other", ContactPoint, "digest")],
        customer=slot("customer", ContactPoint, "customer"),
        is_lookup=True,
    ).values_list("kind", "is_lookup")
)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_it_finds_the_rows_of_as_many_ids_as_it_is_given(make: Make, count: int) -> None:
    made = [make.customer() for _ in range(4)][:count]
    asked = [row.pk for row in made]
    expected = list(Customer.objects.filter(pk__in=asked).order_by("-pk").values_list("pk", "name", "created_at"))
    assert NAMES.rows(ids=[*asked, new_id()]) == expected
    assert len(expected) == count


def test_values_are_told_apart_by_their_names(make: Make) -> None:
    dana = make.customer("Dana", "dana@example.com", phone="13800138000")
    erik = make.customer("Erik", "erik@example.com")
    one, other = (bytes(point.digest) for point in dana.contact_points.order_by("kind"))
    assert sorted(POINTS.rows(other=other, customer=dana.pk, one=one)) == [("email", True), ("phone", True)]
    assert POINTS.rows(customer=dana.pk, one=other, other=other) == [("phone", True)]
    assert POINTS.rows(customer=erik.pk, one=one, other=other) == []
    with pytest.raises(KeyError):
        POINTS.rows(customer=dana.pk, one=one)


def test_each_run_is_one_query_and_nothing_is_built_again(db: None) -> None:
    built = []

    def build() -> Any:
        built.append(True)
        return Customer.objects.filter(AmongIds("pk")).values_list("pk")

    kept = Kept(build)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            kept.rows(ids=[new_id()])
    assert (len(queries), len(built)) == (3, 1)
