"""By which ways people hear of what: their own choice, else the kind's defaults."""

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.models import Digest, Notice, NoticePreference, User
from servicedesk.notice_kinds import KINDS, Channels, Kind, kinds_for

WAYS = ("desk", "browser", "sound", "digest")


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of somebody's preferences."""

    kind: Kind
    channels: Channels


@dataclass(frozen=True, slots=True)
class Choices:
    """All of somebody's preferences. `version` is a digest of what they say: the same choices have the same one."""

    choices: Sequence[Choice]

    @property
    def version(self) -> str:
        said = repr([(one.kind.code, asdict(one.channels)) for one in self.choices])
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def channels_of(user_ids: Collection[uuid.UUID], kinds: Collection[str]) -> dict[tuple[uuid.UUID, str], Channels]:
    """How each of these people hears of each of these kinds; one query, whatever their number."""
    rows = NoticePreference.objects.filter(user__in=user_ids, kind__in=kinds)
    chosen = {(row.user_id, row.kind): _channels(row) for row in rows}
    return {(user, kind): chosen.get((user, kind), KINDS[kind].channels) for user in user_ids for kind in kinds}


def _channels(row: NoticePreference) -> Channels:
    return Channels(desk=row.desk, browser=row.browser, sound=row.sound, digest=row.digest)


def choices_of(actor: Actor) -> Choices:
    """What this person has chosen, for every kind they can be told of."""
    actor.must("notices.read")
    assert actor.id is not None  # only people of the staff have the permission
    kinds = kinds_for(actor)
    found = channels_of([actor.id], [kind.code for kind in kinds])
    return Choices([Choice(kind, found[actor.id, kind.code]) for kind in kinds])


@transaction.atomic
def choose_channels(wanted: Mapping[str, Mapping[str, Any]], *, by: Actor) -> Choices:
    """Choose for oneself: {kind: {"desk"?, "browser"?, "sound"?, "digest"?}}; what is left out stays as it is.

    Preferences are not business events: nobody audits a sound. Raises Invalid for a kind this person is never told of.
    """
    by.must("notices.read")
    assert by.id is not None
    User.objects.select_for_update().filter(pk=by.id).first()  # two tabs at once choose one after the other
    before = {one.kind.code: one.channels for one in choices_of(by).choices}
    unknown = [kind for kind in wanted if kind not in before]
    if unknown:
        raise Invalid.field("kind", "unknown", _("There is no such kind: %(kind)s.") % {"kind": unknown[0][:64]})
    changed = {kind: _changed(before[kind], ways) for kind, ways in wanted.items()}
    rows = [NoticePreference(user_id=by.id, kind=kind, **asdict(channels)) for kind, channels in changed.items()]
    NoticePreference.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["user", "kind"], update_fields=list(WAYS)
    )
    unmailed = [kind for kind, channels in changed.items() if channels.digest == Digest.OFF]
    # Who wants no more mail of a kind doesn't get the one that was being gathered either.
    Notice.objects.filter(user=by.id, kind__in=unmailed, read_at=None, digested_at=None).update(digest=Digest.OFF)
    return choices_of(by)


def _changed(channels: Channels, ways: Mapping[str, Any]) -> Channels:
    digest = ways.get("digest", channels.digest)
    if digest not in Digest.values:
        choices = ", ".join(Digest.values)
        raise Invalid.field("digest", "unknown", _("Choose one of: %(choices)s.") % {"choices": choices})
    return replace(channels, **{way: ways[way] for way in WAYS if way in ways})
