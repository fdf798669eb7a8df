"""Where the desk cannot serve it says why in one line, and starts nothing."""

import shutil

import pytest

from tests.servicedesk.processes.desks import command, on_files_of_its_own

pytestmark = [pytest.mark.slow, on_files_of_its_own]

HALF_RESTORED = """
from servicedesk.clock import now
from servicedesk.models import Lease
Lease.objects.create(name="restore", until=now())
"""


@pytest.mark.parametrize("words", [("run",), ("upgrade",)])
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"DATABASE_URL": "postgres://postgres@127.0.0.1:1/nothing"}, "a database cannot be used"),
        ({"KEYSTORE_URL": "sqlite:///{folder}/desk.sqlite3"}, "KEYSTORE_URL names the same database as DATABASE_URL"),
        ({"MASTER_KEY_FILE": "/etc/hostname"}, "is not a key ring"),
        ({"MASTER_KEY_FILE": "/proc/nowhere/ring.json"}, "MASTER_KEY_FILE"),
    ],
    ids=["no database", "one database for both", "no ring", "no place for a ring"],
)
def test_a_wrong_environment_is_one_line(desk, words, variables, reason):
    values = {name: value.format(folder=desk.folder) for name, value in variables.items()}
    done = command(desk.folder, *words, PORT=str(desk.port), **values)
    assert done.returncode == 1
    assert reason in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_ring_that_went_missing_is_not_replaced_by_a_new_one(desk):
    desk.run()
    desk.post_ticket()
    desk.end()
    ring = desk.folder / "master_key_ring.json"
    shutil.move(ring, desk.folder / "elsewhere")
    done = command(desk.folder, "run", PORT=str(desk.port))
    assert (done.returncode, ring.exists()) == (1, False)
    assert "is missing, but data was encrypted with it" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_half_restored_desk_is_not_served_and_is_restored_by_running_it_again(desk, tmp_path):
    file = tmp_path / "desk.backup"
    assert command(desk.folder, "backup", str(file)).returncode == 0
    desk.ask(HALF_RESTORED)
    for words in (("run",), ("upgrade",)):
        done = command(desk.folder, *words, PORT=str(desk.port))
        assert (done.returncode, "a restore was interrupted" in done.stderr) == (1, True), done.stderr
    # Without --replace: what an interrupted restore left is nobody's data.
    done = command(desk.folder, "restore", str(file))
    assert done.returncode == 0, done.stderr
    assert command(desk.folder, "upgrade").returncode == 0
