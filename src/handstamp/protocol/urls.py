"""
URLs: which ones we speak to at all, and when two of them belong together.

The grammar is RFC 3986 for http and https, and narrower: ASCII only, no userinfo, no fragment, no dot segments (encoded or not),
a host that is a plain name, a dotted quad or a bracketed IPv6 address. What another parser might read otherwise is refused, so
that nothing downstream can disagree about where a request goes (TA5, TA6, TB4, TC1, TC6).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from handstamp.errors import InsecureUrl, UsageError
from handstamp.protocol.text import safe

__all__ = ["Url", "host", "is_loopback", "is_within", "origin", "parse_server_url", "require_secure", "same_url", "split_url"]

MAX_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(/[^?#]*)?(\?[^#]*)?(#.*)?")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PATH_OR_QUERY = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*+")


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in its parts, scheme and host in lower case, path and query as they came."""

    scheme: str
    host: str
    port: int | None
    """None where it is the scheme's own."""
    path: str
    query: str
    """With its question mark; empty where there is none."""

    @property
    def origin(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    @property
    def is_loopback(self) -> bool:
        return self.host in ("localhost", "[::1]") or (self.host.startswith("127.") and _QUAD.fullmatch(self.host) is not None)

    def __str__(self) -> str:
        return f"{self.origin}{'' if self.path == '/' else self.path}{self.query}"


def split_url(url: str) -> Url:
    """The parts. Raises ValueError, whose text goes on after "but"."""
    if len(url) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} characters")
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("it has no https:// in front" if "://" not in url else "it is not a URL")
    scheme, authority, path, query, fragment = (part or "" for part in match.groups())
    scheme = scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"its scheme is {safe(scheme, 20)}")
    if "@" in authority:
        raise ValueError("it holds a user name or a password")
    if fragment:
        raise ValueError("it has a fragment (#)")
    if not _PATH_OR_QUERY.fullmatch(path + query):
        raise ValueError("it holds a character that a URL cannot hold")
    if _has_dot_segments(path):
        raise ValueError("its path holds dot segments")
    name, port = _split_authority(authority)
    return Url(scheme, name, None if port == DEFAULT_PORTS[scheme] else port, path, query)


@lru_cache(maxsize=256)
def parse_server_url(text: str) -> str:
    """
    The canonical URL of the MCP server that a person typed: what a grant is filed under.

    Scheme and host in lower case, no default port, no bare "/" path; other paths and the query as typed (A-67, A-68). Raises
    UsageError, which never repeats the text: a password may be in it.
    """
    try:
        url = split_url(text.strip())
    except ValueError as error:
        raise UsageError(f"Expected a server's address such as https://mcp.example.com/mcp, but {error}.") from error
    if url.scheme == "http" and not url.is_loopback:
        raise UsageError(f"Expected https for {url.host}: plain http is for servers on this machine only.")
    return str(url)


def origin(url: str) -> str:
    """Scheme, host and port, canonical. Raises InsecureUrl for what is no URL of ours."""
    return _split_or_refuse(url, "a URL").origin


def host(url: str) -> str:
    """The host for a person to read: ASCII, an IPv6 address in its brackets, without the port. Raises InsecureUrl."""
    return _split_or_refuse(url, "a URL").host


def is_loopback(url: str) -> bool:
    """True for 127.0.0.0/8, [::1] and localhost; False for all else, unreadable text too."""
    try:
        return split_url(url).is_loopback
    except ValueError:
        return False


def same_url(one: str, other: str) -> bool:
    """The same but for the case of scheme and host, a default port and a bare "/" path. False for what is no URL of ours."""
    try:
        return str(split_url(one)) == str(split_url(other))
    except ValueError:
        return False


def require_secure(url: str, what: str, *, near: str) -> str:
    """
    `url`, unchanged, if a request may go there; `what` names it in the error.

    https anywhere; http on loopback where `near`, the server that the person named, is on loopback too: naming it was the consent
    (TA11, TA12, A-78, A-119). Raises InsecureUrl.
    """
    parts = _split_or_refuse(url, what)
    if parts.scheme == "https" or (parts.is_loopback and is_loopback(near)):
        return url
    where = "for a server on this machine only" if parts.is_loopback else "on loopback only"
    raise InsecureUrl(f"Expected https for {what}, got {safe(parts.origin)}: plain http is allowed {where}.")


def is_within(url: str, ancestor: str) -> bool:
    """True if `url` is `ancestor` or lies below it: the same origin, and a path that goes on at a slash (TB4)."""
    try:
        inner, outer = split_url(url), split_url(ancestor)
    except ValueError:
        return False
    if inner.origin != outer.origin:
        return False
    if outer.query:
        return str(inner) == str(outer)
    base = outer.path.removesuffix("/")
    return inner.path == base or inner.path.startswith(base + "/")


def _split_or_refuse(url: str, what: str) -> Url:
    try:
        return split_url(url)
    except ValueError as error:
        raise InsecureUrl(f"Expected an https URL as {what}, but {error}.") from error


def _split_authority(authority: str) -> tuple[str, int | None]:
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise ValueError("its host is not a plain ASCII name (an international one goes in its xn-- form)")
    name, digits = match[1].lower(), match[2]
    if digits is not None and not 0 < int(digits) < 65536:
        raise ValueError("its port is out of range")
    return _canonical_host(name), None if digits is None else int(digits)


def _canonical_host(name: str) -> str:
    if name.startswith("["):
        return f"[{_canonical_ipv6(name[1:-1])}]"
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("its host is not a valid name")
    # What ends in a number is an address to every resolver: 127.1, 0x7f000001 and 017700000001 all reach 127.0.0.1 (TA5).
    if _NUMBER.fullmatch(labels[-1]) and not (_QUAD.fullmatch(name) and all(int(label) < 256 for label in labels)):
        raise ValueError("its host is a number that is no plain IPv4 address")
    return name


def _canonical_ipv6(text: str) -> str:
    from ipaddress import IPv6Address

    try:
        address = IPv6Address(text)
    except ValueError as error:
        raise ValueError("its host is not a valid IPv6 address") from error
    if address.ipv4_mapped is None:
        return address.compressed
    # Python 3.13 writes ::ffff:192.0.2.1 where 3.11 writes ::ffff:c000:201, and a grant is filed under what we write (TJ3).
    high, low = divmod(int(address.ipv4_mapped), 0x10000)
    return f"::ffff:{high:x}:{low:x}"


def _has_dot_segments(path: str) -> bool:
    decoded = re.sub("%2f|%5c", "/", re.sub("%2e", ".", path, flags=re.IGNORECASE), flags=re.IGNORECASE)
    # Some servers cut a segment at its semicolon before they read it: "..;" is ".." to them.
    return any(segment.partition(";")[0] in (".", "..") for segment in decoded.split("/"))
