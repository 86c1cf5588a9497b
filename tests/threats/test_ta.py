"""TA: discovery and the network. What needs addresses other than loopback's runs in a network of its own: `test_ta_inside.py`."""

import ast
import gzip
import re
import socket
import ssl
import threading
import tracemalloc
import warnings
import zlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from asking import SECRET, driver, fetch, metadata, run, token_request
from authority import Authority, FormBrowser, Knobs, StartAuthority
from certificates import Signer, server_context
from commands import KEY, Home
from fakes import FakeDns
from handstamp.errors import (
    DiscoveryFailed,
    ForbiddenAddress,
    HandstampError,
    InsecureUrl,
    MalformedResponse,
    NetworkError,
    TemporarilyUnavailable,
    TimedOut,
    TlsFailed,
    UsageError,
)
from handstamp.http.drive import MAX_REQUESTS, Driver
from handstamp.http.guard import Guard
from handstamp.http.wire import build_wire_request
from handstamp.model import Named, Secret
from handstamp.protocol.discovery import discover
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from handstamp.protocol.server import find_authorization_server, judge_authorization_server
from handstamp.protocol.urls import parse_server_url, split_url
from loopback import (
    Answer,
    LoopbackProxy,
    LoopbackServer,
    LoopbackSite,
    Play,
    answer,
    document,
    say_and_close,
)
from protocol.wire import Wire, json_response
from source_tree import modules

T = TypeVar("T")

PUBLIC = "https://mcp.example/mcp"
OUTSIDE = "93.184.216.34"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Its person signs in and allows."""
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    made = Home(tmp_path)
    made.use_browser()
    return made


def guard_of(server: str = PUBLIC, **names: str | list[str]) -> Guard:
    """For a login to `server`; `auth_example="10.0.0.1"` says where `auth.example` is, and `mcp.example` is outside."""
    known = {"mcp.example": OUTSIDE} | {name.replace("_", "."): where for name, where in names.items()}
    return Guard(Named(server), resolve=FakeDns(known))


def wait(call: Callable[[], Awaitable[T]]) -> T:
    async def main() -> T:
        return await call()

    return anyio.run(main)


def admit(guard: Guard, host: str, port: int = 443) -> list[str]:
    return [str(address) for address in wait(lambda: guard.admit(host, port))]


def challenged(resource_metadata: str) -> Answer:
    """A server's answer to somebody without a token."""
    return Answer("401 Unauthorized", headers=(f'WWW-Authenticate: Bearer resource_metadata="{resource_metadata}"',))


# Where we may be sent


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_ta1_a_challenge_that_points_at_a_clouds_credentials_is_refused(scheme: str, home: Home) -> None:
    """
    A challenge points the metadata at a cloud's credential service.

    Refuses before it connects, whoever asks; the error names the host and never an answer.
    """
    with LoopbackSite({"/mcp": challenged(f"{scheme}://169.254.169.254/latest/meta-data/")}) as site:
        home.name("demo", f"{site.origin}/mcp")
        ran = home.fail("-v", "login", "demo", code=1)

    assert ran.error.endswith("got a reserved one." if scheme == "https" else "plain http is allowed on loopback only.")
    assert "meta-data" not in ran.error


