"""The listener against raw requests: what a browser sends, and what anybody else on this machine may."""

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import pytest

from handstamp.callback.listener import CallbackListener
from handstamp.callback.page import Outcome
from handstamp.errors import LoginCancelled, UsageError
from handstamp.model import LoginFailed, SignedIn

CODE = "code-5f1e9a"
ANSWER = f"code={CODE}&state=right"


SIGNED_IN = SignedIn("linear", "me@example.com", ("read",))

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: str

    def header(self, name: str) -> str | None:
        lines = [line.partition(": ") for line in self.head.split("\r\n")[1:]]
        return next((value for key, _, value in lines if key.lower() == name.lower()), None)


def has_right_state(query: str) -> bool:
    return "state=right" in query.split("&")


async def send_raw(
    listener: CallbackListener, request: bytes, address: str = "127.0.0.1", sent: anyio.Event | None = None
) -> Answer:
    async with await anyio.connect_tcp(address, listener.port) as stream:
        await stream.send(request)
        if sent is not None:
            sent.set()
        received = b""
        try:
            while True:
                received += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
    head, _, body = received.decode().partition("\r\n\r\n")
    return Answer(int(head.split(" ")[1]), head, body)


async def visit(
    listener: CallbackListener,
    target: str,
    *,
    method: str = "GET",
    host: str | None = None,
    headers: tuple[str, ...] = (),
    sent: anyio.Event | None = None,
) -> Answer:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host or f'127.0.0.1:{listener.port}'}", *headers]
    return await send_raw(listener, "\r\n".join([*lines, "", ""]).encode(), sent=sent)


