"""`manage.py backup` and `restore`: a desk that runs, and one that goes on where the backup was."""

import json
import os
import shutil
import threading
import zipfile

import pytest

from tests.servicedesk.processes.desks import Desk, command, on_files_of_its_own

pytestmark = pytest.mark.slow

KEEPS_WELL = """
from tickets.models import Message, Ticket
from customers.models import ContactPoint
from clocks.models import Clock
assert sorted({m.body for m in Message.objects.select_related("ticket")}) == ["Where is my parcel?"]
for point in ContactPoint.objects.select_related("customer"):
    assert point.value.endswith("@example.com"), point.value
print(Ticket.objects.count(), Clock.objects.count(), Ticket.objects.latest('number_value').number_value)
"""
LEFT_OUT = {"tickets_searchdocument", "django_session"}


def bring_ring(source: Desk, target: Desk) -> None:
    """The operator's part: the master keys are in no backup."""
    target.folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(source.folder / "master_key_ring.json", target.folder)


def backed_up(desk: Desk, tickets: int = 5):
    """A desk with tickets, stopped, and the backup that was made of it while it ran."""
    process = desk.run()
    for number in range(tickets):
        desk.post_ticket(number)
    file = desk.folder.parent / "desk.backup"
    done = command(desk.folder, "backup", str(file))
    assert done.returncode == 0, done.stderr
    process.stop()
    return file


@pytest.fixture
def other(desk):
    """Makes a second desk, without any data yet."""
    made = []

    def make(name: str = "other", **variables: str) -> Desk:
        made.append(Desk(desk.folder.parent / name, desk.facts, variables))
        return made[-1]

    yield make
    for one in made:
        one.end()


def restored(desk: Desk, file, *words: str, **variables: str):
    return command(desk.folder, "restore", str(file), *words, **{**desk.variables, **variables})


@on_files_of_its_own
def test_a_restored_desk_goes_on_where_the_backup_was(desk, other):
    file = backed_up(desk)
    second = other()
    bring_ring(desk, second)
    done = restored(second, file)
    assert done.returncode == 0, done.stderr
    assert second.ask(KEEPS_WELL) == desk.ask(KEEPS_WELL)
    process = second.run()
    second.wait_until_ready(process)
    # Numbers go on, and the same address finds the same customer.
    highest = second.ask(KEEPS_WELL).split()[2]
    second.post_ticket(0)
    assert int(second.ask(KEEPS_WELL).split()[2]) == int(highest) + 1
    assert second.ask("from customers.models import Customer; print(Customer.objects.count())") == "5"


@on_files_of_its_own
def test_a_backup_holds_neither_master_keys_nor_search_tokens_nor_keyed_hashes(desk):
    file = backed_up(desk)
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(f"{file}.keys") as archive:
        keys = {name: archive.read(name) for name in archive.namelist()}
    assert not LEFT_OUT & {table["name"] for table in manifest["tables"]}
    assert not any("keystore" in name for name in contents)
    ring = json.loads((desk.folder / "master_key_ring.json").read_text())
    digests = desk.ask(
        "from customers.models import ContactPoint as C; print(*[bytes(c.digest).hex() for c in C.objects.all()])"
    )
    for content in (*contents.values(), *keys.values()):
        for secret in (*[one["key"] for one in ring["master"].values()], *ring["index"].values(), *digests.split()):
            assert secret.encode() not in content
        assert b"parcel" not in content
        assert b"@example.com" not in content
    assert file.stat().st_mode & 0o077 == 0


@on_files_of_its_own
def test_a_backup_made_under_load_is_of_one_moment(desk, other):
    desk.run()
    stop, posted = threading.Event(), []

    def post():
        while not stop.is_set():
            posted.append(desk.post_ticket(len(posted)))

    poster = threading.Thread(target=post)
    poster.start()
    file = desk.folder.parent / "desk.backup"
    done = command(desk.folder, "backup", str(file))
    stop.set()
    poster.join()
    assert done.returncode == 0, done.stderr
    desk.end()
    second = other()
    bring_ring(desk, second)
    assert restored(second, file).returncode == 0
    tickets, clocks, _highest = map(int, second.ask(KEEPS_WELL).split())
    assert 0 < tickets <= len(posted)
    # Each ticket with all that was committed with it.
    assert clocks == 2 * tickets