INNER = [
    *("10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "127.0.0.1", "127.8.9.10"),
    *("::1", "fc00::1", "fd12:3456::1", "fe80::1", "febf::1"),
]
CLOUDS_AND_RESERVED = [
    *("100.100.100.200", "192.0.0.192", "192.0.0.8", "168.63.129.16", "169.254.169.254", "fd00:ec2::254", "fd20:ce::254"),
    *("0.0.0.0", "0.1.2.3", "100.64.0.1", "100.127.255.254", "198.18.0.1", "198.19.255.254", "224.0.0.1", "239.1.2.3"),
    *("240.0.0.1", "255.255.255.255", "192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "::", "ff02::1", "fec0::1"),
    *("2001:db8::1", "3fff::1", "5f00::1", "100::1"),
]
WRAPPED = [
    *("::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::a9fe:a9fe"),
    *("2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::127.0.0.1", "::7f00:1"),
]


def refuses(address: str) -> bool:
    """Both the address itself and a name that resolves to it."""
    named = guard_of(auth_example=address)
    for guard, host in ((named, "auth.example"), (guard_of(), address)):
        with pytest.raises(ForbiddenAddress):
            admit(guard, host)
    return True


@pytest.mark.parametrize("address", INNER)
def test_ta2_a_public_server_does_not_point_inside(address: str) -> None:
    """
    A public server's metadata lies on a private, loopback or link-local address.

    Refuses. Inside is allowed only where the server that you named, or the issuer that you configured, is inside itself.
    """
    #
    assert refuses(address)


def test_ta2_a_private_server_has_private_neighbours_and_no_way_to_this_machine() -> None:
    guard = guard_of("https://mcp.example", mcp_example="10.0.0.1", auth_example="192.168.1.1", trap_example="127.0.0.1")

    assert admit(guard, "mcp.example") == ["10.0.0.1"]
    assert admit(guard, "auth.example") == ["192.168.1.1"]
    assert admit(guard, "93.184.216.34") == ["93.184.216.34"]
    for host in ("trap.example", "127.0.0.1", "localhost", "::1", "169.254.169.254"):
        with pytest.raises(ForbiddenAddress):
            admit(guard, host)


@pytest.mark.parametrize("configured", ["https://auth.example", "https://10.0.0.1/tenant"])
def test_ta2_a_configured_issuer_may_be_inside_and_nobody_else(configured: str) -> None:
    names = FakeDns({"mcp.example": OUTSIDE, "auth.example": "10.0.0.1", "other.example": "10.0.0.2"})
    guard = Guard(Named(PUBLIC, configured), resolve=names)

    assert admit(guard, configured.split("/")[2]) == ["10.0.0.1"]
    for host in ("other.example", "10.0.0.2"):
        with pytest.raises(ForbiddenAddress):
            admit(guard, host)


@pytest.mark.parametrize("address", CLOUDS_AND_RESERVED)
def test_ta3_what_libraries_call_public_is_refused_all_the_same(address: str) -> None:
    """
    The address belongs to a cloud's inner services, to multicast or to a reserved range that libraries call public.

    Keeps its own list of ranges and refuses.
    """
    assert refuses(address)


@pytest.mark.parametrize(
    "address", ["100.100.100.200", "192.0.0.192", "168.63.129.16", "169.254.169.254", "fd00:ec2::254", "0.0.0.0", "224.0.0.1"]
)
def test_ta3_nobody_is_let_into_a_clouds_services_not_even_a_server_that_is_there(address: str) -> None:
    names = FakeDns({"mcp.example": address})

    for server in (f"https://{'[' + address + ']' if ':' in address else address}/mcp", PUBLIC, "http://localhost/mcp"):
        guard = Guard(Named(server, PUBLIC), resolve=names)
        for host in ("mcp.example", address):
            with pytest.raises(ForbiddenAddress, match="reserved"):
                admit(guard, host)


@pytest.mark.parametrize("address", WRAPPED)
def test_ta4_an_address_inside_of_another_is_refused(address: str) -> None:
    """
    An IPv4 address is wrapped in IPv6: mapped, NAT64, 6to4, Teredo.

    Unwraps what a network may translate and judges what is inside; refuses tunnels altogether.
    """
    #
    assert refuses(address)


@pytest.mark.parametrize("address", ["::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_ta4_a_public_address_inside_of_another_is_a_public_one(address: str) -> None:
    """NAT64 is how a network without IPv4 reaches the rest."""
    assert len(admit(guard_of(auth_example=address), "auth.example")) == 1


DISGUISES = ["127.1", "2130706433", "0x7f000001", "017700000001", "0", "0177.0.0.1", "0x7f.1", "127.0.0x1"]


@pytest.mark.parametrize("host", DISGUISES)
def test_ta5_an_address_in_disguise_is_refused_as_it_is_written_and_as_it_resolves(host: str) -> None:
    """
    The host is an address in disguise: octal, hex, one number, too few parts.

    Refuses it as it is written, and once more by the address to which the system's resolver takes it.
    """
    #
    # A server that is an address needs no look-up, so that the system is asked for the disguise alone.
    guard = Guard(Named(f"https://{OUTSIDE}/mcp"))

    with pytest.raises(ForbiddenAddress):
        admit(guard, host)
    with pytest.raises(ValueError, match="number"):
        split_url(f"https://{host}/")
    with pytest.raises(InsecureUrl):
        build_wire_request(token_request(f"https://{host}/token"))


@pytest.mark.parametrize(
    "host",
    [
        "①②⑦.⓪.⓪.①",
        "１２７.0.0.1",
        "ａuth.example",
        "auth。example",
        "auth.example.",
        "%31%32%37.0.0.1",
        "auth%2eexample",
        "a'$(id)'.com",
        "evil.com\\.good.com",
        "auth .example",
        "auth.example\t",
        "auth..example",
        "-auth.example",
        f"{'a' * 64}.example",
        "[::1%25eth0]",
        "[127.0.0.1]",
        "user@auth.example",
    ],
)
def test_ta6_a_host_outside_of_the_grammar_is_refused_when_read_and_when_sent(host: str) -> None:
    """
    The host has circled digits, spaces, quotes, backslashes, percent signs or a trailing dot.

    Takes a strict grammar of hosts and refuses the rest, when it reads an address and again when it sends a request.
    """
    with pytest.raises(ValueError, match=r"host|user name"):
        split_url(f"https://{host}/token")
    with pytest.raises(InsecureUrl) as caught:
        build_wire_request(token_request(f"https://{host}/token"))

    assert SECRET not in str(caught.value)


def test_ta7_the_address_that_was_judged_is_the_one_that_is_dialled(signer: Signer) -> None:
    """
    The name resolves to a harmless address for the check and to an inner one for the connection.

    Looks the name up once a connection and dials the address that was judged; a later, inner answer is refused.
    """
    #
    names = FakeDns({"mcp.test": ["127.0.0.1", "169.254.169.254"]})
    with LoopbackServer(answer(b"{}", "200 OK", "Connection: close"), tls=signer.tls("mcp.test")) as server:
        url = f"{server.named('mcp.test')}/mcp"
        guarded = Driver(Guard(Named(url), ca_file=str(signer.ca_file), resolve=names).open_transport)

        first = guarded.run_blocking(fetch(metadata(url)), deadline=10)
        with pytest.raises(ForbiddenAddress):
            guarded.run_blocking(fetch(metadata(url)), deadline=10)

    assert first.status == 200
    assert names.asked == ["mcp.test", "mcp.test"]
    assert server.connections == 1


@pytest.mark.parametrize("later", ["10.0.0.1", "127.0.0.1", f"{OUTSIDE} 10.0.0.1"])
def test_ta7_a_server_that_moves_inside_is_refused_and_opens_no_way_for_others(later: str) -> None:
    guard = guard_of(mcp_example=[OUTSIDE, later], auth_example="10.0.0.1")

    assert admit(guard, "mcp.example") == [OUTSIDE]
    for host in ("mcp.example", "auth.example"):
        with pytest.raises(ForbiddenAddress):
            admit(guard, host)


@pytest.mark.parametrize("also", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "fd12::1", "::1"])
def test_ta8_a_name_with_a_public_and_an_inner_address_is_refused(also: str) -> None:
    """
    A name has a public and an inner address.

    Refuses the name. A server that you named yourself may have both, and then counts as one outside.
    """
    for addresses in (f"{OUTSIDE} {also}", f"{also} {OUTSIDE}"):
        with pytest.raises(ForbiddenAddress):
            admit(guard_of(auth_example=addresses), "auth.example")


@pytest.mark.parametrize("both", [f"{OUTSIDE} 10.0.0.1", f"10.0.0.1 {OUTSIDE}"])
def test_ta8_a_server_with_both_counts_as_one_outside(both: str) -> None:
    """Whoever runs a public name could add an inner address, and lead us to an inner service that has a certificate."""
    guard = guard_of(mcp_example=both, auth_example="10.0.0.2")

    assert admit(guard, "mcp.example") == both.split()
    with pytest.raises(ForbiddenAddress):
        admit(guard, "auth.example")


@pytest.mark.parametrize("also", [OUTSIDE, "10.0.0.1"])
def test_ta8_this_machine_shares_its_name_with_no_other(also: str) -> None:
    with pytest.raises(ForbiddenAddress, match="one machine"):
        admit(guard_of(mcp_example=f"127.0.0.1 {also}"), "mcp.example")


# Redirects, and plain http


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest",
        "http://localhost:{port}/",
        "https://127.0.0.1:{port}/",
        "//other.example/",
        "http://u:p@127.0.0.1:{port}/",
        "file:///etc/passwd",
        "http://[",
    ],
)
def test_ta9_metadata_is_not_followed_to_another_origin(location: str) -> None:
    """
    Metadata redirects inside, or to somebody else.

    Follows redirects of metadata alone, within the origin and three times at most; every connection is judged like the first.
    """
    #
    with LoopbackServer() as server:
        server.play(answer(b"", "302 Found", f"Location: {location.format(port=server.port)}"), answer())
        response = run(metadata(server.origin))

    assert response.status == 302
    assert len(server.requests) == 1


def test_ta9_the_fourth_redirect_is_the_answer() -> None:
    hops = [answer(b"", "302 Found", f"Location: /{n}") for n in range(9)]

    with LoopbackServer(*hops) as server:
        response = run(metadata(server.origin))

    assert response.status == 302
    assert len(server.requests) == 4


@pytest.mark.parametrize("purpose", [Purpose.SERVER, Purpose.REGISTRATION, Purpose.TOKEN, Purpose.REVOCATION])
def test_ta9_nothing_but_metadata_is_followed_anywhere(purpose: Purpose) -> None:
    """A-121."""
    with LoopbackServer(answer(b"", "307 Temporary Redirect", "Location: /there"), answer()) as server:
        response = run(Request("POST", server.origin, purpose))

    assert response.status == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize("port", ["the same", "another"])
def test_ta10_https_metadata_is_not_followed_to_http(port: str, signer: Signer) -> None:
    """
    https redirects to http.

    Refuses: that is another origin.
    """
    with LoopbackServer(answer()) as plain, LoopbackServer(tls=signer.tls("127.0.0.1")) as server:
        there = plain.port if port == "another" else server.port
        server.play(answer(b"", "302 Found", f"Location: http://127.0.0.1:{there}/"), answer())
        response = driver(ca_file=str(signer.ca_file)).run_blocking(fetch(metadata(server.origin)), deadline=10)

    assert response.status == 302
    assert plain.connections == 0
    assert len(server.requests) == 1


DOCUMENT: dict[str, object] = {
    "issuer": "https://auth.example",
    "authorization_endpoint": "https://auth.example/authorize",
    "token_endpoint": "https://auth.example/token",
}


@pytest.mark.parametrize("plain", ["http://mcp.example/mcp", "http://10.0.0.1/mcp", "http://127.0.0.1.example/mcp"])
def test_ta11_a_server_over_plain_http_is_refused(plain: str) -> None:
    """
    A URL anywhere in the chain is plain http.

    Refuses, except on loopback where the server that you named is on loopback itself.
    """
    with pytest.raises(UsageError, match="https"):
        parse_server_url(plain)
    with pytest.raises(InsecureUrl):
        build_wire_request(metadata(plain))


@pytest.mark.parametrize("host", ["auth.example", "10.0.0.1", "localhost:9000", "127.0.0.1:9000", "[::1]:9000"])
def test_ta11_a_public_server_leads_to_no_document_over_plain_http(host: str) -> None:
    challenge = json_response({}, 401, headers=(("www-authenticate", f'Bearer resource_metadata="http://{host}/prm"'),))
    resource = json_response({"resource": PUBLIC, "authorization_servers": [f"http://{host}"]})
    wire = Wire({PUBLIC: challenge, "https://mcp.example/.well-known/oauth-protected-resource/mcp": resource})

    with pytest.raises(InsecureUrl, match="https for the issuer"):
        wire.run(discover(PUBLIC, headers=(), issuer=None))

    assert [url for url in wire.urls if url.startswith("http:")] == []


@pytest.mark.parametrize("host", ["auth.example", "localhost:9000", "127.0.0.1:9000"])
@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"])
def test_ta11_a_public_server_has_no_endpoint_over_plain_http(endpoint: str, host: str) -> None:
    with pytest.raises(InsecureUrl, match=endpoint):
        judge_authorization_server("https://auth.example", DOCUMENT | {endpoint: f"http://{host}/x"}, near=PUBLIC)


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "::1", "127.255.255.254"])
def test_ta12_no_way_leads_from_a_public_server_to_this_machine(host: str) -> None:
    """
    A public server names an authorization server on your own machine.

    Refuses, over http and over https: no way leads from outside to inside.
    """
    names = FakeDns({"mcp.example": OUTSIDE})
    authority = f"[{host}]" if ":" in host else host
    guarded = Driver(Guard(Named(PUBLIC), resolve=names).open_transport)

    with pytest.raises(ForbiddenAddress, match="into your network"):
        guarded.run_blocking(find_authorization_server(f"https://{authority}:9000", near=PUBLIC), deadline=10)
    with pytest.raises(InsecureUrl):
        guarded.run_blocking(find_authorization_server(f"http://{authority}:9000", near=PUBLIC), deadline=10)


