"""A new master key while the desk works; stopped anywhere, it goes on."""

import threading
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connections

from customers import keys
from customers.keys import make_keys
from customers.keystore.models import DataKey, Tombstone
from customers.rotation import outdated_keys, retire_superseded, rewrap_all
from servicedesk.backup import BackupError, restoring
from servicedesk.clock import now
from servicedesk.keyring import (
    KeyringError,
    add_master_version,
    register_resealer,
    register_short_lived,
    ring,
    rotation,
    seal,
    unseal,
)

pytestmark = pytest.mark.django_db(databases=["default", "keystore"])


@pytest.fixture(autouse=True)
def _own_ring(ring_file, monkeypatch):
    monkeypatch.setattr(rotation, "_resealers", {})
    monkeypatch.setattr(rotation, "_short_lived", set())


def opens(key_id) -> bool:
    keys.start_scope()
    return keys.cipher(key_id) is not None


def rotate(*options: str) -> str:
    out = StringIO()
    call_command("rotate_master_key", *options, stdout=out)
    return out.getvalue()


def test_every_key_is_wrapped_by_the_new_master_key_and_opens_as_before():
    made = [key_id for key_id, _key in make_keys(10)]
    before = dict(DataKey.objects.values_list("pk", "wrapped"))
    shown = rotate()
    assert "Master key 2 is in use. 10 keys to wrap." in shown
    assert "wrapped 10/10" in shown
    assert set(DataKey.objects.values_list("ring_version", flat=True)) == {2}
    assert not outdated_keys().exists()
    assert all(opens(key_id) for key_id in made)
    assert all(bytes(before[pk]) != bytes(after) for pk, after in DataKey.objects.values_list("pk", "wrapped"))


def test_a_rotation_that_was_interrupted_resumes_with_the_same_master_key():
    make_keys(10)
    add_master_version()
    steps = rewrap_all(batch=3)
    assert [next(steps), next(steps)] == [3, 6]
    steps.close()
    assert outdated_keys().count() == 4
    shown = rotate()
    assert "Resuming: 4 keys are not yet wrapped by master key 2." in shown
    assert ring().current == 2
    assert not outdated_keys().exists()


def test_one_interrupted_while_it_seals_anew_resumes_with_the_same_master_key():
    make_keys(2)
    answers = [RuntimeError("killed"), 3]

    def reseal() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    register_resealer("webhook secret", reseal)
    with pytest.raises(RuntimeError):
        rotate()
    shown = rotate()
    assert "Resuming: 0 keys are not yet wrapped by master key 2." in shown
    assert "sealed anew, webhook secret: 3" in shown
    assert ring().current == 2
    answers.append(0)
    assert "Master key 3 is in use." in rotate()


def test_keys_made_during_a_rotation_have_the_new_master_key():
    make_keys(4)
    add_master_version()
    steps = rewrap_all(batch=2)
    next(steps)
    [(made, _key)] = make_keys(1)
    assert DataKey.objects.get(pk=made).ring_version == 2
    assert list(steps)[-1] == 4


def test_a_second_rotation_during_the_first_loses_nothing():
    made = [key_id for key_id, _key in make_keys(6)]
    add_master_version()
    first = rewrap_all(batch=2)
    next(first)
    add_master_version()
    list(first)
    assert set(DataKey.objects.values_list("ring_version", flat=True)) == {3}
    assert all(opens(key_id) for key_id in made)


def test_a_key_destroyed_during_a_rotation_stays_destroyed():
    made = [key_id for key_id, _key in make_keys(4)]
    add_master_version()
    steps = rewrap_all(batch=2)
    next(steps)
    DataKey.objects.filter(pk=made[0]).delete()
    Tombstone.objects.create(key_id=made[0])
    list(steps)
    assert DataKey.objects.count() == 3
    assert not opens(made[0])


def test_a_key_of_another_ring_stops_the_rotation_loudly():
    [(made, _key)] = make_keys(1)
    add_master_version()
    DataKey.objects.filter(pk=made).update(wrapped=b"\x01\x00\x00\x00\x01" + bytes(60))
    with pytest.raises(CommandError, match=f"The data key {made} cannot be opened with this ring"):
        rotate()


