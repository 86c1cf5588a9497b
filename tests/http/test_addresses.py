"""Which zone an address lies in. The attacks: `tests/threats/test_ta.py`."""

from ipaddress import ip_address

import pytest

from handstamp.http.addresses import Zone, find_zone, parse_address


@pytest.mark.parametrize(
    ("addresses", "zone"),
    [
        ("93.184.216.34 1.1.1.1 9.255.255.255 11.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0", Zone.PUBLIC),
        ("100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 198.17.255.255", Zone.PUBLIC),
        ("198.20.0.0 223.255.255.255 192.0.1.0 168.63.129.15 2606:2800:220:1::1 2a00::1 2001:200::1", Zone.PUBLIC),
        ("10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255", Zone.PRIVATE),
        ("100.64.0.0 100.127.255.255 100.100.100.199 198.18.0.0 198.19.255.255 fc00:: fd7a:115c::1", Zone.PRIVATE),
        ("127.0.0.0 127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1", Zone.LOOPBACK),
        ("0.0.0.0 0.255.255.255 169.254.0.0 169.254.255.255 224.0.0.0 255.255.255.255 100.100.100.200", Zone.NOWHERE),
        (":: ::2 fe80::1 fec0::1 ff02::1 4000::1 2001::1 2001:1ff:: 2002:5db8:d822:: 2001:db8::1 fd00:ec2::254", Zone.NOWHERE),
    ],
)
def test_every_range_ends_where_it_ends(addresses: str, zone: Zone) -> None:
    """A-120."""
    found = {text: find_zone(ip_address(text)) for text in addresses.split()}

    assert found == dict.fromkeys(addresses.split(), zone)


@pytest.mark.parametrize(
    ("wrapped", "plain"),
    [("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:93.184.216.34", "93.184.216.34"), ("64:ff9b::7f00:1", "127.0.0.1")],
)
def test_a_translated_address_lies_where_its_plain_one_does(wrapped: str, plain: str) -> None:
    assert find_zone(ip_address(wrapped)) is find_zone(ip_address(plain))


def test_a_zone_index_changes_nothing() -> None:
    assert find_zone(ip_address("fe80::1%eth0")) is Zone.NOWHERE
    assert find_zone(ip_address("::ffff:127.0.0.1%eth0")) is Zone.LOOPBACK


def test_a_url_s_host_is_an_address_or_a_name() -> None:
    assert parse_address("[::1]") == ip_address("::1")
    assert parse_address("127.0.0.1") == ip_address("127.0.0.1")
    assert [parse_address(name) for name in ("mcp.example", "127.1", "0x7f000001", "")] == [None] * 4
