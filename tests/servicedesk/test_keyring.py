"""The ring file: made once, written whole, read again when it changes."""

import json
import stat
import threading
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from servicedesk import keyring
from servicedesk.clock import now
from servicedesk.keyring import (
    KeyringError,
    add_master_version,
    is_outdated,
    new_ring,
    register_resealer,
    register_short_lived,
    retire_master_version,
    ring,
    rotation,
    seal,
    unaccounted_purposes,
    unseal,
    version_of,
    write_ring,
)
from servicedesk.keyring import file as ring_module


@pytest.fixture
def witnesses(monkeypatch):
    found = []
    monkeypatch.setattr(ring_module, "_witnesses", found)
    return found


@pytest.fixture
def registries(monkeypatch):
    monkeypatch.setattr(rotation, "_resealers", {})
    monkeypatch.setattr(rotation, "_short_lived", set())


@pytest.fixture
def missing(settings, tmp_path, witnesses):
    settings.MASTER_KEY_FILE = tmp_path / "keys" / "ring.json"
    return settings.MASTER_KEY_FILE


@pytest.fixture
def ring_file(missing):
    ring()
    return missing


def test_a_missing_ring_is_made_at_first_use_with_mode_600(missing):
    assert ring().current == 1
    assert stat.S_IMODE(missing.stat().st_mode) == 0o600
    assert sorted(path.name for path in missing.parent.iterdir()) == ["ring.json", "ring.json.gate", "ring.json.lock"]


def test_a_missing_ring_is_a_readable_error_when_something_was_encrypted_before(missing, witnesses):
    witnesses.append(lambda: True)
    with pytest.raises(KeyringError, match=r"ring\.json is missing, but data was encrypted with it"):
        ring()
    assert not missing.exists()


def test_many_first_users_at_once_make_one_ring(missing):
    found = []
    threads = [threading.Thread(target=lambda: found.append(ring().id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"format": 1}', '{"format": 99}', "\x00", '"x"', "{"])
def test_a_broken_ring_is_a_readable_error_and_never_replaced(missing, content):
    missing.parent.mkdir()
    missing.write_text(content)
    with pytest.raises(KeyringError, match=r"ring\.json"):
        ring()
    assert missing.read_text() == content


def test_an_unreadable_folder_is_a_readable_error(settings, tmp_path, witnesses):
    (tmp_path / "file").touch()
    settings.MASTER_KEY_FILE = tmp_path / "file" / "ring.json"
    with pytest.raises((KeyringError, NotADirectoryError)):
        ring()


def test_a_ring_survives_writing_and_reading(ring_file):
    before = ring()
    write_ring(ring_file, before)
    assert ring() == before


def test_keys_do_not_show_in_a_repr(ring_file):
    shown = repr(ring())
    for entry in json.loads(ring_file.read_text())["master"].values():
        assert entry["key"] not in shown
    assert "key=" not in shown.replace("_key=", "")


def test_another_process_rotation_is_seen_at_the_next_use(ring_file):
    assert ring().current == 1
    add_master_version()
    assert ring().current == 2
    assert ring().masters[1].superseded_at is not None
    assert ring().masters[2].superseded_at is None


def test_rotation_leaves_index_and_search_keys_alone(ring_file):
    before = (ring().index_key("email"), ring().index_key("phone"), ring().search_key)
    add_master_version()
    assert (ring().index_key("email"), ring().index_key("phone"), ring().search_key) == before
    assert len(set(before)) == 3


def test_a_new_index_name_gets_a_lasting_key_of_its_own(ring_file):
    made = ring().index_key("order_number")
    assert ring().index_key("order_number") == made
    assert made not in {ring().index_key("email"), ring().index_key("phone")}
    with pytest.raises(KeyringError):
        ring().index_key("Not A Name")


@given(st.binary(max_size=200))
def test_what_is_sealed_opens_again(data):
    assert unseal(seal(data, "test"), "test") == data


def test_a_sealed_value_opens_only_for_its_purpose(ring_file):
    blob = seal(b"secret", "one")
    with pytest.raises(KeyringError):
        unseal(blob, "two")


def test_a_sealed_value_is_no_wrapped_key(ring_file):
    with pytest.raises(KeyringError):
        ring().unwrap(seal(b"secret", "one"), b"one")


@pytest.mark.parametrize("position", [0, 1, 4, 5, 16, 17, -1])
def test_an_altered_sealed_value_does_not_open(ring_file, position):
    blob = bytearray(seal(b"secret", "one"))
    blob[position] ^= 1
    with pytest.raises(KeyringError) as refused:
        unseal(bytes(blob), "one")
    assert not isinstance(refused.value, InvalidTag)


def test_what_no_ring_sealed_is_refused_readably(ring_file):
    for blob in (b"", b"x", b"\x01" * 20):
        with pytest.raises(KeyringError, match="not something the key ring has sealed"):
            unseal(blob, "one")


def test_old_versions_open_what_they_sealed_until_they_are_retired(ring_file, registries):
    blob = seal(b"secret", "one")
    add_master_version()
    assert unseal(blob, "one") == b"secret"
    assert is_outdated(blob)
    assert version_of(seal(b"new", "one")) == 2
    assert retire_master_version(1, in_use=lambda: False)
    with pytest.raises(KeyringError, match="version 1, which the ring no longer holds"):
        unseal(blob, "one")


def test_a_version_in_use_is_not_retired_and_the_present_one_never(ring_file):
    add_master_version()
    assert not retire_master_version(1, in_use=lambda: True)
    assert not retire_master_version(2, in_use=lambda: False)
    assert set(ring().masters) == {1, 2}


def test_a_purpose_that_nobody_accounts_for_is_remembered(ring_file, registries):
    seal(b"x", "forgotten")
    seal(b"x", "resealed")
    seal(b"x", "brief")
    register_resealer("resealed", lambda: 0)
    register_short_lived("brief")
    assert unaccounted_purposes() == {"forgotten"}


def test_a_purpose_is_a_constant_and_not_made_of_data(ring_file):
    with pytest.raises(KeyringError):
        seal(b"x", "mail of Wang <wang@example.com>")


def test_a_crash_while_writing_leaves_the_old_ring(ring_file, monkeypatch):
    before = ring()

    def fail(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(ring_module.os, "fsync", fail)
    with pytest.raises(OSError, match="power cut"):
        write_ring(ring_file, new_ring())
    assert ring() == before


def test_the_moment_of_making_is_kept(ring_file):
    assert now() - ring().masters[1].made_at < timedelta(minutes=1)


def test_the_package_exports_what_it_says():
    assert all(hasattr(keyring, name) for name in keyring.__all__)


def test_a_ring_that_others_can_read_is_warned_of(ring_file):
    from servicedesk.checks import check_ring_is_private

    assert check_ring_is_private() == []
    ring_file.chmod(0o640)
    assert [message.id for message in check_ring_is_private()] == ["servicedesk.W002"]
    ring_file.unlink()
    assert check_ring_is_private() == []
