"""The driver against real servers on loopback, most of them ill-behaved."""

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import anyio
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from handstamp.errors import (
    ConnectFailed,
    HandstampError,
    InsecureUrl,
    MalformedResponse,
    NetworkError,
    SettingsError,
    TimedOut,
    TlsFailed,
    UsageError,
)
from handstamp.http.drive import Driver, Observer
from handstamp.http.guard import Guard
from handstamp.model import Named, Secret
from handstamp.ports import Clock
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response

SECRET = "refresh-0b5d7c"

TLS_HANDSHAKE = b"\x16\x03"

Play = Callable[[socket.socket, threading.Event], None]
"""Plays the server's part on one connection, after its request was read. The event is set when the test is over."""


class LoopbackServer:
    """A server on a free port of 127.0.0.1 that plays one part a request and remembers what it was sent."""

    def __init__(self, *parts: bytes | Play, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._parts = list(parts)
        self._tls = tls
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def play(self, *parts: bytes | Play) -> None:
        """More parts, for those that must know the server's port."""
        self._parts += parts

    def __enter__(self) -> "LoopbackServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            stream = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with stream:
                while request := _read_request(stream):
                    self.requests.append(request)
                    if not self._parts:
                        return
                    part = self._parts.pop(0)
                    if callable(part):
                        part(stream, self._over)
                        return
                    stream.sendall(part)


def _read_request(stream: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = stream.recv(65536)
        if not chunk or chunk.startswith(TLS_HANDSHAKE):
            return received + chunk
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    expected = int(lengths[0]) if lengths else 0
    while len(body) < expected:
        body += stream.recv(65536)
    return head + b"\r\n\r\n" + body


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def say(*chunks: bytes) -> Play:
    """Sends these and then neither sends nor closes."""

    def play(stream: socket.socket, over: threading.Event) -> None:
        for chunk in chunks:
            stream.sendall(chunk)
        over.wait()

    return play


def say_and_close(*chunks: bytes) -> Play:
    def play(stream: socket.socket, over: threading.Event) -> None:
        for chunk in chunks:
            stream.sendall(chunk)

    return play


def repeat(head: bytes, chunk: bytes, every: float = 0.0) -> Play:
    """Sends the head, then the chunk for ever."""

    def play(stream: socket.socket, over: threading.Event) -> None:
        stream.sendall(head)
        while not over.wait(every):
            stream.sendall(chunk)

    return play


def metadata(url: str) -> Request:
    return Request("GET", url, Purpose.AUTHORIZATION_SERVER)


def token_request(url: str) -> Request:
    return Request("POST", url, Purpose.TOKEN, form=(("grant_type", "refresh_token"), ("refresh_token", Secret(SECRET))))


def probe(url: str) -> Request:
    return Request("GET", url, Purpose.SERVER, headers=(("accept", "text/event-stream"),))


def fetch(request: Request) -> Exchange[Response]:
    return (yield request)


def fetch_first(*requests: Request) -> Exchange[tuple[Response, list[HandstampError]]]:
    """The shape of discovery: the first candidate that answers, and why the others did not."""
    errors: list[HandstampError] = []
    for request in requests:
        try:
            response = yield request
        except HandstampError as error:
            errors.append(error)
        else:
            return response, errors
    raise errors[-1]


def driver(clock: Clock = time.time, observe: Observer | None = None, ca_file: str | None = None) -> Driver:
    """As for a login to a server on this machine."""
    return Driver(Guard(Named("http://127.0.0.1"), ca_file=ca_file).open_transport, clock=clock, observe=observe)


def run(request: Request, deadline: float = 10.0) -> Response:
    return driver().run_blocking(fetch(request), deadline=deadline)


@contextmanager
def closed_port() -> Generator[str]:
    """The origin of a port on which nothing listens, and which nobody else gets meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody signed, with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "loopback.pem"
    path.write_bytes(pem)
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


# What goes out and what comes back


@pytest.mark.anyio
async def test_a_step_gets_its_answers_and_the_run_gives_its_value() -> None:
    with LoopbackServer(answer(b'{"issuer": "x"}', "200 OK", "X-Twice: a", "X-Twice: b")) as server:
        response = await driver(clock=lambda: 1_700_000_000.0).run(fetch(metadata(f"{server.origin}/a?b=c")), deadline=10)

    assert (response.status, response.body) == (200, b'{"issuer": "x"}')
    assert response.header_list("x-twice") == ["a", "b"]
    assert (response.url, response.sent_at) == (f"{server.origin}/a?b=c", 1_700_000_000.0)
    assert server.requests[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")


def test_a_form_leaves_with_its_secrets_and_our_name() -> None:
    """A-01: revealed for the wire alone; no cookie, no coding asked for."""
    with LoopbackServer(answer()) as server:
        run(token_request(f"{server.origin}/token"))

    head, _, body = server.requests[0].lower().partition(b"\r\n\r\n")
    assert body == f"grant_type=refresh_token&refresh_token={SECRET}".encode()
    assert b"content-type: application/x-www-form-urlencoded" in head
    assert b"accept-encoding: identity" in head
    assert b"user-agent: handstamp" in head


def test_json_and_secret_headers_leave_as_given() -> None:
    request = Request(
        "POST", "", Purpose.REGISTRATION, headers=(("Authorization", Secret(f"Bearer {SECRET}")),), json={"client_name": "é"}
    )
    with LoopbackServer(answer()) as server:
        run(Request(request.method, f"{server.origin}/register", request.purpose, request.headers, json=request.json))

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == '{"client_name":"é"}'.encode()
    assert b"content-type: application/json" in head.lower()
    assert f"Bearer {SECRET}".encode() in head


def test_cookies_of_one_answer_are_not_sent_with_the_next_request() -> None:
    def step(url: str) -> Exchange[Response]:
        yield metadata(url)
        return (yield metadata(url))

    with LoopbackServer(answer(b"{}", "200 OK", "Set-Cookie: tracked=1"), answer()) as server:
        driver().run_blocking(step(server.origin), deadline=10)

    assert b"cookie" not in server.requests[1].lower()


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """TA21."""
    with closed_port() as proxy, LoopbackServer(answer()) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        response = run(metadata(server.origin))

    assert response.status == 200


def test_the_requests_of_one_exchange_share_a_connection() -> None:
    def both() -> Exchange[int]:
        yield metadata(server.origin)
        return (yield metadata(server.origin)).status

    with LoopbackServer(answer(), answer()) as server:
        status = driver().run_blocking(both(), deadline=10)

    assert (status, len(server.requests), server.connections) == (200, 2, 1)


def test_a_transport_of_ones_own_takes_the_place_of_the_wire() -> None:
    def reply(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(418, headers={"content-encoding": "gzip"}, content=gzip.compress(request.url.host.encode()))

    faked = Driver(lambda: httpx2.MockTransport(reply))
    response = faked.run_blocking(fetch(metadata("https://auth.example/x")), deadline=10)

    assert (response.status, response.body) == (418, b"auth.example")


def test_the_observer_sees_each_request_with_its_secrets_masked() -> None:
    seen: list[tuple[Request, Response | HandstampError]] = []

    with closed_port() as closed, LoopbackServer(answer()) as server:
        watched = driver(observe=lambda request, outcome: seen.append((request, outcome)))
        watched.run_blocking(fetch_first(metadata(closed), token_request(server.origin)), deadline=10)

    assert [type(outcome) for _, outcome in seen] == [ConnectFailed, Response]
    assert SECRET not in repr(seen)


# Failures, and whose they are


def test_a_step_may_catch_a_failure_and_go_on_with_its_next_candidate() -> None:
    with closed_port() as closed, LoopbackServer(answer()) as server:
        response, errors = driver().run_blocking(fetch_first(metadata(closed), metadata(server.origin)), deadline=10)

    assert response.status == 200
    assert [type(error) for error in errors] == [ConnectFailed]


def test_a_closed_port_is_a_failed_connection_that_nobody_received() -> None:
    with (
        closed_port() as origin,
        pytest.raises(ConnectFailed, match=r"127\.0\.0\.1:\d+ \(token request\), but nothing listens") as caught,
    ):
        run(token_request(f"{origin}/token"))

    assert not caught.value.maybe_done
    assert SECRET not in str(caught.value)


def test_a_name_that_does_not_resolve_is_a_failed_connection() -> None:
    with pytest.raises(ConnectFailed, match=r"nowhere\.invalid \(authorization server metadata\), but the name does not resolve"):
        run(metadata("https://nowhere.invalid/"))


def test_a_certificate_that_nobody_signed_is_refused(tls: ssl.SSLContext) -> None:
    """TA20."""
    with LoopbackServer(answer(), tls=tls) as server, pytest.raises(TlsFailed, match="self-signed") as caught:
        run(token_request(server.origin))

    assert not caught.value.maybe_done
    assert server.requests == []


def test_a_certificate_of_the_configured_file_is_trusted(tls: ssl.SSLContext, certificate: Path) -> None:
    """TA20: the one way to trust more than the machine does."""
    with LoopbackServer(answer(), tls=tls) as server:
        response = driver(ca_file=str(certificate)).run_blocking(fetch(metadata(server.origin)), deadline=10)

    assert response.status == 200


def test_a_certificate_for_another_name_is_refused(tls: ssl.SSLContext, certificate: Path) -> None:
    """TA20."""
    with LoopbackServer(answer(), tls=tls) as server:
        other_name = server.origin.replace("127.0.0.1", "localhost")
        with pytest.raises(TlsFailed, match="not valid for 'localhost'"):
            driver(ca_file=str(certificate)).run_blocking(fetch(metadata(other_name)), deadline=10)


def test_a_server_without_tls_is_a_tls_failure() -> None:
    part = say_and_close(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with LoopbackServer(part) as server, pytest.raises(TlsFailed, match="Expected TLS"):
        run(token_request(server.origin.replace("http:", "https:")))

    assert SECRET.encode() not in server.requests[0]


def test_a_file_without_certificates_is_an_error_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")

    with pytest.raises(SettingsError, match=r"ca\.pem"):
        driver(ca_file=str(path)).run_blocking(fetch(metadata("https://auth.example/")), deadline=10)


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"\x00" * 32 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_malformed(garbage: bytes) -> None:
    with LoopbackServer(say_and_close(garbage)) as server, pytest.raises(MalformedResponse, match="Expected an HTTP"):
        run(metadata(server.origin))


@pytest.mark.parametrize(
    "cut", [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 200 OK\r\n"]
)
def test_a_server_that_hangs_up_leaves_the_answer_unknown(cut: bytes) -> None:
    """TE12: the server may have rotated the refresh token."""
    with LoopbackServer(say_and_close(cut)) as server, pytest.raises(NetworkError) as caught:
        run(token_request(server.origin))

    assert type(caught.value) is NetworkError
    assert caught.value.maybe_done


def test_a_hundred_kilobytes_of_headers_are_malformed() -> None:
    """TA17."""
    with (
        LoopbackServer(repeat(b"HTTP/1.1 200 OK\r\n", b"X-Padding: " + b"x" * 4096 + b"\r\n")) as server,
        pytest.raises(MalformedResponse),
    ):
        run(metadata(server.origin))


# Time


def test_a_server_that_never_answers_is_cut_off_at_the_deadline() -> None:
    with LoopbackServer(say()) as server, pytest.raises(TimedOut, match=r"\(token request\), got none in time"):
        run(token_request(server.origin), deadline=0.2)


@pytest.mark.anyio
async def test_a_dripped_body_does_not_outlast_the_deadline() -> None:
    """TA15."""
    drip = repeat(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"{", every=0.02)

    with LoopbackServer(drip) as server, pytest.raises(TimedOut):
        await driver().run(fetch(token_request(server.origin)), deadline=0.2)


def test_dripped_headers_do_not_outlast_the_deadline() -> None:
    """TA15."""
    with LoopbackServer(repeat(b"HTTP/1.1 200 OK\r\nX: ", b"x", every=0.02)) as server, pytest.raises(TimedOut):
        run(token_request(server.origin), deadline=0.2)


def test_interim_answers_without_end_do_not_outlast_the_deadline() -> None:
    with LoopbackServer(repeat(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", every=0.02)) as server, pytest.raises(TimedOut):
        run(token_request(server.origin), deadline=0.2)


def test_the_deadline_holds_for_the_whole_exchange_and_not_for_each_request() -> None:
    with LoopbackServer(say(), answer()) as server:
        candidates = fetch_first(metadata(server.origin), metadata(server.origin))
        with pytest.raises(TimedOut):
            driver().run_blocking(candidates, deadline=0.2)

    assert len(server.requests) == 1


def test_a_silent_metadata_server_leaves_time_for_the_next_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """4.2."""
    monkeypatch.setattr("handstamp.http.wire.METADATA_SECONDS", 0.1)

    with LoopbackServer(say()) as silent, LoopbackServer(answer()) as server:
        candidates = fetch_first(metadata(silent.origin), metadata(server.origin))
        response, errors = driver().run_blocking(candidates, deadline=10)

    assert response.status == 200
    assert [type(error) for error in errors] == [TimedOut]


def test_a_step_may_turn_the_last_time_out_into_its_own_answer() -> None:
    def revoke(url: str) -> Exchange[str]:
        try:
            yield token_request(url)
        except TimedOut:
            return "not told"
        return "told"

    with LoopbackServer(say()) as server:
        outcome = driver().run_blocking(revoke(server.origin), deadline=0.2)

    assert outcome == "not told"


@pytest.mark.anyio
async def test_a_cancelled_run_closes_its_step() -> None:
    closed: list[str] = []

    def step(url: str) -> Exchange[None]:
        try:
            yield metadata(url)
        finally:
            closed.append("closed")

    with LoopbackServer(say()) as server:
        with anyio.move_on_after(0.1):
            await driver().run(step(server.origin), deadline=10)

    assert closed == ["closed"]


# Size


def test_a_body_at_the_cap_is_read_whole() -> None:
    with LoopbackServer(answer(b" " * 262144)) as server:
        response = run(metadata(server.origin))

    assert len(response.body) == 262144


def test_a_body_over_the_cap_is_malformed() -> None:
    with LoopbackServer(answer(b" " * 262145)) as server, pytest.raises(MalformedResponse, match="at most 256 KiB"):
        run(metadata(server.origin))


@pytest.mark.parametrize(
    ("framing", "chunk"),
    [
        ("Content-Length: 10000000000", b"x" * 8192),
        ("Transfer-Encoding: chunked", b"2000\r\n" + b"x" * 8192 + b"\r\n"),
        ("Connection: close", b"x" * 8192),
    ],
)
def test_an_endless_body_is_cut_at_the_cap(framing: str, chunk: bytes) -> None:
    """TA14."""
    endless = repeat(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode(), chunk)

    with LoopbackServer(endless) as server, pytest.raises(MalformedResponse, match="at most 256 KiB"):
        run(token_request(server.origin))


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", gzip.compress(b'{"a": 1}', mtime=0)), ("deflate", zlib.compress(b'{"a": 1}')), ("identity", b'{"a": 1}')],
)
def test_one_content_coding_is_undone_though_none_was_asked_for(coding: str, body: bytes) -> None:
    with LoopbackServer(answer(body, "200 OK", f"Content-Encoding: {coding}")) as server:
        response = run(metadata(server.origin))

    assert response.body == b'{"a": 1}'


def test_an_empty_coded_body_is_empty() -> None:
    with LoopbackServer(answer(b"", "204 No Content", "Content-Encoding: gzip")) as server:
        response = run(metadata(server.origin))

    assert response.body == b""


def test_a_gzip_bomb_is_stopped_at_the_cap() -> None:
    """TA13."""
    bomb = gzip.compress(bytes(32 * 1024 * 1024))

    with (
        LoopbackServer(answer(bomb, "200 OK", "Content-Encoding: gzip")) as server,
        pytest.raises(MalformedResponse, match="at most"),
    ):
        run(metadata(server.origin))


def _incompressible(size: int) -> bytes:
    return gzip.compress(b"".join(zlib.crc32(bytes([n % 251, n // 251 % 251, n // 63001])).to_bytes(4) for n in range(size // 4)))


def test_a_compressed_body_over_its_own_cap_is_malformed() -> None:
    """TA13: 64 KiB on the wire, however little they would unpack to."""
    body = _incompressible(100_000)

    with (
        LoopbackServer(answer(body, "200 OK", "Content-Encoding: gzip")) as server,
        pytest.raises(MalformedResponse, match="at most 64 KiB"),
    ):
        run(metadata(server.origin))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
        ("br", b"{}"),
        ("gzip", b"{}"),
        ("gzip", gzip.compress(b"{}")[:-4]),
        ("gzip", gzip.compress(b"{}") + gzip.compress(b"{}")),
    ],
    ids=["two codings", "an unknown one", "not what it says", "cut short", "two members"],
)
def test_a_coding_that_cannot_be_undone_is_malformed(coding: str, body: bytes) -> None:
    """TA13."""
    with LoopbackServer(answer(body, "200 OK", f"Content-Encoding: {coding}")) as server, pytest.raises(MalformedResponse):
        run(metadata(server.origin))


# Redirects


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
def test_a_redirect_never_carries_a_secret_on(status: str) -> None:
    """TE1, TE2."""
    with LoopbackServer(answer()) as thief:
        with LoopbackServer(answer(b"", status, f"Location: {thief.origin}/steal")) as server:
            elsewhere = run(token_request(server.origin))
        with LoopbackServer(answer(b"", status, "Location: /other"), answer()) as server:
            same_origin = run(token_request(server.origin))

    assert elsewhere.status == same_origin.status == int(status[:3])
    assert thief.requests == []
    assert len(server.requests) == 1


def test_metadata_is_followed_within_its_origin_and_says_where_it_came_from() -> None:
    """TA9."""
    seen: list[str] = []
    with LoopbackServer(answer(b"", "301 Moved", "Location: /there#part"), answer(b'{"a":1}')) as server:
        watched = driver(observe=lambda request, outcome: seen.append(request.url))
        response = watched.run_blocking(fetch(metadata(f"{server.origin}/here")), deadline=10)

    assert (response.status, response.url) == (200, f"{server.origin}/there")
    assert seen == [f"{server.origin}/here", f"{server.origin}/there"]


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/latest", "http://localhost:{port}/", "//other.example/", "http://u:p@127.0.0.1:{port}/"]
)
def test_metadata_is_not_followed_to_another_origin(location: str) -> None:
    """TA9, TA10."""
    with LoopbackServer() as server:
        there = location.format(port=server.origin.rpartition(":")[2])
        server.play(answer(b"", "302 Found", f"Location: {there}"), answer())
        response = run(metadata(server.origin))

    assert response.status == 302
    assert len(server.requests) == 1


def test_https_metadata_is_not_followed_to_http(tls: ssl.SSLContext, certificate: Path) -> None:
    """TA10."""
    with (
        LoopbackServer(answer()) as plain,
        LoopbackServer(answer(b"", "302 Found", f"Location: {plain.origin}"), tls=tls) as server,
    ):
        response = driver(ca_file=str(certificate)).run_blocking(fetch(metadata(server.origin)), deadline=10)

    assert response.status == 302
    assert plain.requests == []


def test_the_fourth_redirect_is_the_answer() -> None:
    """TA9."""
    hops = [answer(b"", "302 Found", f"Location: /{n}") for n in range(9)]

    with LoopbackServer(*hops) as server:
        response = run(metadata(server.origin))

    assert response.status == 302
    assert len(server.requests) == 4


def test_the_probe_of_the_server_follows_nothing() -> None:
    with LoopbackServer(answer(b"", "302 Found", "Location: /x"), answer()) as server:
        response = run(probe(server.origin))

    assert response.status == 302


# What may not leave at all


@pytest.mark.parametrize(
    "url",
    [
        "http://auth.example/token",
        "http://10.0.0.1/token",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "/token",
        "https://",
        "https://user:pass@auth.example/",
        "https://evil.example\\.good.example/",
        "https://a'$(id)'.example/",
        "https://a b.example/",
        "https://ⓔxample.com/",
        "https://auth.example:99999999/",
        f"https://{'a' * 64}.example/",
    ],
)
def test_only_https_or_http_on_loopback_leaves(url: str) -> None:
    """TA6, TA11, A-119."""
    with pytest.raises(InsecureUrl) as caught:
        run(token_request(url))

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [f"Bearer {SECRET}\r\nX-Evil: 1", f"Bearer {SECRET}é", f"Bearer {SECRET}\x00"])
def test_a_secret_that_http_cannot_carry_is_not_sent_and_not_shown(value: str) -> None:
    """TE3."""
    with LoopbackServer(answer()) as server, pytest.raises(UsageError) as caught:
        run(Request("GET", server.origin, Purpose.SERVER, headers=(("authorization", Secret(value)),)))

    assert server.requests == []
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


# The probe of the MCP server


def test_an_event_stream_that_stays_open_does_not_hold_the_probe() -> None:
    stream = say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\n:\n\n\r\n")

    with LoopbackServer(stream) as server:
        response = run(probe(server.origin), deadline=10)

    assert (response.status, response.media_type, response.body) == (200, "text/event-stream", b"")


@pytest.mark.parametrize(
    ("head", "chunk", "expected"),
    [
        (b"Content-Length: 10000000000", b"x" * 8192, b"x" * 262144),
        (b"Content-Encoding: br", b"x", b""),
        (b"Content-Encoding: gzip", b"x", b""),
    ],
    ids=["endless", "unknown coding", "broken coding"],
)
def test_the_body_of_a_probe_is_cut_and_its_head_kept(head: bytes, chunk: bytes, expected: bytes) -> None:
    part = repeat(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="x"\r\n' + head + b"\r\n\r\n", chunk)

    with LoopbackServer(part) as server:
        response = run(probe(server.origin))

    assert (response.status, response.body) == (401, expected)
    assert response.header("www-authenticate") == 'Bearer realm="x"'


def test_a_probe_body_that_breaks_off_does_not_hide_its_head() -> None:
    with LoopbackServer(say_and_close(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\n{")) as server:
        response = run(probe(server.origin))

    assert (response.status, response.body) == (401, b"{")
