"""The listener against raw requests: what a browser sends, and what anybody else on this machine may."""

import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest

from handstamp.callback.listener import CallbackListener
from handstamp.callback.page import Outcome
from handstamp.errors import LoginCancelled, UsageError
from handstamp.model import LoginFailed, SignedIn

CODE = "code-5f1e9a"
ANSWER = f"code={CODE}&state=right"


def remember_and_refuse(asked: list[str]) -> Callable[[str], bool]:
    def accept(query: str) -> bool:
        asked.append(query)
        return False

    return accept


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
    """A browser's tab that went to an address and waits."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.sent = anyio.Event()

    @property
    def said(self) -> Answer:
        assert self.answer is not None
        return self.answer

    async def go(self, listener: CallbackListener, target: str) -> None:
        self.answer = await visit(listener, target, sent=self.sent)


@asynccontextmanager
async def browser_back(listener: CallbackListener, target: str = f"/callback?{ANSWER}") -> AsyncGenerator[Tab]:
    """A tab that comes back with the answer and is held while the block runs."""
    tab = Tab()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tab.go, listener, target)
        yield tab


async def finish_and_look(listener: CallbackListener, outcome: Outcome, done: str = "/callback/done") -> Answer:
    """What the browser shows at the end of the login."""
    page: list[Answer] = []

    async def look() -> None:
        page.append(await visit(listener, done))

    with anyio.fail_after(1.5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.finish, outcome)
            tasks.start_soon(look)
    return page[0]


async def test_the_answer_arrives_and_the_browser_ends_on_a_clean_page() -> None:
    """W8, TD13, A-79."""
    async with CallbackListener(has_right_state) as listener, browser_back(listener) as tab:
        query = await listener.receive()
        held = tab.answer is None
        page = await finish_and_look(listener, SIGNED_IN)

    assert listener.redirect_uri == f"http://127.0.0.1:{listener.port}/callback"
    assert query == ANSWER
    assert held, "the browser is held until the code is exchanged"
    assert (tab.said.status, tab.said.header("location")) == (303, "/callback/done")
    assert page.status == 200
    assert "as <bdi>me@example.com</bdi> · read" in page.body
    assert "default-src 'none'" in (page.header("content-security-policy") or "")
    assert page.header("cache-control") == tab.said.header("cache-control") == "no-store"
    assert CODE not in tab.said.head + tab.said.body + page.head + page.body


async def test_a_failed_login_shows_its_error() -> None:
    """W8."""
    async with CallbackListener(has_right_state) as listener, browser_back(listener):
        await listener.receive()
        page = await finish_and_look(listener, LoginFailed("linear", "invalid_grant", None, "handstamp login linear"))

    assert page.status == 400
    assert "invalid_grant" in page.body


async def test_finish_gives_up_on_a_browser_that_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handstamp.callback.listener.PAGE_SECONDS", 0.05)

    async with CallbackListener(has_right_state) as listener, browser_back(listener) as tab:
        await listener.receive()
        await listener.finish(SIGNED_IN)

    assert tab.said.status == 303


async def test_finish_returns_at_once_where_the_answer_was_pasted() -> None:
    async with CallbackListener(has_right_state) as listener:
        with anyio.fail_after(1):
            await listener.finish(SIGNED_IN)
        late = await visit(listener, f"/callback?{ANSWER}")

    assert late.status == 410


@pytest.mark.parametrize(
    "target",
    [
        "/callback",
        "/callback?",
        f"/callback?code={CODE}",
        f"/callback?code={CODE}&state=wrong",
        "/callback?error=access_denied",
        "/callback?error=access_denied&error_description=%3Cscript%3Ereflected",
    ],
)
async def test_an_answer_without_this_logins_state_ends_nothing(target: str) -> None:
    """W7, TD1, TD2, TD7."""
    async with CallbackListener(has_right_state) as listener:
        answer = await visit(listener, target)
        async with browser_back(listener):
            query = await listener.receive()
            await finish_and_look(listener, SIGNED_IN)

    assert answer.status == 400
    assert "This is not the sign-in that is under way." in answer.body
    assert CODE not in answer.body
    assert "reflected" not in answer.body
    assert query == ANSWER


async def test_a_second_answer_is_too_late() -> None:
    """TD3."""
    other = "code=other&state=right"
    async with CallbackListener(has_right_state) as listener:
        async with browser_back(listener):
            query = await listener.receive()
            during = await visit(listener, f"/callback?{other}")
            await finish_and_look(listener, SIGNED_IN)
        after = await visit(listener, f"/callback?{ANSWER}")

    assert query == ANSWER
    assert (during.status, after.status) == (410, 410)
    assert "This sign-in is already finished." in after.body


async def test_a_reload_during_the_exchange_is_held_too() -> None:
    async with CallbackListener(has_right_state) as listener, browser_back(listener) as first:
        await listener.receive()
        async with browser_back(listener) as second:
            # Visitors are served in the order in which they come: with the third's answer here, the second is in.
            await second.sent.wait()
            await visit(listener, "/favicon.ico")
            await finish_and_look(listener, SIGNED_IN)

    assert (first.said.status, second.said.status) == (303, 303)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"]
)
async def test_another_host_is_not_heard(host: str) -> None:
    """TD5: a name that was rebound to 127.0.0.1."""
    asked: list[str] = []
    async with CallbackListener(remember_and_refuse(asked)) as listener:
        answer = await visit(listener, f"/callback?{ANSWER}", host=host.format(port=listener.port))

    assert answer.status == 421
    assert asked == []


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("HEAD", (), 405),
        ("POST", ("Content-Length: 0",), 405),
        ("OPTIONS", (), 405),
        ("GET", ("Sec-Purpose: prefetch;prerender",), 403),
        ("GET", ("Purpose: prefetch",), 403),
        ("GET", ("Sec-Fetch-Mode: cors",), 403),
        ("GET", ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"), 403),
    ],
)
async def test_what_is_no_visit_of_a_person_takes_nothing(method: str, headers: tuple[str, ...], status: int) -> None:
    """TD6, TD15."""
    asked: list[str] = []
    async with CallbackListener(remember_and_refuse(asked)) as listener:
        answer = await visit(listener, f"/callback?{ANSWER}", method=method, headers=headers)

    assert answer.status == status
    assert asked == []


async def test_a_navigation_is_a_visit() -> None:
    headers = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: cross-site")
    asked: list[str] = []
    async with CallbackListener(remember_and_refuse(asked)) as listener:
        await visit(listener, f"/callback?{ANSWER}", headers=headers)

    assert asked == [ANSWER]


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
        page = await finish_and_look(listener, SIGNED_IN, "/callback/7f3a/done")

    assert tab.said.header("location") == "/callback/7f3a/done"
    assert listener.redirect_uri.endswith("/callback/7f3a")
    assert page.status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /callback?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /callback HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"GET /callback" + b"x" * 20000,
    ],
    ids=["whole line", "whole headers", "never ends"],
)
async def test_a_request_of_more_than_8_kib_is_refused(request_bytes: bytes) -> None:
    """TD9."""
    async with CallbackListener(has_right_state) as listener:
        answer = await send_raw(listener, request_bytes)

    assert answer.status == 431


@pytest.mark.parametrize(
    "garbage", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_what_is_not_http_is_refused(garbage: bytes) -> None:
    async with CallbackListener(has_right_state) as listener:
        answer = await send_raw(listener, garbage)

    assert answer.status == 400


async def test_a_visitor_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """TD9."""
    monkeypatch.setattr("handstamp.callback.visit.SECONDS", 0.05)

    async with CallbackListener(has_right_state) as listener:
        answer = await send_raw(listener, b"GET /call")

    assert answer.status == 408


async def test_the_login_survives_a_hundred_idle_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """TD9."""
    monkeypatch.setattr("handstamp.callback.visit.SECONDS", 0.05)
    monkeypatch.setattr("handstamp.callback.visit.LEFTOVER_SECONDS", 0.05)

    async with CallbackListener(has_right_state) as listener:
        idle = [socket.create_connection(("127.0.0.1", listener.port)) for _ in range(100)]
        async with browser_back(listener):
            with anyio.fail_after(10):
                query = await listener.receive()
            await finish_and_look(listener, SIGNED_IN)
        for connection in idle:
            connection.close()

    assert query == ANSWER


async def test_visitors_who_hang_up_harm_nobody() -> None:
    async with CallbackListener(has_right_state) as listener:
        for _ in range(5):
            socket.create_connection(("127.0.0.1", listener.port)).close()
        answer = await visit(listener, "/callback")

    assert answer.status == 400


async def test_a_port_that_is_taken_is_named_and_no_other_is_tried() -> None:
    """TD10, 4.12."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1"):
            async with CallbackListener(has_right_state, port=port):
                pass


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


