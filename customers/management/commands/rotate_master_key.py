"""A new master key, while the desk works."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from customers.rotation import outdated_keys, retire_superseded, rewrap_all
from servicedesk.keyring import (
    KeyringError,
    add_master_version,
    is_settled,
    resealers,
    ring,
    settle_master_version,
    unaccounted_purposes,
)

# Longer than anything takes from sealing a value to the commit of its row: that row is not seen by what seals anew.
SHORTEST_GRACE: Final = timedelta(hours=1)


class Command(BaseCommand):
    help = (
        "Adds a master key to the ring, wraps every customer's key with it and seals anew what is sealed. The desk may "
        "go on working. Stopped or crashed, it resumes when called again. Old master keys stay in the ring to decrypt; "
        "--retire forgets them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--retire",
            action="store_true",
            help="make no new key, but forget the old ones that nothing needs any more",
        )
        parser.add_argument(
            "--grace-hours",
            type=float,
            default=48.0,
            help="with --retire: forget only what was superseded at least so long ago (default 48; at least 1)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._rotate(options["retire"], timedelta(hours=options["grace_hours"]))
        except KeyringError as error:
            raise CommandError(str(error)) from error

    def _rotate(self, retire: bool, grace: timedelta) -> None:  # noqa: FBT001
        is_resuming = not is_settled()
        if not is_resuming and not retire:
            add_master_version()
        version, total = ring().current, outdated_keys().count()
        if is_resuming:
            self.stdout.write(f"Resuming: {total} keys are not yet wrapped by master key {version}.")
        elif not retire:
            self.stdout.write(f"Master key {version} is in use. {total} keys to wrap.")
        for done in rewrap_all():
            self.stdout.write(f"wrapped {done}/{max(done, total)}")
            self.stdout.flush()
        for purpose, reseal in resealers().items():
            self.stdout.write(f"sealed anew, {purpose}: {reseal()}")
        settle_master_version(version)
        if retire:
            self._retire(grace)
        elif len(ring().masters) > 1:
            self.stdout.write("Done. Earlier master keys stay in the ring to decrypt until --retire.")
        else:
            self.stdout.write("Done.")

    def _retire(self, grace: timedelta) -> None:
        if ring().purposes and grace < SHORTEST_GRACE:
            raise CommandError(
                "No master key can be forgotten yet: --grace-hours is at least 1. What is being sealed now may "
                "still be written with the key before."
            )
        if missing := unaccounted_purposes():
            raise CommandError(
                f"No master key can be forgotten: nobody seals anew what is sealed for {', '.join(sorted(missing))}."
            )
        gone, kept = retire_superseded(grace=grace)
        for version in gone:
            self.stdout.write(f"Master key {version} is forgotten.")
        for version in kept:
            self.stdout.write(f"Master key {version} stays: it was in use less than {grace} ago, or wraps a key.")
        if not gone and not kept:
            self.stdout.write("There is no earlier master key.")
