"""The REST doors of customers: shapes and statuses. What the actions promise is tested with them."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client

from customers.actions import create_customer
from customers.lookup import _others, register_lookup
from customers.models import Customer, Reveal
from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.ids import new_id
from servicedesk.models import Event
from servicedesk.remembered_keys import forget_keys
from tests.counting import steady_caches

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])

EVERY_SCOPE = ["customers:read", "customers:write", "customers:reveal"]


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget_keys()
    cache.clear()
    yield
    forget_keys()
    cache.clear()


def client(*scopes, shops=None) -> Client:
    key = issue_api_key(
        integration=f"test {new_id()}", scopes=scopes, by=SYSTEM, shops=shops, lasting=timedelta(days=1),
        rate_per_minute=10_000,
    )  # fmt: skip
    return Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})


@pytest.fixture
def api(shop) -> Client:
    return client(*EVERY_SCOPE)


@pytest.fixture
def dana(shop) -> Customer:
    return create_customer(
        shop=shop,
        name="Dana Weiß",
        email="dana@example.com",
        phone="13812345678",
        language="en",
        tags=["VIP"],
        by=SYSTEM,
    )


def post(api, path, body, **headers):
    return api.post(f"/api/v1/customers/{path}", body, content_type="application/json", headers=headers)


def patch(api, customer, body, **headers):
    return api.patch(f"/api/v1/customers/{customer.pk}/", body, content_type="application/json", headers=headers)


def test_a_customer_is_made_and_shown_masked(api, shop):
    body = {
        "name": "王小明",
        "email": "Wang@Example.com",
        "phone": "138-1234-5678",
        "language": "zh-hans",
        "tags": ["VIP"],
    }
    answer = post(api, "", body)
    assert answer.status_code == 201, answer.content
    shown = answer.json()
    made = Customer.objects.get(pk=shown["id"])
    assert shown == {
        "id": str(made.pk), "shop": shop.code, "name": "王*", "phone": "138****5678", "email": "w***@example.com",
        "language": "zh-hans", "tags": ["VIP"], "is_anonymous": False, "is_erased": False, "merged_into": None,
        "created_at": shown["created_at"], "version": 1,
    }  # fmt: skip
    assert shown["created_at"].endswith("Z")
    assert answer.headers["Location"].endswith(f"/api/v1/customers/{made.pk}/")
    assert answer.headers["ETag"] == '"v1"'


def test_a_contact_in_use_is_a_409(api, dana):
    answer = post(api, "", {"email": "dana@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_in_use")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"phone": "nonsense"}, "phone"),
        ({"language": "xx"}, "language"),
        ({"shop": "nowhere"}, "shop"),
        ({"nickname": "D"}, "nickname"),
        ({"tags": ["x" * 61]}, None),
    ],
)
def test_a_malformed_body_is_a_422_that_names_the_field(api, body, field):
    answer = post(api, "", body)
    assert answer.status_code == 422, answer.content
    assert field is None or [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Customer.objects.exists()


def test_the_same_key_and_body_make_one_customer(api):
    first = post(api, "", {"name": "Dana"}, **{"Idempotency-Key": "one"})
    again = post(api, "", {"name": "Dana"}, **{"Idempotency-Key": "one"})
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert Customer.objects.count() == 1


@pytest.mark.parametrize(
    "query",
    [{"phone": "+86 138-1234-5678"}, {"phone": "１３８１２３４５６７８"}, {"email": "DANA@example.com"},
     {"email": "dana@example.com", "phone": "13812345678"}, {"tag": "VIP"}, {}],
)  # fmt: skip
def test_customers_are_listed_and_found_exactly(api, dana, query):
    answer = api.get("/api/v1/customers/", query)
    assert [row["id"] for row in answer.json()["results"]] == [str(dana.pk)]
    assert answer.json()["next"] is None


@pytest.mark.parametrize(
    "query", [{"phone": "1381234567"}, {"email": "dan@example.com"}, {"tag": "other"}, {"shop": "other"}]
)
def test_nobody_is_found_by_a_part(api, dana, query):
    assert api.get("/api/v1/customers/", query).json()["results"] == []


def test_a_lookup_needs_no_personal_data_in_an_address(api, dana):
    for body in ({"phone": "13812345678"}, {"email": "dana@example.com"}):
        answer = post(api, "lookup/", body)
        assert answer.status_code == 200, answer.content
        assert [row["id"] for row in answer.json()["results"]] == [str(dana.pk)]
    assert post(api, "lookup/", {"email": "nobody@example.com"}).json()["results"] == []
    assert post(api, "lookup/", {}).status_code == 422


def test_other_chapters_add_ways_of_looking_up(api, dana, monkeypatch):
    monkeypatch.setitem(_others, "order_number", [])
    register_lookup("order_number", lambda value, by: [dana.pk] if value == "A-1" else [])
    assert [row["id"] for row in post(api, "lookup/", {"order_number": "A-1"}).json()["results"]] == [str(dana.pk)]
    assert post(api, "lookup/", {"order_number": "A-2"}).json()["results"] == []
    assert post(api, "lookup/", {"order_number": "A-1", "email": "x@example.com"}).json()["results"] == []


def test_a_merged_customer_is_found_as_the_one_who_survived(api, dana, shop):
    kept = create_customer(shop=shop, by=SYSTEM)
    Customer.objects.filter(pk=dana.pk).update(merged_into=kept)
    assert [row["id"] for row in post(api, "lookup/", {"email": "dana@example.com"}).json()["results"]] == [
        str(kept.pk)
    ]
    assert [row["id"] for row in api.get("/api/v1/customers/").json()["results"]] == [str(kept.pk)]


def test_a_page_of_customers_costs_a_fixed_number_of_queries(api, shop, django_assert_max_num_queries):
    for number in range(12):
        create_customer(shop=shop, name=f"N{number}", email=f"n{number}@example.com", tags=["VIP"], by=SYSTEM)
    api.get("/api/v1/customers/")
    with steady_caches(), django_assert_max_num_queries(8):
        assert len(api.get("/api/v1/customers/", {"limit": 10}).json()["results"]) == 10


def test_one_customer_is_shown_and_a_known_version_is_not_sent_again(api, dana):
    answer = api.get(f"/api/v1/customers/{dana.pk}/")
    assert answer.json()["name"] == "D***"
    assert (
        api.get(f"/api/v1/customers/{dana.pk}/", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    )


def test_a_record_is_corrected_in_one_request(api, dana):
    answer = patch(api, dana, {"name": "Dana W", "tags": [], "phone": "13900139000", "email": "dana@example.org"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["tags"] == []
    found = Customer.objects.get(pk=dana.pk)
    assert (found.name, found.phone, found.email) == ("Dana W", "+8613900139000", "dana@example.org")
    assert answer.headers["ETag"] == f'"v{found.version}"'


def test_a_correction_that_fails_in_part_changes_nothing(api, dana, shop):
    create_customer(shop=shop, email="taken@example.com", by=SYSTEM)
    assert patch(api, dana, {"name": "Other", "email": "taken@example.com"}).status_code == 409
    assert Customer.objects.get(pk=dana.pk).name == "Dana Weiß"


def test_a_stale_correction_is_a_412(api, dana):
    assert patch(api, dana, {"name": "A"}, **{"If-Match": '"v1"'}).status_code == 200
    assert patch(api, dana, {"name": "B"}, **{"If-Match": '"v1"'}).status_code == 412


def test_contacts_are_revealed_with_a_reason(api, dana):
    answer = post(api, f"{dana.pk}/reveal/", {"fields": ["phone", "name"], "reason": "call_back"})
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"phone": "+8613812345678", "phones": ["+8613812345678"], "name": "Dana Weiß"}
    assert Event.objects.filter(kind="customer.revealed", subject_id=dana.pk).count() == 1


def test_a_reason_in_words_becomes_the_note(api, dana):
    assert post(api, f"{dana.pk}/reveal/", {"fields": ["email"], "reason": "she asked for it"}).status_code == 200
    row = Reveal.objects.get()
    assert (row.reason, row.note) == ("other", "she asked for it")


@pytest.mark.parametrize(
    "body",
    [{"fields": ["phone"]}, {"reason": "call_back"}, {"fields": [], "reason": "x"}, {"fields": ["x"], "reason": "x"}],
)
def test_a_reveal_without_fields_or_reason_is_a_422(api, dana, body):
    assert post(api, f"{dana.pk}/reveal/", body).status_code == 422
    assert not Reveal.objects.exists()


def test_a_reveal_over_the_limit_is_a_429_that_says_when(api, dana, settings):
    settings.REVEALS_PER_HOUR = 1
    body = {"fields": ["phone"], "reason": "call_back"}
    assert post(api, f"{dana.pk}/reveal/", body).status_code == 200
    answer = post(api, f"{dana.pk}/reveal/", body)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3601


def test_each_scope_opens_its_own_doors(dana):
    reader, writer, stranger = client("customers:read"), client("customers:write"), client("tickets:read")
    one = f"/api/v1/customers/{dana.pk}/"
    assert reader.get(one).status_code == 200
    assert post(reader, "lookup/", {"email": "dana@example.com"}).status_code == 200
    assert post(reader, "", {"name": "x"}).status_code == 403
    assert patch(reader, dana, {"name": "x"}).status_code == 403
    assert post(writer, f"{dana.pk}/reveal/", {"fields": ["phone"], "reason": "call_back"}).status_code == 403
    assert stranger.get(one).status_code == 403
    assert stranger.get("/api/v1/customers/").status_code == 403
    assert post(stranger, "lookup/", {"email": "dana@example.com"}).status_code == 403
    assert Client().get(one).status_code == 401


def test_another_shops_customer_is_not_found(dana, other_shop):
    elsewhere = client(*EVERY_SCOPE, shops=[other_shop.pk])
    assert elsewhere.get(f"/api/v1/customers/{dana.pk}/").status_code == 404
    assert patch(elsewhere, dana, {"name": "x"}).status_code == 404
    assert post(elsewhere, "lookup/", {"email": "dana@example.com"}).json()["results"] == []
    assert elsewhere.get("/api/v1/customers/").json()["results"] == []
    assert post(elsewhere, f"{dana.pk}/reveal/", {"fields": ["phone"], "reason": "call_back"}).status_code == 404
