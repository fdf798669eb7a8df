"""What the tests stand on: databases emptied between them, ports that stay free, time that is asked of the machine."""

import socket
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from servicedesk import teams
from servicedesk.models import Event, Team
from servicedesk.teams import forget_teams, teams_to_show
from tests.emptying import empty
from tests.patience import slowness, wait_until
from tests.ports import free_port


@pytest.mark.django_db(transaction=True)
def test_emptying_takes_every_row_but_what_migrating_wrote(make):
    ticket = make.ticket(team=make.team("Bags"))
    written = ContentType.objects.count(), Permission.objects.count()
    for alias in ("default", "keystore"):
        empty(alias)
    assert not Team.objects.exists()
    assert not Event.objects.exists()
    assert not type(ticket).objects.exists()
    assert (ContentType.objects.count(), Permission.objects.count()) == written
    assert all(written)


def test_a_free_port_is_given_once_and_never_by_the_system_to_somebody_else():
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    first_of_the_systems = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if first_of_the_systems == 32_768:
        assert max(ports) < first_of_the_systems
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass


@pytest.mark.django_db
def test_the_teams_that_are_shown_are_read_anew_once_forgotten(make, monkeypatch):
    monkeypatch.setattr(teams, "KEPT_SECONDS", 3600)
    assert teams_to_show() == []
    team = make.team("Bags")
    assert teams_to_show() == []
    forget_teams()
    assert teams_to_show() == [team]


def test_slowness_is_a_factor():
    assert 1 <= slowness() < 1_000


def test_waiting_ends_when_it_holds_and_fails_when_it_never_does():
    answers = iter([False, True])
    wait_until(lambda: next(answers))
    with pytest.raises(AssertionError, match="the moon"):
        wait_until(lambda: False, "the moon", seconds=0)
