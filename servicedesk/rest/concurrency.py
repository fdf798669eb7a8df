"""ETag, If-None-Match, If-Match: strong tags made of a row's `version`.

A proxy that compresses an answer says so in its tag (Caddy and Apache: `"v7-gzip"`), and its client sends that back.
"""

import re
from typing import Any, Final

from django.utils.http import parse_etags
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from servicedesk.errors import Stale

COMPRESSED: Final = re.compile(r'-(?:gzip|zstd|br|deflate)"$')


def etag_of(row: Any) -> str | None:
    """`"v7"`, or None for rows that have no version."""
    version = getattr(row, "version", None)
    return None if version is None else f'"v{version}"'


def is_unchanged(request: Request, etag: str) -> bool:
    """Whether If-None-Match already has this version (compared weakly, as RFC 9110 says)."""
    tags = [tag.removeprefix("W/") for tag in _tags(request.META.get("HTTP_IF_NONE_MATCH", ""))]
    return etag in tags or "*" in tags


def wants_match(request: Request) -> bool:
    return "HTTP_IF_MATCH" in request.META


def must_match(request: Request, row: Any) -> None:
    """Stale (412) unless If-Match names the row's version. Call it under the row's lock."""
    tags = _tags(request.META.get("HTTP_IF_MATCH", ""))
    etag = etag_of(row)
    if "*" not in tags and (etag is None or etag not in tags):
        raise Stale(_("It was changed since you read it. Read it again, then decide."))


def _tags(header: str) -> list[str]:
    return [COMPRESSED.sub('"', tag) for tag in parse_etags(header)]