# What they answer


def test_ta13_a_gzip_bomb_is_stopped_at_the_cap() -> None:
    """
    A few kilobytes unpack to hundreds of megabytes.

    Asks for no compression, unpacks in a stream under a cap, takes one layer at most.
    """
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    with LoopbackServer(answer(bomb, "200 OK", "Content-Encoding: gzip")) as server:
        tracemalloc.start()
        with pytest.raises(MalformedResponse, match="at most"):
            run(metadata(server.origin))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert b"accept-encoding: identity" in server.requests[0].lower()
    assert len(bomb) > 250_000
    assert peak < 8 << 20


def test_ta13_a_small_bomb_is_stopped_at_the_cap() -> None:
    """Below the cap of the wire: what counts is what it unpacks to."""
    bomb = gzip.compress(bytes(32 << 20))

    with (
        LoopbackServer(answer(bomb, "200 OK", "Content-Encoding: gzip")) as server,
        pytest.raises(MalformedResponse, match="at most 256 KiB"),
    ):
        run(metadata(server.origin))

    assert len(bomb) < 64 * 1024


def test_ta13_a_compressed_body_over_its_own_cap_is_malformed() -> None:
    """64 KiB on the wire, however little they would unpack to."""
    noise = b"".join(zlib.crc32(number.to_bytes(4)).to_bytes(4) for number in range(25_000))

    with (
        LoopbackServer(answer(gzip.compress(noise), "200 OK", "Content-Encoding: gzip")) as server,
        pytest.raises(MalformedResponse, match="at most 64 KiB"),
    ):
        run(metadata(server.origin))


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        (["gzip, gzip"], gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
        (["gzip", "gzip"], gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
        (["br"], b"{}"),
        (["gzip"], b"{}"),
        (["gzip"], gzip.compress(b"{}")[:-4]),
        (["gzip"], gzip.compress(b"{}") + gzip.compress(b"{}")),
    ],
    ids=["two codings", "two lines", "an unknown one", "not what it says", "cut short", "two members"],
)
def test_ta13_a_coding_that_cannot_be_undone_is_malformed(codings: list[str], body: bytes) -> None:
    headers = [f"Content-Encoding: {coding}" for coding in codings]

    with LoopbackServer(answer(body, "200 OK", *headers)) as server, pytest.raises(MalformedResponse):
        run(metadata(server.origin))


