"""Bring both databases to this version: safely when several processes start at once, and fast when nothing is to do."""

import contextlib
import fcntl
import os
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from servicedesk.keyring import KeyringError, ring

ALIASES: Final = ("default", "keystore")
# Any constant does, as long as nobody else on this database takes the same advisory lock.
UPGRADE_LOCK: Final = 7_305_002
# The name of a lease that stands in the database until a restore has made again what serving needs.
RESTORING: Final = "restore"


class CannotStart(Exception):
    """Why the desk can't run here, in one line for the person who started it."""


def prepare(tell: Callable[[str], None]) -> bool:
    """Upgrade, and refuse a desk that could not serve. Returns whether there was anything to upgrade.

    Raises CannotStart: a database that cannot be used, a restore that was interrupted, a ring of master keys that is
    missing or not the right one.
    """
    try:
        upgraded = upgrade(tell)
        if is_half_restored():
            raise CannotStart("a restore was interrupted; run it again, to its end, before the desk is started")
        ring()
    except OperationalError as error:
        raise CannotStart(f"a database cannot be used: {str(error).strip().splitlines()[0]}") from error
    except KeyringError as error:
        raise CannotStart(str(error).rstrip(".")) from error
    return upgraded


def upgrade(tell: Callable[[str], None]) -> bool:
    """Apply migrations that are missing, in both databases; False when there were none."""
    if not any(is_outdated(alias) for alias in ALIASES):
        return False
    with _alone():
        for alias in ALIASES:
            if is_outdated(alias):
                tell(f"Preparing the {alias} database …")
                migrate(alias)
    return True


def migrate(alias: str) -> None:
    """Apply every migration that this database lacks. Interrupted anywhere, it goes on when called again."""
    executor = WholeExecutor(connections[alias])
    executor.loader.check_consistent_history(connections[alias])
    emit_pre_migrate_signal(verbosity=0, interactive=False, db=alias)
    executor.migrate(executor.loader.graph.leaf_nodes())
    emit_post_migrate_signal(verbosity=0, interactive=False, db=alias)


class WholeExecutor(MigrationExecutor):
    """Commits each migration together with the note that it was applied.

    Django's own writes the note after the commit where a migration has foreign keys or indexes to add at its end:
    killed between the two, the next run would meet its tables and fail for ever.
    """

    def apply_migration(self, state: Any, migration: Any, fake: bool = False, fake_initial: bool = False) -> Any:  # noqa: FBT001, FBT002  Django's signature
        if not migration.atomic:
            return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)
        with _one_transaction(self.connection):
            return super().apply_migration(state, migration, fake=fake, fake_initial=fake_initial)


@contextlib.contextmanager
def _one_transaction(connection: BaseDatabaseWrapper) -> Iterator[None]:
    # SQLite changes tables only while it doesn't check foreign keys, and that can't be said inside a transaction.
    checks = connection.constraint_checks_disabled() if connection.vendor == "sqlite" else contextlib.nullcontext()
    with checks, transaction.atomic(using=connection.alias):
        yield


def is_half_restored() -> bool:
    """Whether a restore was begun here and has not come to the point from which the desk may be started."""
    return bool(apps.get_model("servicedesk.Lease")._default_manager.filter(name=RESTORING).exists())


def is_outdated(alias: str) -> bool:
    """Whether a migration on disk is not recorded as applied: names only, without importing a single one."""
    applied = set(MigrationRecorder(connections[alias]).applied_migrations())
    return bool(migrations_on_disk() - applied)


def migrations_on_disk() -> set[tuple[str, str]]:
    """(app label, name) of every migration of the installed apps."""
    found: set[tuple[str, str]] = set()
    for app in apps.get_app_configs():
        try:
            package = import_module(f"{app.name}.migrations")
        except ModuleNotFoundError:
            continue
        names = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
        found.update((app.label, name) for name in names if name[0] not in "_~")
    return found


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """While held, no other process of the desk migrates: on the server's lock, or on a file beside SQLite's."""
    connection = connections["default"]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [UPGRADE_LOCK])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [UPGRADE_LOCK])
        return
    settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(settings.DATA_DIR / "upgrade.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
