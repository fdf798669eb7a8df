"""Bring a desk's databases up to date and put in what tests from outside need: two people and a key with every scope."""

import json
import sys

import django


def main() -> None:
    django.setup()
    from django.core.management import call_command

    from servicedesk.actions.keys import issue_api_key
    from servicedesk.actor import SYSTEM
    from servicedesk.models import User
    from servicedesk.permissions import SCOPE_PERMISSIONS

    call_command("upgrade", stdout=sys.stderr)
    password = "correct horse battery staple"
    User.objects.create_superuser("admin@desk.example", password, name="Ada")
    User.objects.create_user("manager@desk.example", password, name="Bob", role=User.Role.MANAGER)
    key = issue_api_key(
        integration="Acceptance", scopes=list(SCOPE_PERMISSIONS), by=SYSTEM, lasting=None, rate_per_minute=1_000_000
    )
    json.dump({"key": key.fresh_secret, "manager": "manager@desk.example", "password": password}, sys.stdout)


if __name__ == "__main__":
    main()