@pytest.mark.parametrize(
    ("framing", "chunk"),
    [
        ("Content-Length: 10000000000", b"x" * 8192),
        ("Transfer-Encoding: chunked", b"2000\r\n" + b"x" * 8192 + b"\r\n"),
        ("Connection: close", b"x" * 8192),
    ],
)
def test_ta14_an_endless_body_is_cut_at_the_cap_and_its_connection_closed(framing: str, chunk: bytes) -> None:
    """
    An answer says that it has gigabytes, or never ends.

    Stops at the cap and closes the connection.
    """
    hung_up = threading.Event()

    def pour(stream: socket.socket, over: threading.Event) -> None:
        stream.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        try:
            while not over.is_set():
                stream.sendall(chunk)
        except OSError:
            hung_up.set()

    with LoopbackServer(pour) as server:
        with pytest.raises(MalformedResponse, match="at most 256 KiB"):
            run(token_request(server.origin))
        closed = hung_up.wait(10)

    assert closed


def drip(head: bytes, drop: bytes, end: bytes) -> Play:
    """The head, then a drop fifty times a second for two seconds, and then all is well."""

    def play(stream: socket.socket, over: threading.Event) -> None:
        stream.sendall(head)
        for _ in range(100):
            if over.wait(0.02):
                return
            stream.sendall(drop)
        stream.sendall(end)

    return play


