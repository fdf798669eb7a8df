"""Names and contacts as they are shown until somebody reveals them with a reason."""

import unicodedata

import phonenumbers

from customers.fields import Erased

HIDDEN = "****"


def mask_name(name: str) -> str:
    """王小明 → 王*, Wang Li → W***."""
    if isinstance(name, Erased):
        return str(name)
    name = name.strip()
    if not name:
        return ""
    return name[0] + ("*" if unicodedata.east_asian_width(name[0]) in "WF" else "***")


def mask_phone(phone: str) -> str:
    """+8613812345678 and 13812345678 → 138****5678, +14155552671 → +1 415****2671."""
    try:
        number = phonenumbers.parse(phone, "CN")
    except phonenumbers.NumberParseException:
        return HIDDEN if phone.strip() else ""
    national = phonenumbers.national_significant_number(number)
    prefix = "" if number.country_code == 86 else f"+{number.country_code} "
    shown = 3 if len(national) >= 9 else 1
    return f"{prefix}{national[:shown]}{HIDDEN}{national[-4 if shown == 3 else -2 :]}"


def mask_email(email: str) -> str:
    """wang@example.com → w***@example.com."""
    local, at, domain = email.strip().rpartition("@")
    if not at:
        return HIDDEN if domain else ""
    return f"{local[:1]}***@{domain}"
