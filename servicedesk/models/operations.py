"""How the desk itself is doing: signs of life, and who does what only one may do at a time."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from servicedesk.clock import now

__all__ = ["Heartbeat", "Lease"]


class Heartbeat(models.Model):
    """When a part of the desk last said that it is well."""

    name = models.CharField(_("part"), max_length=40, primary_key=True)
    at = models.DateTimeField(_("last seen"), default=now)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Lease(models.Model):
    """Work that is done once in a while by whoever comes first: nobody else starts it before `until`."""

    name = models.CharField(_("work"), max_length=40, primary_key=True)
    until = models.DateTimeField(_("not again before"))

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")

    def __str__(self) -> str:
        return self.name
