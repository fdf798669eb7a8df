"""The seeds of second factors, sealed: who holds a dump of the database must not be able to make anybody's codes."""

import base64
from typing import Any, Final

from django.db import transaction

from servicedesk.keyring import is_outdated, register_resealer, seal, unseal

PURPOSE: Final = "second-factor"
# Where the kinds of factors that this desk has keep theirs.
SEEDS: Final = {"totp": "secret", "recovery_codes": "seed"}


def sealed(text: str) -> str:
    return base64.b64encode(seal(text.encode(), PURPOSE)).decode()


def opened(text: str) -> str:
    return unseal(base64.b64decode(text), PURPOSE).decode()


def reseal_seeds() -> int:
    """Seal again what an earlier master key sealed. Returns how many factors were done."""
    from allauth.mfa.models import Authenticator

    pks = Authenticator.objects.filter(type__in=SEEDS).values_list("pk", flat=True)
    return sum(_reseal(Authenticator, pk) for pk in list(pks))


@transaction.atomic
def _reseal(model: Any, pk: int) -> bool:
    """Locked: a code that is used meanwhile is noted in the same column."""
    factor = model.objects.select_for_update().filter(pk=pk).first()
    if factor is None or not is_outdated(base64.b64decode(factor.data[SEEDS[factor.type]])):
        return False
    name = SEEDS[factor.type]
    factor.data = {**factor.data, name: sealed(opened(factor.data[name]))}
    factor.save(update_fields=["data"])
    return True


register_resealer(PURPOSE, reseal_seeds)
