"""Languages as others write them (zh-CN, zh_TW, zh-Hans, en-GB), and which of the desk's own is meant."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.utils.translation import get_supported_language_variant


@lru_cache(maxsize=256)
def ways_to_say(language: str) -> tuple[str, ...]:
    """The codes that a language answers to, the nearest first: zh-TW to `zh-tw`, `zh-hant` and `zh`; "" to none."""
    code = language.strip().lower().replace("_", "-")
    parts = [part for part in code.split("-") if part]
    shorter = ["-".join(parts[:end]) for end in range(len(parts), 0, -1)]
    own = [desk_code] if (desk_code := _variant(code)) else []
    return tuple(dict.fromkeys([*shorter[:1], *own, *shorter[1:]]))


def desk_language(*wanted: str) -> str:
    """The first of these languages that the desk's texts are written in, else the desk's default."""
    return next((code for one in wanted if (code := _variant(one))), settings.LANGUAGE_CODE)


def own_code(language: str) -> str:
    """The desk's own code for a language of a region (zh-CN: `zh-hans`, en-GB: `en`); another one in small letters.

    A bare `zh` stays, since it means either script.
    """
    code = language.strip().lower().replace("_", "-")
    return (_variant(code) or code) if "-" in code else code


def own_codes(languages: Any) -> Any:
    """The same for a text, or for each of a list, once; anything else stays as it is."""
    if isinstance(languages, str):
        return own_code(languages)
    if isinstance(languages, list | tuple):
        return list(dict.fromkeys(own_code(one) if isinstance(one, str) else one for one in languages))
    return languages


def _variant(language: str) -> str:
    code = language.strip().lower().replace("_", "-")
    try:
        return get_supported_language_variant(code) if code else ""
    except LookupError:
        return ""
