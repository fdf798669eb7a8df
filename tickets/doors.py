"""What every door has to find out before it can act: which customer."""

import uuid
from collections.abc import Mapping

from django.utils.translation import gettext as _

from customers.actions import find_or_create_customer
from customers.models import Customer
from servicedesk.actor import Actor
from servicedesk.errors import Invalid
from servicedesk.models import Shop
from servicedesk.shops import shop_named

__all__ = ["customer_of", "shop_named"]


def customer_of(
    shop: Shop, given: Mapping[str, str], customer_id: uuid.UUID | None, *, by: Actor, trusted: bool = True
) -> Customer:
    """The customer named by id, or found, or made, from what is known of them."""
    if customer_id is None:
        return find_or_create_customer(shop=shop, by=by, trusted=trusted, **given)
    customer = Customer.objects.visible_to(by).filter(pk=customer_id, shop=shop).first()
    if customer is None:
        raise Invalid.field("customer_id", "unknown", _("There is no such customer in this shop."))
    return customer
