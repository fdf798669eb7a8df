"""SLA policies: which tickets are promised what, by which calendar, and what happens on the way to a breach."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clocks.models import Calendar
from servicedesk.rows import Row


class Metric(models.TextChoices):
    FIRST_RESPONSE = "first_response", _("First response")
    NEXT_RESPONSE = "next_response", _("Next response")
    RESOLUTION = "resolution", _("Resolution")


def default_targets() -> dict[str, int]:
    """The service standard's own figures, in seconds."""
    return {Metric.FIRST_RESPONSE: 600, Metric.NEXT_RESPONSE: 3600, Metric.RESOLUTION: 86_400}


def default_pauses() -> dict[str, list[str]]:
    """Which clocks stand while a ticket waits; a first response is owed whatever the ticket waits for."""
    return {
        "pending": [Metric.NEXT_RESPONSE, Metric.RESOLUTION],
        "on_hold": [Metric.NEXT_RESPONSE, Metric.RESOLUTION],
    }


class SlaPolicy(Row):
    """Tried in the order of `position`; the first whose conditions all fit governs the ticket.

    `conditions` maps shop, kind, channel, priority, team, language, tag, customer_tag to a value or a list of values.
    `escalations` is a list of {"metric", "offset_seconds" (±, from the deadline), "action", "params"}.
    """

    subject_type: ClassVar[str] = "sla_policy"

    name = models.CharField(_("name"), max_length=120)
    conditions = models.JSONField(_("conditions"), default=dict, blank=True)
    calendar = models.ForeignKey(
        Calendar,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("calendar"),
        help_text=_("Empty: round the clock."),
    )
    targets = models.JSONField(_("targets in seconds"), default=default_targets)
    warn_at_percent = models.PositiveSmallIntegerField(_("warn at per cent of the target"), default=70)
    position = models.IntegerField(_("position"), default=0)
    active = models.BooleanField(_("active"), default=True)
    pauses = models.JSONField(_("clocks that stand while waiting"), default=default_pauses)
    escalations = models.JSONField(_("escalation steps"), default=list, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("SLA policy")
        verbose_name_plural = _("SLA policies")
        ordering: ClassVar = ["position", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def shop_id(self) -> None:
        """Policies are the desk's, not a shop's; a condition may name shops."""
        return

    def target(self, metric: str) -> timedelta | None:
        seconds = self.targets.get(metric)
        return None if seconds is None else timedelta(seconds=seconds)