@pytest.mark.parametrize(
    "answer_in_drops",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 102\r\n\r\n", b" ", b"{}"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", b"x", b"\r\n\r\n"),
        drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
    ids=["body", "headers", "interim answers"],
)
def test_ta15_an_answer_that_drips_does_not_outlast_the_deadline(answer_in_drops: Play) -> None:
    """
    An answer drips a byte at a time, forever within each read's time-out.

    Has one deadline for the whole exchange.
    """
    with LoopbackServer(answer_in_drops) as server, pytest.raises(TimedOut):
        run(token_request(server.origin), deadline=0.2)


HOSTILE_JSON = {
    "nested without end": b'{"issuer": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested a hundred deep": b'{"issuer": ' + b"[" * 100 + b"]" * 100 + b"}",
    "nested and never closed": b'{"issuer":' * 20_000,
    "a number of 5000 digits": b'{"issuer": ' + b"9" * 5000 + b"}",
    "infinity": b'{"issuer": Infinity}',
    "no number": b'{"issuer": NaN}',
    "half a character": b'{"issuer": "\\ud800"}',
    "a member twice": b'{"issuer": "https://a.example", "issuer": "https://b.example"}',
    "a member twice, further down": b'{"x": {"issuer": "a", "issuer": "b"}}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"issuer": "x"}'.encode("utf-16"),
    "broken UTF-8": b'{"issuer": "\xff"}',
    "a list": b"[]",
}


@pytest.mark.parametrize("body", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_ta16_a_document_of_hostile_json_is_one_error(body: bytes) -> None:
    """
    JSON nested without end, endless numbers, NaN, doubled members, broken text.

    Refuses all of them with one error.
    """
    hostile = Answer(body=body, headers=("Content-Type: application/json",))
    with LoopbackSite({"/.well-known/oauth-authorization-server": hostile}) as site, pytest.raises(DiscoveryFailed) as caught:
        driver().run_blocking(find_authorization_server(site.origin, near=site.origin), deadline=10)

    assert re.search("as (a )?JSON", caught.value.tried[0])


@pytest.mark.parametrize("body", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_ta16_a_token_answer_of_hostile_json_is_one_error(body: bytes, authority: StartAuthority, home: Home) -> None:
    server = authority(Knobs(token_body=body.replace(b"issuer", b"access_token")))

    with home.vault() as vault, pytest.raises(MalformedResponse):
        vault.sync.login(server.server_url, browser=FormBrowser())

    assert len(server.token_requests) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + (b"X-Padding: " + b"x" * 4096 + b"\r\n") * 30,
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(10_000)) + b"\r\n",
    ],
    ids=["120 KB", "one of 200 KB", "ten thousand"],
)
def test_ta17_headers_beyond_measure_are_malformed(head: bytes) -> None:
    """
    Headers are huge, or thousands.

    Bounds them; a typed error, no crash.
    """
    with LoopbackServer(say_and_close(head)) as server, pytest.raises(MalformedResponse):
        run(metadata(server.origin))


HTML = Answer(body=b"<!doctype html><title>An app</title>", headers=("Content-Type: text/html",))
UNUSABLE = {
    "a web page": HTML,
    "nothing": Answer("204 No Content"),
    "not found": Answer("404 Not Found"),
    "an error": Answer("500 Internal Server Error"),
    "too many": Answer("429 Too Many Requests", headers=("Retry-After: 1000000000",)),
}


