"""URLs: which ones we speak to at all, and when two of them belong together."""

import pytest

from handstamp.errors import InsecureUrl, UsageError
from handstamp.protocol.urls import host, is_loopback, is_within, origin, parse_server_url, require_secure, same_url

PUBLIC = "https://mcp.example/mcp"
LOCAL = "http://127.0.0.1:8000/mcp"


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("https://mcp.example/mcp", "https://mcp.example/mcp"),
        ("HTTPS://MCP.Example/Mcp", "https://mcp.example/Mcp"),
        ("https://mcp.example:443/mcp", "https://mcp.example/mcp"),
        ("https://mcp.example:8443/mcp", "https://mcp.example:8443/mcp"),
        ("https://mcp.example/", "https://mcp.example"),
        ("https://mcp.example", "https://mcp.example"),
        ("https://mcp.example/mcp/", "https://mcp.example/mcp/"),
        ("https://mcp.example/a%2Fb//c", "https://mcp.example/a%2Fb//c"),
        ("https://mcp.example/mcp?Tenant=A", "https://mcp.example/mcp?Tenant=A"),
        ("https://mcp.example/?t=1", "https://mcp.example?t=1"),
        ("  https://mcp.example/mcp\n", "https://mcp.example/mcp"),
        ("http://localhost:3000/mcp", "http://localhost:3000/mcp"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[0:0:0:0:0:0:0:1]:3000/", "http://[::1]:3000"),
        ("https://xn--mnchen-3ya.example/mcp", "https://xn--mnchen-3ya.example/mcp"),
        ("https://my_service.example/mcp", "https://my_service.example/mcp"),
    ],
)
def test_a_typed_address_becomes_canonical(typed: str, canonical: str) -> None:
    """A-67, A-68."""
    assert parse_server_url(typed) == canonical


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "mcp.example/mcp",
        "//mcp.example/mcp",
        "ftp://mcp.example",
        "javascript://mcp.example",
        "https://me:secret@mcp.example/mcp",
        "https://accounts.example@evil.example/mcp",
        "https://mcp.example/mcp#tools",
        "https://mcp.example/mcp#",
        "http://mcp.example/mcp",
        "http://192.168.1.4/mcp",
        "http://0.0.0.0/mcp",
        "https://mcp.example./mcp",
        "https://mcp..example/mcp",
        "https://-mcp.example/mcp",
        "https:///mcp",
        "https://mcp.example:/mcp",
        "https://mcp.example:0/mcp",
        "https://mcp.example:65536/mcp",
        "https://mcp.example:٣/mcp",
        "https://①②⑦.0.0.1/mcp",
        "https://ｍｃｐ.example/mcp",
        "https://münchen.example/mcp",
        "https://mcp%2eexample/mcp",
        "https://a'$(id)'.com/mcp",
        "https://evil.example\\.good.example/mcp",
        "https://mcp example/mcp",
        "https://mcp.example/m cp",
        "https://mcp.example/mcp\x00",
        "https://mcp.example/%zz",
        "https://mcp.example/a\\b",
        "https://mcp.example/a/../b",
        "https://mcp.example/a/%2e%2E/b",
        "https://mcp.example/a/..%2fb",
        "https://mcp.example/a/..;/b",
        "https://127.1/mcp",
        "https://2130706433/mcp",
        "https://0x7f000001/mcp",
        "https://017700000001/mcp",
        "https://127.0.0.01/mcp",
        "https://256.0.0.1/mcp",
        "https://0/mcp",
        "https://[::1/mcp",
        "https://[fe80::1%25eth0]/mcp",
        "https://[::gggg]/mcp",
        f"https://{'a' * 64}.example/mcp",
        f"https://{'a.' * 127}example/mcp",
        f"https://mcp.example/{'a' * 9000}",
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(typed: str) -> None:
    """TA5, TA6, TC6, A-78."""
    with pytest.raises(UsageError):
        parse_server_url(typed)


def test_a_password_in_a_typed_address_is_not_repeated() -> None:
    with pytest.raises(UsageError) as raised:
        parse_server_url("https://me:hunter2@mcp.example/mcp")

    assert "hunter2" not in str(raised.value)
    assert "password" in str(raised.value)


def test_the_error_for_a_missing_scheme_says_what_to_type() -> None:
    with pytest.raises(UsageError, match="https:// in front"):
        parse_server_url("mcp.example/mcp")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1/x", True),
        ("http://127.200.3.4/x", True),
        ("http://[::1]:1/x", True),
        ("http://LOCALHOST/x", True),
        ("http://127.0.0.1.evil.example/x", False),
        ("http://localhost.evil.example/x", False),
        ("http://[::ffff:127.0.0.1]/x", False),
        ("http://128.0.0.1/x", False),
        ("http://0.0.0.0/x", False),
        ("https://mcp.example", False),
        ("not a url", False),
    ],
)
def test_loopback_is_told_by_the_host_alone(url: str, expected: bool) -> None:
    """A-78, TA11."""
    assert is_loopback(url) is expected


