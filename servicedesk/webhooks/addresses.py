"""Where a webhook may go: public addresses, and the networks an operator allows.

The check is made on the address that is then connected to, not on the name: a name can answer differently next time.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError
from urllib3.util import connection as connecting
from urllib3.util import parse_url

from servicedesk.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Tunnels and translations in which an address says nothing about where the packet ends.
OPAQUE: Final = tuple(ipaddress.IPv6Network(n) for n in ("2002::/16", "2001::/32", "64:ff9b:1::/48", "::/96"))
MAX_URL: Final = 500
MAX_ADDRESSES: Final = 3


class AddressRefused(Exception):
    """None of the name's addresses may be connected to."""


def allowed_networks() -> tuple[Network, ...]:
    """WEBHOOK_ALLOW_NETWORKS: by default loopback, as long as the desk itself listens there only."""
    return _networks(tuple(settings.WEBHOOK_ALLOW_NETWORKS))


@cache
def _networks(stated: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in stated)


def may_connect(address: Address) -> bool:
    """Whether this address is public or in an allowed network. IPv4 inside IPv6 counts as the IPv4 it is."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return may_connect(address.ipv4_mapped)
        if address in NAT64:
            return may_connect(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if any(address.version == network.version and address in network for network in allowed_networks()):
        return True
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in OPAQUE):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve(host: str, port: int) -> Sequence[str]:
    """The numeric addresses of a name that may be connected to; AddressRefused when there are none."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    allowed = [text for text in dict.fromkeys(found) if may_connect(ipaddress.ip_address(text.partition("%")[0]))]
    if not allowed:
        raise AddressRefused
    return allowed


def check_url(url: str) -> str:
    """The address in one form, or Invalid on `url`. Names are looked up at each connection, not here."""
    try:
        parsed = parse_url(url)
        host = (parsed.host or "").strip("[]")
        literal = _literal(host)
    except (LocationParseError, ValueError):
        parsed, host, literal = None, "", None
    usable = parsed is not None and parsed.scheme in {"http", "https"} and host and len(parsed.url) <= MAX_URL
    if parsed is None or not usable or parsed.auth or parsed.fragment:
        raise Invalid.field("url", "invalid", _("An http or https address without user and fragment is expected."))
    is_local = host == "localhost" or host.endswith(".localhost")
    if is_local and literal is None:
        literal = ipaddress.IPv4Address("127.0.0.1")
    if literal is not None and not may_connect(literal):
        raise Invalid.field("url", "address_refused", _("Webhooks go to public addresses only."))
    return parsed.url


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------ connections


class InUse(threading.local):
    """A thread that sends puts a function here to be told which connection it is on, so that a watchman can hang up."""

    tell: Callable[[Any], None] = staticmethod(lambda _connection: None)


in_use = InUse()


class _Checked:
    """Mixin for urllib3's connections: look the name up, connect to an address that was checked.

    Host header, TLS server name and certificate check stay with the name.
    """

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        in_use.tell(self)
        super().request(*args, **kwargs)  # type: ignore[misc]

    def _new_conn(self: Any) -> socket.socket:
        try:
            addresses = resolve(self._dns_host, self.port)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
        failed: OSError | None = None
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return connecting.create_connection(
                    (address, self.port), self.timeout, socket_options=self.socket_options
                )
            except OSError as error:
                failed = error
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "no address answered in time") from failed
        raise NewConnectionError(self, "no address answered") from failed


class CheckedConnection(_Checked, HTTPConnection):
    pass


class CheckedTLSConnection(_Checked, HTTPSConnection):
    pass


class CheckedPool(HTTPConnectionPool):
    ConnectionCls = CheckedConnection


class CheckedTLSPool(HTTPSConnectionPool):
    ConnectionCls = CheckedTLSConnection


def checked_connections(per_host: int) -> PoolManager:
    """Kept-alive connections that only go where they may. No proxies, cookies or redirects come with it."""
    manager = PoolManager(num_pools=100, maxsize=per_host, block=False)
    manager.pool_classes_by_scheme = {"http": CheckedPool, "https": CheckedTLSPool}
    return manager