@pytest.mark.parametrize("unusable", UNUSABLE.values(), ids=UNUSABLE)
def test_ta18_what_is_no_document_leaves_the_next_address_to_be_asked(unusable: Answer) -> None:
    """
    A well-known address answers with a web page, nothing, an error, or "come back in thirty years".

    Tries the next address; `Retry-After` is capped at an hour.
    """
    with LoopbackSite({"/.well-known/oauth-authorization-server": unusable}) as site:
        endpoints = {name: f"{site.origin}/{name}" for name in ("authorization_endpoint", "token_endpoint")}
        site.answers["/.well-known/openid-configuration"] = document(issuer=site.origin, **endpoints)
        server = driver().run_blocking(find_authorization_server(site.origin, near=site.origin), deadline=10)

    assert server.issuer == site.origin
    assert [path.rpartition("/")[2] for path in site.asked] == ["oauth-authorization-server", "openid-configuration"]


@pytest.mark.parametrize("wish", ["1000000000", "9" * 300, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_ta18_nobody_makes_us_wait_for_thirty_years(wish: str) -> None:
    busy = Answer("429 Too Many Requests", headers=(f"Retry-After: {wish}",))

    with (
        LoopbackSite({"/.well-known/oauth-authorization-server": busy}) as site,
        pytest.raises(TemporarilyUnavailable) as caught,
    ):
        driver().run_blocking(find_authorization_server(site.origin, near=site.origin), deadline=10)

    assert caught.value.retry_after == 3600


@pytest.mark.parametrize("status", [500, 503, 429])
def test_ta19_metadata_that_is_out_of_order_is_not_taken_for_none(status: int, authority: StartAuthority, home: Home) -> None:
    """
    Metadata is briefly out of order so that an older, weaker way is taken.

    Falls back on a clear "not there" only, never on a failure.
    """
    server = authority(Knobs(metadata_status=status))
    home.name("demo", server.server_url)

    ran = home.fail("login", "demo", code=3)

    asked = [seen.path for seen in server.log if seen.at == "authority"]
    assert f"HTTP {status}" in ran.error
    assert asked != []
    assert [path for path in asked if not path.startswith("/.well-known/")] == []


def test_ta19_a_server_whose_metadata_is_out_of_order_is_not_taken_for_an_open_one() -> None:
    server = json_response({"jsonrpc": "2.0", "id": 1, "result": {}})
    wire = Wire({PUBLIC: server, "https://mcp.example/.well-known/oauth-protected-resource/mcp": json_response({}, 503)})

    with pytest.raises(TemporarilyUnavailable):
        wire.run(discover(PUBLIC, headers=(), issuer=None))


# TLS


def test_ta20_a_certificate_that_nobody_signed_is_refused(signer: Signer) -> None:
    """
    A certificate is expired, of another host, self-signed; TLS is old.

    Refuses, before a secret is sent, and has no switch to look away. A CA file of your own can be named.
    """
    #
    context = server_context(signer.self_sign("127.0.0.1"))
    with LoopbackServer(answer(), tls=context) as server, pytest.raises(TlsFailed, match="self-signed") as caught:
        run(token_request(server.origin))

    assert not caught.value.maybe_done
    assert server.requests == []


def test_ta20_a_certificate_of_the_configured_file_is_trusted(signer: Signer) -> None:
    """The one way to trust more than the machine does."""
    with LoopbackServer(answer(), tls=signer.tls("127.0.0.1")) as server:
        response = trusting(signer, token_request(server.origin))

    assert response.status == 200


def test_ta20_a_certificate_of_the_configured_file_is_not_trusted_without_it(signer: Signer) -> None:
    with LoopbackServer(answer(), tls=signer.tls("127.0.0.1")) as server, pytest.raises(TlsFailed, match="issuer"):
        run(token_request(server.origin))

    assert server.requests == []


def test_ta20_a_certificate_for_another_host_is_refused(signer: Signer) -> None:
    """A-21."""
    with (
        LoopbackServer(answer(), tls=signer.tls("127.0.0.1")) as server,
        pytest.raises(TlsFailed, match="not valid for 'localhost'"),
    ):
        trusting(signer, token_request(server.named("localhost")))

    assert server.requests == []


def test_ta20_an_expired_certificate_is_refused(signer: Signer) -> None:
    """A-21."""
    with LoopbackServer(answer(), tls=signer.tls("127.0.0.1", expired=True)) as server, pytest.raises(TlsFailed, match="expired"):
        trusting(signer, token_request(server.origin))

    assert server.requests == []


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_ta20_old_tls_is_refused(version: str, signer: Signer) -> None:
    context = signer.tls("127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")

    with LoopbackServer(answer(), tls=context) as server, pytest.raises(TlsFailed, match=r"TLS 1\.2 or newer"):
        trusting(signer, token_request(server.origin))

    assert server.requests == []


def test_ta20_nowhere_in_the_code_is_a_switch_to_look_away() -> None:
    switches = {"verify", "check_hostname", "verify_mode", "CERT_NONE", "_create_unverified_context"}
    found = [
        f"{module.name}: {ast.unparse(node)}"
        for module in modules()
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.keyword) and node.arg in switches) or (isinstance(node, ast.Attribute) and node.attr in switches)
    ]

    assert found == []


