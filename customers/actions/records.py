"""Making and correcting a record by hand or by REST."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from customers.contacts import contacts, owners_of, point
from customers.index import normalise_name
from customers.keys import new_key_id
from customers.models import ContactPoint, Customer, CustomerTag
from servicedesk.actor import Actor
from servicedesk.errors import Conflict, FieldError, Invalid
from servicedesk.events import record
from servicedesk.models import Shop

LONGEST_TAG = 60


@transaction.atomic
def create_customer(
    *,
    shop: Shop,
    name: str = "",
    email: str = "",
    phone: str = "",
    language: str = "",
    tags: Sequence[str] = (),
    source: str = "",
    by: Actor,
) -> Customer:
    """A new customer. Conflict when somebody of this shop has the e-mail or the phone number already."""
    by.must("customers.write", shop)
    given = contacts(shop, email=email, phone=phone)
    if owners_of(shop, given):
        raise contact_in_use()
    customer = Customer(
        shop=shop, key_id=new_key_id(), name=normalise_name(name), language=language, is_anonymous=not given
    )
    customer.save(force_insert=True)
    try:
        with transaction.atomic():
            ContactPoint.objects.bulk_create([point(customer, one, source=source, is_lookup=True) for one in given])
    except IntegrityError:
        raise contact_in_use() from None
    if tags:
        customer.tags.set(tags_named(tags))
    record("customer.created", customer, by=by, changes={"contacts": [one.kind for one in given]})
    return customer


@transaction.atomic
def update_customer(customer: Customer, *, name: str | None = None, language: str | None = None, by: Actor) -> Customer:
    """Correct the name or the language; None leaves it. Contacts and tags have verbs of their own."""
    customer = Customer.objects.lock(customer.pk)
    by.must("customers.write", customer)
    must_be_present(customer)
    fields = []
    if name is not None and normalise_name(name) != customer.name:
        customer.name = normalise_name(name)
        fields.append("name")
    if language is not None and language != customer.language:
        customer.language = language
        fields.append("language")
    if fields:
        customer.version += 1
        customer.save(update_fields=[*fields, "version"])
        record("customer.corrected", customer, by=by, changes={"fields": fields})
    return customer


@transaction.atomic
def tag_customer(customer: Customer, tags: Sequence[str], *, by: Actor) -> Customer:
    """These tags and no others."""
    customer = Customer.objects.lock(customer.pk)
    by.must("customers.write", customer)
    must_be_present(customer)
    before = set(customer.tags.values_list("pk", flat=True))
    wanted = {tag.pk: tag for tag in tags_named(tags)}
    if before != set(wanted):
        customer.tags.set(wanted.values())
        customer.version += 1
        customer.save(update_fields=["version"])
        changes = {
            "added": sorted(str(pk) for pk in set(wanted) - before),
            "removed": sorted(str(pk) for pk in before - set(wanted)),
        }
        record("customer.tagged", customer, by=by, changes=changes)
    return customer


def tags_named(names: Sequence[str]) -> list[CustomerTag]:
    """The tags of these names; missing ones are made."""
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if any(len(name) > LONGEST_TAG for name in wanted):
        detail = _("A tag has at most %(count)s characters.") % {"count": LONGEST_TAG}
        raise Invalid(detail, errors=[FieldError("tags", "max_length", detail)])
    CustomerTag.objects.bulk_create([CustomerTag(name=name) for name in wanted], ignore_conflicts=True)
    return list(CustomerTag.objects.filter(name__in=wanted))


def must_be_present(customer: Customer) -> None:
    """Conflict for the record of somebody who was erased or merged into another."""
    if customer.erased_at is not None:
        raise Conflict(_("This customer was erased."), code="customer_erased")
    if customer.merged_into_id is not None:
        raise Conflict(_("This customer was merged into another one."), code="customer_merged")


def contact_in_use() -> Conflict:
    return Conflict(_("Another customer of this shop has this contact."), code="contact_in_use")
