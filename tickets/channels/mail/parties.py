"""Between whom a mail goes: who wrote it, whether that is a machine, and which shop it is for."""

from django.conf import settings

from servicedesk.actor import Actor
from servicedesk.errors import NotFound
from servicedesk.models import Shop
from servicedesk.shops import default_shop, every_shop
from tickets.channels.mail.headers import Address
from tickets.channels.mail.machines import is_nobody
from tickets.channels.mail.parse import ParsedMail


def correspondent(mail: ParsedMail) -> Address | None:
    """Who writes: the sender; where a web form sent it, under our own or a no-reply address, whom it says to answer."""
    sender, reply_to = mail.sender, mail.reply_to
    if sender is None or not (is_own(sender) or mail.machine == "no_reply"):
        return sender
    if reply_to is not None and not is_own(reply_to) and not is_nobody(reply_to):
        return reply_to
    return None if is_own(sender) else sender


def machine_code(mail: ParsedMail) -> str:
    """Why its sender must not be answered automatically: a machine, spam, or somebody else's name."""
    is_form = mail.machine == "no_reply" and correspondent(mail) != mail.sender
    return next(iter(mail.flags), "") if is_form else mail.machine or next(iter(mail.flags), "")


def is_own(address: Address) -> bool:
    """An address that the desk itself sends from, with or without a `+tag`."""
    local, _at, domain = address.email.lower().rpartition("@")
    plain = f"{local.split('+', 1)[0]}@{domain}"
    own = {settings.DEFAULT_FROM_EMAIL.lower(), *(shop.sender_address.lower() for shop in every_shop())}
    return plain in own or address.email.lower() in own


def addressed_shop(mail: ParsedMail, by: Actor) -> Shop:
    """The shop to whose address it was sent, with or without a `+tag`."""
    seen = [shop for shop in every_shop() if by.shops is None or shop.pk in by.shops]
    shops = {shop.support_email.lower(): shop for shop in seen if shop.support_email}
    for address in mail.to:
        local, _at, domain = address.email.lower().rpartition("@")
        for candidate in (f"{local}@{domain}", f"{local.split('+', 1)[0]}@{domain}"):
            if candidate in shops:
                return shops[candidate]
    return usual_shop(by)


def usual_shop(by: Actor) -> Shop:
    """The default shop, else the only one that the actor has."""
    shop = default_shop()
    if by.shops is None or shop.pk in by.shops:
        return shop
    own = next((shop for shop in every_shop() if shop.pk in by.shops), None)
    if own is None:
        raise NotFound
    return own
