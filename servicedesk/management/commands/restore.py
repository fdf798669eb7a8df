"""`manage.py restore FILE`: bring back what `manage.py backup FILE` wrote."""

import contextlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from servicedesk.backup.errors import BackupError
from servicedesk.backup.restoring import restore_backup
from servicedesk.embedded import data_dir_taken
from servicedesk.upgrading import CannotStart


class Command(BaseCommand):
    help = "Restore FILE and FILE.keys into an empty desk that isn't running (--replace: in the place of its data)."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace", action="store_true", help="put the backup in the place of this desk's data")

    def handle(self, *args: Any, file: Path, replace: bool, **options: Any) -> None:
        taken = data_dir_taken() if connections["default"].vendor == "sqlite" else contextlib.nullcontext()
        try:
            with taken:
                restore_backup(file, self.stdout.write, replace=replace)
        except CannotStart as reason:
            raise CommandError(f"Nothing was restored: {reason}.") from None
        except BackupError as reason:
            raise CommandError(f"Nothing was restored: {reason}.") from None
        self.stdout.write("Done.")
