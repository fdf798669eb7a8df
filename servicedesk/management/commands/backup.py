"""`manage.py backup FILE`: the whole desk in FILE, customers' keys in FILE.keys, while it runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from servicedesk.backup.errors import BackupError
from servicedesk.backup.making import keys_path, make_backup


class Command(BaseCommand):
    help = "Back up database and attachments into FILE and customers' keys into FILE.keys. Never the master keys."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where to; must not exist yet")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            make_backup(file, self.stdout.write)
        except BackupError as reason:
            raise CommandError(f"No backup was made: {reason}.") from None
        self.stdout.write(f"Done: {file} ({file.stat().st_size:,} bytes) and {keys_path(file)}.")
        self.stdout.write("Keep the two apart, and the ring of master keys (MASTER_KEY_FILE) in a third place.")
