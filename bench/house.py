"""The desk that is measured: its people, its history, and how a browser and an integration sign in."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from django.core.management import call_command
from django.db import connections
from django.test import Client

from bench.scale import Scale
from bench.seeding import Cast, Seeder, falling_due, history, rare_share, settle_tables, without_indexes
from bench.servers import FEW, ROOT, Place
from bench.stories import Story, tell_stories
from customers.actions import find_or_create_customer
from customers.models import Customer
from servicedesk.actions.keys import issue_api_key
from servicedesk.actions.presence import set_presence
from servicedesk.actor import SYSTEM, Actor
from servicedesk.carrying import carry
from servicedesk.clock import now
from servicedesk.later import sweep_once
from servicedesk.models import User
from servicedesk.permissions import SCOPE_PERMISSIONS
from servicedesk.shops import default_shop
from tickets.actions.policies import PolicyDraft, create_policy, edit_policy
from tickets.models import Priority, SlaPolicy

TICKETS_IN_FEW: Final = 1_000
AGENTS: Final = 10
# Nothing seeded falls due by itself while the benchmark runs.
TARGET_SECONDS: Final = 30 * 24 * 3600


@dataclass(slots=True)
class House:
    """What the measurements share."""

    place: Place
    scale: Scale
    key: str
    cookies: list[str]
    agents: list[User]
    cast: Cast
    stories: dict[str, Story]
    # What `ticket_by_rest` reached: half of it is the load of the pipeline's measurement.
    requests_a_second: float = 0.0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def browser(self) -> dict[str, str]:
        return {"Cookie": self.cookies[0]}

    def fall_due(self, moments: list[datetime]) -> None:
        """More tickets, whose first response is due at these moments."""
        Seeder(self.cast, rare_share=0).write(falling_due(self.stories["due"], moments))


def furnish(place: Place, scale: Scale) -> House:
    """Migrate, hire, and seed both databases: one of a thousand tickets, one of as many as are asked for."""
    for alias in ("default", "keystore"):
        call_command("migrate", database=alias, verbosity=0)
    _make_bare_tables(place)
    key = issue_api_key(
        integration="bench", scopes=list(SCOPE_PERMISSIONS), by=SYSTEM, rate_per_minute=1_000_000
    ).fresh_secret
    agents = [_hire(n, "agent") for n in range(AGENTS)]
    _hire(AGENTS, "manager")
    customers = [_customer(n) for n in range(scale.customers)]
    _promise()
    stories = tell_stories(customers[0], agents[0], now() - timedelta(days=30))
    while carry() or sweep_once():
        pass
    house = House(
        place, scale, key, [_cookie(one) for one in agents[:2]], agents,
        Cast(customers, [str(one.pk) for one in agents]), stories,
    )  # fmt: skip
    connections.close_all()
    place.sql(f'CREATE DATABASE "{place.database}{FEW}" TEMPLATE "{place.database}"')
    with few(place):
        _seed(house, TICKETS_IN_FEW)
    _seed(house, scale.tickets)
    return house


@contextlib.contextmanager
def few(place: Place) -> Iterator[None]:
    """Within it, this process works on the small database."""
    settings = connections["default"].settings_dict
    connections["default"].close()
    settings["NAME"] = place.database + FEW
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = place.database


def come_to_work(house: House) -> None:
    """The agents are online for as long as the run lasts."""
    for agent in house.agents:
        set_presence(agent, User.Presence.ONLINE, by=Actor.staff(agent))
    User.objects.filter(pk__in=[one.pk for one in house.agents]).update(presence_until=now() + timedelta(hours=4))


def _seed(house: House, tickets: int) -> None:
    with without_indexes():
        Seeder(house.cast, rare_share=rare_share(tickets)).write(history(house.stories, tickets))
    settle_tables()


def _make_bare_tables(place: Place) -> None:
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0"], cwd=ROOT, check=True,
        env=place.environment() | {"DJANGO_SETTINGS_MODULE": "bench.yardsticks.settings"},
    )  # fmt: skip


def _hire(n: int, role: str) -> User:
    return User.objects.create_user(f"bench{n}@desk.example", None, name=f"Bench {n}", role=role)


def _cookie(user: User) -> str:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return f"sessionid={client.cookies['sessionid'].value}"


def _customer(n: int) -> Customer:
    return find_or_create_customer(
        shop=default_shop(), name="王小明", email=f"seed{n}@example.com", by=SYSTEM, trusted=True
    )


def _promise() -> None:
    """The shipped policy, by which nothing falls due during the run; and itself as shipped for what is to fall due."""
    shipped = SlaPolicy.objects.get()
    draft = PolicyDraft.of(shipped)
    create_policy(replace(draft, name="Due", conditions={"priority": Priority.URGENT}, position=0), by=SYSTEM)
    edit_policy(shipped, replace(draft, targets=dict.fromkeys(draft.targets, TARGET_SECONDS)), by=SYSTEM)
