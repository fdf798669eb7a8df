"""`/api/v1/calendars/`: when work is done."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from clocks.actions.calendars import CalendarDraft, create_calendar, edit_calendar
from clocks.models import Calendar
from clocks.reading import with_last_recompute
from clocks.serializers import CalendarEditIn, CalendarIn, CalendarOut
from servicedesk.rest.views import DeskViewSet, creates, edits


class CalendarViews(DeskViewSet[Calendar]):
    """Calendars: weekly hours, days off, days worked out of turn. An edit recomputes the open clocks it governs."""

    model = Calendar
    reads = "sla.read"
    shows = CalendarOut
    orderings: ClassVar[dict[str, Sequence[str]]] = {"name": ("name", "id")}

    def loaded(self, rows: Sequence[Any]) -> Sequence[Any]:
        return with_last_recompute(rows, "calendar")

    @creates(CalendarIn)
    def create(self, data: dict[str, Any]) -> Calendar:
        """Make a calendar."""
        return create_calendar(CalendarDraft(**data), by=self.actor)

    @edits(CalendarEditIn)
    def partial_update(self, calendar: Calendar, data: dict[str, Any]) -> Calendar:
        """Change a calendar. Its open clocks are recomputed in the background; `recompute` says how far that is."""
        return edit_calendar(calendar, replace(CalendarDraft.of(calendar), **data), by=self.actor)
