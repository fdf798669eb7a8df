"""`manage.py upgrade`: by several at once, and after an interruption."""

import sys
import time

import pytest

from servicedesk import upgrading
from tests.servicedesk.processes.desks import Desk, command, on_files_of_its_own

UPGRADE = (sys.executable, "manage.py", "upgrade")


@pytest.fixture
def fresh(tmp_path):
    folder = tmp_path / "fresh"
    folder.mkdir()
    made = Desk(folder, {})
    yield made
    made.end()


@pytest.mark.slow
@on_files_of_its_own
def test_two_at_once_do_not_collide(fresh):
    both = [fresh.start(*UPGRADE), fresh.start(*UPGRADE)]
    for process in both:
        assert process.popen.wait(120) == 0, process.said()
    assert "up to date" in command(fresh.folder, "upgrade").stdout


@pytest.mark.slow
@on_files_of_its_own
def test_an_interrupted_one_is_run_again(fresh):
    process = fresh.start(*UPGRADE)
    fresh.wait_for(lambda: (fresh.folder / "desk.sqlite3-wal").stat().st_size > 300_000, process)
    time.sleep(0.05)
    process.kill()
    done = command(fresh.folder, "upgrade")
    assert done.returncode == 0, done.stderr
    assert "up to date" in command(fresh.folder, "upgrade").stdout


KILLED_BEFORE_THE_NOTE = """
import os, django
django.setup()
from django.db.migrations.recorder import MigrationRecorder
from servicedesk.upgrading import upgrade
note = MigrationRecorder.record_applied
def record_applied(self, app, name):
    if app == "servicedesk":
        os._exit(9)
    note(self, app, name)
MigrationRecorder.record_applied = record_applied
upgrade(print)
"""


@pytest.mark.slow
@on_files_of_its_own
def test_one_that_is_killed_between_a_migration_and_its_note_is_run_again(fresh):
    process = fresh.start(sys.executable, "-c", KILLED_BEFORE_THE_NOTE)
    assert process.popen.wait(120) == 9, process.said()
    done = command(fresh.folder, "upgrade")
    assert done.returncode == 0, done.stderr
    assert "up to date" in command(fresh.folder, "upgrade").stdout


@pytest.mark.django_db
def test_nothing_is_outdated_after_migrating():
    assert not any(upgrading.is_outdated(alias) for alias in upgrading.ALIASES)


@pytest.mark.django_db
def test_a_new_migration_on_the_disk_is_noticed(monkeypatch):
    more = {*upgrading.migrations_on_disk(), ("tickets", "9999_new")}
    monkeypatch.setattr(upgrading, "migrations_on_disk", lambda: more)
    assert all(upgrading.is_outdated(alias) for alias in upgrading.ALIASES)
