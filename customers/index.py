"""Contacts brought into one form, and the keyed hashes by which they are found again.

Each field has an index key of its own in the ring file, which no rotation touches: the same e-mail always has the same
digest, and a digest tells nothing to whoever lacks the key.
"""

import re
import unicodedata

import idna
import phonenumbers
from django.utils.translation import gettext_lazy as _

from servicedesk.errors import Invalid
from servicedesk.keyring import ring

DEFAULT_REGION = "CN"
LONGEST_EMAIL = 254
LONGEST_NAME = 200
_EXTENSION = re.compile(r"\s*(?:转|轉|分机|分機|内线|內線)\s*:?\s*")
_LOCAL = re.compile(r"[^\s\x00-\x20\x7f@,;:<>()\[\]\\\"]{1,64}")
_LABEL_DOTS = str.maketrans("。．｡", "...")


def normalise_email(text: str) -> str:
    """Lower case, full-width forms narrowed, the domain in its ASCII form. Raises Invalid for what is no address."""
    address = unicodedata.normalize("NFKC", text.strip()).translate(_LABEL_DOTS)
    local, at, domain = address.rpartition("@")
    local = unicodedata.normalize("NFKC", local.lower())
    try:
        domain = idna.encode(domain.strip().rstrip("."), uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        domain = ""
    plausible = at and "." in domain and _LOCAL.fullmatch(local) and not (local[0] == "." or local[-1] == ".")
    address = f"{local}@{domain}"
    if not plausible or len(address) > LONGEST_EMAIL:
        raise Invalid.field("email", "invalid_email", _("This is not a valid e-mail address."))
    return address


def normalise_phone(text: str, region: str = DEFAULT_REGION) -> str:
    """E.164, with `;ext=` when there is an extension; `region` is assumed where no country code is given.

    Raises Invalid for what cannot be a phone number. Numbers of the right length are taken even where the numbering
    plan does not list them: plans change faster than libraries.
    """
    plain = _EXTENSION.sub(" ext ", unicodedata.normalize("NFKC", text))
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number):
        raise Invalid.field("phone", "invalid_phone", _("This is not a valid phone number."))
    extension = f";ext={number.extension}" if number.extension else ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + extension


def has_extension(phone: str) -> bool:
    """Whether a normalised number leads to an extension: a marketplace's virtual number, shared by many people."""
    return ";ext=" in phone


def normalise_name(text: str) -> str:
    """One line without control or direction characters; case and form stay as the person writes them."""
    kept = (" " if ch.isspace() else ch for ch in unicodedata.normalize("NFC", text))
    visible = "".join(ch for ch in kept if unicodedata.category(ch) not in {"Cc", "Cf", "Cs", "Co", "Cn"})
    return " ".join(visible.split())[:LONGEST_NAME].rstrip()


def digest_email(email: str) -> bytes:
    """The keyed hash of an e-mail address, normalised here."""
    return ring().digest("email", normalise_email(email).encode())


def digest_phone(phone: str, region: str = DEFAULT_REGION) -> bytes:
    """The keyed hash of a phone number, normalised here."""
    return ring().digest("phone", normalise_phone(phone, region).encode())
