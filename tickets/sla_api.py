"""The REST doors of SLA policies."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from clocks.models import Calendar
from clocks.reading import with_last_recompute
from servicedesk.errors import Invalid
from servicedesk.rest.views import DeskViewSet, creates, edits
from tickets.actions.policies import PolicyDraft, create_policy, edit_policy
from tickets.models import SlaPolicy
from tickets.policies import SOURCE
from tickets.sla_serializers import PolicyIn, PolicyOut

Data = dict[str, Any]


class SlaPolicyViews(DeskViewSet[SlaPolicy]):
    """SLA policies, in the order in which they are tried."""

    model = SlaPolicy
    reads = "sla.read"
    shows = PolicyOut
    orderings: ClassVar[dict[str, Sequence[str]]] = {"position": ("position", "id"), "-id": ("-id",)}

    def rows(self) -> "QuerySet[SlaPolicy]":
        """Policies are the desk's own: whoever may read them sees them all."""
        return SlaPolicy.objects.all()

    def loaded(self, rows: Sequence[Any]) -> Sequence[Any]:
        return with_last_recompute(rows, SOURCE)

    @creates(PolicyIn)
    def create(self, data: Data) -> SlaPolicy:
        return create_policy(PolicyDraft(**_with_calendar(data)), by=self.actor)

    @edits(PolicyIn)
    def partial_update(self, policy: SlaPolicy, data: Data) -> SlaPolicy:
        """Change a policy. Its open clocks are recomputed in the background; `recompute` says how far that is."""
        return edit_policy(policy, replace(PolicyDraft.of(policy), **_with_calendar(data)), by=self.actor)


def _with_calendar(data: Data) -> Data:
    """The calendar's row in place of its id."""
    if data.get("calendar") is None:
        return data
    calendar = Calendar.objects.filter(pk=data["calendar"]).first()
    if calendar is None:
        raise Invalid.field("calendar", "unknown", _("There is no such calendar."))
    return {**data, "calendar": calendar}
