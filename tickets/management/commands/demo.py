"""`manage.py demo`: an invented shop with people, customers and a month of history, made through the actions."""

import gc
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand
from django.db import transaction

from servicedesk.actions.keys import issue_api_key, revoke_api_key
from servicedesk.actor import SYSTEM, Actor
from servicedesk.clock import now
from servicedesk.models import ApiKey, User
from servicedesk.permissions import SCOPE_PERMISSIONS
from tickets.demo.house import furnish
from tickets.demo.making import Playing

INTEGRATION: Final = "Demo"
# High enough for load checks.
RATE_PER_MINUTE: Final = 1_000_000


class Command(BaseCommand):
    help = "Fill an empty desk with an invented shop. A second run does nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.DATA_DIR / "demo.json"
        if User.objects.filter(is_demo=True).exists():
            if not path.exists():
                self._open_again(path)
            self.stdout.write(f"The demo data are there already; accounts and key: {path}")
            return
        started = monotonic()
        password = new_password()
        with without_collecting(), transaction.atomic():
            key = new_key()
            house = furnish(password, now())
            count = Playing(house, Actor.integration(key), now()).play()
        write_accounts(path, house.everybody, password, key)
        self.stdout.write(f"Made {count} tickets in {monotonic() - started:.1f} s. Accounts and key: {path}")

    def _open_again(self, path: Path) -> None:
        """The file is gone, and with it password and key, which are kept nowhere else: new ones."""
        password = new_password()
        with transaction.atomic():
            for old in ApiKey.objects.filter(integration__name=INTEGRATION, revoked_at=None):
                revoke_api_key(old, by=SYSTEM)
            key = new_key()
            User.objects.filter(is_demo=True).update(password=make_password(password))
            people = list(User.objects.filter(is_demo=True).order_by("pk"))
        write_accounts(path, people, password, key)


@contextmanager
def without_collecting() -> Iterator[None]:
    """A short run that makes much and drops little: looking for garbage costs a tenth of it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def new_password() -> str:
    return f"demo-{secrets.token_urlsafe(9)}"


def new_key() -> ApiKey:
    return issue_api_key(
        integration=INTEGRATION,
        scopes=list(SCOPE_PERMISSIONS),
        by=SYSTEM,
        lasting=None,
        rate_per_minute=RATE_PER_MINUTE,
    )


def write_accounts(path: Path, people: Any, password: str, key: ApiKey) -> None:
    """The file that says how to get in, for its owner's eyes only, in one step."""
    document = {
        "url": settings.SITE_URL,
        "accounts": [{"role": user.role, "email": user.email, "password": password} for user in people],
        "api_key": key.fresh_secret,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")
    beside.rename(path)
