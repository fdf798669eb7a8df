"""Looking at what is masked: with a reason, counted and on the record."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from customers.models import ContactPoint, Customer, Reveal
from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid, TooMany
from servicedesk.events import record

REVEALABLE: Final = ("name", "email", "phone")
HOUR: Final = timedelta(hours=1)


@transaction.atomic
def reveal_contacts(
    customer: Customer, fields: Sequence[str], *, reason_code: str, note: str = "", by: Actor
) -> dict[str, list[str]]:
    """The fields in full, each as a list of its values; `fields` are of name, email, phone.

    TooMany when the actor has looked at more than `REVEALS_PER_HOUR` records within the hour, people and keys alike.
    """
    customer = Customer.objects.lock(customer.pk)
    by.must("customers.reveal", customer)
    wanted = _checked(fields, reason_code, note)
    if customer.erased_at is not None:
        raise Conflict(_("This customer was erased."), code="customer_erased")
    _must_be_within_limit(by)
    shown = Reveal(
        customer=customer, by_type=by.type, by_id=by.id, fields=wanted, reason=reason_code, note=note.strip(), at=now()
    )
    shown.save(force_insert=True)
    record("customer.revealed", customer, by=by, changes={"fields": wanted, "reason": reason_code})
    return _values(customer, wanted)


def _checked(fields: Sequence[str], reason_code: str, note: str) -> list[str]:
    unknown = [field for field in fields if field not in REVEALABLE]
    if unknown or not fields:
        raise Invalid.field("fields", "invalid_choice", _("Choose from name, email and phone."))
    if reason_code not in Reveal.Reason.values:
        raise Invalid.field("reason", "invalid_choice", _("Give one of the reasons."))
    if reason_code == Reveal.Reason.OTHER and not note.strip():
        raise Invalid.field("note", "required", _("Say what the reason is."))
    return list(dict.fromkeys(fields))


def _must_be_within_limit(by: Actor) -> None:
    if by.is_system:
        return
    _one_at_a_time(by)
    limit: int = settings.REVEALS_PER_HOUR
    since = now() - HOUR
    recent = Reveal.objects.filter(by_id=by.id, at__gt=since).order_by("-at")
    reached = recent.values_list("at", flat=True)[limit - 1 : limit].first() if limit > 0 else since
    if reached is not None:
        raise TooMany(
            _("You have looked at %(count)s customers' contacts within the hour. Try again later.") % {"count": limit},
            retry_after=max(1, int((reached + HOUR - now()).total_seconds()) + 1),
            code="reveal_limit",
        )


def _one_at_a_time(by: Actor) -> None:
    """Two reveals of one actor must not both count the same past. SQLite's writers are one at a time anyway."""
    if connection.vendor == "postgresql" and by.id is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"reveal {by.id}"])


def _values(customer: Customer, wanted: Sequence[str]) -> dict[str, list[str]]:
    points = list(customer.contact_points.order_by("-is_lookup", "pk"))
    values = {
        "name": [customer.name] if customer.name else [],
        ContactPoint.Kind.EMAIL.value: [point.value for point in points if point.kind == ContactPoint.Kind.EMAIL],
        ContactPoint.Kind.PHONE.value: [point.value for point in points if point.kind == ContactPoint.Kind.PHONE],
    }
    return {field: values[field] for field in wanted}
