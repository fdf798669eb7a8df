"""What goes in and out of the customer doors. What is personal goes out masked, but from a reveal."""

from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from customers.actions.records import LONGEST_TAG
from customers.index import LONGEST_EMAIL, LONGEST_NAME
from customers.masking import mask_email, mask_name, mask_phone
from customers.models import Customer, Reveal
from servicedesk.rest.fields import Instant, Words, utc
from servicedesk.rest.serializers import Strict

LONGEST_PHONE = 60
LONGEST_NOTE = 1000


class CustomerOut(serializers.Serializer[Any]):
    """A customer; name and contacts masked."""

    id = serializers.UUIDField(read_only=True)
    shop = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    phone = serializers.CharField(read_only=True)
    email = serializers.CharField(read_only=True)
    language = serializers.CharField(read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    is_anonymous = serializers.BooleanField(read_only=True)
    is_erased = serializers.BooleanField(read_only=True)
    merged_into = serializers.UUIDField(read_only=True, allow_null=True)
    created_at = Instant(read_only=True)
    version = serializers.IntegerField(read_only=True)

    def to_representation(self, customer: Customer) -> dict[str, Any]:
        return {
            "id": str(customer.pk),
            "shop": customer.shop.code,
            "name": mask_name(customer.name),
            "phone": mask_phone(customer.phone),
            "email": mask_email(customer.email),
            "language": customer.language,
            "tags": [tag.name for tag in customer.tags.all()],
            "is_anonymous": customer.is_anonymous,
            "is_erased": customer.erased_at is not None,
            "merged_into": None if customer.merged_into_id is None else str(customer.merged_into_id),
            "created_at": utc(customer.created_at),
            "version": customer.version,
        }


class _Facts(Strict):
    name = Words(max_length=LONGEST_NAME, allow_blank=True, required=False)
    email = Words(max_length=LONGEST_EMAIL, allow_blank=True, required=False)
    phone = Words(max_length=LONGEST_PHONE, allow_blank=True, required=False)
    language = serializers.ChoiceField(settings.LANGUAGES, allow_blank=True, required=False)
    tags = serializers.ListField(child=Words(max_length=LONGEST_TAG), max_length=50, required=False)


class CustomerIn(_Facts):
    """A new customer."""

    shop = Words(max_length=40, required=False, help_text=_("The shop's code; the default shop if left out."))


class CustomerEdit(_Facts):
    """What is sent is corrected; an empty e-mail or phone is taken away."""


class CustomerFilters(Strict):
    """All of them exact. POST lookup/ does the same without personal data in an address."""

    phone = Words(max_length=LONGEST_PHONE, required=False)
    email = Words(max_length=LONGEST_EMAIL, required=False)
    order_number = Words(max_length=100, required=False)
    tag = Words(max_length=LONGEST_TAG, required=False)
    shop = Words(max_length=40, required=False)


class LookupIn(Strict):
    """At least one; all that are given must fit."""

    phone = Words(max_length=LONGEST_PHONE, required=False)
    email = Words(max_length=LONGEST_EMAIL, required=False)
    order_number = Words(max_length=100, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(_("Give a phone, an email or an order_number."), code="required")
        return attrs


class RevealIn(Strict):
    """`reason` is one of the codes, or, as any other words, the note of the reason “other”."""

    reasons: ClassVar[list[str]] = list(Reveal.Reason.values)

    fields_ = serializers.ListField(
        child=serializers.ChoiceField(["name", "email", "phone"]), min_length=1, max_length=3
    )
    reason = Words(max_length=LONGEST_NOTE)
    note = Words(max_length=LONGEST_NOTE, allow_blank=True, required=False)

    renamed: ClassVar = {"fields": "fields_"}


class RevealOut(serializers.Serializer[Any]):
    """The fields that were asked for, in full: the first contact of each kind, and all of them."""

    # Not read_only: the document would call them required, and only those that were asked for are there.
    name = serializers.CharField(allow_null=True, required=False)
    email = serializers.CharField(allow_null=True, required=False)
    phone = serializers.CharField(allow_null=True, required=False)
    emails = serializers.ListField(child=serializers.CharField(), required=False)
    phones = serializers.ListField(child=serializers.CharField(), required=False)

    def to_representation(self, found: dict[str, list[str]]) -> dict[str, Any]:
        shown: dict[str, Any] = {field: values[0] if values else None for field, values in found.items()}
        shown |= {f"{field}s": values for field, values in found.items() if field != "name"}
        return shown
