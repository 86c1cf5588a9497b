"""
Which part of the network an IP address lies in, and whether anybody may be connected to there at all.

`ipaddress` has properties of the same kind. They are not used: they differ between Python's versions, call 6to4, NAT64, the
carrier's 100.64.0.0/10 and some clouds' inner services public, and answer another question (TA3, TA4, TJ3).
"""

from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

__all__ = ["Address", "Zone", "find_zone", "parse_address"]

Address = IPv4Address | IPv6Address


class Zone(IntEnum):
    """How far inside an address lies. Whoever is let into one is let into those before it."""

    PUBLIC = 0
    PRIVATE = 1
    """A network of a company's, a home's, a carrier's or a VPN's."""
    LOOPBACK = 2
    """This machine."""
    NOWHERE = 3
    """Clouds' inner services, link-local, multicast, tunnels, what nobody may use: no MCP server is there."""


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, texts))


# Looked through from the top: what stands in an earlier zone is not in a later one.
_ZONES: tuple[tuple[Zone, tuple[IPv4Network | IPv6Network, ...]], ...] = (
    (
        Zone.NOWHERE,
        _networks(
            # Inner services of clouds that lie outside of the link-local range: Alibaba, Azure, AWS, Google.
            "100.100.100.200/32",
            "168.63.129.16/32",
            "fd00:ec2::/32",
            "fd20:ce::/32",
            # RFC 6890: this network, link-local, protocol assignments (Oracle's services among them), documentation, relays.
            "0.0.0.0/8",
            "169.254.0.0/16",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            # Multicast, reserved, broadcast.
            "224.0.0.0/3",
            # Of IPv6's global range: protocol assignments with Teredo, documentation, 6to4, documentation.
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    ),
    (Zone.LOOPBACK, _networks("127.0.0.0/8", "::1/128")),
    (
        Zone.PRIVATE,
        _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7"),
    ),
    # All that is left of IPv4. Of IPv6 what was ever given out: link-local, multicast and tomorrow's ranges are outside.
    (Zone.PUBLIC, _networks("0.0.0.0/0", "2000::/3")),
)

_MAPPED = ip_network("::ffff:0:0/96")
_NAT64 = _networks("64:ff9b::/96", "64:ff9b:1::/96")


def find_zone(address: Address) -> Zone:
    """
    The zone of the address, or of the IPv4 address to which it is translated (RFC 4291 §2.5.5.2, RFC 6052).

    NAT64 is how a network without IPv4 reaches the rest. Tunnels are `NOWHERE`: nobody serves there any more.
    """
    if isinstance(address, IPv6Address):
        address = _translated(address)
    return next((zone for zone, networks in _ZONES if any(address in network for network in networks)), Zone.NOWHERE)


def parse_address(host: str) -> Address | None:
    """The address that a URL's host is, its brackets gone; None for a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def _translated(address: IPv6Address) -> Address:
    # A zone index ("fe80::1%eth0") says where it is used and not what it is.
    plain = IPv6Address(int(address))
    # Of the range for local use (RFC 8215) the usual prefix alone: elsewhere in it nobody can tell where the IPv4 address stands.
    is_translated = plain in _MAPPED or any(plain in network for network in _NAT64)
    return IPv4Address(int(plain) & 0xFFFF_FFFF) if is_translated else plain
