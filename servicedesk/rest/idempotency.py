"""Idempotency-Key: the same request sent twice acts once.

Transaction 1 commits a claim with a lease. Transaction 2 is the action, its sealed answer and the completion of the
claim, which must still be ours: whoever lost its lease to another rolls back. A worker that dies leaves a lease that
runs out. What a client can mend (401, 412, 429) and what was our fault (5xx) gives the key back; other refusals are the
first answer.
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid
from servicedesk.ids import new_id
from servicedesk.keyring import register_short_lived, ring, seal, unseal
from servicedesk.models import IdempotencyRecord
from servicedesk.rest.parsers import JSONRenderer

MAX_KEY: Final = 255
PURPOSE: Final = "idempotent-answer"
KEPT_HEADERS: Final = ("Content-Type", "ETag", "Location")
RELEASING: Final = frozenset({401, 412, 429})

register_short_lived(PURPOSE)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that this request holds."""

    record_id: uuid.UUID
    holder: uuid.UUID


def key_of(request: Request) -> str | None:
    """The request's key; Invalid when it is no key (1 to 255 printable ASCII characters)."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise Invalid.field("Idempotency-Key", "invalid", _("1 to 255 printable ASCII characters are expected."))
    return str(key)


def once(
    key: str,
    request: Request,
    actor: Actor,
    *,
    act: Callable[[], Response],
    refuse: Callable[[Exception], Response],
) -> HttpResponse:
    """The answer to this key: `act()` within a transaction if nobody did yet, else what it answered then.

    `refuse` turns an exception into an answer, and raises what it doesn't know. Raises Invalid when the key was used
    with another body, Conflict while another request with it is under way.
    """
    body = _keyed(_body_of(request))
    found = _claim(_keyed(_name(actor, request, key)), body)
    if isinstance(found, HttpResponse):
        return found
    try:
        with transaction.atomic():
            answer = _rendered(act())
            _complete(found, answer)
        return answer
    except Exception as error:  # noqa: BLE001  answered or raised again there
        return _after_failure(found, error, refuse)


def _after_failure(claim: Claim, error: Exception, refuse: Callable[[Exception], Response]) -> HttpResponse:
    """What was done is undone; keep the refusal as the answer, or give the key back."""
    try:
        answer = _rendered(refuse(error))
    except Exception:
        _release(claim)
        raise
    if answer.status_code >= 500 or answer.status_code in RELEASING:
        _release(claim)
    else:
        with transaction.atomic():
            _complete(claim, answer)
    return answer


# ------------------------------------------------------------------------------------------------ claims


def _claim(name: bytes, body: bytes) -> Claim | HttpResponse:
    moment, holder = now(), new_id()
    record = IdempotencyRecord(
        claim=name, body_digest=body, holder=holder, lease_until=moment + settings.IDEMPOTENCY_LEASE, created_at=moment
    )
    try:
        with transaction.atomic():
            record.save(force_insert=True)
        return Claim(record.pk, holder)
    except IntegrityError:
        pass  # somebody was here before; the row says how far they got
    first = IdempotencyRecord.objects.filter(claim=name).first()
    if first is None:
        raise Conflict(_("A request with this key just failed; send it again."), code="idempotency_under_way")
    if first.created_at <= moment - settings.IDEMPOTENCY_KEPT:
        return _take_over(first, body, holder)
    if not hmac.compare_digest(bytes(first.body_digest), body):
        raise Invalid(_("This Idempotency-Key was used with another body."), code="idempotency_key_reused")
    if first.completed_at is not None:
        return _replay(first)
    if first.lease_until > moment:
        raise Conflict(_("A request with this key is still under way."), code="idempotency_under_way")
    return _take_over(first, body, holder)


def _take_over(first: IdempotencyRecord, body: bytes, holder: uuid.UUID) -> Claim:
    moment = now()
    held = IdempotencyRecord.objects.filter(pk=first.pk, holder=first.holder, completed_at=first.completed_at)
    taken = held.update(
        holder=holder,
        body_digest=body,
        lease_until=moment + settings.IDEMPOTENCY_LEASE,
        created_at=moment,
        completed_at=None,
        answer=None,
    )
    if not taken:
        raise Conflict(_("A request with this key is still under way."), code="idempotency_under_way")
    return Claim(first.pk, holder)


def _complete(claim: Claim, answer: HttpResponse) -> None:
    head = {"status": answer.status_code, "headers": {n: answer[n] for n in KEPT_HEADERS if n in answer}}
    sealed = seal(json.dumps(head).encode() + b"\n" + answer.content, PURPOSE)
    held = IdempotencyRecord.objects.filter(pk=claim.record_id, holder=claim.holder, completed_at=None)
    if held.update(answer=sealed, completed_at=now()) != 1:
        raise Conflict(_("Another request with this key took over."), code="idempotency_lost")


def _release(claim: Claim) -> None:
    IdempotencyRecord.objects.filter(pk=claim.record_id, holder=claim.holder, completed_at=None).delete()


def _replay(record: IdempotencyRecord) -> HttpResponse:
    head, _newline, body = unseal(bytes(record.answer or b""), PURPOSE).partition(b"\n")
    known = json.loads(head)
    answer = HttpResponse(body, status=known["status"], headers=known["headers"])
    answer["Idempotent-Replayed"] = "true"
    return answer


def forget_old_answers(limit: int = 5000) -> int:
    """Delete what is past its 24 hours, a batch at a time. Returns how many were deleted."""
    old = (
        IdempotencyRecord.objects.filter(created_at__lte=now() - settings.IDEMPOTENCY_KEPT)
        .order_by("created_at")
        .values_list("pk")
    )
    deleted, _each = IdempotencyRecord.objects.filter(pk__in=list(old[:limit].values_list("pk", flat=True))).delete()
    return deleted


# ------------------------------------------------------------------------------------------------ digests


def _name(actor: Actor, request: Request, key: str) -> bytes:
    return "\n".join((actor.type, str(actor.id), request.method or "", request.path, key)).encode()


def _keyed(data: bytes) -> bytes:
    return ring().digest("idempotency", data)


def _body_of(request: Request) -> bytes:
    """What was sent, in one form: raw messages as they are, JSON with sorted names, forms with their files' digests."""
    data: Any = request.data
    if isinstance(data, bytes):
        return data
    if request.FILES:
        fields = sorted((name, values) for name, values in request.POST.lists())
        files = sorted((name, file.name, _file_digest(file)) for name, all_ in request.FILES.lists() for file in all_)
        data = [fields, files]
    return json.dumps(data, sort_keys=True, ensure_ascii=True).encode()


def _file_digest(file: Any) -> str:
    """Of the content; an upload handler that encrypts as it reads gives it as `digest`."""
    known = getattr(file, "digest", None)
    if known is not None:
        return known.hex() if isinstance(known, bytes) else str(known)
    total = hashlib.sha256()
    for chunk in file.chunks():
        total.update(chunk)
    file.seek(0)
    return total.hexdigest()


def _rendered(answer: Response | HttpResponse) -> HttpResponse:
    """Bytes, whatever it was: so that the first answer and its replays are the same."""
    if not isinstance(answer, Response):
        return answer
    content = b"" if answer.data is None else JSONRenderer().render(answer.data)
    plain = HttpResponse(content, status=answer.status_code)
    for name, value in answer.headers.items():
        plain[name] = value
    plain["Content-Type"] = answer.content_type or "application/json"
    return plain
