"""Restore a backup, into an empty desk or in the place of another.

Everything that can be found wrong with the files is found before anything is changed. The rows are loaded in one
transaction: an interrupted restore leaves the desk as it was (or empty), and is simply run again.
"""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.db import DatabaseError, connections, router, transaction
from django.db.migrations.recorder import MigrationRecorder

from servicedesk import heartbeat
from servicedesk.backup.archive import ArchiveReader
from servicedesk.backup.databases import drop_everything, load, loading, reset_row_sequences, set_numbers
from servicedesk.backup.errors import BackupError
from servicedesk.backup.making import DATA, FILES, KEYS, TABLES, keys_path
from servicedesk.backup.registry import Tell, rebuilders
from servicedesk.backup.tables import Column, Table, row_in
from servicedesk.clock import now
from servicedesk.keyring import KeyringError, ring, ring_path
from servicedesk.models import Lease
from servicedesk.upgrading import RESTORING, WholeExecutor, is_half_restored, migrate, migrations_on_disk

KEY_MODEL: Final = "keystore.DataKey"
TOMBSTONE_MODEL: Final = "keystore.Tombstone"
_BATCH: Final = 500


def restore_backup(path: Path, tell: Tell, *, replace: bool = False) -> None:
    """Bring back the data in `path` and the keys beside it. Raises BackupError."""
    data, keys = ArchiveReader(path, DATA), ArchiveReader(keys_path(path), KEYS)
    tell("Checking both files …")
    _check(data, keys, replace=replace)
    migrate("keystore")
    tell(f"Keys: {_restore_keys(keys)} were missing and are back")
    _restore_state(data, tell)
    _restore_rows(data, tell)
    _restore_files(data, tell)
    migrate("default")
    _reset_sequences()
    _rebuild(tell)


# ---------------------------------------------------------------------------------------------------------- before


def _check(data: ArchiveReader, keys: ArchiveReader, *, replace: bool) -> None:
    """Refuse before anything is changed."""
    if data.manifest["id"] != keys.manifest["id"]:
        raise BackupError(f"{keys.path} belongs to another backup than {data.path}")
    for archive in (data, keys):
        archive.verify()
    if unknown := _migrations(data) - migrations_on_disk():
        app, name = min(unknown)
        raise BackupError(f"the backup was made by a newer version of the desk: this one has no migration {app}.{name}")
    _check_ring(data, keys)
    if _somebody_works():
        raise BackupError("a worker runs on this database, or did ten seconds ago: stop the desk first")
    if not replace and _is_in_use():
        raise BackupError("this desk has data of its own; give --replace to put the backup in their place")


def _check_ring(data: ArchiveReader, keys: ArchiveReader) -> None:
    """The master keys are never in a backup; without the right ones it can't be read, so rather say so now."""
    wanted = data.manifest["ring"]
    if wanted is None:
        return
    place = f"put the right ring at MASTER_KEY_FILE ({ring_path()}) first, from where you keep it"
    if not ring_path().exists():
        raise BackupError(f"the ring of master keys is missing: {place}")
    if ring().id != wanted:
        raise BackupError(f"the backup was encrypted with another ring of master keys: {place}")
    key_id, wrapped = _positions(keys, KEY_MODEL, "id", "wrapped")
    present = ring()
    for row in _rows(keys, KEY_MODEL):
        # Every one: an old master key may wrap only some of them, and may have been retired from this ring.
        try:
            present.unwrap(row[wrapped], bytes.fromhex(row[key_id]))
        except KeyringError as error:
            raise BackupError(f"the ring of master keys does not open all of the backup's keys: {place}") from error


def _somebody_works() -> bool:
    try:
        ages = heartbeat.ages()
    except DatabaseError:
        # No tables yet.
        return False
    return any(age < heartbeat.STALE_AFTER_SECONDS for age in ages.values())


def _is_in_use() -> bool:
    """Whether there is anything to lose: what an interrupted restore left behind is not."""
    try:
        return not is_half_restored() and bool(get_user_model()._default_manager.exists())
    except DatabaseError:
        return False


# ------------------------------------------------------------------------------------------------------------ keys


