"""Pre-sale inquiries and every conversation: tickets, SLA policies, routing, channels."""

from collections.abc import Callable

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TicketsConfig(AppConfig):
    name = "tickets"
    verbose_name = _("Tickets")

    def ready(self) -> None:
        from servicedesk.backup import register_rebuilder
        from tickets import (
            orders,  # noqa: F401 - tells customers by which orders they are found
            subjects,  # noqa: F401 - tells the floors below what they ask of tickets
        )

        # What keyed tokens leak they would leak from a backup as well; they are made again from the texts.
        register_rebuilder("search", leaves_out=["tickets.SearchDocument"], rebuild=_rebuild_search)


def _rebuild_search(tell: Callable[[str], None]) -> None:
    from tickets.search import rebuild_search

    rebuild_search(lambda done, total: tell(f"search: {done} of {total} texts"))
