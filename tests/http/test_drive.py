"""The driver against real servers on loopback, most of them ill-behaved. Hostile ones: `tests/threats/test_ta.py`."""

import gzip
import zlib

import anyio
import httpx2
import pytest

from asking import SECRET, driver, fetch, fetch_first, metadata, probe, run, token_request
from handstamp.errors import (
    ConnectFailed,
    HandstampError,
    InsecureUrl,
    MalformedResponse,
    NetworkError,
    TimedOut,
    TlsFailed,
    UsageError,
)
from handstamp.http.drive import Driver
from handstamp.model import Secret
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from loopback import LoopbackServer, answer, closed_port, repeat, say, say_and_close


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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


def test_a_server_without_tls_is_a_tls_failure() -> None:
    part = say_and_close(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with LoopbackServer(part) as server, pytest.raises(TlsFailed, match="Expected TLS"):
        run(token_request(server.origin.replace("http:", "https:")))

    assert SECRET.encode() not in server.requests[0]


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


# Time


def test_a_server_that_never_answers_is_cut_off_at_the_deadline() -> None:
    with LoopbackServer(say()) as server, pytest.raises(TimedOut, match=r"\(token request\), got none in time"):
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


def test_a_redirect_to_a_name_that_none_can_have_is_an_answer_like_any_other() -> None:
    """httpx2 wants to show such a name to people, and fails."""
    with LoopbackServer(answer(b"", "302 Found", "Location: //xn--.;/there")) as server:
        response = run(metadata(server.origin))

    assert response.status == 302


def test_metadata_is_followed_within_its_origin_and_says_where_it_came_from() -> None:
    """TA9."""
    seen: list[str] = []
    with LoopbackServer(answer(b"", "301 Moved", "Location: /there#part"), answer(b'{"a":1}')) as server:
        watched = driver(observe=lambda request, outcome: seen.append(request.url))
        response = watched.run_blocking(fetch(metadata(f"{server.origin}/here")), deadline=10)

    assert (response.status, response.url) == (200, f"{server.origin}/there")
    assert seen == [f"{server.origin}/here", f"{server.origin}/there"]


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
