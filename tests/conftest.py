"""The cast and what every test stands on."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from customers.keys import key_scope
from customers.models import Customer
from servicedesk.keyring import new_ring, ring_path, write_ring
from servicedesk.models import User
from servicedesk.shops import forget_shops
from tests.make import Make
from tickets.policies import forget_policies

# Where nothing may be skipped, nothing is left to luck either: the same examples each time. Elsewhere new ones are tried.
settings.register_profile("whole", derandomize=True)
if os.environ.get("REQUIRE_ALL"):
    settings.load_profile("whole")

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
    """What processes keep for a second, and keys kept for a request, end with the test."""
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
