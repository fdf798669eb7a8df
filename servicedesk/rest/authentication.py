"""Who asks: a key of an integration, or a member of staff with a session.

A key that was read is remembered for some seconds (`servicedesk.remembered_keys`).
"""

import hashlib
import hmac
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import DatabaseError
from django.db.models import Q
from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.models import ApiKey
from servicedesk.remembered_keys import Remembered, recall, remember, touched

log = structlog.get_logger(__name__)

TOUCH_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Stands where Django expects a user: an integration is none."""

    pk: Any
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False


class KeyAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer sd_<prefix>_<secret>`."""

    def authenticate(self, request: Request) -> tuple[KeyHolder, ApiKey] | None:
        scheme, _space, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        found = find_key(secret.strip())
        request._request.actor = found.actor  # type: ignore[attr-defined]
        return KeyHolder(found.key.pk), found.key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """The desk's own pages; writing needs the CSRF token."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found is not None:
            request._request.actor = Actor.staff(found[0])  # type: ignore[attr-defined]
        return found


def find_key(secret: str) -> Remembered:
    """The usable key of this secret; AuthenticationFailed otherwise. One indexed query at most."""
    digest = hashlib.sha256(secret.encode()).digest()
    found = recall(digest) or _read_key(secret, digest)
    if found.key.revoked_at is not None:
        raise AuthenticationFailed(_("This key was revoked."), code="key_revoked")
    if not found.key.is_usable:
        raise AuthenticationFailed(_("This key has expired."), code="key_expired")
    return found


def _read_key(secret: str, digest: bytes) -> Remembered:
    prefix = prefix_of(secret)
    key = ApiKey.objects.filter(prefix=prefix).first() if prefix else None
    if key is None or not hmac.compare_digest(bytes(key.digest), digest):
        raise AuthenticationFailed(_("This key is not known."), code="key_unknown")
    return remember(digest, key)


def prefix_of(secret: str) -> str:
    """The part by which a key is looked up; empty when this is no key of ours."""
    parts = secret.split("_", 2)
    fits = len(parts) == 3 and parts[0] == "sd" and parts[1].isalnum() and parts[1].isascii() and len(parts[1]) <= 16
    return parts[1] if fits else ""


def touch_after(response: HttpResponseBase, key: ApiKey) -> None:
    """Note that the key was used, once the answer is on its way, and at most once a minute in this process."""
    moment = time.monotonic()
    last = touched.get(key.pk)
    if last is not None and moment - last < TOUCH_EVERY.total_seconds():
        return
    touched[key.pk] = moment
    response._resource_closers.append(lambda: _touch(key))  # type: ignore[attr-defined]


def _touch(key: ApiKey) -> None:
    at = now()
    unused = Q(last_used_at=None) | Q(last_used_at__lt=at - TOUCH_EVERY)
    try:
        ApiKey.objects.filter(unused, pk=key.pk).update(last_used_at=at)
    except DatabaseError as error:
        # The request was answered; that it was is worth a line, not a failure.
        log.warning("key.use_not_noted", key_id=str(key.pk), error=type(error).__name__)


class KeyScheme(OpenApiAuthenticationExtension):
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "sd_<prefix>_<secret>"}


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The desk's own session; writing needs the X-CSRFToken header as well.",
        }
