"""What goes in and out of the doors of SLA policies."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from clocks.serializers import RecomputeOut
from servicedesk.rest.fields import JsonObject, WholeNumber, Words
from servicedesk.rest.serializers import Shown, Strict
from tickets.models import Metric, SlaPolicy
from tickets.policies import CONDITIONS, listed
from tickets.policy_checks import ESCALATIONS, LONGEST_SECONDS, LONGEST_VALUE, MOST_STEPS, MOST_VALUES

SMALLEST, GREATEST = -(2**31), 2**31 - 1


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE},
            {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": LONGEST_VALUE},
                "minItems": 1,
                "maxItems": MOST_VALUES,
            },
        ]
    }
)
class OneOrMore(serializers.Field[Any, Any, Any, Any]):
    """A text, or a list of texts."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("Give a text, or a list of texts.")}

    def to_internal_value(self, data: Any) -> Any:
        values = data if isinstance(data, list) else [data]
        if not 0 < len(values) <= MOST_VALUES or not all(_is_word(value) for value in values):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Conditions(Strict):
    """Each a value or a list of values; all of them must fit."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: OneOrMore(required=False) for name in CONDITIONS}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return dict(instance)


class Targets(Strict):
    """Seconds by metric."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {name: WholeNumber(min_value=1, max_value=LONGEST_SECONDS, required=False) for name in Metric.values}

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return dict(instance)


class Pauses(Strict):
    """The clocks that stand while a ticket waits for the customer (pending) or for others (on_hold)."""

    pending = serializers.ListField(child=serializers.ChoiceField(Metric.choices), required=False, max_length=10)
    on_hold = serializers.ListField(child=serializers.ChoiceField(Metric.choices), required=False, max_length=10)


class Escalation(Strict):
    """One step on the way to a breach or after it: `offset_seconds` counts from the due time, negative before it."""

    metric = serializers.ChoiceField(Metric.choices)
    offset_seconds = WholeNumber(min_value=-LONGEST_SECONDS, max_value=LONGEST_SECONDS)
    action = serializers.ChoiceField(ESCALATIONS)
    params = JsonObject(required=False)


class PolicyIn(Strict):
    name = Words(max_length=120)
    conditions = Conditions(required=False)
    calendar = serializers.UUIDField(required=False, allow_null=True)
    targets = Targets(required=False)
    warn_at_percent = WholeNumber(min_value=0, max_value=99, required=False)
    position = WholeNumber(min_value=SMALLEST, max_value=GREATEST, required=False)
    active = serializers.BooleanField(required=False)
    pauses = Pauses(required=False)
    escalations = serializers.ListField(child=Escalation(), required=False, max_length=MOST_STEPS)


class PolicyOut(Shown):
    conditions = Conditions()
    targets = Targets()
    pauses = Pauses()
    escalations = Escalation(many=True)
    calendar = serializers.UUIDField(source="calendar_id", allow_null=True)
    recompute = RecomputeOut(allow_null=True, source="last_recompute")

    class Meta:
        model = SlaPolicy
        fields = (
            "id", "name", "conditions", "calendar", "targets", "warn_at_percent", "position", "active", "pauses",
            "escalations", "version", "recompute",
        )  # fmt: skip


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_VALUE and listed(value) == [value]
