"""`manage.py run`: a whole desk in this one process; what `make run` ends in."""

import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from servicedesk import environment
from servicedesk.checks import PROMISES
from servicedesk.embedded import EmbeddedDesk, data_dir_taken, reserve_port
from servicedesk.mail.sending import free_claims
from servicedesk.upgrading import CannotStart, prepare
from servicedesk.worker import leave_at_once

# Stands beside the data while demo data are being made: a desk whose start was interrupted there is made anew.
UNFINISHED: Final = "demo.unfinished"


class Command(BaseCommand):
    help = "Run the whole desk in one process: pages, REST, live updates, background work. Ctrl-C or SIGTERM stops it."
    # The settings have been read, and `make check` runs the rest; at each start they would cost a second.
    requires_system_checks = (PROMISES,)

    def handle(self, *args: Any, **options: Any) -> None:
        # Everything made from here on is this user's alone: databases, attachments, locks.
        os.umask(0o077)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _leave_before_serving)
        if not settings.EMBEDDED:
            raise CommandError("REDIS_URL is set: start web, live, worker and beat as processes of their own.")
        try:
            with data_dir_taken() as folder:
                bound = reserve_port(settings.HOST, settings.PORT)
                self._prepare(folder)
                is_clean = EmbeddedDesk(on_ready=lambda: self._say_ready(folder)).serve(bound)
        except CannotStart as reason:
            raise CommandError(f"servicedesk: {reason}.") from None
        self.stdout.write("Stopped.")
        if not is_clean:
            leave_at_once()

    def _prepare(self, folder: Path) -> None:
        unfinished = folder / UNFINISHED
        if unfinished.exists():
            self._remove_unfinished_data(folder)
        prepare(self._say)
        # This process alone sends: whatever is claimed was claimed by one that was killed.
        free_claims()
        if not (settings.STATIC_ROOT / "staticfiles.json").exists():
            self._say("Collecting static files …")
            call_command("collectstatic", interactive=False, verbosity=0)
        self._fill(unfinished)

    def _fill(self, unfinished: Path) -> None:
        """The first start only: demo data, or the question for an administrator."""
        from servicedesk.models import User

        if User.objects.exists():
            return
        if environment.flag("DEMO", default=True):
            self._say("Making demo data (once) …")
            unfinished.touch()
            call_command("demo")
            unfinished.unlink()
        elif sys.stdin.isatty():
            self._say("There is nobody yet who may sign in. Please name an administrator:")
            call_command("createsuperuser")
        else:
            self._say("There is nobody yet who may sign in: run `manage.py createsuperuser` in a terminal.")

    def _remove_unfinished_data(self, folder: Path) -> None:
        """Nobody has used this desk yet: it is only served once its demo data are whole."""
        self._say("The last start was interrupted while it made demo data; beginning anew.")
        for alias in ("default", "keystore"):
            database = Path(str(settings.DATABASES[alias]["NAME"]))
            if connections[alias].vendor == "sqlite" and database.parent == folder:
                connections[alias].close()
                for suffix in ("", "-wal", "-shm"):
                    database.with_name(database.name + suffix).unlink(missing_ok=True)
        (folder / UNFINISHED).unlink()

    def _say_ready(self, folder: Path) -> None:
        self._say(f"\nThe desk is ready: {settings.SITE_URL}/desk/   (Ctrl-C stops it)")
        if (folder / "demo.json").exists():
            self._say(f"Accounts, passwords and an API key for trying it out: {folder / 'demo.json'}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _leave_before_serving(*_: Any) -> None:
    raise SystemExit(0)
