"""The kinds of values that the API speaks, each with its form in JSON and in the schema."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


def utc(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the microsecond where there is one."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat().removesuffix("+00:00") + "Z"


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(serializers.Field[datetime, Any, Any, Any]):
    """A moment: any offset comes in, UTC with `Z` goes out. A moment without an offset is not a moment."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": _("A time in ISO 8601 is expected, such as 2026-11-22T09:30:00Z."),
        "naive": _("The time needs an offset, such as Z or +08:00."),
    }

    def to_internal_value(self, data: Any) -> datetime:
        try:
            moment = parse_datetime(data) if isinstance(data, str) else None
        except ValueError:
            moment = None
        if moment is None:
            self.fail("invalid")
        if moment.tzinfo is None:
            self.fail("naive")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return utc(value)


class Words(serializers.CharField):
    """Text of a stated greatest length: strings only, so that numbers and booleans are not taken for words."""

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """An integer with bounds, which a database column always has. JSON numbers only."""

    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or (isinstance(data, float) and not data.is_integer()):
            self.fail("invalid")
        return super().to_internal_value(data)


class AnyOf(serializers.MultipleChoiceField):
    """For queries: several values of a choice, comma-separated or repeated. Validates to a list in the given order."""

    def __init__(self, choices: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(choices=choices, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        values = data.split(",") if isinstance(data, str) else [part for one in data for part in str(one).split(",")]
        found = super().to_internal_value(values)  # type: ignore[arg-type]
        return [value for value in dict.fromkeys(values) if value in found]


class CommaList(serializers.ListField):
    """For queries: several free values, comma-separated or repeated."""

    def to_internal_value(self, data: Any) -> Any:
        values = data.split(",") if isinstance(data, str) else [part for one in data for part in str(one).split(",")]
        return super().to_internal_value(values)


class Currency(Words):
    """An ISO 4217 code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=3, min_length=3, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        code = super().to_internal_value(data)
        if not (code.isascii() and code.isalpha() and code.isupper()):
            self.fail("invalid")
        return code


class MoneyField(serializers.Serializer[Any]):
    """`{"amount": "129.00", "currency": "CNY"}`. Comes in as a dict, goes out from anything with those two names."""

    amount = serializers.DecimalField(max_digits=14, decimal_places=2, coerce_to_string=True)
    currency = Currency()


class TextMap(serializers.DictField):
    """An object of short strings, such as texts by language code."""

    def __init__(self, *, max_length: int = 2000, max_keys: int = 50, **kwargs: Any) -> None:
        self.max_keys = max_keys
        super().__init__(child=Words(max_length=max_length, allow_blank=True), **kwargs)

    default_error_messages: ClassVar[dict[str, Any]] = {"max_keys": _("There are too many entries.")}

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        if len(found) > self.max_keys:
            self.fail("max_keys")
        return found


class JsonObject(serializers.JSONField):
    """Any JSON object: for what other chapters fill, such as an event's changes or a step's parameters."""

    default_error_messages: ClassVar[dict[str, Any]] = {"not_a_dict": _("An object is expected.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_a_dict")
        return super().to_internal_value(data)
