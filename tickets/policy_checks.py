"""What is wrong with the content of an SLA policy, field by field."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from django.utils.translation import gettext_lazy as _

from servicedesk.errors import FieldError
from servicedesk.models import Shop, Team
from tickets.models import Channel, Kind, Metric, Priority
from tickets.policies import CONDITIONS, listed

ESCALATIONS: Final = (
    "notify_assignee",
    "notify_team",
    "notify_manager",
    "raise_priority",
    "reassign",
    "message_customer",
)
LONGEST_SECONDS: Final = 366 * 86_400
MOST_STEPS: Final = 20
MOST_VALUES: Final = 100
LONGEST_VALUE: Final = 120
LONGEST_TEXT: Final = 2000
STEP_FIELDS: Final = {"metric", "offset_seconds", "action", "params"}
CHOICES: Final = {"kind": Kind.values, "channel": Channel.values, "priority": Priority.values}

Values = Mapping[str, Any]


def errors_of(values: Values) -> Iterator[FieldError]:
    """Everything that is wrong, each with the field it is about."""
    if not str(values["name"]).strip():
        yield FieldError("name", "blank", _("A policy needs a name."))
    yield from _wrong_conditions(values["conditions"])
    yield from _wrong_targets(values["targets"])
    if not _is_whole(values["warn_at_percent"]) or not 0 <= values["warn_at_percent"] <= 99:
        yield FieldError("warn_at_percent", "out_of_range", _("Give a whole number from 0 (no warning) to 99."))
    yield from _wrong_pauses(values["pauses"])
    yield from _wrong_steps(values["escalations"])


def _wrong_conditions(conditions: Any) -> Iterator[FieldError]:
    if not isinstance(conditions, Mapping):
        yield FieldError("conditions", "not_an_object", _("An object is expected."))
        return
    for name, value in conditions.items():
        field = f"conditions.{name}"
        if name not in CONDITIONS:
            yield FieldError(field, "unknown", _("Known conditions: %(names)s.") % {"names": ", ".join(CONDITIONS)})
            continue
        values = value if isinstance(value, list | tuple) else [value]
        if not values or len(values) > MOST_VALUES or not all(_is_word(one) for one in values):
            yield FieldError(field, "invalid", _("Give a text, or a list of texts."))
        elif wrong := _unknown(name, listed(value)):
            yield FieldError(
                field, "unknown_value", _("There is no such value: %(values)s.") % {"values": ", ".join(wrong)}
            )


def _unknown(name: str, values: list[str]) -> list[str]:
    """Those that can never fit because there is nothing of that name."""
    if name in CHOICES:
        known = set(CHOICES[name])
    elif name == "shop":
        known = _names(Shop.objects.values_list("pk", "code"))
    elif name == "team":
        known = _names(Team.objects.values_list("pk", "name"))
    else:
        return []
    return [value for value in values if value not in known]


def _names(rows: Any) -> set[str]:
    return {str(part) for row in rows for part in row}


def _wrong_targets(targets: Any) -> Iterator[FieldError]:
    if not isinstance(targets, Mapping) or not targets:
        yield FieldError("targets", "required", _("Give at least one target, such as {“first_response”: 600}."))
        return
    for metric, seconds in targets.items():
        if metric not in Metric.values:
            yield FieldError(f"targets.{metric}", "unknown", _metrics())
        elif not _is_whole(seconds) or not 1 <= seconds <= LONGEST_SECONDS:
            yield FieldError(f"targets.{metric}", "out_of_range", _("Give whole seconds, from 1 to a year's."))


def _wrong_pauses(pauses: Any) -> Iterator[FieldError]:
    if not isinstance(pauses, Mapping):
        yield FieldError("pauses", "not_an_object", _("An object is expected."))
        return
    for status, metrics in pauses.items():
        if status not in {"pending", "on_hold"}:
            yield FieldError(f"pauses.{status}", "unknown", _("Clocks stand in “pending” and “on_hold” only."))
        elif not isinstance(metrics, list | tuple) or not all(one in Metric.values for one in metrics):
            yield FieldError(f"pauses.{status}", "unknown_metric", _metrics())


def _wrong_steps(steps: Any) -> Iterator[FieldError]:
    if not isinstance(steps, list | tuple):
        yield FieldError("escalations", "not_a_list", _("A list is expected."))
    elif len(steps) > MOST_STEPS:
        yield FieldError("escalations", "too_many", _("A policy has at most %(n)s steps.") % {"n": MOST_STEPS})
    else:
        for place, step in enumerate(steps):
            yield from _wrong_step(f"escalations.{place}", step)


def _wrong_step(field: str, step: Any) -> Iterator[FieldError]:
    if not isinstance(step, Mapping) or not step.keys() <= STEP_FIELDS:
        yield FieldError(field, "invalid", _("A step has metric, offset_seconds, action and params."))
        return
    metric, offset = step.get("metric"), step.get("offset_seconds")
    if metric not in Metric.values:
        yield FieldError(f"{field}.metric", "unknown", _metrics())
    if not _is_whole(offset) or abs(offset) > LONGEST_SECONDS:
        yield FieldError(
            f"{field}.offset_seconds", "out_of_range", _("Give whole seconds; negative before the due time.")
        )
    if step.get("action") not in ESCALATIONS:
        yield FieldError(
            f"{field}.action", "unknown", _("Known actions: %(names)s.") % {"names": ", ".join(ESCALATIONS)}
        )
    else:
        yield from _wrong_params(f"{field}.params", step["action"], step.get("params") or {})


def _wrong_params(field: str, action: str, params: Any) -> Iterator[FieldError]:
    if not isinstance(params, Mapping):
        yield FieldError(field, "not_an_object", _("An object is expected."))
        return
    known = {"message_customer": {"text"}, "raise_priority": {"to"}}.get(action, set())
    for name in params.keys() - known:
        yield FieldError(f"{field}.{name}", "unknown", _("This action knows no such parameter."))
    if "to" in params and "to" in known and params["to"] not in Priority.values:
        yield FieldError(
            f"{field}.to", "unknown_value", _("Choose one of: %(choices)s.") % {"choices": ", ".join(Priority.values)}
        )
    if action == "message_customer" and not _is_text_by_language(params.get("text")):
        yield FieldError(f"{field}.text", "required", _("Give the text by language, such as {“en”: “…”}."))


def _is_text_by_language(text: Any) -> bool:
    return (
        isinstance(text, Mapping)
        and 0 < len(text) <= MOST_STEPS
        and all(isinstance(one, str) and one.strip() and len(one) <= LONGEST_TEXT for one in text.values())
    )


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_word(value: Any) -> bool:
    return isinstance(value, str | uuid.UUID) and 0 < len(str(value).strip()) <= LONGEST_VALUE


def _metrics() -> Any:
    return _("Known metrics: %(names)s.") % {"names": ", ".join(Metric.values)}
