"""Contacts as given, in their normal form, and as rows. No locks, no permissions: the actions have those."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from customers.index import has_extension, normalise_email, normalise_phone
from customers.models import ContactPoint, Customer
from servicedesk.errors import FieldError, Invalid
from servicedesk.keyring import ring
from servicedesk.models import Shop
from servicedesk.selecting import Kept, slot

EMAIL = ContactPoint.Kind.EMAIL
PHONE = ContactPoint.Kind.PHONE


@dataclass(frozen=True, slots=True)
class Contact:
    """One address in its normal form, with the keyed hash it is found by."""

    kind: str
    value: str
    digest: bytes

    @property
    def identifies(self) -> bool:
        """A virtual number with an extension is shared by many people and identifies nobody."""
        return not has_extension(self.value)


def contact(kind: str, value: str, region: str) -> Contact:
    """`region` is assumed for numbers without country code. Raises Invalid for what is no address or number."""
    normal = normalise_email(value) if kind == EMAIL else normalise_phone(value, region)
    return Contact(kind, normal, ring().digest(kind, normal.encode()))


def contacts(shop: Shop, *, email: str = "", phone: str = "") -> list[Contact]:
    """The e-mail first: it wins over the phone. Raises Invalid naming every field that is wrong."""
    found: list[Contact] = []
    errors: list[FieldError] = []
    for kind, value in ((EMAIL, email), (PHONE, phone)):
        if value and value.strip():
            try:
                found.append(contact(kind, value, shop.phone_region))
            except Invalid as error:
                errors.extend(error.errors)
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    return found


def point(customer: Customer, given: Contact, *, source: str, is_lookup: bool) -> ContactPoint:
    """An unsaved row."""
    return ContactPoint(
        customer=customer,
        shop_id=customer.shop_id,
        kind=given.kind,
        digest=given.digest,
        value=given.value,
        is_lookup=is_lookup and given.identifies,
        source=source,
    )


# Asked at every first message. Two digests, an e-mail's and a phone's, or the one that was given twice.
_OWNERS: Final = Kept(
    lambda: ContactPoint.objects.filter(
        digest__in=[slot("one", ContactPoint, "digest"), slot("other", ContactPoint, "digest")],
        shop=slot("shop", ContactPoint, "shop"),
        is_lookup=True,
    ).values_list("kind", "digest", "customer_id")
)


def owners_of(shop: Shop, given: Iterable[Contact]) -> dict[str, Customer]:
    """Who has these contacts for lookup in this shop, by kind; merged ones as the customer that survived.

    One narrow query where nobody has them, as with most first messages, and a second for who they are.
    """
    wanted = {one.kind: one.digest for one in given if one.identifies}
    if not wanted:
        return {}
    digests = list(wanted.values())
    found = {
        kind: customer_id
        for kind, digest, customer_id in _OWNERS.rows(one=digests[0], other=digests[-1], shop=shop.pk)
        if bytes(digest) == wanted.get(kind)
    }
    if not found:
        return {}
    customers = {row.pk: row for row in Customer.objects.filter(pk__in=found.values())}
    owners = {
        kind: surviving(customers[customer_id]) for kind, customer_id in found.items() if customer_id in customers
    }
    return {kind: customer for kind, customer in owners.items() if customer.erased_at is None}


def surviving(customer: Customer) -> Customer:
    """The customer that this one was merged into, at the end of the chain."""
    while customer.merged_into is not None:
        customer = customer.merged_into
    return customer
