"""Print what the code knows best: who may do what, and how things move from state to state."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser

from servicedesk.permissions import EVERYTHING, ROLE_PERMISSIONS, SCOPE_PERMISSIONS
from servicedesk.states import Stateful


def permissions_page() -> str:
    """Role × permission and scope × permission, as Markdown."""
    roles = list(ROLE_PERMISSIONS)
    every = sorted(EVERYTHING.union(*ROLE_PERMISSIONS.values(), *SCOPE_PERMISSIONS.values()))
    lines = [
        "# Permissions",
        "",
        "Printed by `manage.py describe permissions` from `servicedesk/permissions.py`; a test compares.",
        "What is visible is a matter of shops: staff see the shops they work for, a key sees its own.",
        "Private teams' tickets are seen by their members and by who may `tickets.oversee`.",
        "",
        "Of events (the feed and the live stream) staff are told what they may see: not of others' private teams'",
        "tickets, and of keys, webhooks and bookings only with the permission for them. Integrations stand outside the",
        "teams: a key with `events:read` and a webhook are told, in ids and codes, of everything in their own shops,",
        "private teams' tickets included. Who sets one up chooses its shops.",
        "",
        f"| permission | {' | '.join(roles)} |",
        f"| --- | {' | '.join(':-:' for _ in roles)} |",
    ]
    lines += [
        f"| `{one}` | {' | '.join('●' if one in ROLE_PERMISSIONS[role] else '' for role in roles)} |" for one in every
    ]
    lines += ["", "| scope of a key | allows |", "| --- | --- |"]
    lines += [
        f"| `{scope}` | {', '.join(f'`{one}`' for one in sorted(allowed))} |"
        for scope, allowed in SCOPE_PERMISSIONS.items()
    ]
    return "\n".join(lines) + "\n"


def machines() -> Iterator[Any]:
    """Every model with a map of moves."""
    return (model for model in apps.get_models() if issubclass(model, Stateful) or hasattr(model, "MOVES"))


def states_page() -> str:
    """Each map of moves as a Mermaid chart."""
    lines = ["# States", "", "Printed by `manage.py describe states` from each model's `MOVES`; a test compares."]
    for model in machines():
        lines += ["", f"## {model._meta.object_name}", "", "```mermaid", "stateDiagram-v2"]
        for state, following in model.MOVES.items():
            lines += [f"    {state} --> {target}" for target in sorted(following)] or [f"    {state} --> [*]"]
        lines += ["```"]
    return "\n".join(lines) + "\n"


PAGES = {"permissions": permissions_page, "states": states_page}


class Command(BaseCommand):
    help = "Prints a page of docs/ from the code: permissions, states."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("page", choices=sorted(PAGES))

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(PAGES[options["page"]](), ending="")