def _restore_keys(keys: ArchiveReader) -> int:
    """Add keys that are missing here and were not destroyed, as either side knows it. Returns how many."""
    key_model, tombstone_model = apps.get_model(KEY_MODEL), apps.get_model(TOMBSTONE_MODEL)
    alias = router.db_for_write(key_model)
    before = key_model._default_manager.using(alias).count()
    with transaction.atomic(using=alias):
        for model in (tombstone_model, key_model):
            table, rows = _table_of(keys, model._meta.label), iter(_rows(keys, model._meta.label))
            while batch := list(itertools.islice(rows, _BATCH)):
                _insert_missing(alias, model, table, batch)
        gone = tombstone_model._default_manager.using(alias).values_list("pk", flat=True)
        for start in range(0, len(destroyed := list(gone)), _BATCH):
            key_model._default_manager.using(alias).filter(pk__in=destroyed[start : start + _BATCH]).delete()
    after = int(key_model._default_manager.using(alias).count())
    return max(0, after - int(before))


def _insert_missing(alias: str, model: Any, table: Table, rows: list[list[Any]]) -> None:
    fields = {field.column: field.attname for field in model._meta.local_concrete_fields}
    made = [
        model(**{fields[c.name]: _python(c, value) for c, value in zip(table.columns, row, strict=True)})
        for row in rows
    ]
    model._default_manager.using(alias).bulk_create(made, ignore_conflicts=True)


def _python(column: Column, value: Any) -> Any:
    if column.type == "datetime" and isinstance(value, str):
        return f"{value}+00:00"
    return value


def _rows(archive: ArchiveReader, label: str) -> Iterable[list[Any]]:
    table = _table_of(archive, label)
    with archive.open(TABLES + table.name) as member:
        for line in member:
            yield row_in(table.columns, line)


def _table_of(archive: ArchiveReader, label: str) -> Table:
    name = apps.get_model(label)._meta.db_table
    found = [table for table in _tables(archive) if table.name == name]
    if not found:
        raise BackupError(f"{archive.path} holds no {name}")
    return found[0]


def _positions(archive: ArchiveReader, label: str, *names: str) -> list[int]:
    columns = [column.name for column in _table_of(archive, label).columns]
    return [columns.index(name) for name in names]


# ------------------------------------------------------------------------------------------------------------ data


def _tables(archive: ArchiveReader) -> list[Table]:
    return [
        Table(one["name"], one["key"], tuple(Column(*column) for column in one["columns"]))
        for one in archive.manifest["tables"]
    ]


def _migrations(archive: ArchiveReader) -> set[tuple[str, str]]:
    return {(app, name) for app, name in archive.manifest["migrations"]}


def _restore_state(data: ArchiveReader, tell: Tell) -> None:
    """The tables as they were when the backup was made; later migrations then carry its rows along."""
    connection = connections["default"]
    wanted = _migrations(data)
    applied = set(MigrationRecorder(connection).applied_migrations())
    if applied == wanted:
        return
    if applied - wanted:
        tell("Clearing the newer tables …")
        drop_everything("default")
    tell("Making the tables as they were …")
    executor = WholeExecutor(connection)
    graph = executor.loader.graph
    ends = [
        key
        for key in wanted
        if not any(child.key in wanted for child in graph.node_map[key].children if key[0] == child.key[0])
    ]
    executor.migrate(sorted(ends))


def _restore_rows(data: ArchiveReader, tell: Tell) -> None:
    counts = {one["name"]: one["rows"] for one in data.manifest["tables"]}
    with loading("default"):
        for table in _tables(data):
            with data.open(TABLES + table.name) as member:
                load("default", table, member)
            if counts[table.name]:
                tell(f"{table.name}: {counts[table.name]} rows")
        set_numbers("default", data.manifest["numbers"])
        # Commits with the rows: no start serves them before files, numbers and contacts are there.
        Lease.objects.create(name=RESTORING, until=now())


def _restore_files(data: ArchiveReader, tell: Tell) -> None:
    names = data.names(FILES)
    for member_name in names:
        name = member_name.removeprefix(FILES)
        if default_storage.exists(name):
            # Written once and never changed: what is there under this name is the same, or a broken copy of it.
            default_storage.delete(name)
        with data.open(member_name) as member:
            default_storage.save(name, File(member, name))
    tell(f"attachments: {len(names)}")


def _reset_sequences() -> None:
    models = [m for m in apps.get_models(include_auto_created=True) if router.allow_migrate_model("default", m)]
    reset_row_sequences("default", [m for m in models if m._meta.managed])


def _rebuild(tell: Tell) -> None:
    """First what the desk cannot be started without, then, while it may run already, the rest."""
    may_start = False
    for rebuilder in rebuilders():
        if not rebuilder.before_serving and not may_start:
            _let_it_start(tell)
            may_start = True
        tell(f"Making again: {rebuilder.name} …")
        rebuilder.rebuild(tell)
    if not may_start:
        _let_it_start(tell)


def _let_it_start(tell: Tell) -> None:
    Lease.objects.filter(name=RESTORING).delete()
    tell("The desk may be started now.")
