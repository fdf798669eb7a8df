"""What comes in is strict, what goes out is in UTC."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import ClassVar

import pytest
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from servicedesk.actor import SYSTEM
from servicedesk.errors import Invalid
from servicedesk.rest.fields import AnyOf, CommaList, Instant, JsonObject, MoneyField, TextMap, WholeNumber, Words
from servicedesk.rest.serializers import Nothing, Strict, validated
from servicedesk.rest.views import DeskView


class Step(Strict):
    metric = Words(max_length=10)
    offset = WholeNumber(min_value=-5, max_value=5)


class Body(Strict):
    renamed: ClassVar = {"for": "waits_for"}
    waits_for = Words(max_length=10, required=False)
    at = Instant(required=False)
    owner = serializers.UUIDField(required=False)
    owners = serializers.ListField(child=serializers.UUIDField(), required=False)
    steps = Step(many=True, required=False)
    count = WholeNumber(min_value=0, max_value=9, required=False)
    price = MoneyField(required=False)
    extra = JsonObject(required=False)
    texts = TextMap(required=False, max_keys=2)


def check(data, serializer=Body):
    made = serializer(data=data)
    made.is_valid(raise_exception=True)
    return made.validated_data


def codes(data, serializer=Body):
    with pytest.raises(ValidationError) as refused:
        check(data, serializer)
    return refused.value.get_codes()


def test_a_name_that_python_reserves_arrives_under_its_own():
    assert check({"for": "customer"}) == {"waits_for": "customer"}
    assert codes({"waits_for": "customer"}) == {"waits_for": ["unknown_field"]}


def test_unknown_fields_are_refused_inside_as_well():
    step = {"metric": "m", "offset": 1, "ofset": 2}
    assert codes({"steps": [step]}) == {"steps": {0: {"ofset": ["unknown_field"]}}}
    assert codes({"a": 1}, Nothing) == {"a": ["unknown_field"]}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.123456+08:00", datetime(2026, 11, 22, 2, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_a_moment_comes_in_with_any_offset(text, moment):
    assert check({"at": text})["at"] == moment


@pytest.mark.parametrize(
    "bad", ["2026-11-22T10:00:00", "2026-11-22", "x", 5, None, [], "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+08:00"]
)
def test_what_is_no_moment_is_refused(bad):
    assert "at" in codes({"at": bad})


def test_a_moment_goes_out_in_utc_with_a_z():
    moment = datetime(2026, 11, 22, 10, 0, 0, 5, tzinfo=timezone(timedelta(hours=8)))
    assert Instant().to_representation(moment) == "2026-11-22T02:00:00.000005Z"


def test_numbers_and_truths_are_not_words_and_words_are_not_ids():
    assert codes({"for": 5}) == {"for": ["invalid"]}
    assert codes({"count": True}) == {"count": ["invalid"]}
    assert codes({"count": 10}) == {"count": ["max_value"]}
    assert codes({"owner": 7}) == {"owner": ["invalid"]}
    assert codes({"owners": [7]}) == {"owners": ["invalid"]}


def test_money_is_a_decimal_text_and_a_currency():
    price = {"amount": "129.00", "currency": "CNY"}
    assert check({"price": price})["price"] == {"amount": Decimal("129.00"), "currency": "CNY"}
    assert MoneyField({"amount": Decimal(129), "currency": "CNY"}).data == price
    assert codes({"price": {"amount": "1.005", "currency": "cny"}}) == {
        "price": {"amount": ["max_decimal_places"], "currency": ["invalid"]}
    }


def test_maps_have_bounds():
    assert codes({"texts": {"a": "1", "b": "2", "c": "3"}}) == {"texts": ["max_keys"]}
    assert codes({"extra": [1]}) == {"extra": ["not_a_dict"]}


class Query(Strict):
    status = AnyOf(["open", "new"], required=False)
    kind = CommaList(child=Words(max_length=9), required=False)
    is_late = serializers.BooleanField(required=False)


def test_queries_take_several_values_either_way_and_leave_out_what_is_not_asked():
    assert check(QueryDict("status=open,new&kind=a&kind=b,c"), Query) == {
        "status": ["open", "new"],
        "kind": ["a", "b", "c"],
    }
    assert codes(QueryDict("status=lost"), Query) == {"status": ["invalid_choice"]}


def test_a_single_value_given_twice_is_refused():
    with pytest.raises(Invalid):
        check(QueryDict("is_late=true&is_late=false"), Query)


class Whole(Strict):
    name = Words(max_length=9)
    level = WholeNumber(min_value=0, max_value=9, default=3)
    steps = Step(many=True)


def test_a_change_in_part_leaves_out_fields_but_not_what_the_objects_inside_need():
    view = DeskView()
    view.actor = SYSTEM
    view.request = SimpleNamespace(data={})
    assert view.parse(Whole, partial=True) == {}
    view.request.data = {"steps": [{"metric": "m"}]}
    with pytest.raises(ValidationError):
        view.parse(Whole, partial=True)
    with pytest.raises(ValidationError):
        view.parse(Whole)


WHOLE = {"metric": "m", "offset": 1}
BODIES = [
    {"steps": [WHOLE, {"metric": "n", "offset": 6}]},
    {"steps": [{"metric": "m"}], "count": 10, "at": "yesterday"},
    {"owners": ["x", 7]},
    {"owner": 7, "surprise": 1},
    [],
    None,
    "text",
]


@pytest.mark.parametrize("body", BODIES, ids=str)
def test_the_kept_serializer_refuses_as_a_new_one_does(body):
    def refusal(check):
        with pytest.raises(ValidationError) as refused:
            check()
        return refused.value.get_full_details()

    assert refusal(lambda: validated(Body, body)) == refusal(lambda: check(body))


def test_the_kept_serializer_keeps_nothing_of_what_it_checked():
    assert validated(Body, {"count": 3, "steps": [WHOLE]}) == {"count": 3, "steps": [WHOLE]}
    with pytest.raises(ValidationError):
        validated(Body, {"count": 10})
    assert validated(Body, {"for": "others"}) == {"waits_for": "others"}
    assert validated(Body, {}) == {}


def test_what_a_part_may_leave_out_a_whole_may_not():
    for _ in range(2):
        assert validated(Step, {"offset": 1}, partial=True) == {"offset": 1}
        with pytest.raises(ValidationError) as refused:
            validated(Step, {"offset": 1})
        assert refused.value.get_codes() == {"metric": ["required"]}


def test_the_fields_are_made_once_for_all_that_is_let_in(monkeypatch):
    validated(Body, {})
    monkeypatch.setattr(Body, "get_fields", None)
    assert validated(Body, {"count": 3}) == {"count": 3}
