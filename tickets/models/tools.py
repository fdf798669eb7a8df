"""What agents work with: macros and saved views."""

from typing import ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from servicedesk.actor import Actor
from servicedesk.models import Shop, Team
from servicedesk.rows import Row, RowQuerySet

M_co = TypeVar("M_co", bound=models.Model, covariant=True)


class SharedQuerySet(RowQuerySet[M_co]):
    def visible_to(self, actor: Actor) -> Self:
        """One's own, one's team's, and those shared with everybody."""
        if actor.is_system:
            return self
        return self.filter(Q(owner_id=actor.id) | Q(owner=None, team=None) | Q(owner=None, team_id=actor.team))


class MacroQuerySet(SharedQuerySet["Macro"]):
    def visible_to(self, actor: Actor) -> Self:
        """The same, of the shops the actor works for."""
        rows = super().visible_to(actor)
        return rows if actor.shops is None else rows.filter(Q(shop=None) | Q(shop__in=actor.shops))


class Macro(Row):
    """Prepared text per language, with {{variables}}, and actions done as it is applied.

    `texts` maps a language to a text. `actions` is a list of {"action", "params"}, as `tickets.actions.macros` knows
    them: tag, untag, assign, team, priority, kind, hold, solve.
    """

    subject_type: ClassVar[str] = "macro"

    name = models.CharField(_("name"), max_length=80)
    shop = models.ForeignKey(Shop, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("shop"))
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("team"))
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("owner")
    )
    texts = models.JSONField(_("texts"), default=dict, blank=True)
    is_note = models.BooleanField(_("writes a note"), default=False)
    actions = models.JSONField(_("actions"), default=list, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    position = models.IntegerField(_("position"), default=0)

    objects: ClassVar[MacroQuerySet] = MacroQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("macro")
        verbose_name_plural = _("macros")
        ordering: ClassVar = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class SavedView(Row):
    """A filter of the queue that somebody kept, for themselves, for a team or for everybody.

    `filters` are the list endpoint's own query parameters; `q` is never kept, it could hold a customer's words.
    """

    subject_type: ClassVar[str] = "saved_view"
    shop_id: ClassVar[None] = None

    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("owner")
    )
    team = models.ForeignKey(Team, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("team"))
    filters = models.JSONField(_("filters"), default=dict)
    ordering = models.CharField(_("order"), max_length=24, blank=True)
    position = models.IntegerField(_("position"), default=0)

    objects: ClassVar[SharedQuerySet["SavedView"]] = SharedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering: ClassVar = ["position", "name"]

    def __str__(self) -> str:
        return self.name
