"""Where a request comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from starlette.requests import HTTPConnection

from api.dependencies import context_of

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SUBSCRIBER_BITS = 64
"""Of an IPv6 address, those that tell one connection of a provider from another."""


def client_address(connection: HTTPConnection) -> str:
    """Find the address of the client.

    ``X-Forwarded-For`` is read only as far as proxies of ours wrote it (``CAP_TRUSTED_PROXIES``), from its end: what a
    client writes into it himself is never reached. Empty if the connection has no address.
    """
    if connection.client is None:
        return ""
    trusted = _networks(tuple(context_of(connection).settings.trusted_proxies))
    return _behind(connection.client.host, connection.headers.getlist("x-forwarded-for"), trusted)


def subscriber(address: str) -> str:
    """Reduce an address to what one person cannot change at will: all of IPv4, the network part of IPv6."""
    parsed = _parse(address)
    if parsed is None or parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, _SUBSCRIBER_BITS), strict=False))


def within(address: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of some networks."""
    parsed = _parse(address) if networks else None
    return parsed is not None and any(parsed in network for network in _networks(tuple(networks)))


def _behind(peer: str, forwarded: Sequence[str], trusted: tuple[_Network, ...]) -> str:
    nearest = _parse(peer)
    if nearest is None:
        return peer
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while hops and any(nearest in network for network in trusted):
        further = _parse(hops.pop())
        if further is None:
            break
        nearest = further
    return str(nearest)


@lru_cache(maxsize=4_096)
def _parse(text: str) -> _Address | None:
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    # One machine is one address, whichever way it was reached.
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, ipaddress.IPv6Address) else parsed


@lru_cache(maxsize=1_024)
def _networks(texts: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)
