"""Which addresses belong to the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What a stranger may name is what is listed as public, not whatever is not listed as private.
_PUBLIC_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",  # Teredo, ORCHID and other assignments of the IETF
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Where clouds keep what their machines are called and may do, on addresses that look like any other.
_METADATA = frozenset(map(ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")))
_ISATAP = 0x5EFE


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet.

    Examples
    --------
    >>> is_public(ip_address("64:ff9b::a9fe:a9fe")), is_public(ip_address("::ffff:8.8.8.8"))
    (False, False)
    """
    if address in _METADATA or any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, IPv4Address):
        return True
    # Everything outside is mapped, translated, local, multicast or not assigned.
    return address.scope_id is None and address in _PUBLIC_V6 and (int(address) >> 32) & 0xFFFF != _ISATAP
