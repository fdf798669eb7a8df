"""/readyz tells which part is not well."""

from datetime import timedelta

import pytest
import time_machine

from servicedesk import broker
from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.later import book
from servicedesk.models import Heartbeat, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def all_well(monkeypatch):
    monkeypatch.setattr(broker, "is_up", lambda: True)
    Heartbeat.objects.create(name="worker", at=now())
    Heartbeat.objects.create(name="sweep", at=now())


def test_how_late_the_oldest_due_row_is_can_be_seen(client, make):
    client.force_login(make.user(User.Role.AUDITOR))
    with time_machine.travel(now(), tick=False):
        book("thing.due", new_id(), at=now() - timedelta(seconds=90))
        figures = client.get("/metrics").content.decode()
        page = client.get("/manage/operations/").content.decode()
    assert 'desk_lag_seconds{of="bookings"} 90.0' in figures
    assert 'desk_lag_seconds{of="reactions"} 0.0' in figures
    assert "<b>90.0 s</b><span>oldest booking due" in page


def test_ready_is_when_everything_is_well(client, all_well):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert set(answer.json()["checks"]) == {"database", "keystore", "broker", "keyring", "worker", "sweep"}


def test_a_ring_of_master_keys_that_cannot_be_read_is_named(client, all_well, settings, tmp_path):
    settings.MASTER_KEY_FILE = tmp_path / "ring.json"
    settings.MASTER_KEY_FILE.write_text("nonsense")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["keyring"]) == (503, "cannot be read")


@pytest.mark.parametrize("part", ["worker", "sweep"])
def test_a_part_that_was_not_seen_for_ten_seconds_is_named(client, all_well, part):
    Heartbeat.objects.filter(name=part).update(at=now() - timedelta(seconds=12))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert [name for name, found in answer.json()["checks"].items() if found != "ok"] == [part]


@pytest.mark.parametrize("part", ["worker", "sweep"])
def test_a_part_that_was_never_seen_is_named(client, all_well, part):
    Heartbeat.objects.filter(name=part).delete()
    assert client.get("/readyz").json()["checks"][part] == "was never seen"


def test_a_broker_that_is_away_is_named(client, all_well, monkeypatch):
    monkeypatch.setattr(broker, "is_up", lambda: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["broker"] == "does not answer"


def test_metrics_are_not_for_the_public(client, settings):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="198.51.100.7").status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 404
    settings.METRICS_TOKEN = "given to Prometheus"
    wrong, right = ({"Authorization": f"Bearer {token}"} for token in ("guessed", "given to Prometheus"))
    assert client.get("/metrics", REMOTE_ADDR="198.51.100.7", headers=wrong).status_code == 404
    assert client.get("/metrics", REMOTE_ADDR="198.51.100.7", headers=right).status_code == 200
