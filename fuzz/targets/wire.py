"""What the network brings below the documents: URLs, redirects, waiting times, bodies, and whole HTTP answers."""

import gzip
import ssl
import zlib
from functools import cache
from ipaddress import IPv4Address, IPv6Address

import httpcore2
import httpx2

from fuzz.loop import run
from fuzz.properties import check_refusal, check_shown, check_url, same_host
from fuzz.samples import SERVER_URL
from fuzz.target import Target
from handstamp.errors import HandstampError, InsecureUrl, MalformedResponse, NetworkError, UsageError
from handstamp.http.addresses import Zone, find_zone, parse_address
from handstamp.http.body import MAX_BODY, MAX_CODED, Body
from handstamp.http.drive import Driver
from handstamp.http.wire import build_wire_request, find_redirect
from handstamp.protocol.answers import MAX_RETRY_AFTER, retry_after
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from handstamp.protocol.urls import is_loopback, is_within, origin, parse_server_url, require_secure, same_url, split_url
from handstamp.settings import require_proxy

__all__ = ["TARGETS"]

METADATA = Request("GET", "https://mcp.example/.well-known/oauth-protected-resource", Purpose.PROTECTED_RESOURCE)


def read_url(data: bytes) -> None:
    """A URL from a document, a challenge or a person; and two of them held against each other."""
    one, _, other = data.decode("utf-8", "surrogateescape").partition("\n")

    for near in (SERVER_URL, "http://127.0.0.1:1/mcp"):
        try:
            assert require_secure(one, "it", near=near) == one
        except InsecureUrl as error:
            check_refusal(error)
        else:
            _check_accepted(one)
    try:
        canonical = parse_server_url(one)
    except UsageError as error:
        check_refusal(error)
    else:
        assert parse_server_url(canonical) == canonical
        assert same_url(canonical, one.strip())
    if is_within(one, other):
        assert origin(one) == origin(other)
        assert "/../" not in one
    if same_url(one, other):
        assert same_host(str(httpx2.URL(one).raw_host, "ascii"), str(httpx2.URL(other).raw_host, "ascii"))


def _check_accepted(url: str) -> None:
    check_url(url)
    parts = split_url(url)
    assert same_url(url, str(parts))
    assert parts.scheme == "https" or is_loopback(url)
    build_wire_request(Request("GET", url, Purpose.SERVER))


