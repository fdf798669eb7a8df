"""Finding customers by what somebody says of them: exactly, through keyed hashes. Nothing is searched in the clear."""

import uuid
from collections.abc import Callable, Iterable

from customers.contacts import EMAIL, PHONE, contact, surviving
from customers.models import ContactPoint, Customer, CustomerQuerySet
from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.models import Shop

# Chapters above know other things by which a customer is found; they say so here.
OtherLookup = Callable[[str, Actor], Iterable[uuid.UUID]]
_others: dict[str, list[OtherLookup]] = {}


def register_lookup(name: str, find: OtherLookup) -> None:
    """`find(value, by)` gives the ids of customers, visible to `by`, whom this value (an order number …) leads to."""
    registered = _others.setdefault(name, [])
    if find not in registered:
        registered.append(find)


def find_customers(
    rows: CustomerQuerySet, *, email: str = "", phone: str = "", order_number: str = "", by: Actor
) -> CustomerQuerySet:
    """Those of the rows who fit everything that was given. Raises Invalid for malformed contacts.

    Merged customers are found as the one who survived. A contact that doesn't serve for lookup finds its customer too:
    a person is asking, and sees that there may be several.
    """
    fitting = rows
    for kind, value in ((EMAIL, email), (PHONE, phone)):
        if value:
            points = ContactPoint.objects.filter(kind=kind, digest__in=_digests(kind, value), customer__in=rows)
            found = points.select_related("customer__merged_into")
            fitting = fitting.filter(pk__in={surviving(point.customer).pk for point in found})
    if order_number:
        ids = {pk for find in _others.get("order_number", ()) for pk in find(order_number, by)}
        merged = Customer.objects.filter(pk__in=ids).select_related("merged_into")
        fitting = fitting.filter(pk__in={surviving(customer).pk for customer in merged})
    return fitting


def _digests(kind: str, value: str) -> set[bytes]:
    """A number without country code may be one of any shop's region."""
    found: set[bytes] = set()
    refused: Invalid | None = None
    regions = {""} if kind == EMAIL else set(Shop.objects.values_list("phone_region", flat=True))
    for region in regions:
        try:
            found.add(contact(kind, value, region).digest)
        except Invalid as error:
            refused = error
    if refused is not None and not found:
        raise refused
    return found
