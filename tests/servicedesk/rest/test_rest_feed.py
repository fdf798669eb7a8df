"""The feed: every event once, in the order of commits, for who may see it."""

from urllib.parse import parse_qs, urlsplit

import pytest

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.carrying import sequence_events
from servicedesk.events import SubjectRef, Told, record_many
from servicedesk.ids import new_id
from servicedesk.models import EventPosition, Shop
from tests.servicedesk.rest.conftest import api_client

FEED = "/api/v1/events/"


@pytest.fixture
def shops(db):
    return [Shop.objects.create(code=code, name=code) for code in ("here", "there")]


@pytest.fixture
def happened(api, shops):
    sequence_events()
    start = EventPosition.objects.order_by("-position").values_list("position", flat=True).first() or 0
    told = [
        Told(
            "parcel.sent" if n % 2 else "parcel.lost",
            SubjectRef("parcel", new_id(), f"P-{n}", shops[n % 3 == 0].pk),
            SYSTEM,
            changes={"number": n, "tags": [1, None], "deep": {"a": True}},
            historic=n == 5,
        )
        for n in range(7)
    ]
    events = record_many(told)
    sequence_events()
    return start, events


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [event["event_id"] for event in answer.json()["results"]]


def test_an_event_has_the_members_of_a_webhooks_data(api, happened, shops):
    start, events = happened
    first = api.get(f"{FEED}?after={start}&limit=1").json()["results"][0]
    assert first == {
        "type": "parcel.lost",
        "timestamp": events[0].at.replace(tzinfo=None).isoformat() + "Z",
        "event_id": str(events[0].pk),
        "position": start + 1,
        "subject": {"type": "parcel", "id": str(events[0].subject_id), "number": "P-0"},
        "shop": str(shops[1].pk),
        "by": {"type": "system", "id": None},
        "changes": {"number": 0, "tags": [1, None], "deep": {"a": True}},
        "historic": False,
    }


def test_pages_follow_one_another_until_there_is_no_more(api, happened):
    start, events = happened
    url, seen = f"{FEED}?after={start}&limit=3", []
    while url:
        answer = api.get(url)
        seen += ids(answer)
        url = answer.json()["next"]
    assert seen == [str(event.pk) for event in events]


def test_its_position_is_where_to_ask_next_even_when_nothing_fitted(api, happened):
    start, _events = happened
    answer = api.get(f"{FEED}?after={start}&kind=parcel.eaten").json()
    assert (answer["results"], answer["next"]) == ([], None)
    assert answer["position"] == start + 7
    more = api.get(f"{FEED}?after={start}&limit=2").json()
    assert more["position"] == start + 2
    assert parse_qs(urlsplit(more["next"]).query)["after"] == [str(start + 2)]


def test_it_is_filtered_by_kind_and_by_subject(api, happened):
    start, events = happened
    assert ids(api.get(f"{FEED}?after={start}&kind=parcel.sent")) == [str(e.pk) for e in events[1::2]]
    both = api.get(f"{FEED}?after={start}&kind=parcel.sent,parcel.lost")
    assert (
        ids(both)
        == ids(api.get(f"{FEED}?after={start}&kind=parcel.sent&kind=parcel.lost"))
        == ids(api.get(f"{FEED}?after={start}&subject_type=parcel"))
    )
    assert ids(api.get(f"{FEED}?subject={events[4].subject_id}")) == [str(events[4].pk)]


def test_history_is_in_it_and_says_so(api, happened):
    start, _events = happened
    assert [e["historic"] for e in api.get(f"{FEED}?after={start}").json()["results"]].index(True) == 5


def test_a_key_of_one_shop_sees_that_shops_events(happened, shops):
    start, events = happened
    key = issue_api_key(integration="x", scopes=["events:read"], by=SYSTEM, shops=[shops[1].pk])
    seen = ids(api_client(key).get(f"{FEED}?after={start}"))
    assert seen == [str(event.pk) for event in events if event.shop_id == shops[1].pk]


def test_who_may_not_read_events_is_told_so(db):
    key = issue_api_key(integration="x", scopes=["webhooks:read"], by=SYSTEM)
    assert api_client(key).get(FEED).status_code == 403


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=9223372036854775808", "limit=101", "subject=1", "a=b"])
def test_a_question_that_makes_no_sense_is_refused(api, query):
    assert api.get(f"{FEED}?{query}").status_code == 422


def test_the_position_beyond_all_is_empty(api, happened):
    assert ids(api.get(f"{FEED}?after=9223372036854775807")) == []