@on_files_of_its_own
class TestRefusals:
    @pytest.fixture
    def file(self, desk):
        """Of a desk that has an agent and a ring of master keys, and no ticket yet."""
        made = desk.folder.parent / "desk.backup"
        assert command(desk.folder, "backup", str(made)).returncode == 0
        return made

    def test_a_file_that_was_changed_changes_nothing(self, desk, other, file):
        content = bytearray(file.read_bytes())
        with zipfile.ZipFile(file) as archive:
            place = archive.getinfo("tables/servicedesk_user").header_offset + 80
        content[place] ^= 1
        file.write_bytes(bytes(content))
        second = other()
        bring_ring(desk, second)
        done = restored(second, file)
        assert done.returncode == 1
        assert "damaged" in done.stderr
        assert (
            not (second.folder / "desk.sqlite3").exists()
            or second.ask("from django.db import connection; print(connection.introspection.table_names())") == "[]"
        )

    @pytest.mark.parametrize("keep", [0.5, 0])
    def test_a_file_that_is_cut_off_or_empty_is_refused(self, desk, other, file, keep):
        file.write_bytes(file.read_bytes()[: int(file.stat().st_size * keep)])
        done = restored(other(), file)
        assert done.returncode == 1
        assert "not a backup" in done.stderr
        assert "Traceback" not in done.stderr

    def test_keys_of_another_backup_are_refused(self, desk, other, file):
        again = file.with_name("again")
        assert command(desk.folder, "backup", str(again)).returncode == 0
        shutil.copy(f"{again}.keys", f"{file}.keys")
        second = other()
        bring_ring(desk, second)
        assert "another backup" in restored(second, file).stderr

    def test_without_the_ring_of_master_keys_it_says_where_to_put_it(self, desk, other, file):
        second = other()
        done = restored(second, file)
        assert done.returncode == 1
        assert "MASTER_KEY_FILE" in done.stderr
        assert not (second.folder / "master_key_ring.json").exists()

    def test_data_that_is_there_is_replaced_only_when_told_so(self, desk, file):
        desk.run()
        desk.post_ticket(99)
        assert "runs" in restored(desk, file).stderr
        desk.end()
        desk.ask("from servicedesk.models import Heartbeat; Heartbeat.objects.all().delete()")
        assert "--replace" in restored(desk, file).stderr
        done = restored(desk, file, "--replace")
        assert done.returncode == 0, done.stderr
        assert desk.ask("from tickets.models import Ticket; print(Ticket.objects.count())") == "0"

    def test_an_existing_file_is_never_overwritten(self, desk, file):
        before = file.read_bytes()
        assert command(desk.folder, "backup", str(file)).returncode == 1
        assert file.read_bytes() == before


@on_files_of_its_own
def test_a_key_that_was_destroyed_does_not_come_back(desk):
    file = backed_up(desk, tickets=2)
    gone = desk.ask("""
from customers.keystore.models import DataKey, Tombstone
from customers.models import Customer
key = Customer.objects.order_by("id").first().key_id
DataKey.objects.filter(pk=key).delete(); Tombstone.objects.create(pk=key)
from servicedesk.models import Heartbeat; Heartbeat.objects.all().delete()
print(key)
""")
    done = restored(desk, file, "--replace")
    assert done.returncode == 0, done.stderr
    asked = f"from customers.keystore.models import DataKey; print(DataKey.objects.filter(pk='{gone}').exists())"
    assert desk.ask(asked) == "False"


@pytest.mark.skipif(not os.environ.get("TEST_DATABASE_URL"), reason="only on PostgreSQL")
def test_a_desk_moves_from_sqlite_to_postgresql_and_back(desk, other, postgresql):
    file = backed_up(desk)
    server = other(**postgresql)
    bring_ring(desk, server)
    done = restored(server, file)
    assert done.returncode == 0, done.stderr
    assert server.ask(KEEPS_WELL) == desk.ask(KEEPS_WELL)
    again = file.with_name("from_postgresql")
    done = command(server.folder, "backup", str(again), **server.variables)
    assert done.returncode == 0, done.stderr
    third = other("third")
    bring_ring(desk, third)
    done = restored(third, again)
    assert done.returncode == 0, done.stderr
    assert third.ask(KEEPS_WELL) == desk.ask(KEEPS_WELL)
    third.run()
    assert third.post_ticket(7)["number"]