def trusting(signer: Signer, request: Request) -> Response:
    return driver(ca_file=str(signer.ca_file)).run_blocking(fetch(request), deadline=10)


# The environment, and proxies


@pytest.fixture
def trap() -> Iterator[LoopbackServer]:
    """What the environment would have us use."""
    with LoopbackServer() as server:
        yield server


@pytest.fixture
def hostile(home: Home, trap: LoopbackServer) -> Path:
    """Whoever writes the environment wants our connections, their keys and our passwords. Gives the file for the keys."""
    key_log = home.root / "keys.log"
    netrc = home.root / ".netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password stolen\ndefault login mallory password stolen\n", "utf-8")
    netrc.chmod(0o600)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY"):
        home.environ |= {name: trap.origin, name.lower(): trap.origin}
    home.environ |= {"NETRC": str(netrc), "SSLKEYLOGFILE": str(key_log)}
    # The person's own browser may do as it likes.
    browser = home.root / "quiet-browser"
    browser.write_text(f'#!/bin/sh\nunset SSLKEYLOGFILE\nexec "{home.environ["BROWSER"]}" "$@"\n', "utf-8")
    browser.chmod(0o755)
    home.environ["BROWSER"] = str(browser)
    return key_log


def test_ta21_the_environment_brings_no_proxy_no_passwords_and_no_key_log(
    hostile: Path, trap: LoopbackServer, home: Home, signer: Signer
) -> None:
    """
    Variables of the environment bring a proxy, certificates, passwords, or a file for the keys of TLS.

    Ignores them; only its own settings count. Behind a proxy of yours it judges addresses and names that mean something inside.
    """
    with Authority(tls=signer.certify("127.0.0.1")) as server:
        home.write_settings(f'ca_file = "{signer.ca_file}"\n[servers.demo]\nurl = "{server.server_url}"\n')
        # For the browser, and to be harmless for us.
        home.environ["SSL_CERT_FILE"] = str(signer.ca_file)
        ran = [home.run(*command.split()) for command in ("login demo", "token demo", "tools demo", "logout demo")]

    assert [each.exit_code for each in ran] == [0, 0, 0, 0], [each.stderr for each in ran]
    assert trap.connections == 0
    assert not hostile.exists()
    assert [seen for seen in server.log if "basic" in seen.headers.get("authorization", "").lower()] == []


def test_ta21_the_environment_brings_no_certificates(home: Home, signer: Signer, tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(signer.ca_file.read_bytes())
    variables = {"SSL_CERT_FILE": str(signer.ca_file), "SSL_CERT_DIR": str(folder), "REQUESTS_CA_BUNDLE": str(signer.ca_file)}
    with LoopbackServer(answer(), tls=signer.tls("127.0.0.1")) as server:
        home.name("demo", f"{server.origin}/mcp")
        ran = home.fail("login", "demo", code=3, environ=variables)

    assert "Expected a certificate that this machine trusts" in ran.error
    assert server.requests == []


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "169.254.169.254", "::ffff:10.0.0.1"),
        *("metadata.google.internal", "metadata.goog", "metadata", "instance-data", "db.internal", "printer.local", "nas.lan"),
        *("router.home", "wiki.corp", "intranet", "auth", "router.home.arpa"),
    ],
)
def test_ta21_a_proxy_is_not_asked_for_what_lies_inside(host: str) -> None:
    with LoopbackProxy({}) as proxy:
        guarded = Driver(Guard(Named(PUBLIC), proxy=Secret(proxy.origin)).open_transport)
        with pytest.raises(ForbiddenAddress):
            guarded.run_blocking(fetch(token_request(f"https://{f'[{host}]' if ':' in host else host}/token")), deadline=10)

    assert proxy.connections == 0


# How much they may make us do


def test_ta22_of_a_hundred_authorization_servers_one_is_asked() -> None:
    """
    Metadata makes the client knock at a hundred ports.

    Chooses one authorization server and asks for its documents at six addresses at most; an exchange has a budget of requests.
    """
    with LoopbackSite() as site:
        issuers = [f"http://127.0.0.1:{port}/tenant" for port in range(1, 101)]
        site.answers |= {
            "/mcp": challenged(f"{site.origin}/prm"),
            "/.well-known/oauth-protected-resource": document(resource=f"{site.origin}/mcp", authorization_servers=issuers),
        }
        seen: list[Request] = []
        watched = driver(observe=lambda request, _: seen.append(request))
        with pytest.raises(NetworkError):
            watched.run_blocking(discover(f"{site.origin}/mcp", headers=(), issuer=None), deadline=10)

    first, *documents = [request.url for request in seen]
    assert first == f"{site.origin}/mcp"
    assert len(documents) <= 6
    assert {url.partition("/.well-known/")[0] for url in documents if not url.startswith(site.origin)} <= {
        "http://127.0.0.1:1",
        "http://127.0.0.1:1/tenant",
    }


