"""`manage.py keys`: the API keys of integrations, for who has a shell and no browser."""

from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from servicedesk.actions.keys import LIFETIME, issue_api_key, revoke_api_key
from servicedesk.actor import SYSTEM
from servicedesk.errors import DomainError
from servicedesk.models import ApiKey
from servicedesk.permissions import SCOPE_PERMISSIONS
from servicedesk.shops import shop_named

LONGEST_DAYS: Final = 3650


class Command(BaseCommand):
    help = "Issue, list and revoke the API keys of integrations. A key is shown once, when it is issued."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="every key: its prefix, integration, scopes, expiry")
        issue = verbs.add_parser("issue", help="print a new key, this once")
        issue.add_argument("integration", help="the name of the program that will use it")
        issue.add_argument(
            "--scopes", required=True, help=f"separated by commas, or all: {', '.join(SCOPE_PERMISSIONS)}"
        )
        issue.add_argument("--shops", default="", help="codes of shops, separated by commas; every shop if left out")
        issue.add_argument("--days", type=int, default=LIFETIME.days, help="until it expires; 0 = never (default 365)")
        issue.add_argument("--rate", type=int, help="requests a minute; the desk's own limit if left out")
        revoke = verbs.add_parser("revoke", help="the key opens nothing any more")
        revoke.add_argument("prefix", help="the part between the first two underscores, as `list` shows it")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        if not 0 <= options.get("days", 0) <= LONGEST_DAYS or (options.get("rate") or 1) < 1:
            raise CommandError(f"--days goes from 0 to {LONGEST_DAYS}, --rate begins at 1.")
        try:
            getattr(self, f"_{verb}")(**options)
        except DomainError as refusal:
            raise CommandError(str(refusal)) from None

    def _list(self, **_: Any) -> None:
        for key in ApiKey.objects.select_related("integration").order_by("id"):
            state = "revoked" if key.revoked_at else "usable" if key.is_usable else "expired"
            expiry = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "never expires"
            self.stdout.write(f"{key.prefix}  {key.integration.name}  {state}, {expiry}  {','.join(key.scopes)}")

    def _issue(self, *, integration: str, scopes: str, shops: str, days: int, rate: int | None, **_: Any) -> None:
        codes = [code.strip() for code in shops.split(",") if code.strip()]
        key = issue_api_key(
            integration=integration,
            scopes=list(SCOPE_PERMISSIONS) if scopes == "all" else [scope.strip() for scope in scopes.split(",")],
            shops=[shop_named(code, by=SYSTEM).pk for code in codes] or None,
            lasting=timedelta(days=days) if days else None,
            rate_per_minute=rate,
            by=SYSTEM,
        )
        self.stdout.write(key.fresh_secret)

    def _revoke(self, *, prefix: str, **_: Any) -> None:
        key = ApiKey.objects.one(prefix=prefix)
        revoke_api_key(key, by=SYSTEM)
        self.stdout.write(f"{prefix} is revoked.")
