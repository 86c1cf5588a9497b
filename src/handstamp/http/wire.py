"""
Between our values and httpx2's: a request on its way out, an answer's head on its way in, and whose fault a failure is.

This is the last look before the wire. Whatever the steps and the settings let through, only https leaves the machine, and a
`Secret` is revealed here and nowhere else.
"""

import json
import re
import ssl
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from socket import gaierror
from urllib.parse import urlencode

import httpx2

from handstamp.errors import (
    ConnectFailed,
    InsecureUrl,
    MalformedResponse,
    NetworkError,
    TimedOut,
    TlsFailed,
    UsageError,
    chain,
)
from handstamp.http.addresses import parse_address
from handstamp.model import Secret
from handstamp.protocol.exchange import Request, Response

__all__ = ["blame_failures", "build_wire_request", "describe_peer", "find_redirect", "parse_head", "reveal_headers"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
LABEL = rb"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
HOST_NAME = re.compile(LABEL + rb"(\." + LABEL + rb")*")
NUMBER = re.compile(rb"[0-9]+|0x[0-9a-f]*")
MAX_SHOWN = 200
MAX_HEADER_LINES = 256
"""h11 bounds their bytes, at some 100 KiB."""

# A connection that does not come about leaves time for the next candidate. After that the exchange's own deadline rules: to
# stop waiting for a token answer early would lose a rotated refresh token.
CONNECT_SECONDS = 5.0
METADATA_SECONDS = 5.0


def build_wire_request(request: Request) -> httpx2.Request:
    """The request in bytes, its secrets revealed. Raises InsecureUrl, or UsageError for what HTTP cannot carry."""
    url = _check_url(request)
    headers = {"user-agent": _user_agent(), "accept": "application/json", "accept-encoding": "identity"}
    content, media_type = _build_content(request)
    if media_type:
        headers["content-type"] = media_type
    try:
        headers |= {name.lower(): _reveal(value) for name, value in request.headers}
        encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    except UnicodeEncodeError:
        # Its own words would quote the character that cannot be sent, and that may be part of a secret.
        raise UsageError(f"Expected headers in ASCII for {describe_peer(request)}, got other characters.") from None
    read_seconds = METADATA_SECONDS if request.may_redirect else None
    timeout = httpx2.Timeout(connect=CONNECT_SECONDS, pool=CONNECT_SECONDS, read=read_seconds, write=None)
    return httpx2.Request(request.method, url, headers=encoded, content=content, extensions={"timeout": timeout.as_dict()})


def parse_head(answer: httpx2.Response, request: Request, sent_at: float) -> Response:
    """The answer without its body. Raises MalformedResponse where its headers are beyond measure (TA17)."""
    if len(answer.headers.raw) > MAX_HEADER_LINES:
        raise MalformedResponse(f"Expected at most {MAX_HEADER_LINES} header lines from {describe_peer(request)}, got more.")
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers.raw)
    return Response(answer.status_code, headers, b"", request.url, sent_at)


def find_redirect(request: Request, response: Response) -> str | None:
    """
    Where to ask again, or None to take the answer as it is.

    Only a metadata GET is sent on, and only within its origin: a redirect could otherwise carry a secret away, or point a
    public server's client at the inside of a network (TA9, TA10, TE1, TE2).
    """
    locations = response.header_list("location")
    if not request.may_redirect or response.status not in REDIRECTS or len(locations) != 1:
        return None
    try:
        here = httpx2.URL(request.url)
        there = here.join(locations[0]).copy_with(fragment=None)
    except httpx2.InvalidURL:
        return None
    if there.userinfo or _origin(there) != _origin(here):
        return None
    return str(there)


def describe_peer(request: Request) -> str:
    """`auth.example:8443 (token request)`: who is asked for what, in errors. Never a path or a query."""
    try:
        host = httpx2.URL(request.url).netloc.decode("ascii", "replace")
    except httpx2.InvalidURL:
        host = "an unreadable address"
    return f"{host[:MAX_SHOWN]} ({request.purpose.value})"


@contextmanager
def blame_failures(request: Request) -> Generator[None]:
    """Turns httpx2's exceptions into ours. What they mean differs by whether the server can have seen the request."""
    peer = describe_peer(request)
    try:
        yield
    except httpx2.ProxyError as error:
        raise _blame_proxy(error, peer) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise _blame_connection(error, peer) from error
    except httpx2.TimeoutException as error:
        raise TimedOut(f"Expected an answer from {peer}, got none in time.") from error
    except httpx2.LocalProtocolError:
        # Its own words would quote the header, and that may be a secret.
        raise UsageError(f"Expected a request that HTTP can carry for {peer}, got one with forbidden characters.") from None
    except httpx2.RemoteProtocolError as error:
        raise _blame_answer(error, peer) from error
    except httpx2.TransportError as error:
        raise NetworkError(f"Expected a whole answer from {peer}, but the connection broke.") from error


