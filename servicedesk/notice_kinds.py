"""What people can be told of, and how what it is about is shown. The chapters register both; the ground knows neither.

register_kind(Kind("ticket.assigned", _("A ticket is given to you"), "user-check", Channels(sound=True)))
register_subject("ticket", rows=Ticket.objects.visible_to, address=address_of)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.utils.functional import Promise

from servicedesk.actor import Actor

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from servicedesk.models.events import Event

Text = str | Promise
Words = Callable[["Event"], Text]


@dataclass(frozen=True, slots=True)
class Channels:
    """The ways by which somebody hears of a kind. Browser and sound announce what comes to the bell, nothing else."""

    desk: bool = True
    browser: bool = False
    sound: bool = False
    digest: str = "off"

    @property
    def is_silent(self) -> bool:
        """Whether nothing would ever come of it."""
        return not self.desk and self.digest == "off"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of news: what the preferences call it, what it says when it happened, and its defaults.

    What it says names nobody: it is shown by the browser over whatever else is on the screen, and mailed.
    `needs` is the permission without which nobody is ever told of it, so that it isn't offered to them.
    """

    code: str
    label: Text
    icon: str
    channels: Channels
    says: Words | None = None
    needs: str = ""

    def words(self, event: "Event") -> Text:
        return self.label if self.says is None else self.says(event)


@dataclass(frozen=True, slots=True)
class Subject:
    """What notices can be about: which rows an actor may see, and where one is shown, by its number and the event."""

    rows: "Callable[[Actor], QuerySet[Any]]"
    address: "Callable[[str, Event], str]"


KINDS: Final[dict[str, Kind]] = {}
SUBJECTS: Final[dict[str, Subject]] = {}


def register_kind(kind: Kind) -> None:
    """Make a kind known, at the place in the preferences where it is registered."""
    KINDS[kind.code] = kind


def register_subject(
    name: str, *, rows: "Callable[[Actor], QuerySet[Any]]", address: "Callable[[str, Event], str]"
) -> None:
    """Notices about subjects of this type are shown to whom `rows(actor)` shows the subject."""
    SUBJECTS[name] = Subject(rows, address)


def kinds_for(actor: Actor) -> list[Kind]:
    """Those this person can be told of."""
    return [kind for kind in KINDS.values() if not kind.needs or actor.may(kind.needs)]