def test_what_is_sealed_is_sealed_anew_by_who_knows_it():
    stored = [seal(b"secret", "webhook secret")]

    def reseal() -> int:
        stored[:] = [seal(unseal(blob, "webhook secret"), "webhook secret") for blob in stored]
        return len(stored)

    register_resealer("webhook secret", reseal)
    assert "sealed anew, webhook secret: 1" in rotate()
    rotation.retire_master_version(1, in_use=lambda: False)
    assert unseal(stored[0], "webhook secret") == b"secret"


def test_old_master_keys_stay_until_they_are_retired():
    make_keys(2)
    assert "stay in the ring to decrypt" in rotate()
    assert set(ring().masters) == {1, 2}


def test_retiring_forgets_what_nothing_needs_and_makes_no_new_key():
    made = [key_id for key_id, _key in make_keys(2)]
    rotate()
    with time_machine.travel(now() + timedelta(hours=49), tick=False):
        assert "Master key 1 is forgotten." in rotate("--retire")
    assert set(ring().masters) == {2}
    assert all(opens(key_id) for key_id in made)
    assert "There is no earlier master key." in rotate("--retire")


def test_a_master_key_used_lately_is_not_forgotten():
    rotate()
    assert "Master key 1 stays" in rotate("--retire")
    assert set(ring().masters) == {1, 2}


def test_a_master_key_that_wraps_a_key_is_not_forgotten():
    make_keys(1)
    add_master_version()
    assert retire_superseded(grace=timedelta(0)) == ([], [1])
    assert set(ring().masters) == {1, 2}


def test_no_master_key_is_forgotten_while_a_purpose_is_unaccounted_for():
    seal(b"x", "somebody's secret".replace("'", ""))
    rotate()
    with pytest.raises(CommandError, match="nobody seals anew what is sealed for somebodys secret"):
        rotate("--retire", "--grace-hours", "1")
    assert retire_superseded(grace=timedelta(0)) == ([], [1])
    register_short_lived("somebodys secret")
    with time_machine.travel(now() + timedelta(hours=1, minutes=1), tick=False):
        assert "Master key 1 is forgotten." in rotate("--retire", "--grace-hours", "1")


@pytest.mark.parametrize("hours", ["0", "0.9", "-1"])
def test_what_is_being_sealed_right_now_is_not_lost(hours):
    register_short_lived("an answer")
    under_way = seal(b"x", "an answer")
    rotate()
    with pytest.raises(CommandError, match="at least 1"):
        rotate("--retire", f"--grace-hours={hours}")
    assert unseal(under_way, "an answer") == b"x"


def test_a_broken_ring_is_one_readable_line(ring_file):
    ring_file.write_text("nonsense")
    with pytest.raises(CommandError, match="is not a key ring"):
        rotate()
    with pytest.raises(KeyringError):
        ring()


@pytest.mark.django_db(databases=["default", "keystore"], transaction=True)
def test_keys_made_while_master_keys_come_and_go_are_never_lost():
    made, errors, stop = [], [], threading.Event()

    def work() -> None:
        try:
            while not stop.is_set():
                made.extend(key_id for key_id, _key in make_keys(3))
        except Exception as error:  # noqa: BLE001  whatever it is, the test is to say it
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            rotate()
            rotate("--retire", "--grace-hours", "0")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors
    assert len(made) > 10
    rotate()
    rotate("--retire", "--grace-hours", "0")
    assert len(ring().masters) == 1
    assert all(opens(key_id) for key_id in made)


def test_a_restore_asks_for_every_master_key_that_the_backups_keys_need(monkeypatch):
    [(old, _key)] = make_keys(1)
    add_master_version()
    [(new, _key)] = make_keys(1)
    rows = [[pk.hex, bytes(DataKey.objects.get(pk=pk).wrapped)] for pk in (new, old)]  # bytes, as an archive has them
    monkeypatch.setattr(restoring, "_rows", lambda *_: rows)
    monkeypatch.setattr(restoring, "_positions", lambda *_: (0, 1))
    archive = SimpleNamespace(manifest={"ring": ring().id})
    restoring._check_ring(archive, archive)
    rotation.retire_master_version(1, in_use=lambda: False)
    with pytest.raises(BackupError, match="does not open all of the backup's keys"):
        restoring._check_ring(archive, archive)