def test_origin_and_host_are_for_people_and_comparison() -> None:
    assert origin("https://MCP.example:443/mcp?x=1") == "https://mcp.example"
    assert origin("http://[::1]:3000/mcp") == "http://[::1]:3000"
    assert host("https://MCP.example:8443/mcp") == "mcp.example"


def test_an_origin_of_what_is_no_url_is_refused() -> None:
    with pytest.raises(InsecureUrl):
        origin("javascript:alert(1)")


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("https://auth.example/token", PUBLIC),
        ("https://AUTH.example/token?p=1", PUBLIC),
        ("http://127.0.0.1:9000/token", LOCAL),
        ("http://localhost:9000/token", "http://[::1]:8000/mcp"),
        ("https://auth.example/token", LOCAL),
    ],
)
def test_a_secure_address_is_given_back_unchanged(url: str, near: str) -> None:
    """TA11: naming a loopback server is the consent to http there."""
    assert require_secure(url, "the token endpoint", near=near) == url


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://auth.example/token", PUBLIC),
        ("http://auth.example/token", LOCAL),
        ("http://127.0.0.1:9000/token", PUBLIC),
        ("http://localhost/token", PUBLIC),
        ("http://169.254.169.254/latest/meta-data/", LOCAL),
        ("https://me@auth.example/token", PUBLIC),
        ("https://auth.example/token#x", PUBLIC),
        ("https://auth.example/to\nken", PUBLIC),
        ("https://auth.example/to\x9bken", PUBLIC),
        ("https://auth.example/a/../token", PUBLIC),
        ("javascript:alert(1)", PUBLIC),
        ("javascript://auth.example/%0aalert(1)", PUBLIC),
        ("data:text/html,x", PUBLIC),
        ("vbscript:x", PUBLIC),
        ("file:///etc/passwd", PUBLIC),
        ("smb://auth.example/share", PUBLIC),
        ("\\\\auth.example\\share", PUBLIC),
        ("ms-msdt:/id", PUBLIC),
        ("-https://auth.example/token", PUBLIC),
        (" https://auth.example/token", PUBLIC),
        ("https://auth.example/`id`", PUBLIC),
        ("https://auth.example/%COMSPEC%", PUBLIC),
        ('https://auth.example/"x', PUBLIC),
        ("https://auth.example/a|b^c", PUBLIC),
        ("", PUBLIC),
    ],
)
def test_no_request_goes_to_an_insecure_address(url: str, near: str) -> None:
    """TA1, TA11, TA12, TC1, TC2, TC3, TC6, A-78, A-119, A-124, A-125."""
    with pytest.raises(InsecureUrl) as raised:
        require_secure(url, "the token endpoint", near=near)

    assert "the token endpoint" in raised.value.message
    assert raised.value.message.isprintable()


@pytest.mark.parametrize(
    ("url", "ancestor", "expected"),
    [
        ("https://x.example/mcp", "https://x.example/mcp", True),
        ("https://x.example/mcp/a", "https://x.example/mcp", True),
        ("https://x.example/mcp/a", "https://x.example/mcp/", True),
        ("https://x.example/mcp", "https://x.example", True),
        ("https://x.example/mcp", "https://X.example:443/", True),
        ("https://x.example/mcp?t=1", "https://x.example/mcp", True),
        ("https://x.example/mcp?t=1", "https://x.example/mcp?t=1", True),
        ("https://x.example/mcp/a?t=1", "https://x.example/mcp?t=1", False),
        ("https://x.example/mcp-evil", "https://x.example/mcp", False),
        ("https://x.example/mcp", "https://x.example/mcp/a", False),
        ("https://x.example/MCP", "https://x.example/mcp", False),
        ("https://x.example/mcp/../admin", "https://x.example/mcp", False),
        ("https://x.example/mcp/%2e%2e/admin", "https://x.example/mcp", False),
        ("https://x.example/mcp/..%5cadmin", "https://x.example/mcp", False),
        ("https://x.example/mcp\\..\\admin", "https://x.example/mcp", False),
        ("https://x.example/mcp", "https://x.example/mcp/..", False),
        ("https://x.example.evil.example/mcp", "https://x.example", False),
        ("https://x.example@evil.example/mcp", "https://x.example", False),
        ("http://x.example/mcp", "https://x.example", False),
        ("https://x.example:8443/mcp", "https://x.example", False),
        ("https://x.example/mcp", "", False),
    ],
)
def test_a_path_ends_at_a_slash(url: str, ancestor: str, expected: bool) -> None:
    """TB4, TF2."""
    assert is_within(url, ancestor) is expected


def test_the_same_url_may_be_written_in_two_ways_but_not_in_three() -> None:
    assert same_url("HTTPS://X.example:443/", "https://x.example")
    assert not same_url("https://x.example/a/", "https://x.example/a")
    assert not same_url("https://x.example/%61", "https://x.example/a")
    assert not same_url("", "")
