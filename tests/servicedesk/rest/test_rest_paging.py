"""Pages by key: every row once, in order, forwards and backwards, at any depth, with nulls last."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from servicedesk.ids import new_id
from servicedesk.models import ApiKey, Integration, WebhookEndpoint
from servicedesk.rest.keyset import BadCursor, Keyset
from tests.counting import steady_caches

START = datetime(2026, 11, 22, tzinfo=UTC)


def keys_with(offsets):
    owner = Integration.objects.create(name=str(new_id()))
    return ApiKey.objects.bulk_create(
        [
            ApiKey(
                integration=owner,
                prefix=str(new_id())[-12:],
                digest=b"",
                expires_at=None if offset is None else START + timedelta(seconds=offset),
            )
            for offset in offsets
        ]
    )


def walk(order, limit, *, backward=False):
    rows = ApiKey.objects.all()
    keyset = Keyset(rows, order)
    found, place = [], None
    while page := keyset.read(rows, place, limit, backward=backward):
        found = page + found if backward else found + page
        place = keyset.values_of(page[0] if backward else page[-1])
    return [row.pk for row in found]


def expected(rows, *, descending):
    valued = sorted((row for row in rows if row.expires_at), key=lambda row: (row.expires_at, row.pk))
    empty = sorted((row for row in rows if row.expires_at is None), key=lambda row: row.pk)
    if descending:
        valued.reverse()
        empty.reverse()
    return [row.pk for row in valued + empty]


class TestEveryRowOnce(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.none() | st.integers(0, 3), max_size=9), st.integers(1, 4), st.booleans(), st.booleans())
    def test_whatever_the_values_the_limit_and_the_direction(self, offsets, limit, descending, backward):
        rows = keys_with(offsets)
        order = ("-expires_at", "-id") if descending else ("expires_at", "id")
        assert walk(order, limit, backward=backward) == expected(rows, descending=descending)
        ApiKey.objects.all().delete()


def test_columns_in_two_directions_are_refused(db):
    with pytest.raises(TypeError):
        Keyset(ApiKey.objects.all(), ("-expires_at", "id"))
    with pytest.raises(TypeError):
        Keyset(ApiKey.objects.all(), ("id", "expires_at"))


def test_a_place_that_makes_no_sense_is_a_bad_cursor(db):
    keyset = Keyset(ApiKey.objects.all(), ("expires_at", "id"))
    for place in (["x", "y"], ["2026-01-01"], [None, "no"], [{}, []]):
        with pytest.raises(BadCursor):
            keyset.read(ApiKey.objects.all(), place, 5, backward=False)


@pytest.fixture
def seven(db):
    return WebhookEndpoint.objects.bulk_create(
        [WebhookEndpoint(url=f"https://example.com/{n}", kinds=["*"], secret=b"") for n in range(7)]
    )


def follow(api, url):
    answer = api.get(url)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_next_and_previous_lead_through_a_list_and_back(api, seven):
    newest_first = [str(row.pk) for row in reversed(seven)]
    first = follow(api, "/api/v1/webhooks/?limit=3")
    assert [row["id"] for row in first["results"]] == newest_first[:3]
    assert first["previous"] is None
    second = follow(api, first["next"])
    third = follow(api, second["next"])
    assert [row["id"] for row in third["results"]] == newest_first[6:]
    assert third["next"] is None
    back = follow(api, third["previous"])
    assert [row["id"] for row in back["results"]] == newest_first[3:6]
    assert back["next"] is not None
    again = follow(api, back["previous"])
    assert again["results"] == first["results"]
    assert again["previous"] is None


def test_a_page_is_counted_nowhere_and_costs_one_query(api, seven):
    follow(api, "/api/v1/webhooks/")
    with steady_caches(), CaptureQueriesContext(connection) as queries:
        follow(api, "/api/v1/webhooks/?limit=3")
    assert len(queries) == 1, [query["sql"] for query in queries]
    assert not any(word in queries[0]["sql"].upper() for word in ("COUNT(", "OFFSET"))


@pytest.mark.parametrize("limit", ["0", "101", "x", "-1"])
def test_a_limit_out_of_bounds_is_named(api, limit):
    answer = api.get(f"/api/v1/webhooks/?limit={limit}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "limit")


def test_an_altered_cursor_is_refused(api, seven):
    link = follow(api, "/api/v1/webhooks/?limit=3")["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    for bad in ("x", cursor[:-2], "A" + cursor, cursor + "&cursor=2"):
        answer = api.get(f"/api/v1/webhooks/?cursor={bad}")
        assert answer.status_code in {400, 422}, bad
        assert answer["Content-Type"] == "application/problem+json"


def test_a_cursor_of_another_list_is_refused(api, seven, endpoint):
    link = follow(api, "/api/v1/webhooks/?limit=3")["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    answer = api.get(f"/api/v1/webhooks/{endpoint['id']}/deliveries/?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
