"""The invented shop that a first start is filled with."""

import json
import random
import stat
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client

from clocks.models import Clock
from customers.models import Customer
from servicedesk.clock import now
from servicedesk.models import ApiKey, Event, OutgoingMail, User
from servicedesk.permissions import SCOPE_PERMISSIONS
from tests.make import Make
from tickets.demo import stories
from tickets.demo.making import SEED
from tickets.demo.stories import endings, in_order_of_time, invent_people, invent_stories
from tickets.models import Attachment, Macro, Message, SavedView, Status, Ticket

FEW = (14, 6, 8)
A_MORNING = datetime(2026, 11, 18, 2, 30, tzinfo=UTC)  # half past ten in Shanghai


def every_story() -> tuple[list[Any], list[Any]]:
    dice = random.Random(SEED)
    people = invent_people(dice)
    return people, invent_stories(dice, people, now())


def test_it_tells_500_tickets_of_300_customers_in_three_languages() -> None:
    people, told = every_story()
    assert (len(people), len(told)) == (300, 500)
    assert len({(person.email, person.phone) for person in people}) == 300
    assert {story.person for story in told} == set(range(300))
    languages = Counter(people[story.person].tongue.code for story in told)
    assert languages.keys() == {"zh-hans", "zh-hant", "en"}
    assert min(languages.values()) >= 60


def test_nobody_real_is_written_to() -> None:
    people, _told = every_story()
    assert all(not person.email or person.email.endswith(".example") for person in people)
    assert all(not person.phone or person.phone.startswith(("+1202555", "+88690", "+8619900")) for person in people)


def test_every_story_is_in_order_and_over_by_now() -> None:
    _people, told = every_story()
    for story in told:
        times = [step.at for step in story.steps]
        assert times == sorted(times)
        assert times[-1] <= now()
        assert story.steps[0].act == "open"
        assert not any("{" in step.text.replace("{agent}", "") for step in story.steps)
    moments = [step.at for _number, step in in_order_of_time(told)]
    assert moments == sorted(moments)


def test_the_same_seed_tells_the_same_stories() -> None:
    first, second = every_story()[1], every_story()[1]
    assert [story.subject for story in first] == [story.subject for story in second]
    assert [len(story.steps) for story in first] == [len(story.steps) for story in second]


@pytest.fixture
def small(make: Make, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A demo of a tenth of the size, always at one moment: the hour decides what so small a desk has of everything."""
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    few = sorted(set(endings())) + endings()[::25]
    monkeypatch.setattr(stories, "CUSTOMERS_A_TONGUE", FEW)
    monkeypatch.setattr(stories, "endings", lambda: few)
    with time_machine.travel(A_MORNING):
        call_command("demo", stdout=StringIO())
        yield tmp_path / "demo.json"


@pytest.mark.django_db
def test_the_desk_looks_alive(small: Path) -> None:
    assert {*Ticket.objects.values_list("status", flat=True)} == set(Status.values)
    assert Customer.objects.count() == sum(FEW)
    moment = now()
    assert Ticket.objects.unassigned().exists()
    assert Ticket.objects.unsolved().filter(next_due_at__gt=moment, at_risk_from__lte=moment).exists()
    assert Ticket.objects.unsolved().filter(next_due_at__lte=moment).exists()
    assert Message.objects.filter(visibility="internal").exists()
    assert Attachment.objects.exists()
    assert Ticket.objects.filter(tags__isnull=False).exists()
    assert Macro.objects.exists()
    assert SavedView.objects.exists()
    for state in ("met", "running", "paused"):
        assert Clock.objects.filter(state=state).exists(), state


@pytest.mark.django_db
def test_the_history_is_history(small: Path, make: Make) -> None:
    assert Event.objects.filter(kind="ticket.opened", is_historic=False).count() == 0
    make.settle_down()
    assert not OutgoingMail.objects.filter(template__in=["ticket.acknowledged", "ticket.reply"]).exists()
    assert Ticket.objects.filter(is_breached=True).exists()


@pytest.mark.django_db
def test_the_file_opens_every_door_and_only_to_its_owner(small: Path) -> None:
    assert stat.S_IMODE(small.stat().st_mode) == 0o600
    document = json.loads(small.read_text())
    assert document.keys() == {"url", "accounts", "api_key"}
    assert Counter(account["role"] for account in document["accounts"]) == {
        "agent": 10, "manager": 1, "trainee": 1, "reviewer": 1, "auditor": 1, "admin": 1,
    }  # fmt: skip
    for account in document["accounts"]:
        user = User.objects.get(email=account["email"], role=account["role"], is_demo=True)
        assert user.password
    assert User.objects.filter(is_demo=True).first().check_password(document["accounts"][0]["password"])
    key = ApiKey.objects.get()
    assert set(key.scopes) == set(SCOPE_PERMISSIONS)
    assert (key.rate_per_minute or 0) >= 100_000
    api = Client(headers={"authorization": f"Bearer {document['api_key']}"})
    assert len(api.get("/api/v1/tickets/?limit=10").json()["results"]) == 10


@pytest.mark.django_db
def test_a_second_run_does_nothing_and_a_lost_file_is_written_anew(small: Path) -> None:
    before, count = small.read_text(), Ticket.objects.count()
    call_command("demo", stdout=StringIO())
    assert (small.read_text(), Ticket.objects.count()) == (before, count)
    small.unlink()
    call_command("demo", stdout=StringIO())
    document = json.loads(small.read_text())
    assert document["api_key"] not in before
    assert Client(headers={"authorization": f"Bearer {document['api_key']}"}).get("/api/v1/tickets/").status_code == 200
    old = json.loads(before)["api_key"]
    assert Client(headers={"authorization": f"Bearer {old}"}).get("/api/v1/tickets/").status_code == 401
    assert Ticket.objects.count() == count
