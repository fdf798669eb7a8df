"""The composer: what stands beside the text, from its draft or from the form that came back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.forms import BaseForm
from django.utils import timezone
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import Team, User
from tickets.actions.macros import macros_for, render_macros
from tickets.attachments import waiting_files
from tickets.macros import said
from tickets.models import Attachment, Draft, Macro, Ticket

PREVIEW: Final = 160
MORNING: Final = 9


@dataclass(frozen=True, slots=True)
class Choice:
    """A macro as it is offered and as it stands by the text: its words, and what else it does."""

    macro: Macro
    text: str
    does: Sequence[str]

    @property
    def preview(self) -> str:
        line = " ".join(self.text.split())
        return line if len(line) <= PREVIEW else line[: PREVIEW - 1] + "…"


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes with the text that is being written."""

    files: Sequence[Attachment] = ()
    macros: Sequence[Choice] = ()
    mentions: Sequence[uuid.UUID] = ()
    later: Sequence[tuple[str, str, datetime]] = field(default_factory=tuple)


def beside_of(ticket: Ticket, actor: Actor, draft: Draft | None, form: BaseForm) -> Beside:
    """From the form that came back, else from the draft. No query where nothing goes along."""
    if form.is_bound:
        data = form.cleaned_data if hasattr(form, "cleaned_data") else {}
        files, macros, mentions = (data.get(name) or [] for name in ("uploaded", "macros", "mentions"))
    elif draft is not None:
        files, macros, mentions = (
            [uuid.UUID(pk) for pk in ids] for ids in (draft.attachments, draft.macros, draft.mentions)
        )
    else:
        files, macros, mentions = [], [], []
    rows = list(macros_for(ticket, actor).filter(pk__in=macros)) if macros else []
    return Beside(
        files=waiting_files(files, ticket.customer),
        macros=choices_of(ticket, sorted(rows, key=lambda row: macros.index(row.pk)), actor) if rows else (),
        mentions=mentions,
        later=moments(now()),
    )


def choices_of(ticket: Ticket, macros: Sequence[Macro], actor: Actor) -> list[Choice]:
    """Macros with their texts filled in, and what else they do in words; a fixed number of queries."""
    texts = render_macros(ticket, macros, by=actor)
    names: dict[str, str] = {}
    if any(one["action"] in {"assign", "team"} for macro in macros for one in macro.actions):
        for model in (User, Team):
            names |= {str(pk): name for pk, name in model._default_manager.values_list("pk", "name")}
    return [Choice(macro, text, said(macro.actions, names)) for macro, text in zip(macros, texts, strict=True)]


def moments(at: datetime) -> list[tuple[str, str, datetime]]:
    """Moments that are often meant, in the reader's time zone: as the form takes them, in words, and as they are."""
    here = timezone.localtime(at)
    hour = (here + timedelta(minutes=64)).replace(second=0, microsecond=0)
    hour -= timedelta(minutes=hour.minute % 5)
    morning = here.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    monday = morning + timedelta(days=7 - here.weekday())
    offered = [(_("In an hour"), hour), (_("Tomorrow morning"), morning + timedelta(days=1))]
    if here.weekday() != 6:  # on a Sunday the two are one
        offered.append((_("Monday morning"), monday))
    return [(f"{moment:%Y-%m-%dT%H:%M}", words, moment) for words, moment in offered]