class Tab:
    """A browser's tab that went to an address, waits, and follows where it is sent on."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.sent = anyio.Event()

    @property
    def said(self) -> Answer:
        return self.answers[0]

    @property
    def page(self) -> Answer:
        return self.answers[-1]

    async def go(self, listener: CallbackListener, target: str, *, closes: bool) -> None:
        self.answers.append(await visit(listener, target, sent=self.sent))
        if not closes and (moved := self.said.header("location")):
            self.answers.append(await visit(listener, moved))


@asynccontextmanager
async def browser_back(
    listener: CallbackListener, target: str = f"/callback?{ANSWER}", *, closes: bool = False
) -> AsyncGenerator[Tab]:
    """A tab that comes back with the answer and is held while the block runs; one that `closes` sees no page."""
    tab = Tab()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(tab.go, listener, target, closes=closes))
        yield tab


async def finish(listener: CallbackListener, outcome: Outcome) -> None:
    """Ends the login; fails where the browser did not fetch the page at once."""
    with anyio.fail_after(1.5):
        await listener.finish(outcome)


async def test_the_answer_arrives_and_the_browser_ends_on_a_clean_page() -> None:
    """W8, TD13, A-79."""
    async with CallbackListener(has_right_state) as listener, browser_back(listener) as tab:
        query = await listener.receive()
        held = not tab.answers
        await finish(listener, SIGNED_IN)

    assert listener.redirect_uri == f"http://127.0.0.1:{listener.port}/callback"
    assert query == ANSWER
    assert held, "the browser is held until the code is exchanged"
    assert tab.said.status == 303
    assert tab.page.status == 200
    assert "as <bdi>me@example.com</bdi>" in tab.page.body
    assert "default-src 'none'" in (tab.page.header("content-security-policy") or "")
    assert tab.page.header("cache-control") == tab.said.header("cache-control") == "no-store"
    assert not any(CODE in answer.head + answer.body for answer in tab.answers)


async def test_the_callback_sends_nobody_where_its_query_says() -> None:
    """A-91."""
    elsewhere = "&".join(f"{name}=https://evil.example/{name}" for name in ("next", "redirect_uri", "url", "error_uri"))

    async with CallbackListener(has_right_state) as listener, browser_back(listener, f"/callback?{ANSWER}&{elsewhere}") as tab:
        await listener.receive()
        await finish(listener, SIGNED_IN)

    assert (tab.said.header("location") or "").startswith("/callback/done/")
    assert not any("evil.example" in answer.head + answer.body for answer in tab.answers)


async def test_a_failed_login_shows_its_error() -> None:
    """W8."""
    async with CallbackListener(has_right_state) as listener, browser_back(listener) as tab:
        await listener.receive()
        await finish(listener, LoginFailed("linear", "invalid_grant", None, "handstamp login linear"))

    assert tab.page.status == 400
    assert "invalid_grant" in tab.page.body


async def test_finish_gives_up_on_a_browser_that_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handstamp.callback.listener.PAGE_SECONDS", 0.05)

    async with CallbackListener(has_right_state) as listener, browser_back(listener, closes=True) as tab:
        await listener.receive()
        await listener.finish(SIGNED_IN)

    assert [answer.status for answer in tab.answers] == [303]


async def test_finish_returns_at_once_where_the_answer_was_pasted() -> None:
    async with CallbackListener(has_right_state) as listener:
        with anyio.fail_after(1):
            await listener.finish(SIGNED_IN)
        late = await visit(listener, f"/callback?{ANSWER}")

    assert late.status == 410


async def test_a_reload_during_the_exchange_is_held_too() -> None:
    async with CallbackListener(has_right_state) as listener, browser_back(listener) as first:
        await listener.receive()
        async with browser_back(listener) as second:
            # Visitors are served in the order in which they come: with the third's answer here, the second is in.
            await second.sent.wait()
            await visit(listener, "/favicon.ico")
            await finish(listener, SIGNED_IN)

    assert (first.said.status, second.said.status) == (303, 303)


@pytest.mark.parametrize(
    "target", ["/", "/favicon.ico", "/callback/", "/callback/x", "/Callback", "/callback/done", "//callback", "*"]
)
async def test_other_paths_are_not_there(target: str) -> None:
    async with CallbackListener(has_right_state) as listener:
        answer = await visit(listener, f"{target}?{ANSWER}" if target != "*" else target)

    assert answer.status == 404


async def test_the_path_may_be_one_of_its_own() -> None:
    target = f"/callback/7f3a?{ANSWER}"

    async with CallbackListener(has_right_state, path="/callback/7f3a") as listener, browser_back(listener, target) as tab:
        await listener.receive()
        await finish(listener, SIGNED_IN)

    assert (tab.said.header("location") or "").startswith("/callback/7f3a/done/")
    assert listener.redirect_uri.endswith("/callback/7f3a")
    assert tab.page.status == 200


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_what_is_not_http_is_refused(garbage: bytes) -> None:
    async with CallbackListener(has_right_state) as listener:
        answer = await send_raw(listener, garbage)

    assert answer.status == 400


async def test_visitors_who_hang_up_harm_nobody() -> None:
    async with CallbackListener(has_right_state) as listener:
        for _ in range(5):
            socket.create_connection(("127.0.0.1", listener.port)).close()
        answer = await visit(listener, "/callback")

    assert answer.status == 400


async def test_two_logins_never_share_a_port() -> None:
    """TD10, TD17."""
    async with CallbackListener(has_right_state) as one, CallbackListener(has_right_state) as other:
        assert one.port != other.port
        with pytest.raises(UsageError):
            async with CallbackListener(has_right_state, port=one.port):
                pass


async def test_a_port_is_free_again_after_its_login() -> None:
    """A pre-registered client logs in twice in a minute: the closed connections of the first do not block the second."""
    async with CallbackListener(has_right_state) as first:
        await visit(first, "/callback")

    async with CallbackListener(has_right_state, port=first.port) as second:
        assert second.port == first.port


async def test_a_registered_localhost_listens_on_both_addresses() -> None:
    """A-79, 4.12."""
    request = b"GET /callback HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"
    async with CallbackListener(has_right_state, host="localhost") as listener:
        answers = [await send_raw(listener, request % listener.port, address) for address in ("127.0.0.1", "::1")]

    assert listener.redirect_uri == f"http://localhost:{listener.port}/callback"
    assert [answer.status for answer in answers] == [400, 400]


@pytest.mark.parametrize("path", ["callback", "", "/a b", "/a?b", "/a#b", "/é", "/a\r\n"])
async def test_a_path_that_cannot_be_asked_for_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="redirect path"):
        CallbackListener(has_right_state, path=path)


async def test_the_error_of_the_block_comes_out_as_it_is() -> None:
    async def login() -> None:
        async with CallbackListener(has_right_state) as listener, await anyio.connect_tcp("127.0.0.1", listener.port):
            raise LoginCancelled("You stopped it.")

    with pytest.raises(LoginCancelled):
        await login()


async def test_a_cancelled_login_closes_the_listener() -> None:
    ports: list[int] = []
    with anyio.move_on_after(0.05) as scope:
        async with CallbackListener(has_right_state) as listener:
            ports.append(listener.port)
            await listener.receive()

    assert scope.cancelled_caught
    with pytest.raises(OSError, match="failed"):
        await anyio.connect_tcp("127.0.0.1", ports[0])


async def test_waiting_can_be_given_up_and_taken_up_again() -> None:
    """A presenter that takes a pasted address races with the listener."""
    async with CallbackListener(has_right_state) as listener:
        with anyio.move_on_after(0):
            await listener.receive()
        async with browser_back(listener):
            query = await listener.receive()
            await finish(listener, SIGNED_IN)

    assert query == ANSWER
