"""Create and edit SLA policies."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from django.db import transaction

from clocks.actions import request_recompute
from clocks.models import Calendar
from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.events import record
from servicedesk.languages import own_codes
from servicedesk.shops import every_shop, must_serve_every_shop
from tickets.models import SlaPolicy
from tickets.models.sla import default_pauses, default_targets
from tickets.policies import SOURCE, note_policy_edit
from tickets.policy_checks import errors_of

# What open clocks follow at once. Conditions and pauses are asked when a ticket is opened, filed anew or held.
GOVERNS_CLOCKS: Final = ("targets", "calendar", "warn_at_percent", "escalations")


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """What a policy is to hold; the columns of `SlaPolicy`. `warn_at_percent` 0 warns of nothing."""

    name: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    calendar: Calendar | None = None
    targets: Mapping[str, int] = field(default_factory=default_targets)
    warn_at_percent: int = 70
    position: int = 0
    active: bool = True
    pauses: Mapping[str, Sequence[str]] = field(default_factory=default_pauses)
    escalations: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, policy: SlaPolicy) -> "PolicyDraft":
        return cls(**{one.name: getattr(policy, one.name) for one in fields(cls)})


@transaction.atomic
def create_policy(draft: PolicyDraft, *, by: Actor) -> SlaPolicy:
    """Raises Invalid, naming the fields, where the draft makes no sense. Tickets opened from now on may be governed."""
    _must_govern(draft.conditions, by)
    policy = SlaPolicy(**_checked(draft))
    policy.save(force_insert=True)
    record("sla_policy.created", policy, by=by, changes={"version": policy.version})
    note_policy_edit()
    return policy


@transaction.atomic
def edit_policy(policy: SlaPolicy, draft: PolicyDraft, *, by: Actor) -> SlaPolicy:
    """Give the policy this content. The open clocks of the tickets it governs follow in the background.

    Which tickets it governs is asked when they are opened or filed anew: an edit of the conditions moves none. Raises
    Invalid, naming the fields, where the draft makes no sense; an edit that changes nothing tells nothing.
    """
    policy = SlaPolicy.objects.select_related("calendar").lock(policy.pk)
    _must_govern(policy.conditions, by)
    _must_govern(draft.conditions, by)
    values = _checked(draft)
    before = {name: getattr(policy, name) for name in values}
    changed = [name for name, value in values.items() if before[name] != value]
    if not changed:
        return policy
    for name in changed:
        setattr(policy, name, values[name])
    policy.version += 1
    policy.save(update_fields=[*changed, "version"])
    changes = {name: {"from": _told(name, before[name]), "to": _told(name, values[name])} for name in changed}
    record("sla_policy.edited", policy, by=by, changes={"version": policy.version, "fields": changes})
    if any(name in GOVERNS_CLOCKS for name in changed):
        request_recompute(SOURCE, policy.pk, by=by)
    note_policy_edit()
    return policy


def _must_govern(conditions: Any, by: Actor) -> None:
    """A policy of one's own shops; one that names no shop is for who works for all of them. Asked before `_checked`."""
    by.must("sla.edit")
    named = conditions.get("shop") if isinstance(conditions, Mapping) else None
    codes = named if isinstance(named, list) else [named]
    shops = {shop.pk for shop in every_shop() if shop.code in codes}
    if not shops or by.shops is None or not by.shops >= shops:
        must_serve_every_shop(by)


def _checked(draft: PolicyDraft) -> dict[str, Any]:
    """The draft as columns; Invalid with all that is wrong with it."""
    values = {one.name: getattr(draft, one.name) for one in fields(draft)}
    if errors := list(errors_of(values)):
        raise Invalid(errors=errors)
    values["pauses"] = {status: list(values["pauses"].get(status, ())) for status in ("pending", "on_hold")}
    values["escalations"] = [{**one, "params": one.get("params") or {}} for one in values["escalations"]]
    values["conditions"], values["targets"] = dict(values["conditions"]), dict(values["targets"])
    if "language" in values["conditions"]:
        # As tickets name it: written zh-CN it would be shown, and compared, as something else than their zh-hans.
        values["conditions"]["language"] = own_codes(values["conditions"]["language"])
    return values


def _told(name: str, value: Any) -> Any:
    """As an event may hold it: ids, codes and numbers. Names and texts to customers are only mentioned."""
    if name == "name":
        return None
    if name == "escalations":
        return [{key: one[key] for key in ("metric", "offset_seconds", "action")} for one in value]
    if isinstance(value, Calendar | uuid.UUID):
        return str(value.pk if isinstance(value, Calendar) else value)
    return value