async def test_only_loopback_is_bound() -> None:
    """TD11, A-79."""
    async with CallbackListener(has_right_state) as listener:
        with pytest.raises(OSError, match="failed"):
            await anyio.connect_tcp("127.0.0.2", listener.port)


async def test_after_the_block_nobody_listens() -> None:
    """TD14, A-79."""
    async with CallbackListener(has_right_state) as listener:
        pass

    with pytest.raises(OSError, match="failed"):
        await anyio.connect_tcp("127.0.0.1", listener.port)


async def test_a_registered_localhost_listens_on_both_addresses() -> None:
    """4.12."""
    request = b"GET /callback HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"
    async with CallbackListener(has_right_state, host="localhost") as listener:
        answers = [await send_raw(listener, request % listener.port, address) for address in ("127.0.0.1", "::1")]

    assert listener.redirect_uri == f"http://localhost:{listener.port}/callback"
    assert [answer.status for answer in answers] == [400, 400]


async def test_a_localhost_of_which_someone_else_has_half_is_refused() -> None:
    """TD10: the answer could go to the other."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of localhost"):
            async with CallbackListener(has_right_state, host="localhost", port=port):
                pass
        with socket.create_server(("127.0.0.1", port)):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.2", "example.com"])
async def test_a_host_that_is_not_loopback_is_refused(host: str) -> None:
    """TD11."""
    with pytest.raises(UsageError, match="redirect host"):
        CallbackListener(has_right_state, host=host)


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
            await finish_and_look(listener, SIGNED_IN)

    assert query == ANSWER
