"""Whose message is this? The one way by which every door finds or makes a customer."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers.contacts import EMAIL, Contact, contacts, owners_of, point
from customers.index import normalise_name
from customers.keys import new_key_id
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.errors import NotAllowed
from servicedesk.events import record
from servicedesk.inserting import insert_together
from servicedesk.models import Shop
from servicedesk.rows import know


def find_or_create_customer(
    *,
    shop: Shop,
    name: str = "",
    email: str = "",
    phone: str = "",
    language: str = "",
    source: str = "",
    by: Actor,
    trusted: bool,
) -> Customer:
    """The customer of this shop who has this e-mail, else this phone number; a new one when nobody has.

    `trusted`: whoever gives these facts has reason to know that they belong together (staff, an integration). Then what
    the record lacks is added to it. Otherwise only the address that was given decides, and an existing record is left
    as it is. What does not fit together becomes an event `customer.match_proposed`, for a person to decide.
    Without e-mail and phone the customer is a new, anonymous one. Raises Invalid for malformed contacts.
    """
    _must_reach_customers(by, shop)
    given = contacts(shop, email=email, phone=phone)
    # Each contact may be somebody's who was made at the same moment: then it is found at the next turn, and decides, or
    # is known to be another's.
    for turn in range(1 + len(given)):
        owners = owners_of(shop, given)
        decisive = _decisive(given, owners, trusted=trusted)
        if decisive:
            break
        made = _make(shop, given, owners, name=name, language=language, source=source, by=by, trusted=trusted)
        if isinstance(made, Customer):
            return made
        if turn == len(given):
            raise made
    with transaction.atomic():
        found = owners[decisive]
        if trusted:
            found = _complete(found, given, owners, name=name, language=language, source=source, by=by)
        _propose_matches(found, owners, by=by)
    return found


def _must_reach_customers(by: Actor, shop: Shop) -> None:
    """Opening a ticket is reason enough to name its customer."""
    if not (by.may("customers.write", shop) or by.may("tickets.open", shop)):
        raise NotAllowed(_("This needs the permission “%(permission)s”.") % {"permission": "customers.write"})


def _decisive(given: Sequence[Contact], owners: dict[str, Customer], *, trusted: bool) -> str:
    """The kind of contact by which an existing customer is recognised; empty when it is somebody new.

    E-mail wins. A phone number alone decides where no e-mail was given, and, for who is trusted, where the number's
    owner has no e-mail yet: with another e-mail it is another person, who shares a phone.
    """
    kinds = [one.kind for one in given]
    if EMAIL in owners:
        return EMAIL
    if not kinds or kinds[-1] not in owners:
        return ""
    phone = kinds[-1]
    if EMAIL not in kinds:
        return phone
    lacks_email = not owners[phone].contact_points.filter(kind=EMAIL, is_lookup=True).exists()
    return phone if trusted and lacks_email else ""


@transaction.atomic(savepoint=False)
def _make(
    shop: Shop,
    given: Sequence[Contact],
    owners: dict[str, Customer],
    *,
    name: str,
    language: str,
    source: str,
    by: Actor,
    trusted: bool,
) -> Customer | IntegrityError:
    """A new customer; or, with nothing written, why the database has none of it: a contact was taken meanwhile."""
    customer = Customer(
        shop=shop,
        key_id=new_key_id(),
        name=normalise_name(name),
        language=language,
        is_anonymous=not given,
    )
    points = [
        # What a stranger claims beside the address they wrote from identifies nobody; nor does what is another's.
        point(customer, one, source=source, is_lookup=one.kind not in owners and (trusted or place == 0))
        for place, one in enumerate(given)
    ]
    try:
        insert_together([customer], points, undoable=True)
    except IntegrityError as clash:
        return clash
    know(customer, "contact_points", points)
    record("customer.created", customer, by=by, changes={"contacts": [one.kind for one in given]})
    _propose_matches(customer, owners, by=by)
    return customer


def _complete(
    customer: Customer,
    given: Sequence[Contact],
    owners: dict[str, Customer],
    *,
    name: str,
    language: str,
    source: str,
    by: Actor,
) -> Customer:
    """Add what the record lacks; change nothing that it has."""
    missing = [one for one in given if one.kind not in owners and one.identifies]
    lacks_name = bool(name) and not customer.name
    lacks_language = bool(language) and not customer.language
    if not (missing or lacks_name or lacks_language):
        return customer
    customer = Customer.objects.lock(customer.pk)
    fields = []
    if lacks_name and not customer.name:
        customer.name = normalise_name(name)
        fields.append("name")
    if lacks_language and not customer.language:
        customer.language = language
        fields.append("language")
    fields += [one.kind for one in missing if _add(customer, one, source=source)]
    if fields:
        customer.version += 1
        customer.is_anonymous = False
        customer.save(update_fields=["name", "language", "version", "is_anonymous"])
        record("customer.completed", customer, by=by, changes={"fields": fields})
    return customer


def _add(customer: Customer, given: Contact, *, source: str) -> bool:
    """False when somebody else was given the same address at this moment."""
    try:
        with transaction.atomic():
            point(customer, given, source=source, is_lookup=True).save(force_insert=True)
    except IntegrityError:
        return False
    return True


def _propose_matches(customer: Customer, owners: dict[str, Customer], *, by: Actor) -> None:
    """Tell of each contact that belongs to somebody else: the two may be one person."""
    for kind, owner in owners.items():
        if owner.pk != customer.pk:
            record("customer.match_proposed", customer, by=by, changes={"other": str(owner.pk), "because": kind})
