"""The ground: settings, and the few mechanisms everybody stands on."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ServicedeskConfig(AppConfig):
    name = "servicedesk"
    verbose_name = _("Service desk")

    def ready(self) -> None:
        from django.conf import settings

        from servicedesk import (
            checks,  # noqa: F401 - registers the system checks
            reports,
        )
        from servicedesk.accounts import sealing  # noqa: F401 - tells the ring how second factors are sealed anew
        from servicedesk.listening import load_listeners

        load_listeners()
        reports.start(settings.SENTRY_DSN)
