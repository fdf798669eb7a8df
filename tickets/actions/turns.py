"""The frame every ticket action stands in: lock, may, (change), tell.

    turn = begin(ticket, may="tickets.solve", by=by, at=at)
    turn.ticket.move_to(Status.SOLVED)
    turn.end("ticket.solved", "status")

`begin` locks the ticket, asks whether `by` may, fixes the moment the action happens at, and settles the clocks: what
was overdue by then is breached before anything stops, pauses or moves. `end` saves what changed, raises the version,
keeps the queue's columns in step with the clocks, and tells.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict

from django.utils.translation import gettext as _

from clocks.actions import settle
from clocks.models import Clock
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Invalid, NotFound
from servicedesk.events import Told, record_many
from tickets.models import Status, Ticket

NEWS_FIELDS = ("version", "last_at", "next_due_at", "at_risk_from", "is_breached")


class Moment(TypedDict):
    """When something happens, by whom, and whether it is history brought over."""

    at: datetime
    by: Actor
    historic: bool


@dataclass(slots=True)
class Turn:
    """One action's turn on one locked ticket."""

    ticket: Ticket
    by: Actor
    at: datetime
    historic: bool
    clocks: list[Clock]
    told: list[Told] = field(default_factory=list)

    @property
    def when(self) -> Moment:
        """What every clock action wants to know of this turn."""
        return {"at": self.at, "by": self.by, "historic": self.historic}

    def clock(self, metric: str) -> Clock | None:
        """The open clock of this metric, if there is one."""
        return next((clock for clock in self.clocks if clock.metric == metric), None)

    def forget(self, stopped: Collection[Clock]) -> None:
        """Clocks that this turn stopped: they are owed no more, and one may have been breached by its very stop."""
        keys = {clock.pk for clock in stopped}
        self.clocks = [clock for clock in self.clocks if clock.pk not in keys]
        self.ticket.is_breached = self.ticket.is_breached or _any_breached(stopped)

    def tell(self, kind: str, subject: Any = None, /, **changes: Any) -> None:
        """Note an event; `end` writes all of them in their order, in one statement."""
        self.told.append(Told(kind, subject or self.ticket, self.by, self.at, changes, self.historic))

    def end(self, kind: str, /, *fields: str, **changes: Any) -> None:
        """Save these fields and those that follow from the clocks, and tell."""
        opened = self._open_if_new() if kind else ()
        self.ticket.version += 1
        self.ticket.last_at = max(self.ticket.last_at, self.at)
        show_clocks(self.ticket, self.clocks)
        if self.historic:
            # What is imported may have lifted a verdict that was reached before it was known.
            breached = Clock.objects.of(self.ticket).filter(state=Clock.State.BREACHED)
            self.ticket.is_breached = breached.exists()
        self.ticket.save(update_fields=[*fields, *opened, *NEWS_FIELDS])
        if kind:
            self.tell(kind, **changes)
        record_many(self.told)

    def _open_if_new(self) -> tuple[str, ...]:
        """The first act of staff opens a new ticket, whichever it is; one that was merged away keeps its state.

        A reply in its undo time is none yet: it tells of itself, and opens the ticket, as it leaves.
        """
        if not self.by.is_staff or self.ticket.status != Status.NEW or self.ticket.merged_into_id is not None:
            return ()
        self.ticket.move_to(Status.OPEN)
        return ("status",)


def begin(ticket: Ticket, *, may: str, by: Actor, at: datetime | None = None) -> Turn:
    """Lock the ticket, check the permission, fix the moment, settle the clocks.

    Raises NotFound for a ticket the actor does not see, NotAllowed for one they may not act on, and Invalid for an `at`
    that lies before the ticket's latest or ahead of now. Giving `at` at all needs `tickets.import`.
    """
    locked = Ticket.objects.select_related("customer", "policy", "assignee").lock(ticket.pk)
    if not by.sees(locked):
        raise NotFound
    by.must(may, locked)
    moment = moment_after(locked.last_at, at, by)
    historic = at is not None
    clocks = settle(locked, at=moment, by=by, historic=historic)
    # Now, not at the end: a breached clock that this turn stops is no longer owed by then.
    locked.is_breached = locked.is_breached or _any_breached(clocks)
    return Turn(locked, by, moment, historic, clocks)


def moment_after(earliest: datetime | None, at: datetime | None, by: Actor) -> datetime:
    """The moment an action happens at: now, or the given one where history is brought over."""
    present = now()
    if at is None:
        return present if earliest is None else max(present, earliest)
    by.must("tickets.import")
    if at > present:
        raise Invalid.field(
            "at", "in_the_future", _("This time lies ahead. History can only be brought over up to now.")
        )
    if earliest is not None and at < earliest:
        raise Invalid.field(
            "at", "out_of_order", _("This time precedes the latest of the ticket. Bring its history over in order.")
        )
    return at


def show_clocks(ticket: Ticket, clocks: list[Clock]) -> None:
    """Keep the queue's columns in step with the clocks: the next deadline owed, and when its warning begins."""
    owed = [clock for clock in clocks if clock.stopped_at is None and clock.due_at is not None]
    ticket.next_due_at = min((clock.due_at for clock in owed if clock.due_at), default=None)
    ticket.at_risk_from = min((clock.warn_at for clock in owed if clock.warn_at), default=None)
    ticket.is_breached = ticket.is_breached or _any_breached(clocks)


def _any_breached(clocks: Collection[Clock]) -> bool:
    return any(clock.state == Clock.State.BREACHED for clock in clocks)
