"""Which key a row's customer has. A customer's key never changes, so the pair may be remembered."""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django.apps import apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from customers.keys import VaultError
from servicedesk.selecting import AmongIds, Kept

if TYPE_CHECKING:
    from customers.models import Customer

SELF = "self"
REMEMBERED = 50_000
QUERY_IDS = 500

_key_ids: dict[uuid.UUID, uuid.UUID] = {}


def key_id_for(instance: models.Model, path: str) -> uuid.UUID:
    """The key of the customer at the end of `path`; no query when the customer is at hand or was seen before."""
    customer_id, known = _customer_of(instance, path)
    if known is not None:
        return known
    return key_ids_of([customer_id])[customer_id]


def key_ids_for(rows: Iterable[models.Model], paths: Iterable[str]) -> list[uuid.UUID]:
    """The keys of all customers of these rows."""
    found: list[uuid.UUID] = []
    unknown: set[uuid.UUID] = set()
    for row in rows:
        for path in paths:
            customer_id, known = _customer_of(row, path)
            if known is None:
                unknown.add(customer_id)
            else:
                found.append(known)
    return [*found, *key_ids_of(unknown).values()]


def key_ids_of(customer_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Keys by customer; VaultError when one of them doesn't exist."""
    wanted = set(customer_ids)
    known = {customer_id: key_id for customer_id in wanted if (key_id := _key_ids.get(customer_id)) is not None}
    unknown = [customer_id for customer_id in wanted if customer_id not in known]
    for start in range(0, len(unknown), QUERY_IDS):
        known.update(_KEY_IDS.rows(ids=unknown[start : start + QUERY_IDS]))
    for customer_id in unknown:
        if customer_id not in known:
            raise VaultError(f"The customer {customer_id}, who owns an encrypted row, does not exist.")
    if unknown:
        _remember(known)
    return known


_KEY_IDS: Final = Kept(lambda: _customers()._base_manager.filter(AmongIds("pk")).values_list("pk", "key_id"))


def _remember(known: dict[uuid.UUID, uuid.UUID]) -> None:
    if len(_key_ids) + len(known) > REMEMBERED:
        _key_ids.clear()
    _key_ids.update(known)


def _customers() -> "type[Customer]":
    return apps.get_model("customers", "Customer")


def _customer_of(instance: models.Model, path: str) -> tuple[uuid.UUID, uuid.UUID | None]:
    """The customer's id, and the key's where no query is needed for it."""
    holder: Any = instance
    if path == SELF:
        return holder.pk, holder.key_id
    *hops, last = path.split("__")
    for hop in hops:
        holder = getattr(holder, hop)
    customer = holder._state.fields_cache.get(last)
    if customer is not None and customer.pk == getattr(holder, f"{last}_id"):
        return customer.pk, customer.key_id
    customer_id = getattr(holder, f"{last}_id")
    if customer_id is None:
        raise VaultError(f"{type(instance).__name__} {instance.pk} has no customer to encrypt for.")
    return customer_id, _key_ids.get(customer_id)


def check_path(field: "models.Field[Any, Any]", path: str) -> list[checks.CheckMessage]:
    """A system check: the path must lead from the field's model to a customer."""
    model: Any = field.model
    try:
        for hop in [] if path == SELF else path.split("__"):
            model = model._meta.get_field(hop).related_model
    except FieldDoesNotExist:
        model = None
    if model is not None and model._meta.label_lower == "customers.customer":
        return []
    return [checks.Error(f"owner={path!r} does not lead to a customer.", obj=field, id="customers.E001")]
