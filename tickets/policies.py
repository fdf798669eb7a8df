"""Which policy governs a ticket, and the clocks it promises.

Matching is pure: conditions and facts in, a verdict out. The policies themselves are few and asked for with every new
ticket, so each process keeps them for a second; an edit is seen at once by the process that made it, and by the others
within that second.
"""

import threading
import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction

from clocks.models import Clock
from clocks.models.clocks import ClockQuerySet
from clocks.plans import ClockPlan, Step
from clocks.sources import register_source
from servicedesk.languages import own_code, ways_to_say
from servicedesk.models import Shop, Team
from tickets.models import Metric, SlaPolicy, Ticket

CONDITIONS: Final = ("shop", "kind", "channel", "priority", "team", "language", "tag", "customer_tag")
KEPT_SECONDS: Final = 1.0

Wanted = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """An active policy with its conditions ready to be compared, and the plans it makes by metric."""

    policy: SlaPolicy
    wants: Wanted
    plans: Mapping[str, ClockPlan]


# ------------------------------------------------------------------------------------------------ pure


def fits(wants: Wanted, facts: Mapping[str, Collection[str]]) -> bool:
    """Whether every condition has one of its values among the facts of the same name. No condition fits everything."""
    return all(not values.isdisjoint(facts.get(name, ())) for name, values in wants.items())


def listed(value: Any) -> list[str]:
    """A condition's values; a single one may stand without a list."""
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def make_plans(policy: SlaPolicy) -> dict[str, ClockPlan]:
    """The clocks that a policy promises, by metric."""
    return {
        metric: ClockPlan(
            metric=metric,
            target=timedelta(seconds=seconds),
            calendar=policy.calendar,
            warn_at_percent=policy.warn_at_percent or None,
            steps=_steps(policy.escalations, metric, seconds),
        )
        for metric, seconds in policy.targets.items()
        if metric in Metric.values and seconds is not None
    }


def _steps(escalations: Iterable[Mapping[str, Any]], metric: str, target: int) -> tuple[Step, ...]:
    """The steps of one metric, but for those that would lie before its clock's start.

    A key says what its step does, so that an edit elsewhere doesn't repeat it.
    """
    steps: list[Step] = []
    seen: dict[str, int] = {}
    for one in escalations:
        if one["metric"] != metric or one["offset_seconds"] <= -target:
            continue
        key = f"{one['action']}{one['offset_seconds']:+}"
        seen[key] = seen.get(key, 0) + 1
        if seen[key] > 1:
            key += f".{seen[key]}"
        steps.append(Step(key, timedelta(seconds=one["offset_seconds"]), one["action"], one.get("params") or {}))
    return tuple(sorted(steps, key=lambda step: step.offset))


# ------------------------------------------------------------------------------------------------ what is in force

_kept: tuple[float, tuple[Rule, ...]] | None = None


class _Edits(threading.local):
    """Whether this thread's connection may have an uncommitted edit of a policy."""

    pending = False


_edits = _Edits()


def policy_for(ticket: Ticket, *, tags: frozenset[str], customer_tags: frozenset[str]) -> SlaPolicy | None:
    """The first active policy, in the order of `position`, whose conditions all fit; None where none does.

    `tags` and `customer_tags` are names.
    """
    facts: dict[str, Collection[str]] = {
        "shop": (str(ticket.shop_id),),
        "kind": (ticket.kind,),
        "channel": (ticket.channel,),
        "priority": (ticket.priority,),
        "team": (str(ticket.team_id),) if ticket.team_id else (),
        "language": ways_to_say(ticket.language),
        "tag": tags,
        "customer_tag": customer_tags,
    }
    return next((rule.policy for rule in rules_in_force() if fits(rule.wants, facts)), None)


def asks_for_customer_tags() -> bool:
    """Whether any policy has a condition on the customer's tags: if none has, nobody need read them."""
    return any("customer_tag" in rule.wants for rule in rules_in_force())


def plans_for(policy: SlaPolicy | None, *metrics: str) -> list[ClockPlan]:
    """The plans of these metrics, of those the policy has a target for; without a policy nothing is promised."""
    if policy is None:
        return []
    plans = next(
        (
            rule.plans
            for rule in rules_in_force()
            if rule.policy.pk == policy.pk and rule.policy.version == policy.version
        ),
        None,
    )
    if plans is None:
        plans = make_plans(policy)
    return [plans[metric] for metric in metrics if metric in plans]


def rules_in_force() -> tuple[Rule, ...]:
    """The active policies in their order, at most a second old."""
    global _kept  # noqa: PLW0603  one immutable pair, replaced whole
    if _edit_is_pending():
        # What this transaction sees may yet be rolled back: nobody else is to be shown it.
        return _load()
    kept = _kept
    if kept is None or time.monotonic() - kept[0] > KEPT_SECONDS:
        kept = (time.monotonic(), _load())
        _kept = kept
    return kept[1]


def forget_policies() -> None:
    """Read the policies anew at the next use."""
    global _kept  # noqa: PLW0603  see above
    _kept = None


def note_policy_edit() -> None:
    """An action edited a policy: this process sees it at once, and nobody sees it before the commit."""
    forget_policies()
    _edits.pending = True
    transaction.on_commit(forget_policies)


def _edit_is_pending() -> bool:
    """Whether this connection's transaction has edited a policy. The flag alone may be of one that was rolled back."""
    if not _edits.pending:
        return False
    _edits.pending = any(hook[1] is forget_policies for hook in connection.run_on_commit)
    return _edits.pending


def _load() -> tuple[Rule, ...]:
    policies = list(SlaPolicy.objects.filter(active=True).select_related("calendar").order_by("position", "id"))
    asked = {name for policy in policies for name in policy.conditions}
    shops = {shop.code: str(shop.pk) for shop in Shop.objects.only("code")} if "shop" in asked else {}
    teams = {team.name: str(team.pk) for team in Team.objects.only("name")} if "team" in asked else {}
    return tuple(Rule(policy, _wants(policy.conditions, shops, teams), make_plans(policy)) for policy in policies)


def _wants(
    conditions: Mapping[str, Any], shops: Mapping[str, str], teams: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """Shops and teams by their ids, whichever way the condition names them; languages by the desk's own codes."""
    by_name = {"shop": shops, "team": teams}
    return {
        name: frozenset(
            own_code(value) if name == "language" else by_name.get(name, {}).get(value, _plain_id(value))
            for value in listed(values)
        )
        for name, values in conditions.items()
    }


def _plain_id(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        return value


# ------------------------------------------------------------------------------------------------ after an edit

SOURCE: Final = "sla_policy"


def _clocks_of_policy(policy_id: uuid.UUID) -> ClockQuerySet:
    tickets = Ticket.objects.unsolved().filter(policy=policy_id)
    return Clock.objects.filter(subject_type=Ticket.subject_type, subject_id__in=tickets.values("pk"))


def _plans_of_clocks(policy_id: uuid.UUID, clocks: Sequence[Clock]) -> dict[uuid.UUID, ClockPlan]:
    plans = make_plans(SlaPolicy.objects.select_related("calendar").get(pk=policy_id))
    return {clock.pk: plans[clock.metric] for clock in clocks if clock.metric in plans}


register_source(SOURCE, select=_clocks_of_policy, plan=_plans_of_clocks)
