"""Bases of all serializers: what comes in is strict, what goes out is in UTC."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from django.db import models
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty

from servicedesk.errors import Invalid
from servicedesk.rest.fields import Instant
from servicedesk.rest.parsers import CONTROL, is_storable

UNKNOWN = _("There is no such field here.")
NOT_AN_ID = _("An id is a text in the form of a UUID.")


class Strict(serializers.Serializer[Any]):
    """What comes in. A field it does not know is an error, not a typo that passes unseen.

    `renamed` maps a name in JSON to the attribute it is declared as, for names that Python reserves:
    `renamed = {"for": "waits_for"}`; `validated_data` has the attribute's name.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for outside, inside in self.renamed.items():
            field = fields.pop(inside)
            field.source = inside
            fields[outside] = field
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):
            data = plain(data, self)
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [name for name in data if name not in known]
            if unknown:
                raise ValidationError(
                    {str(name)[:100]: [ErrorDetail(str(UNKNOWN), "unknown_field")] for name in unknown}
                )
            numbers = [name for name, field in self.fields.items() if _is_number_for_id(field, data.get(name))]
            if numbers:
                raise ValidationError({name: [ErrorDetail(str(NOT_AN_ID), "invalid")] for name in numbers})
        return super().to_internal_value(data)


def _is_number_for_id(field: Any, value: Any) -> bool:
    """DRF takes the number 7 for the UUID 00000000-…-000000000007."""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return any(_is_number_for_id(field.child, one) for one in value)
    return isinstance(field, serializers.UUIDField) and isinstance(value, int)


def validated(serializer: type[Strict], data: Any, *, partial: bool = False, **options: Any) -> dict[str, Any]:
    """`serializer(data=data, **options)`, validated, without making its fields anew for each request.

    DRF copies every declared field deeply for every serializer, which took longer than the validating. A field keeps
    nothing of what it checks, so one serializer of each kind serves all requests and threads. What it refuses is put to
    a serializer of its own: refusals are DRF's to the word. `partial`: whatever is left out stays out.
    Raises ValidationError. `options` must be hashable.
    """
    try:
        return dict(_kept(serializer, partial, tuple(options.items())).run_validation(data))
    except ValidationError:
        refusing = _made(serializer, partial, {**options, "data": data})
        refusing.is_valid(raise_exception=True)
        return dict(refusing.validated_data)


@cache
def _kept(serializer: type[Strict], partial: bool, options: tuple[tuple[str, Any], ...]) -> Strict:  # noqa: FBT001  a cache's key
    return _made(serializer, partial, dict(options))


def _made(serializer: type[Strict], partial: bool, options: dict[str, Any]) -> Strict:  # noqa: FBT001  as above
    made = serializer(**options)
    if partial:
        # DRF's own `partial` would also let the objects inside leave out what they need.
        for field in made.fields.values():
            field.required, field.default = False, empty
    return made


class Nothing(Strict):
    """A body that holds nothing: absent, or an empty object."""


class Shown(serializers.ModelSerializer[Any]):
    """What goes out, from a model. Read only; times in UTC."""

    serializer_field_mapping: ClassVar = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: Instant,
    }

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for field in fields.values():
            field.read_only = True
        return fields


def plain(query: QueryDict, serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """A form or query as a plain dict: lists where the field takes several values, else one value per name.

    A name given twice for a single value is an error. DRF's own reading of forms takes a missing boolean for False.
    """
    found: dict[str, Any] = {}
    for name in query:
        values = query.getlist(name)
        if not all(is_storable(str(value)) for value in values):
            raise Invalid.field(name if is_storable(name) else "", "unstorable_text", CONTROL)
        field = serializer.fields.get(name)
        many = isinstance(field, serializers.ListField | serializers.MultipleChoiceField | serializers.ListSerializer)
        if not many and len(values) > 1:
            raise Invalid.field(name, "repeated", _("This may be given once."))
        found[name] = values if many else values[-1]
    return found