def _blame_proxy(error: httpx2.ProxyError, peer: str) -> ConnectFailed:
    # "407 Proxy Authentication Required": the words are the proxy's own, and only the number is of use.
    status = str(error)[:3]
    got = f"it answered HTTP {status}" if status.isdigit() else "the proxy itself cannot be reached"
    return ConnectFailed(f"Expected the configured proxy to connect to {peer}, but {got}.")


def _blame_connection(error: httpx2.TransportError, peer: str) -> NetworkError:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsFailed(
                f"Expected a certificate that this machine trusts from {peer}, got one with: {cause.verify_message}."
            )
        if isinstance(cause, ssl.SSLError):
            return TlsFailed(f"Expected TLS 1.2 or newer from {peer}, got {cause.reason or 'something else'}.")
        if isinstance(cause, gaierror):
            return ConnectFailed(f"Expected a connection to {peer}, but the name does not resolve.")
        if isinstance(cause, ConnectionRefusedError):
            return ConnectFailed(f"Expected a connection to {peer}, but nothing listens there.")
    if isinstance(error, httpx2.TimeoutException):
        return ConnectFailed(f"Expected a connection to {peer}, but it did not answer.")
    return ConnectFailed(f"Expected a connection to {peer}, but it cannot be reached.")


def _blame_answer(error: httpx2.RemoteProtocolError, peer: str) -> NetworkError | MalformedResponse:
    # httpx2 calls both a vanished server and a babbling one a protocol error. The first left the answer unknown (a refresh may
    # have been done), the second answered.
    words = str(error).lower()
    if "disconnected" in words or "peer closed" in words or "peer unexpectedly closed" in words:
        return NetworkError(f"Expected a whole answer from {peer}, but it closed the connection.")
    return MalformedResponse(f"Expected an HTTP/1.1 answer from {peer}, got something else.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    for each in chain(error):
        yield each
        # httpcore2 raises its errors anew, without their cause, which then is an argument.
        for argument in each.args:
            if isinstance(argument, BaseException):
                yield from _causes(argument)


def _check_url(request: Request) -> httpx2.URL:
    # Judged on the value that httpx2 will dial, not on another parser's reading of the same text (TA6).
    try:
        url = httpx2.URL(request.url)
    except httpx2.InvalidURL as error:
        raise InsecureUrl(f"Expected an https URL for the {request.purpose.value}, got something unreadable.") from error
    if url.userinfo or not _is_host(url) or not request.url.isascii() or not (url.port is None or 0 < url.port < 65536):
        raise InsecureUrl(f"Expected a plain host name and port for the {request.purpose.value}, got something else.")
    if url.scheme == "https" or (url.scheme == "http" and _is_loopback(_host(url))):
        return url
    raise InsecureUrl(
        f"Expected https, or http on this machine, for {describe_peer(request)}, got {url.scheme[:20] or 'no scheme'}."
    )


def _is_host(url: httpx2.URL) -> bool:
    if parse_address(_host(url)) is not None:
        return "%" not in _host(url)
    # What ends in a number is an address in disguise, and a proxy would look it up after everything was judged (TA5).
    return HOST_NAME.fullmatch(url.raw_host) is not None and not NUMBER.fullmatch(url.raw_host.rpartition(b".")[2])


def _is_loopback(host: str) -> bool:
    address = parse_address(host)
    return host == "localhost" if address is None else address.is_loopback


def _host(url: httpx2.URL) -> str:
    # As it is dialled. `url.host` is for people: it undoes the xn-- form, and raises where that is none.
    return url.raw_host.decode("ascii")


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    usual = {"https": 443, "http": 80}.get(url.scheme)
    return url.scheme, _host(url), usual if url.port is None else url.port


def _build_content(request: Request) -> tuple[bytes | None, str]:
    if request.form is not None:
        pairs = [(name, _reveal(value)) for name, value in request.form]
        return urlencode(pairs).encode("ascii"), "application/x-www-form-urlencoded"
    if request.json is not None:
        return json.dumps(request.json, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
    return None, ""


def reveal_headers(headers: Iterable[tuple[str, str | Secret]]) -> dict[str, str]:
    """For a client of somebody else's, which takes strings."""
    return {name: _reveal(value) for name, value in headers}


def _reveal(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


@cache
def _user_agent() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"handstamp/{version('handstamp')}"
    except PackageNotFoundError:
        # Run from a checkout that nobody installed.
        return "handstamp"
