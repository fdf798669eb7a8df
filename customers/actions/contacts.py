"""How to reach a customer."""

from django.db import IntegrityError, transaction

from customers.actions.records import contact_in_use, must_be_present
from customers.contacts import Contact, contact, point
from customers.models import ContactPoint, Customer
from servicedesk.actor import Actor
from servicedesk.events import record


@transaction.atomic
def add_contact_point(customer: Customer, *, kind: str, value: str, source: str = "", by: Actor) -> ContactPoint:
    """One more address or number. Conflict when it is another customer's; what the record has comes back."""
    customer = Customer.objects.lock(customer.pk)
    by.must("customers.write", customer)
    must_be_present(customer)
    given = contact(kind, value, customer.shop.phone_region)
    known = customer.contact_points.filter(kind=kind, digest=given.digest).first()
    if known is not None and known.is_lookup is given.identifies:
        return known
    added = known or point(customer, given, source=source, is_lookup=True)
    added.is_lookup = given.identifies
    _save(added, is_new=known is None)
    _tell("customer.contact_added", customer, added, by=by)
    return added


@transaction.atomic
def correct_contact(customer: Customer, *, kind: str, value: str, source: str = "", by: Actor) -> Customer:
    """Put this address in the place of the one the customer is reached by; the old one finds them no longer.

    An empty value takes the old one away. Conflict when the new one is another customer's.
    """
    customer = Customer.objects.lock(customer.pk)
    by.must("customers.write", customer)
    must_be_present(customer)
    present = customer.contact_points.filter(kind=kind).order_by("-is_lookup", "pk").first()
    if not value.strip():
        if present is not None:
            present.delete()
            _tell("customer.contact_removed", customer, present, by=by)
        return customer
    given = contact(kind, value, customer.shop.phone_region)
    if present is None:
        add_contact_point(customer, kind=kind, value=value, source=source, by=by)
        return Customer.objects.lock(customer.pk)
    if bytes(present.digest) != given.digest or present.is_lookup is not given.identifies:
        _replace(present, given, source=source)
        _tell("customer.contact_corrected", customer, present, by=by)
    return customer


def _replace(present: ContactPoint, given: Contact, *, source: str) -> None:
    """The row takes the new value; another row of this customer with that same value is no longer needed."""
    ContactPoint.objects.filter(customer_id=present.customer_id, kind=given.kind, digest=given.digest).exclude(
        pk=present.pk
    ).delete()
    present.value = given.value
    present.digest = given.digest
    present.is_lookup = given.identifies
    present.source = source
    _save(present, is_new=False)


def _save(row: ContactPoint, *, is_new: bool) -> None:
    try:
        with transaction.atomic():
            if is_new:
                row.save(force_insert=True)
            else:
                row.save(update_fields=["value", "digest", "is_lookup", "source"])
    except IntegrityError:
        raise contact_in_use() from None


def _tell(kind: str, customer: Customer, row: ContactPoint, *, by: Actor) -> None:
    customer.version += 1
    customer.is_anonymous = not customer.contact_points.exists()
    customer.save(update_fields=["version", "is_anonymous"])
    record(kind, customer, by=by, changes={"contact": str(row.pk), "kind": row.kind})
