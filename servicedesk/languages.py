"""Languages as others write them (zh-CN, zh_TW, zh-Hans, en-GB), and which of the desk's own is meant."""

from functools import lru_cache

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


def _variant(language: str) -> str:
    code = language.strip().lower().replace("_", "-")
    try:
        return get_supported_language_variant(code) if code else ""
    except LookupError:
        return ""
