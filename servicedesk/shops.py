"""The shops, read so often and changed so seldom that each process keeps them for a second."""

import time
import uuid
from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _

from servicedesk.actor import Actor
from servicedesk.errors import Invalid, NotAllowed, NotFound
from servicedesk.models import Shop

KEPT_SECONDS: Final = 1.0
_kept: tuple[float, dict[str, Shop]] = (0.0, {})


def _shops() -> dict[str, Shop]:
    global _kept  # noqa: PLW0603 - one immutable pair, replaced whole
    since, shops = _kept
    if not shops or time.monotonic() - since > KEPT_SECONDS:
        shops = {shop.code: shop for shop in Shop.objects.all()}
        _kept = (time.monotonic(), shops)
    return shops


def forget_shops() -> None:
    """Read the shops anew at the next use."""
    global _kept  # noqa: PLW0603 - as above
    _kept = (0.0, {})


def shop_with_code(code: str) -> Shop | None:
    return _shops().get(code)


def default_shop() -> Shop:
    """The default shop; where none is marked, the first. There is always one, once the desk is set up."""
    shops = list(_shops().values())
    if not shops:
        raise NotFound("No shop is set up yet.")
    return next((shop for shop in shops if shop.is_default), shops[0])


def shop_named(code: str, *, by: Actor) -> Shop:
    """The shop of this code; without one the only shop the actor has, else the default shop."""
    if code:
        shop = shop_with_code(code)
        if shop is None or (by.shops is not None and shop.pk not in by.shops):
            raise Invalid.field("shop", "unknown", _("There is no such shop."))
        return shop
    shop = default_shop()
    if by.shops is None or shop.pk in by.shops:
        return shop
    own = list(Shop.objects.filter(pk__in=by.shops)[:2])
    if len(own) != 1:
        raise Invalid.field("shop", "required", _("Say which shop this is for."))
    return own[0]


def shops_within(wanted: Sequence[uuid.UUID] | None, by: Actor) -> list[str] | None:
    """The shops that a key or an endpoint is bound to, never more than the actor's own; None for every shop."""
    if wanted is None:
        return None if by.shops is None else sorted(str(shop) for shop in by.shops)
    if by.shops is not None and not by.shops.issuperset(wanted):
        raise Invalid.field("shops", "not_allowed", _("You may choose among your own shops."))
    return sorted(str(shop) for shop in wanted)


def every_shop() -> list[Shop]:
    """All of them, in the order of their codes."""
    return list(_shops().values())


def code_of_shop(shop_id: uuid.UUID) -> str:
    """The code of this shop; a new one is read for."""
    for shop in _shops().values():
        if shop.pk == shop_id:
            return shop.code
    return Shop.objects.one(pk=shop_id).code


def must_serve_every_shop(by: Actor) -> None:
    """For what holds in all shops. Raises NotAllowed for who works for some of them only."""
    if by.shops is not None and not by.shops.issuperset(shop.pk for shop in every_shop()):
        raise NotAllowed(_("This holds in every shop, and you work for some of them only."))
