"""The REST doors of customers."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet, prefetch_related_objects

from customers.actions import correct_contact, create_customer, reveal_contacts, tag_customer, update_customer
from customers.fields import with_keys
from customers.lookup import find_customers
from customers.models import ContactPoint, Customer, CustomerQuerySet, Reveal
from customers.serializers import (
    CustomerEdit,
    CustomerFilters,
    CustomerIn,
    CustomerOut,
    LookupIn,
    RevealIn,
    RevealOut,
)
from servicedesk.rest.views import DeskViewSet, acts, asks, creates, edits
from servicedesk.shops import shop_named

Data = dict[str, Any]
SOURCE = "api"


class CustomerViews(DeskViewSet[Customer]):
    """Customers: make, find, correct, reveal."""

    model = Customer
    reads = "customers.read"
    shows = CustomerOut
    filters = CustomerFilters

    def listed(self, rows: "QuerySet[Customer]", query: Data) -> "QuerySet[Customer]":
        assert isinstance(rows, CustomerQuerySet)
        if tag := query.get("tag"):
            rows = rows.filter(tags__name=tag)
        if shop := query.get("shop"):
            rows = rows.filter(shop__code=shop)
        contacts = {name: query[name] for name in ("email", "phone", "order_number") if name in query}
        if contacts:
            return find_customers(rows, **contacts, by=self.actor)
        return rows.filter(merged_into=None)

    def loaded(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Shops, contacts, tags and the customers' keys, in a handful of queries however many rows."""
        prefetch_related_objects(list(rows), "shop", "contact_points", "tags")
        return with_keys(rows)

    @creates(CustomerIn)
    def create(self, data: Data) -> Customer:
        shop = shop_named(data.pop("shop", ""), by=self.actor)
        return create_customer(shop=shop, **data, source=SOURCE, by=self.actor)

    @edits(CustomerEdit)
    def partial_update(self, customer: Customer, data: Data) -> Customer:
        # Each fact has a verb of its own; the door's transaction keeps them together.
        facts = {name: data[name] for name in ("name", "language") if name in data}
        customer = update_customer(customer, **facts, by=self.actor)
        if "tags" in data:
            customer = tag_customer(customer, data["tags"], by=self.actor)
        for kind in ContactPoint.Kind.values:
            if kind in data:
                customer = correct_contact(customer, kind=kind, value=data[kind], source=SOURCE, by=self.actor)
        return customer

    @asks(LookupIn, many=True)
    def lookup(self, data: Data) -> "QuerySet[Customer]":
        self.actor.must(self.reads)
        rows = self.rows()
        assert isinstance(rows, CustomerQuerySet)
        return find_customers(rows, **data, by=self.actor).order_by("-id")[:100]

    @acts(RevealIn, answers=RevealOut)
    def reveal(self, customer: Customer, data: Data) -> dict[str, list[str]]:
        code, note = data["reason"], data.get("note", "")
        if code not in Reveal.Reason.values:
            code, note = Reveal.Reason.OTHER, "\n".join(filter(None, (code, note)))
        return reveal_contacts(customer, data["fields_"], reason_code=code, note=note, by=self.actor)
