"""`manage.py upgrade`: bring both databases to this version; safe to run from several processes at once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from servicedesk.checks import PROMISES
from servicedesk.upgrading import CannotStart, prepare


class Command(BaseCommand):
    help = (
        "Apply missing migrations to both databases. Waits for another process that is doing so; fast when up to date."
    )
    requires_system_checks = (PROMISES,)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not prepare(self.stdout.write):
                self.stdout.write("Both databases are up to date.")
        except CannotStart as reason:
            raise CommandError(f"servicedesk: {reason}.") from None