def read_proxy(data: bytes) -> None:
    """The address of a proxy, from a variable or a file: the host that was judged is the one that gets the password."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        assert require_proxy(text, password=True) == text
    except UsageError as error:
        check_refusal(error)
        return

    theirs = httpx2.URL(text)
    scheme, _, rest = text.partition("://")
    ours = split_url(f"{scheme}://{rest.rpartition('@')[2]}")
    assert theirs.scheme == ours.scheme
    assert same_host(theirs.raw_host.decode("ascii"), ours.host), f"{theirs.raw_host!r} is not {ours.host!r}"


def judge_address(data: bytes) -> None:
    """An IP address in any spelling: what lies inside stays inside, however it is wrapped (TA3, TA4)."""
    address = parse_address(data.decode("latin-1"))
    if address is None:
        return

    zone = find_zone(address)

    if isinstance(address, IPv4Address):
        for prefix in ("::ffff:", "64:ff9b::"):
            wrapped = parse_address(f"[{prefix}{address}]")
            assert wrapped is not None
            assert find_zone(wrapped) is zone
    is_inner = (
        address.is_loopback or address.is_private or address.is_link_local or address.is_multicast or address.is_unspecified
    )
    is_wrapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    assert zone is not Zone.PUBLIC or not is_inner or is_wrapped, f"{address} is public to us"


def follow_redirect(data: bytes) -> None:
    """`Location` lines of a redirect (TA9, TA10)."""
    lines = data.decode("latin-1").split("\n")
    answer = Response(302, tuple(("location", line) for line in lines), b"", METADATA.url)

    target = find_redirect(METADATA, answer)

    if target is None:
        return
    assert len(lines) == 1
    check_shown(target)
    there = httpx2.URL(target)
    assert (there.scheme, there.raw_host, there.port or 443, there.userinfo) == ("https", b"mcp.example", 443, b"")
    assert origin(target) == "https://mcp.example" if _is_ours(target) else True
    build_wire_request(Request("GET", target, METADATA.purpose))


def _is_ours(url: str) -> bool:
    try:
        split_url(url)
    except ValueError:
        return False
    return True


def read_retry_after(data: bytes) -> None:
    """`Retry-After`: seconds or a date (TA18)."""
    answer = Response(503, (("retry-after", data.decode("latin-1")),), b"", SERVER_URL, 1_700_000_000.0)

    seconds = retry_after(answer)

    assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER


def read_body(data: bytes) -> None:
    """A body under a content coding that the first line names, whole and in pieces (TA13, TA14)."""
    coding, _, body = data.partition(b"\n")
    names = coding.decode("latin-1").split(";")

    whole, in_pieces = _decode(names, body, len(body) or 1), _decode(names, body, 5)

    assert whole == in_pieces
    for pack in (gzip.compress, zlib.compress):
        packed = pack(body)
        assert _decode(["gzip"], packed, 1000) == (body if len(packed) <= MAX_CODED and len(body) <= MAX_BODY else None)


def _decode(names: list[str], body: bytes, size: int) -> bytes | None:
    try:
        decoder = Body(names, sender="it")
        for at in range(0, len(body), size):
            decoder.feed(body[at : at + size])
            assert len(decoder.decoded) <= MAX_BODY
        return decoder.finish()
    except MalformedResponse as error:
        check_refusal(error)
        return None


class _Scripted(httpx2.AsyncHTTPTransport):
    """The real transport over connections that bring the same bytes each."""

    def __init__(self, data: bytes) -> None:
        super().__init__(verify=_no_tls(), trust_env=False)
        pieces = [data[:30], data[30:]] if len(data) > 30 else [data]
        self._pool = httpcore2.AsyncConnectionPool(network_backend=httpcore2.AsyncMockBackend(pieces))


@cache
def _no_tls() -> ssl.SSLContext:
    # Never used, and expensive to make.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


PURPOSES = {b"probe": Purpose.SERVER, b"token": Purpose.TOKEN}


def read_http_answer(data: bytes) -> None:
    """The bytes of an HTTP answer, through the client that is really used; the first line may name what was asked for."""
    kind, _, answer = data.partition(b"\n")
    purpose = PURPOSES.get(kind, Purpose.PROTECTED_RESOURCE)
    method = "GET" if purpose is Purpose.PROTECTED_RESOURCE else "POST"
    request = Request(method, "http://127.0.0.1:1/metadata", purpose)
    driver = Driver(open_transport=lambda: _Scripted(answer))
    try:
        response = run(driver.run(_ask(request), deadline=4.0))
    except (MalformedResponse, NetworkError, UsageError, InsecureUrl) as error:
        check_refusal(error)
        return

    assert len(response.body) <= MAX_BODY
    assert 100 <= response.status <= 999
    for name, value in response.headers:
        assert name == name.lower()
        assert not set(name + value) & set("\r\n\0")


def _ask(request: Request) -> Exchange[Response]:
    try:
        response = yield request
    except HandstampError as error:
        check_refusal(error)
        raise
    return response


TARGETS = (
    Target(
        "url",
        read_url,
        max_length=512,
        words=(
            "https://",
            "http://",
            "127.0.0.1",
            "[::1]",
            "localhost",
            ":443",
            "%2e%2e",
            "/../",
            ";",
            "@",
            "#",
            "\\",
            "0x7f",
            "xn--",
        ),
    ),
    Target("proxy", read_proxy, max_length=512, words=("http://", "https://", ":", "@", "/", "?", "#", "\\", "[::1]", "%40")),
    Target(
        "address",
        judge_address,
        max_length=64,
        words=("::ffff:", "64:ff9b::", "2002:", "127.0.0.1", "169.254.", "%eth0", "fe80::", "["),
    ),
    Target(
        "redirect",
        follow_redirect,
        max_length=512,
        words=("https://mcp.example/", "//", "\\", "@", "#", "/../", "%2f", ":443", "xn--"),
    ),
    Target(
        "retry_after", read_retry_after, max_length=128, words=("Fri, 31 Dec 9999 23:59:59 GMT", "GMT", "+2400", "-9999", "Jan")
    ),
    Target("body", read_body, max_length=8192, words=("gzip\n", "deflate\n", "gzip;gzip\n", "identity\n", "\x1f\x8b\x08")),
    Target(
        "http_answer",
        read_http_answer,
        max_length=8192,
        words=(
            "HTTP/1.1 200 OK\r\n",
            "Content-Length: ",
            "Transfer-Encoding: chunked\r\n",
            "Content-Encoding: gzip\r\n",
            "Location: /",
            "\r\n\r\n",
            "0\r\n\r\n",
            "text/event-stream",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\n",
            "token\n",
            "probe\n",
        ),
    ),
)
