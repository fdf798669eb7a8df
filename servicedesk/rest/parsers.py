"""Bodies in, bodies out: JSON that is really JSON, raw messages, and nothing that a database would choke on."""

import json
from collections.abc import Mapping
from typing import IO, Any, Final, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework import renderers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from servicedesk.errors import FieldError, Invalid

MAX_INTEGER: Final = 2**63 - 1
CONTROL: Final = _("This contains characters that cannot be stored.")


class JSONRenderer(renderers.JSONRenderer):
    charset = None


class JSONParser(BaseParser):
    """UTF-8 JSON without NaN, infinities, integers beyond 64 bits, NUL characters or lone surrogates."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes] | HttpRequest, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read()
        try:
            text = raw.decode("utf-8-sig")
            data = json.loads(text, parse_constant=_refuse, parse_float=_float, parse_int=_int)
        except (ValueError, RecursionError) as error:
            raise ParseError from error
        if "\\u" in text or "\x00" in text:
            check_text(data)
        return data


class MessageParser(BaseParser):
    """A raw message, as bytes. The view's `max_body_bytes` bounds it."""

    media_type = "message/rfc822"

    def parse(self, stream: IO[bytes] | HttpRequest, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read()


def check_text(value: Any, path: str = "") -> None:
    """Invalid where a string, anywhere inside, holds a NUL character or half of a surrogate pair."""
    if isinstance(value, str):
        if not is_storable(value):
            raise Invalid(CONTROL, errors=[FieldError(path, "unstorable_text", CONTROL)])
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            check_text(name, path)
            check_text(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            check_text(inner, f"{path}.{position}" if path else str(position))


def is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _refuse(token: str) -> NoReturn:
    raise ValueError(token)


def _float(token: str) -> float:
    value = float(token)
    if value in {float("inf"), float("-inf")}:
        raise ValueError
    return value


def _int(token: str) -> int:
    value = int(token)
    if abs(value) > MAX_INTEGER:
        raise ValueError
    return value
