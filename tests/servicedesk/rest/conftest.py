from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from servicedesk.actions.keys import issue_api_key
from servicedesk.actor import SYSTEM
from servicedesk.models import ApiKey
from servicedesk.remembered_keys import forget_keys

ADDRESS = "https://example.com/hook"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forget_keys()
    cache.clear()
    yield
    forget_keys()
    cache.clear()


@pytest.fixture
def key(db: None) -> ApiKey:
    return issue_api_key(
        integration="shop system", scopes=["webhooks:write", "events:read"], by=SYSTEM, rate_per_minute=100_000
    )


@pytest.fixture
def api(key: ApiKey) -> Client:
    return api_client(key)


def api_client(key: ApiKey) -> Client:
    return Client(headers={"Authorization": f"Bearer {key.fresh_secret}"})


@pytest.fixture
def post(api: Client) -> Callable[..., Any]:
    def send(path: str, body: Any = None, **headers: str) -> Any:
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        return api.post(path, body if body is not None else {}, content_type="application/json", headers=extra)

    return send


@pytest.fixture
def endpoint(post: Callable[..., Any]) -> dict[str, Any]:
    answer = post("/api/v1/webhooks/", {"url": ADDRESS, "kinds": ["ticket.opened"]})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found
