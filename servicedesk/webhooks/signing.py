"""Secrets and signatures after the Standard Webhooks specification."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Final

from servicedesk.keyring import is_outdated, register_resealer, register_witness, seal, unseal
from servicedesk.models import WebhookEndpoint
from servicedesk.rows import has_table

PREFIX: Final = "whsec_"
PURPOSE: Final = "webhook-secret"
SECRET_BYTES: Final = 32


def new_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """As a receiver's library takes it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(secret).decode()


def sealed(secret: bytes) -> bytes:
    return seal(secret, PURPOSE)


def secrets_of(endpoint: WebhookEndpoint, at: datetime) -> list[bytes]:
    """The secrets that sign at this moment: two while a change is under way."""
    found = [unseal(bytes(endpoint.secret), PURPOSE)]
    if endpoint.previous_secret is not None and endpoint.previous_secret_until is not None:
        if at < endpoint.previous_secret_until:
            found.append(unseal(bytes(endpoint.previous_secret), PURPOSE))
    return found


def signed_headers(message_id: str, body: bytes, keys: list[bytes], at: datetime) -> dict[str, str]:
    """The three headers of the specification; one signature per secret."""
    stamp = str(int(at.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def reseal_secrets() -> int:
    """Seal again what an earlier master key sealed. Returns how many endpoints were done."""
    done = 0
    for endpoint in WebhookEndpoint.objects.exclude(state=WebhookEndpoint.State.REMOVED):
        before = bytes(endpoint.secret)
        previous = None if endpoint.previous_secret is None else bytes(endpoint.previous_secret)
        if not is_outdated(before) and (previous is None or not is_outdated(previous)):
            continue
        endpoint.secret = sealed(unseal(before, PURPOSE))
        endpoint.previous_secret = None if previous is None else sealed(unseal(previous, PURPOSE))
        # A rotation of the endpoint's own secret in the meantime wins.
        done += WebhookEndpoint.objects.filter(pk=endpoint.pk, secret=before, previous_secret=previous).update(
            secret=endpoint.secret, previous_secret=endpoint.previous_secret
        )
    return done


def has_secrets() -> bool:
    """Whether an endpoint has a secret that only an existing ring opens."""
    return has_table(WebhookEndpoint) and WebhookEndpoint.objects.exclude(secret=b"").exists()


register_resealer(PURPOSE, reseal_secrets)
register_witness(has_secrets)
