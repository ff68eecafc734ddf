"""Which network addresses this node may call: public ones, and private ones only where the operator allows them.

Whoever names a target must not make the node speak to machines that only the node can reach. What is not known to be
public is refused: for IPv6 everything outside 2000::/3 to begin with. Forms that carry an IPv4 address inside (mapped,
NAT64, 6to4, Teredo) are refused whatever they carry, because who unpacks them, and how, is not ours to know.

Source: the IANA special-purpose address registries (RFC 6890 and its updates); the choice is ours, decision 0011.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

PRIVATE: Final[Mapping[IPv4Network | IPv6Network, str]] = {
    IPv4Network("10.0.0.0/8"): "private",
    IPv4Network("172.16.0.0/12"): "private",
    IPv4Network("192.168.0.0/16"): "private",
    IPv4Network("100.64.0.0/10"): "shared by carriers",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv6Network("::1/128"): "loopback",
    IPv6Network("fc00::/7"): "private",
}
"""What an operator may open: a dedicated government network uses such addresses."""

CLOSED: Final[Mapping[IPv4Network | IPv6Network, str]] = {
    IPv4Network("0.0.0.0/8"): "unspecified",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("192.0.0.0/24"): "reserved",
    IPv4Network("192.0.2.0/24"): "documentation",
    IPv4Network("192.88.99.0/24"): "6to4 relay",
    IPv4Network("198.18.0.0/15"): "benchmarking",
    IPv4Network("198.51.100.0/24"): "documentation",
    IPv4Network("203.0.113.0/24"): "documentation",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved",
    IPv6Network("::/128"): "unspecified",
    IPv6Network("::ffff:0:0/96"): "mapped IPv4",
    IPv6Network("64:ff9b::/96"): "translated IPv4",
    IPv6Network("64:ff9b:1::/48"): "translated IPv4",
    IPv6Network("2001::/23"): "protocol assignment",
    IPv6Network("2001:db8::/32"): "documentation",
    IPv6Network("2002::/16"): "6to4",
    IPv6Network("3fff::/20"): "documentation",
    IPv6Network("fe80::/10"): "link-local",
    IPv6Network("ff00::/8"): "multicast",
}
"""What nobody opens: no server of a subscriber is there, but a cloud's metadata service may be."""

_PUBLIC_IPV6: Final = IPv6Network("2000::/3")


def refusal(address: IPv4Address | IPv6Address, *, private: bool) -> str | None:
    """Tell why this address must not be called; None: it may.

    Args:
        private: whether the operator allows private, carrier-shared and loopback addresses.
    """
    if (reason := _named(PRIVATE, address)) is not None:
        return None if private else reason
    if (reason := _named(CLOSED, address)) is not None:
        return reason
    if isinstance(address, IPv6Address) and (address not in _PUBLIC_IPV6 or address.scope_id):
        return "reserved"
    # The library knows registries newer than the table above, or older ones: either may refuse.
    return None if address.is_global else "reserved"


def _named(networks: Mapping[IPv4Network | IPv6Network, str], address: IPv4Address | IPv6Address) -> str | None:
    # Compared by version first: a network says nothing of addresses of the other family.
    return next(
        (reason for network, reason in networks.items() if network.version == address.version and address in network),
        None,
    )


def literal(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address a host is written as, None where it is a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
