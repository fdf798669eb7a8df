"""/healthz, /readyz and /metrics: for balancers, supervisors and Prometheus."""

import hmac
import ipaddress
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from servicedesk import broker, heartbeat, metrics
from servicedesk.keyring import KeyringError, ring

WELL: Final = "ok"
# Whoever forwards a request says so in one of these; then the address that we see is the proxy's, not the asker's.
_FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up: nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when everything that the desk needs is well, else 503 and which is not."""
    found = examine()
    ready = all(answer == WELL for answer in found.values())
    body = {"status": "ready" if ready else "not ready", "checks": found}
    return JsonResponse(body, status=200 if ready else 503)


def examine() -> dict[str, str]:
    """Each part with "ok" or what is wrong with it, in a few words."""
    found = {
        "database": _answers("default"),
        "keystore": _answers("keystore"),
        "broker": WELL if broker.is_up() else "does not answer",
        "keyring": _opens(),
    }
    ages = _ages() if found["database"] == WELL else {}
    for part in (heartbeat.WORKER, heartbeat.SWEEP):
        found[part] = _freshness(ages.get(part))
    return found


@never_cache
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """The figures, for this machine's own processes and whoever has METRICS_TOKEN; for others there is nothing here."""
    if not (_has_token(request) or _is_neighbour(request)):
        return HttpResponse(status=404)
    return HttpResponse(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _answers(alias: str) -> str:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "does not answer"
    return WELL


def _opens() -> str:
    try:
        ring()
    except KeyringError:
        return "cannot be read"
    return WELL


def _ages() -> dict[str, float]:
    try:
        return heartbeat.ages()
    except DatabaseError:
        return {}


def _freshness(age: float | None) -> str:
    if age is None:
        return "was never seen"
    return WELL if age <= heartbeat.STALE_AFTER_SECONDS else f"last seen {age:.0f} s ago"


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    expected = f"Bearer {settings.METRICS_TOKEN}"
    return bool(settings.METRICS_TOKEN) and hmac.compare_digest(given.encode(), expected.encode())


def _is_neighbour(request: HttpRequest) -> bool:
    if any(name in request.META for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
