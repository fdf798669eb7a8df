"""Calendars, business time, and clocks on any subject."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClocksConfig(AppConfig):
    name = "clocks"
    verbose_name = _("Clocks and calendars")

    def ready(self) -> None:
        from clocks.notices import days_not_announced
        from servicedesk.operations.notices import register_notices

        register_notices("calendars", days_not_announced)
