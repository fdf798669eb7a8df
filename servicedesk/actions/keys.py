"""Keys of integrations."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from servicedesk.actor import Actor
from servicedesk.clock import now
from servicedesk.errors import Conflict, Invalid
from servicedesk.events import record
from servicedesk.models import ApiKey, Integration
from servicedesk.permissions import SCOPE_PERMISSIONS
from servicedesk.remembered_keys import forget_keys
from servicedesk.shops import shops_within

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
LIFETIME: Final = timedelta(days=365)
LONGEST_NAME: Final = 100


@transaction.atomic
def issue_api_key(
    *,
    integration: str,
    scopes: Sequence[str],
    by: Actor,
    shops: Sequence[UUID] | None = None,
    lasting: timedelta | None = LIFETIME,
    rate_per_minute: int | None = None,
) -> ApiKey:
    """A new key for the integration of this name, which is made when there is none.

    The key itself is in `fresh_secret` of what is returned, and nowhere else. `shops` None is every shop that the actor
    sees, `lasting` None is for ever, `rate_per_minute` None the desk's own limit.
    """
    by.must("keys.write")
    if not scopes or not SCOPE_PERMISSIONS.keys() >= set(scopes):
        raise Invalid.field("scopes", "invalid_choice", _("Scopes of the desk are expected, such as tickets:read."))
    name = integration.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid.field("integration", "invalid", _("A name of at most 100 characters is expected."))
    owner, _made = Integration.objects.get_or_create(name=name)
    prefix = "".join(secrets.choice(ALPHABET) for _each in range(10))
    secret = f"sd_{prefix}_{secrets.token_urlsafe(32)}"
    moment = now()
    key = ApiKey(
        integration=owner,
        prefix=prefix,
        digest=hashlib.sha256(secret.encode()).digest(),
        scopes=sorted(set(scopes)),
        shop_ids=shops_within(shops, by),
        rate_per_minute=rate_per_minute,
        created_at=moment,
        expires_at=None if lasting is None else moment + lasting,
    )
    key.save(force_insert=True)
    key.fresh_secret = secret
    record("api_key.issued", key, by=by, changes={"integration": str(owner.pk), "scopes": key.scopes})
    return key


@transaction.atomic
def revoke_api_key(key: ApiKey, *, by: Actor) -> ApiKey:
    """The key opens nothing any more: here at once, in other processes within a few seconds. Conflict when it was."""
    key = ApiKey.objects.lock(key.pk)
    by.must("keys.write")
    if key.revoked_at is not None:
        raise Conflict(_("This key was revoked before."), code="already_revoked")
    key.revoked_at = now()
    key.save(update_fields=["revoked_at"])
    record("api_key.revoked", key, by=by, changes={"integration": str(key.integration_id)})
    transaction.on_commit(forget_keys)
    return key
