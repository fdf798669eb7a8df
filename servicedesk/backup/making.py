"""Make a backup while the desk runs.

Data first, key store after: every row in the data then finds its key. Attachments after the data: a file is on the disk
before its row is committed, so each row's file is there, unless it was erased meanwhile.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.files.storage import Storage, default_storage
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from servicedesk.backup.archive import ArchiveWriter
from servicedesk.backup.databases import snapshot
from servicedesk.backup.errors import BackupError
from servicedesk.backup.registry import Tell
from servicedesk.backup.tables import Table, tables
from servicedesk.clock import now
from servicedesk.ids import new_id
from servicedesk.keyring import ring, ring_path
from servicedesk.upgrading import ALIASES, is_outdated

DATA: Final = "data"
KEYS: Final = "keys"
TABLES: Final = "tables/"
FILES: Final = "files/"
_TELL_EVERY: Final = 1_000


def keys_path(path: Path) -> Path:
    """Where the key store of a backup lies: to be kept apart from it, and not for long."""
    return path.with_name(path.name + ".keys")


def make_backup(path: Path, tell: Tell) -> None:
    """Write the data to `path` and the key store beside it. Raises BackupError, and then leaves no file behind."""
    if any(is_outdated(alias) for alias in ALIASES):
        raise BackupError("the database does not belong to this version yet; start the desk or run `manage.py upgrade`")
    if keys_path(path).exists():
        raise BackupError(f"{keys_path(path)} exists already; a backup never overwrites one")
    facts = {
        "id": str(new_id()),
        "made_at": now().isoformat(),
        # Says which master keys belong to it, and holds none of them.
        "ring": ring().id if ring_path().exists() else None,
    }
    with ArchiveWriter(path, DATA) as archive:
        archive.manifest.update(facts)
        _write_database(archive, "default", tell)
        _write_files(archive, tell)
    try:
        with ArchiveWriter(keys_path(path), KEYS) as archive:
            archive.manifest.update(facts)
            _write_database(archive, "keystore", tell)
    except BaseException:
        # Data without keys is no backup.
        path.unlink()
        raise


def _write_database(archive: ArchiveWriter, alias: str, tell: Tell) -> None:
    with snapshot(alias) as view:
        described = []
        for table in tables(alias):
            with archive.member(TABLES + table.name) as sink:
                rows = view.write(table, sink)
            described.append(_describe(table, rows))
            if rows:
                tell(f"{table.name}: {rows} rows")
        archive.manifest["tables"] = described
        archive.manifest["numbers"] = view.numbers() if alias == "default" else {}
    applied = MigrationRecorder(connections[alias]).applied_migrations()
    archive.manifest["migrations"] = sorted(list(key) for key in applied)


def _describe(table: Table, rows: int) -> dict[str, Any]:
    columns = [[column.name, column.type, column.is_blank] for column in table.columns]
    return {"name": table.name, "key": table.key, "columns": columns, "rows": rows}


def _write_files(archive: ArchiveWriter, tell: Tell) -> None:
    count = 0
    for name in stored_files(default_storage):
        try:
            file = default_storage.open(name, "rb")
        except FileNotFoundError:
            # Erased, or swept as an orphan, since the folder was listed.
            continue
        with file, archive.member(FILES + name, compress=False) as sink:
            shutil.copyfileobj(file, sink, 1024 * 1024)
        count += 1
        if count % _TELL_EVERY == 0:
            tell(f"attachments: {count} so far")
    tell(f"attachments: {count}")


def stored_files(storage: Storage, folder: str = "") -> Iterator[str]:
    """The names of everything in the storage."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    prefix = f"{folder}/" if folder else ""
    yield from (prefix + name for name in sorted(files))
    for name in sorted(folders):
        yield from stored_files(storage, prefix + name)
