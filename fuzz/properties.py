"""What has to hold wherever foreign bytes were read: of a refusal, a URL, a request, a text that is shown."""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx2

from handstamp.errors import HandstampError
from handstamp.http.wire import build_wire_request
from handstamp.model import Secret
from handstamp.protocol.exchange import Request
from handstamp.protocol.urls import DEFAULT_PORTS, split_url

__all__ = [
    "RFC_3986",
    "check_header_secret",
    "check_refusal",
    "check_request",
    "check_scopes",
    "check_shown",
    "check_url",
    "same_host",
]

RFC_3986 = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
JOINER = re.compile(r"(?<=[\u0600-\U0010ffff])[\u200c\u200d](?=[\u0600-\U0010ffff])")
"""Shapes what stands on both its sides: an Indic or Arabic letter, a picture."""
SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def check_refusal(error: HandstampError, *secrets: str) -> None:
    """An error's words go to terminals and logs: they act on neither, and tell no secret (TH1, TH4, TH5)."""
    assert JOINER.sub("", error.message).isprintable(), f"{type(error).__name__}: {error.message!r}"
    for secret in secrets:
        assert secret not in error.message, f"{type(error).__name__} tells a secret"


def check_shown(text: str, *, kept: str = "") -> None:
    """Printable, but for the characters `kept` and joiners where they belong."""
    acting = {character for character in JOINER.sub("", text) if not character.isprintable()} - set(kept)
    assert not acting, f"{sorted(acting)!r} came through"
    text.encode("utf-8")


def check_url(url: str) -> None:
    """Every parser that comes after ours reads the same: else what was judged is not what is asked (TA6)."""
    assert RFC_3986.fullmatch(url), f"{url!r} holds what a URL cannot hold"
    ours, theirs, python = split_url(url), httpx2.URL(url), urlsplit(url)
    usual = DEFAULT_PORTS[ours.scheme]
    expected = (ours.scheme, ours.port or usual, (ours.path or "/") + ours.query)
    assert (theirs.scheme, theirs.port or usual, theirs.raw_path.decode("ascii")) == expected
    mark = "?" if ours.query else ""
    assert (python.scheme, python.port or usual, (python.path or "/") + mark + python.query) == expected
    assert not any((theirs.userinfo, theirs.fragment, python.username, python.fragment))
    for host in (theirs.raw_host.decode("ascii"), python.hostname or ""):
        assert same_host(host, ours.host), f"{host!r} is not {ours.host!r}"


def check_request(request: Request) -> None:
    """Goes to a URL that is read in one way, and can be written on the wire."""
    check_url(request.url)
    written = build_wire_request(request)
    for name, value in written.headers.raw:
        assert not set(name + value) & set(b"\r\n\0"), "a header can be cut in two"


def check_scopes(scopes: Iterable[str]) -> None:
    """RFC 6749 §3.3."""
    for scope in scopes:
        assert SCOPE.fullmatch(scope), f"{scope!r} is no scope"


def check_header_secret(secret: Secret) -> None:
    """Goes into a header as it is (TE3)."""
    assert re.fullmatch(r"[!-~]+", secret.reveal()), "a token can break a header"


def same_host(one: str, other: str) -> bool:
    """An IPv6 address has many spellings, with brackets and without."""
    one, other = one.strip("[]"), other.strip("[]")
    return ip_address(one) == ip_address(other) if ":" in one and ":" in other else one == other
