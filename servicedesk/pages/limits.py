"""So many times an hour from one address, for doors that are open to everybody."""

import ipaddress
from typing import Final

from allauth.account.adapter import get_adapter
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from servicedesk.clock import now
from servicedesk.counting import count
from servicedesk.errors import TooMany

HOUR: Final = 3600
# Who is given IPv6 is given at least so much of it.
IPV6_NETWORK: Final = 64


def must_be_within(door: str, request: HttpRequest, *, per_hour: int) -> None:
    """Counts this request at the door. Raises TooMany with the seconds until the next hour when there were too many.

    Who asks is counted under a keyed hash: a cache is no place for addresses.
    """
    seconds = int(now().timestamp())
    who = salted_hmac("pages.limits", network_of(get_adapter().get_client_ip(request))).hexdigest()[:32]
    if count(f"limit:{door}:{seconds // HOUR}:{who}", seconds=HOUR + 60) > per_hour:
        raise TooMany(
            _("That was a lot of messages in a short time. Please try again later."), retry_after=HOUR - seconds % HOUR
        )


def network_of(address: str) -> str:
    """The address itself, or the IPv6 network in which its holder may take any."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), IPV6_NETWORK), strict=False))
