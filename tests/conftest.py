"""The cast and what every test stands on."""

import os
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import TransactionTestCase
from django.utils import timezone, translation
from hypothesis import HealthCheck, settings

from customers.keys import key_scope
from customers.models import Customer
from servicedesk.keyring import new_ring, ring_path, write_ring
from servicedesk.models import User
from servicedesk.remembered_keys import forget_keys
from servicedesk.shops import forget_shops
from servicedesk.teams import forget_teams
from tests.emptying import empty_databases
from tests.make import Make
from tickets.policies import forget_policies

# Where nothing may be skipped, nothing is left to luck either: the same examples each time. Elsewhere new ones are tried.
# How long an example takes says more about the machine's other work than about ours.
settings.register_profile(
    "desk",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("REQUIRE_ALL")),
)
settings.load_profile("desk")

# The same for tests that commit, in a fraction of the time.
TransactionTestCase._fixture_teardown = empty_databases

# Customers' keys live in a database of their own; every test that touches the data touches both.
BOTH = ["default", "keystore"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Playwright leaves an event loop running in its thread: whoever starts one of their own goes before it.
    items.sort(key=lambda item: "tests/browser/" in item.nodeid)
    for item in items:
        marks = list(item.iter_markers("django_db"))
        for mark in marks:
            mark.kwargs.setdefault("databases", BOTH)
        if not marks and {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.django_db(databases=BOTH))


@pytest.fixture(scope="session", autouse=True)
def a_ring_of_keys() -> None:
    """Tests of pure parts use keys too, and may not look into the key store whether a ring may be made."""
    if not ring_path().exists():
        write_ring(ring_path(), new_ring())


@pytest.fixture(autouse=True)
def nothing_kept_from_another_test() -> Iterator[None]:
    """What processes keep for a second, what the cache counts, keys and the language of a request end with the test."""
    translation.deactivate()
    timezone.deactivate()
    cache.clear()
    forget_keys()
    forget_teams()
    forget_shops()
    forget_policies()
    with key_scope():
        yield


@pytest.fixture
def make(db: None) -> Make:
    return Make()


@pytest.fixture
def alice(make: Make) -> User:
    """An agent."""
    return make.user(name="Alice", team=make.team("Bags"))


@pytest.fixture
def bob(make: Make, alice: User) -> User:
    """Her manager."""
    return make.user(User.Role.MANAGER, name="Bob", team=alice.team)


@pytest.fixture
def charlie(make: Make) -> User:
    """An agent of another team, which keeps its tickets to itself."""
    return make.user(name="Charlie", team=make.team("Shoes", is_private=True))


@pytest.fixture
def dana(make: Make) -> Customer:
    """A customer."""
    return make.customer("Dana Weiß", "dana@example.com", phone="+86 138 0013 8000", language="en")