def test_ta22_an_exchange_ends_when_its_budget_of_requests_is_spent() -> None:
    def knock() -> Exchange[None]:
        while True:
            try:
                yield metadata(f"{server.origin}/next")
            except NetworkError:
                continue

    with LoopbackServer(*[answer()] * 100) as server, pytest.raises(MalformedResponse, match="16 requests"):
        driver().run_blocking(knock(), deadline=10)

    assert len(server.requests) == MAX_REQUESTS == 16


@pytest.mark.parametrize("port", [22, 80, 444, 6379, 65535])
def test_ta22_a_platform_knocks_at_the_ports_of_https_alone(port: int) -> None:
    guard = Guard(Named(PUBLIC), public_only=True, resolve=FakeDns({"mcp.example": OUTSIDE}))

    assert admit(guard, "mcp.example", 443) == admit(guard, "mcp.example", 8443) == [OUTSIDE]
    with pytest.raises(ForbiddenAddress, match="443 or 8443"):
        admit(guard, "mcp.example", port)


INSIDE_WORDS = "the-inner-service-says-this"


@pytest.mark.parametrize("status", [200, 201, 301, 400, 401, 403, 404, 418, 500, 503])
@pytest.mark.parametrize("media_type", ["text/plain", "text/html", "application/json"])
def test_ta23_no_error_and_no_trace_repeats_an_answer(status: int, media_type: str, home: Home) -> None:
    """
    Errors repeat what an inner service answered.

    Never repeats a body. Of an OAuth endpoint's refusal it shows the error's code and words, bounded and escaped.
    """
    inner = Answer(
        f"{status} {INSIDE_WORDS}", INSIDE_WORDS.encode(), (f"Content-Type: {media_type}", f"X-Powered-By: {INSIDE_WORDS}")
    )
    with LoopbackSite() as site:
        site.answers |= dict.fromkeys(("/prm", "/.well-known/oauth-protected-resource/mcp"), inner)
        site.answers |= {"/mcp": challenged(f"{site.origin}/prm")}
        seen: list[str] = []
        watched = driver(observe=lambda _, outcome: seen.append(str(outcome) if isinstance(outcome, HandstampError) else ""))
        with pytest.raises(HandstampError) as caught:
            watched.run_blocking(discover(f"{site.origin}/mcp", headers=(), issuer=None), deadline=10)

    told = [str(caught.value), *getattr(caught.value, "tried", ()), *seen]
    assert len(seen) > 1
    assert [text for text in told if INSIDE_WORDS in text] == []


@pytest.mark.parametrize("place", ["prm", "issuer", "registration", "token"])
def test_ta23_the_command_line_repeats_no_answer_of_any_leg(place: str, authority: StartAuthority, home: Home) -> None:
    words = Answer("500 Internal Server Error", INSIDE_WORDS.encode(), ("Content-Type: text/plain",))
    with LoopbackSite({"/inner": words, "/.well-known/oauth-authorization-server": words}) as inner:
        match place:
            case "prm":
                knobs = Knobs(challenge=f'Bearer resource_metadata="{inner.origin}/inner"', resource_metadata_at="nowhere")
            case "issuer":
                knobs = Knobs(authorization_servers=(inner.origin,))
            case _:
                knobs = Knobs(server_metadata={f"{place}_endpoint": f"{inner.origin}/inner"})
        home.name("demo", authority(knobs).server_url)
        ran = home.fail("-v", "login", "demo", code=3)

    assert inner.requests != []
    assert INSIDE_WORDS not in ran.stderr


ADDRESSES = (
    "jwks_uri",
    "logo_uri",
    "tos_uri",
    "policy_uri",
    "op_policy_uri",
    "op_tos_uri",
    "service_documentation",
    "client_uri",
)
RESOURCE_ADDRESSES = ("resource_documentation", "resource_policy_uri", "resource_tos_uri", "jwks_uri")


def test_ta24_no_other_address_of_a_document_is_ever_fetched(authority: StartAuthority, home: Home) -> None:
    """
    Metadata names a logo, terms or keys at inner addresses.

    Never fetches them: a client needs none.
    """
    #
    with LoopbackServer() as trap:
        everywhere = {name: f"{trap.origin}/{name}" for name in ADDRESSES}
        knobs = Knobs(
            server_metadata={**everywhere, "userinfo_endpoint": trap.origin, "introspection_endpoint": trap.origin},
            registration={**everywhere, "registration_client_uri": trap.origin, "registration_access_token": "x"},
            resource_metadata={name: f"{trap.origin}/{name}" for name in RESOURCE_ADDRESSES},
        )
        home.name("demo", authority(knobs).server_url)
        ran = [home.run(*command.split()) for command in ("login demo", "token demo", "logout demo")]

    assert [each.exit_code for each in ran] == [0, 0, 0]
    assert trap.connections == 0
