"""Contacts inside a text, and whether they are somebody else's: found by pattern, looked up by keyed hash."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher

from customers.contacts import EMAIL, PHONE, Contact, contact, surviving
from customers.models import ContactPoint, Customer
from servicedesk.errors import Invalid

# More than this in one text is a list of something, and the first of them say enough.
MOST: Final = 50
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}")


def contacts_in(text: str, region: str) -> dict[str, Contact]:
    """E-mail addresses and phone numbers in this text, as they are written there. Pure but for the ring of keys.

    `region` is assumed for numbers without a country code. Full-width letters and digits are read like narrow ones.
    """
    plain = unicodedata.normalize("NFKC", text)
    found: dict[str, Contact] = {}
    for kind, written in (*_emails(plain), *_phones(plain, region)):
        if len(found) == MOST:
            break
        try:
            found[written] = contact(kind, written, region)
        except Invalid:
            continue  # looked like one and is none
    return found


def _emails(text: str) -> Iterator[tuple[str, str]]:
    return ((EMAIL, match[0]) for match in _EMAIL.finditer(text))


def _phones(text: str, region: str) -> Iterator[tuple[str, str]]:
    # Letters of other scripts than Latin touch numbers without a space: 请打13800138000联系.
    for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID):
        yield PHONE, phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)


def contacts_of_others(text: str, customer: Customer) -> list[str]:
    """Those contacts in the text that belong to another customer of the same shop, and not to this one as well.

    Two people are one where their records were merged. What nobody's record has is nobody's: a carrier's hotline.
    """
    region = customer.shop.phone_region
    found = contacts_in(text, region)
    if not found:
        return []
    digests = {one.digest: written for written, one in found.items()}
    points = ContactPoint.objects.filter(shop_id=customer.shop_id, digest__in=list(digests))
    person = surviving(customer).pk
    others: set[str] = set()
    own: set[str] = set()
    for point in points.select_related("customer"):
        (own if surviving(point.customer).pk == person else others).add(digests[bytes(point.digest)])
    shops = {one.value for one in contacts_in(customer.shop.sender_address, region).values()}
    return sorted(written for written in others - own if found[written].value not in shops)
