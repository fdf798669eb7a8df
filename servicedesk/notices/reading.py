"""What the bell shows: how many are unread, the newest of them, and what a browser is to say aloud."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import Notice
from servicedesk.rest.keyset import BadCursor, Keyset

COUNT_TO: Final = 99
# A burst beyond this is one the person sees on the bell anyway.
SAID_ALOUD: Final = 10
LISTED: Final = 12
PAGE: Final = 50
NEWEST: Final = ("-id",)
SIGNER: Final = Signer(salt="notices")


@dataclass(frozen=True, slots=True)
class Bell:
    """The state of somebody's bell."""

    unread: int
    newest: str
    aloud: Sequence[dict[str, Any]]
    is_about_open: bool = False

    @property
    def shown(self) -> str:
        """What stands on the bell: nothing, a number, or 99+."""
        return f"{COUNT_TO}+" if self.unread > COUNT_TO else str(self.unread or "")

    @property
    def said(self) -> str:
        """The same as a sentence."""
        if not self.unread:
            return _("No unread notifications")
        words = ngettext("%(n)s unread notification", "%(n)s unread notifications", self.unread)
        return words % {"n": self.shown}

    @property
    def state(self) -> str:
        """Differs whenever anything on the bell does."""
        return f"{self.unread}.{self.newest}"


def read_bell(actor: Actor, *, open_subject: uuid.UUID | None = None) -> Bell:
    """At most two queries, and never more rows than are counted. `open_subject`: what the page is showing."""
    rows = Notice.objects.visible_to(actor).on_desk().unread().order_by("-id")
    found = list(rows.values_list("pk", "subject_id", "browser", "sound")[: COUNT_TO + 1])
    loud = [pk for pk, _subject, browser, sound in found[:SAID_ALOUD] if browser or sound]
    return Bell(
        unread=len(found),
        newest=str(found[0][0]) if found else "",
        aloud=[_aloud(one) for one in Notice.objects.filter(pk__in=loud).select_related("event").order_by("id")]
        if loud
        else [],
        is_about_open=any(subject == open_subject for _pk, subject, _browser, _sound in found),
    )


def _aloud(notice: Notice) -> dict[str, Any]:
    """A kind and a number: it may be shown over whatever is on the screen, to whoever stands by."""
    return {
        "id": str(notice.pk),
        "about": str(notice.subject_id),
        "text": f"{notice.subject_number} · {notice.text}" if notice.subject_number else notice.text,
        "browser": notice.browser,
        "sound": notice.sound,
        "address": reverse("notices:open", kwargs={"pk": notice.pk}),
        # What came while no page was open is on the bell; only what comes now is said.
        "age": int((now() - notice.created_at).total_seconds()),
    }


def newest_notices(actor: Actor) -> list[Notice]:
    """What opens under the bell, read and unread."""
    return list(_on_desk(actor).order_by("-id")[:LISTED])


def read_page(actor: Actor, after: str) -> tuple[list[Notice], str]:
    """A stretch of all of them, newest first, and the cursor to the next one ("" at the end). Raises BadCursor."""
    try:
        place = SIGNER.unsign_object(after) if after else None
    except (BadSignature, ValueError) as error:
        raise BadCursor(_("This list has changed. Open it anew.")) from error
    rows = _on_desk(actor)
    keyset = Keyset(rows, NEWEST)
    found = keyset.read(rows, place, PAGE + 1, backward=False)
    if len(found) <= PAGE:
        return found, ""
    return found[:PAGE], SIGNER.sign_object(keyset.values_of(found[PAGE - 1]))


def _on_desk(actor: Actor) -> Any:
    return Notice.objects.visible_to(actor).on_desk().select_related("event")
