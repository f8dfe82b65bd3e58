"""Whether an IP address lies on the public internet: a pure test, the same on every version of Python.

No single test of the standard library is enough: `is_global` is true for some addresses that carry a private IPv4
address inside, and the other flags are all false for some metadata services. So every test must pass, for the address
and for each IPv4 address inside it. `tests/safe_http/test_address_rules.py` pins the table.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

METADATA_SERVICES = frozenset(
    ip_address(each)
    for each in (
        "169.254.169.254",  # most clouds
        "169.254.169.253",  # Amazon's name server
        "169.254.169.123",  # Amazon's clock
        "169.254.170.2",  # credentials of Amazon's containers
        "169.254.170.23",  # credentials of Amazon's pods
        "169.254.0.23",  # Tencent
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure's host
        "fd00:ec2::254",
        "fd00:ec2::253",
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
        "fd00:42::42",  # Scaleway
    )
)
"""Addresses that hand out a machine's credentials: refused even when an allow-list covers them."""

_NEVER_PUBLIC: tuple[IPv4Network | IPv6Network, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_LOW_32_BITS = 0xFFFFFFFF


def is_public(address: Address) -> bool:
    """Whether a connection to `address` can only reach the public internet."""
    return _passes(address) and all(_passes(inner) for inner in _embedded(address))


def is_metadata_service(address: Address) -> bool:
    """Whether `address`, or an IPv4 address inside it, hands out credentials of the machine it is asked from."""
    return any(each in METADATA_SERVICES for each in (address, *_embedded(address)))


def plain(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped one stands for, since a connection to it reaches that; others unchanged."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _passes(address: Address) -> bool:
    flagged = (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
    )
    denied = address in METADATA_SERVICES or any(address in network for network in _NEVER_PUBLIC)
    scoped = isinstance(address, IPv6Address) and address.scope_id is not None
    return address.is_global and not (flagged or denied or scoped)


def _embedded(address: Address) -> Iterator[IPv4Address]:
    """Every IPv4 address that an IPv6 address may be delivered to by a gateway."""
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in (_NAT64, _COMPATIBLE, _TRANSLATED)):
        yield IPv4Address(int(address) & _LOW_32_BITS)
    if int(address) >> 32 & 0xFFFFFFFF in (0x00005EFE, 0x02005EFE):  # ISATAP writes its IPv4 address last
        yield IPv4Address(int(address) & _LOW_32_BITS)
