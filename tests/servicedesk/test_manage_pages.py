"""The managers' pages for API keys and webhooks, and the command for keys."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.carrying import carry
from servicedesk.errors import Invalid
from servicedesk.events import SubjectRef, record
from servicedesk.ids import new_id
from servicedesk.models import ApiKey, User, WebhookDelivery, WebhookEndpoint
from servicedesk.webhooks.actions import register_endpoint
from tests.counting import steady_caches
from tests.make import Make

pytestmark = pytest.mark.django_db

Status = WebhookDelivery.Status
NEW_KEY = {"integration": "erp", "scopes": ["webhooks:read"], "days": "30"}


@pytest.fixture
def admins(make: Make) -> Client:
    client = Client()
    client.force_login(make.user(User.Role.ADMIN, is_demo=True))
    return client


@pytest.fixture
def managers(make: Make) -> Client:
    client = Client()
    client.force_login(make.user(User.Role.MANAGER, is_demo=True))
    return client


def ask(secret: str) -> int:
    return Client().get("/api/v1/webhooks/", headers={"Authorization": f"Bearer {secret}"}).status_code


def shown_secret(page: str) -> str:
    found = re.search(r'id="fresh-secret">([^<]+)<', page)
    assert found is not None
    return found[1]


# ------------------------------------------------------------------------------------------------ keys


def test_an_admin_issues_a_key_that_is_shown_once_and_opens_what_its_scopes_say(admins: Client) -> None:
    answer = admins.post("/manage/keys/", NEW_KEY)
    secret = shown_secret(answer.content.decode())
    assert (answer.status_code, ask(secret)) == (201, 200)
    assert "no-store" in answer.headers["Cache-Control"]
    assert secret not in admins.get("/manage/keys/").content.decode()


def test_a_key_without_scopes_is_refused_at_the_field(admins: Client) -> None:
    assert admins.post("/manage/keys/", {**NEW_KEY, "scopes": []}).status_code == 422
    assert not ApiKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_admin_revokes_a_key_and_it_opens_nothing(admins: Client) -> None:
    key = issue_api_key(integration="erp", scopes=["webhooks:read"], by=SYSTEM)
    assert ask(key.fresh_secret) == 200
    admins.post(f"/manage/keys/{key.pk}/revoke/")
    assert ask(key.fresh_secret) == 401
    again = admins.post(f"/manage/keys/{key.pk}/revoke/", follow=True)
    assert "This key was revoked before." in again.content.decode()


def test_a_manager_has_no_door_to_keys(managers: Client) -> None:
    assert managers.get("/manage/keys/").status_code == 403
    assert managers.post("/manage/keys/", NEW_KEY).status_code == 403
    assert not ApiKey.objects.exists()


def test_who_sees_some_shops_issues_no_key_for_others(make: Make) -> None:
    mine, other = make.shop("mine"), make.shop("other")
    user = make.user(User.Role.ADMIN, sees_every_shop=False)
    user.shops.add(mine)
    by = Actor.staff(user)
    assert issue_api_key(integration="a", scopes=["tickets:read"], by=by).shop_ids == [str(mine.pk)]
    with pytest.raises(Invalid):
        issue_api_key(integration="b", scopes=["tickets:read"], shops=[other.pk], by=by)


def run(*words: str) -> str:
    out = StringIO()
    call_command("keys", *words, stdout=out)
    return out.getvalue().strip()


@pytest.mark.django_db(transaction=True)
def test_the_command_issues_lists_and_revokes() -> None:
    secret = run("issue", "erp", "--scopes", "webhooks:read,tickets:read")
    assert ask(secret) == 200
    prefix = secret.split("_")[1]
    assert f"{prefix}  erp  usable" in run("list")
    assert secret not in run("list")
    run("revoke", prefix)
    assert ask(secret) == 401
    assert f"{prefix}  erp  revoked" in run("list")


@pytest.mark.parametrize(
    "words",
    [
        ("issue", "erp", "--scopes", "everything"),
        ("issue", " ", "--scopes", "all"),
        ("issue", "erp", "--scopes", "all", "--shops", "nowhere"),
        ("issue", "erp", "--scopes", "all", "--days", "-1"),
        ("revoke", "unknown"),
    ],
)
def test_what_the_command_cannot_do_is_one_line(make: Make, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*words)
    assert not ApiKey.objects.exists()


# ------------------------------------------------------------------------------------------------ webhooks


@pytest.fixture
def endpoint(db: None) -> WebhookEndpoint:
    return register_endpoint(url="http://127.0.0.1:9/hook", kinds=["*"], by=SYSTEM)


def deliveries(endpoint: WebhookEndpoint, count: int, status: str) -> list[WebhookDelivery]:
    for _ in range(count):
        record("thing.done", SubjectRef("thing", new_id(), number="T-77"), by=SYSTEM)
    carry()
    WebhookDelivery.objects.filter(endpoint=endpoint).update(status=status)
    return list(WebhookDelivery.objects.filter(endpoint=endpoint).order_by("-id"))


def test_an_admin_registers_an_endpoint_and_sees_its_secret_once(admins: Client) -> None:
    answer = admins.post("/manage/webhooks/", {"url": "http://127.0.0.1:9/hook", "kinds": "ticket.*, clock.breached"})
    made = WebhookEndpoint.objects.get()
    assert made.kinds == ["clock.breached", "ticket.*"]
    secret = shown_secret(answer.content.decode())
    assert secret.startswith("whsec_")
    assert secret not in admins.get(f"/manage/webhooks/{made.pk}/").content.decode()


@pytest.mark.parametrize("wrong", [{"url": "http://10.0.0.1/x"}, {"kinds": "Everything!"}, {"url": ""}])
def test_a_wrong_endpoint_is_refused(admins: Client, wrong: dict[str, str]) -> None:
    assert admins.post("/manage/webhooks/", {"url": "http://127.0.0.1:9/", "kinds": "*", **wrong}).status_code == 422
    assert not WebhookEndpoint.objects.exists()


def test_each_endpoint_has_a_page_of_its_deliveries(managers: Client, endpoint: WebhookEndpoint) -> None:
    rows = deliveries(endpoint, 52, Status.DELIVERED)
    WebhookDelivery.objects.filter(pk=rows[-1].pk).update(status=Status.FAILED, last_error="timeout")
    page = managers.get(f"/manage/webhooks/{endpoint.pk}/").content.decode()
    assert page.count("T-77") == 50
    before = re.search(r"before=([0-9a-f-]{36})", page)
    assert before is not None
    assert managers.get(f"/manage/webhooks/{endpoint.pk}/?before={before[1]}").content.decode().count("T-77") == 2
    failed = managers.get(f"/manage/webhooks/{endpoint.pk}/?status=failed").content.decode()
    assert failed.count("T-77") == 1
    assert "timeout" in failed


def test_a_page_of_deliveries_costs_no_more_with_more_of_them(
    managers: Client, endpoint: WebhookEndpoint, django_assert_max_num_queries: Any
) -> None:
    deliveries(endpoint, 40, Status.FAILED)
    with steady_caches(), django_assert_max_num_queries(13):
        managers.get(f"/manage/webhooks/{endpoint.pk}/")


def test_a_manager_sends_again_and_edits_nothing(managers: Client, endpoint: WebhookEndpoint) -> None:
    one, other = deliveries(endpoint, 2, Status.FAILED)
    base = f"/manage/webhooks/{endpoint.pk}"
    managers.post(f"{base}/deliveries/{one.pk}/resend/")
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.status, other.status) == (Status.PENDING, Status.FAILED)
    managers.post(f"{base}/resend-failed/")
    other.refresh_from_db()
    assert other.status == Status.PENDING
    assert "Pause" not in managers.get(f"{base}/").content.decode()
    managers.post(f"{base}/pause/")
    assert managers.post(f"{base}/secret/").status_code == 403
    endpoint.refresh_from_db()
    assert endpoint.state == WebhookEndpoint.State.ACTIVE


def test_the_operations_page_lets_a_manager_send_a_failed_webhook_again(
    managers: Client, endpoint: WebhookEndpoint
) -> None:
    [one] = deliveries(endpoint, 1, Status.FAILED)
    managers.post(f"/manage/operations/webhooks/{one.pk}/retry/")
    one.refresh_from_db()
    assert one.status == Status.PENDING


def test_an_admin_pauses_renews_and_removes(admins: Client, endpoint: WebhookEndpoint) -> None:
    base = f"/manage/webhooks/{endpoint.pk}"
    states = []
    for verb in ("pause", "activate", "remove"):
        admins.post(f"{base}/{verb}/")
        endpoint.refresh_from_db()
        states.append(endpoint.state)
        if verb == "activate":
            assert shown_secret(admins.post(f"{base}/secret/").content.decode()).startswith("whsec_")
    assert states == ["paused", "active", "removed"]
    assert admins.get(f"{base}/").status_code == 404


def test_what_is_not_there_is_not_found(admins: Client, endpoint: WebhookEndpoint) -> None:
    base = f"/manage/webhooks/{endpoint.pk}"
    assert admins.post(f"{base}/explode/").status_code == 404
    assert admins.get(f"{base}/?before=nonsense").status_code == 404
    assert admins.post(f"{base}/deliveries/{new_id()}/resend/").status_code == 404


@pytest.mark.parametrize("address", ["/manage/keys/", "/manage/webhooks/"])
def test_an_agent_is_refused_and_a_guest_is_sent_to_sign_in(alice: User, address: str) -> None:
    client = Client()
    assert client.get(address).headers["Location"].startswith("/accounts/login/")
    client.force_login(alice)
    assert client.get(address).status_code == 403
