"""TD: the callback. A sign-in of the library waits on its real listener, and somebody else comes before the browser does."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import anyio
import pytest

from authority import Authority, Knobs, StartAuthority
from commands import Running
from handstamp.callback.listener import CallbackListener, open_callback
from handstamp.demo.visitor import Visit, visit
from handstamp.errors import AccessDenied, InvalidGrant, IssuerMismatch, LoginTimedOut, UsageError
from handstamp.model import CallbackPlan, Grant, SignedIn
from weaknesses.machine import Machine, NoBrowser, Person

NOT_THIS_LOGIN = "This is not the sign-in that is under way."
FINISHED = "This sign-in is already finished."
SEATS = 64
PATIENCE = 15.0


@dataclass(frozen=True)
class Answer:
    """What the listener said to one visitor."""

    status: int
    headers: HTTPMessage
    body: str


class LinkKeeper:
    """A `Browser` that opens nothing and gives the link to the test."""

    def __init__(self) -> None:
        self.links: SimpleQueue[str] = SimpleQueue()

    def open(self, url: str) -> bool:
        self.links.put(url)
        return True


class WaitingLogin:
    """A sign-in whose browser is away: the listener waits, and nobody has come back yet."""

    def __init__(self, site: Authority, link: str, grant: "Future[Grant | None]") -> None:
        self.site = site
        self.link = link
        self.grant = grant

    @property
    def asked(self) -> dict[str, str]:
        """The authorization request."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.link).query).items()}

    @property
    def redirect_uri(self) -> str:
        return self.asked["redirect_uri"]

    @property
    def port(self) -> int:
        port = urlsplit(self.redirect_uri).port
        assert port is not None
        return port

    @property
    def path(self) -> str:
        return urlsplit(self.redirect_uri).path

    @cached_property
    def answer(self) -> str:
        """The address with which the browser comes back; it has not gone there yet."""
        return visit(self.link, stop_before=self.redirect_uri).url

    @property
    def target(self) -> str:
        return self.answer.removeprefix(f"http://127.0.0.1:{self.port}")

    def knock(self, target: str, *, method: str = "GET", host: str | None = None, **headers: str) -> Answer:
        """One request as somebody else sends it. `sec_fetch_mode="cors"` is a header."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, target, headers={"Host": host or f"127.0.0.1:{self.port}", **named})
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        return answer

    def send(self, data: bytes) -> bytes:
        """What comes back for these very bytes."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(4096), b""))

    def finish(self) -> Visit:
        """The person's browser comes back. Gives the page it ends on; fails where the sign-in had not gone on until then."""
        assert not self.grant.done(), "somebody else ended the sign-in"
        assert self.site.token_requests == [], "somebody else's answer was used"
        page = visit(self.answer)
        assert self.grant.result(PATIENCE) is not None
        return page


Start = Callable[..., WaitingLogin]


@pytest.fixture
def start(machine: Machine, authority: StartAuthority) -> Iterator[Start]:
    """Starts a sign-in: `start()`, `start(Knobs(deny=True))`, `start(site=site, deadline=1)`."""
    with ThreadPoolExecutor(4) as threads:
        begun: list[WaitingLogin] = []

        def begin(knobs: Knobs | None = None, *, site: Authority | None = None, **options: Any) -> WaitingLogin:
            site = site or authority(knobs)
            browser = LinkKeeper()
            login = machine.vault().sync.login
            options.setdefault("deadline", PATIENCE)
            grant = threads.submit(login, site.server_url, browser=browser, **options)
            begun.append(WaitingLogin(site, browser.links.get(timeout=PATIENCE), grant))
            return begun[-1]

        yield begin
        for login in begun:
            if not login.grant.done():
                # Nobody waits five minutes for a test that failed.
                with contextlib.suppress(Exception):
                    visit(login.answer)


@pytest.fixture
def waiting(start: Start) -> WaitingLogin:
    return start()


@pytest.mark.parametrize("query", [{"code": "c"}, {"code": "c", "state": ""}, {"code": "c", "state": "guessed"}, {}])
def test_td1_a_code_with_a_wrong_state_ends_nothing(query: dict[str, str], waiting: WaitingLogin) -> None:
    """
    A code comes to the callback with a wrong `state`, or with none.

    Answers 400 with a page that says so, sends no token request, and goes on waiting for the true answer.
    """
    #
    answer = waiting.knock(f"{waiting.path}?{urlencode(query)}")

    assert answer.status == 400
    assert NOT_THIS_LOGIN in answer.body
    assert waiting.finish().status == 200


@pytest.mark.parametrize("state", [{}, {"state": "guessed"}])
def test_td2_a_forged_error_ends_nothing(state: dict[str, str], waiting: WaitingLogin) -> None:
    """
    A forged error, `?error=access_denied`, tries to end the sign-in.

    Ignores it, since it lacks the `state`: the sign-in goes on, and nobody is shown the forged words.
    """
    forged = {"error": "access_denied", "error_description": "Call this number", "iss": waiting.site.issuer}

    answer = waiting.knock(f"{waiting.path}?{urlencode(forged | state)}")

    assert answer.status == 400
    assert "Call this number" not in answer.body
    assert waiting.finish().status == 200


def test_td3_a_second_answer_is_too_late(start: Start) -> None:
    """
    A second answer follows the first: the same once more, or another code with the right `state`.

    Answers 410 and says that this sign-in is finished; only the first answer's code is redeemed.
    """
    #
    waiting = start(Knobs(token_status="hang"))
    with ThreadPoolExecutor(1) as threads:
        page = threads.submit(visit, waiting.answer)
        assert waiting.site.token_request_arrived.wait(PATIENCE)

        second = waiting.knock(f"{waiting.path}?{urlencode({'code': 'another', 'state': waiting.asked['state']})}")
        waiting.site.release()

        assert (second.status, FINISHED in second.body) == (410, True)
        assert page.result(PATIENCE).status == 200
    assert waiting.grant.result(PATIENCE) is not None
    assert len(waiting.site.token_requests) == 1


def test_td3_the_same_answer_again_after_the_end_is_too_late() -> None:
    async def answer_twice() -> tuple[Visit, Visit]:
        pages: list[Visit] = []
        async with CallbackListener(lambda _: True) as listener, anyio.create_task_group() as tasks:

            async def browse() -> None:
                pages.append(await anyio.to_thread.run_sync(visit, f"{listener.redirect_uri}?code=c"))

            tasks.start_soon(browse)
            await listener.receive()
            await listener.finish(SignedIn("linear"))
            await browse()
        first, second = sorted(pages, key=lambda page: page.status)
        return first, second

    first, second = anyio.run(answer_twice)

    assert first.status == 200
    assert (second.status, FINISHED in second.body) == (410, True)


def test_td4_a_code_of_the_attackers_own_sign_in_is_worthless(start: Start, machine: Machine, authority: StartAuthority) -> None:
    """
    The `state` is right, but the code is one that the attacker got for himself, so that you would work in his account.

    Redeems every code with the PKCE verifier of its own sign-in, so that the authorization server refuses another's; and names
    the account, where the server tells it, in the terminal and on the page.
    """
    #
    site = authority(Knobs(clients={"shared": ""}))
    machine.home.name("notes", site.server_url, client_id="shared", issuer=site.issuer)
    victim, attacker = start(site=site), start(site=site, account="attacker")
    request = victim.asked | {"code_challenge": attacker.asked["code_challenge"], "state": attacker.asked["state"]}
    stolen = visit(f"{site.issuer}/authorize?{urlencode(request)}", stop_before=victim.redirect_uri).url
    code = parse_qs(urlsplit(stolen).query)["code"][0]

    page = visit(f"{victim.redirect_uri}?{urlencode({'code': code, 'state': victim.asked['state'], 'iss': site.issuer})}")

    with pytest.raises(InvalidGrant):
        victim.grant.result(PATIENCE)
    assert page.status == 400
    assert machine.vault().grant(site.server_url) is None


def test_td4_the_page_names_the_account(start: Start) -> None:
    waiting = start(scopes=("openid",))

    assert "alice@example.com" in waiting.finish().body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", "0:{port}"]
)
def test_td5_another_hosts_name_reaches_nothing(host: str, waiting: WaitingLogin) -> None:
    """
    A web page's own name is made to lead to 127.0.0.1 (DNS rebinding), so that the browser takes the listener for its server.

    Hears only requests for the very host and port of the redirect address; any other gets a bare 421, even with the right
    answer.
    """
    answer = waiting.knock(waiting.target, host=host.format(port=waiting.port))

    assert (answer.status, answer.body) == (421, "Misdirected Request\n")
    assert waiting.finish().status == 200


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT", "PROPFIND"])
def test_td6_only_a_navigation_by_get_uses_the_answer_up(method: str, waiting: WaitingLogin) -> None:
    """
    A page, a form, an image, a frame, a preload or a WebSocket calls the callback, in the worst case with the right answer.

    Takes a navigation of a whole tab by GET and refuses the rest with 405 or 403, so that nothing else uses the code up. No
    answer of the listener allows another origin to read it.
    """
    answer = waiting.knock(waiting.target, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert waiting.finish().status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_mode": "cors", "sec_fetch_dest": "empty"},
        {"sec_fetch_mode": "cors"},
        {"sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"},
        {"sec_fetch_mode": "no-cors", "sec_fetch_dest": "script"},
        {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec_websocket_version": "13",
            "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
        },
        {"sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
        {"sec_fetch_mode": "navigate", "sec_fetch_dest": "object"},
        {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document", "sec_purpose": "prefetch"},
        {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document", "sec_purpose": "prefetch;prerender"},
        {"purpose": "prefetch"},
        {"x_moz": "prefetch"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_td6_what_the_browser_says_is_no_tab_takes_nothing(headers: dict[str, str], waiting: WaitingLogin) -> None:
    answer = waiting.knock(waiting.target, **headers)

    assert (answer.status, answer.body) == (403, "Forbidden\n")
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert waiting.finish().status == 200


def test_td6_a_redirect_of_the_servers_page_is_a_navigation(waiting: WaitingLogin) -> None:
    sent = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"}

    answer = waiting.knock(waiting.target, **sent)

    assert answer.status == 303
    assert waiting.grant.result(PATIENCE) is not None


@pytest.mark.parametrize(
    "description",
    ["<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "'\"><svg onload=alert(1)>", "&lt;b&gt;", "<" * 2000],
    ids=["script", "title", "attribute", "entity", "2,000 signs"],
)
def test_td7_the_servers_words_are_text_and_never_markup(description: str, start: Start) -> None:
    """
    The error's text, or a name, is markup, breaks out of the title, or is 100 KB long.

    Cuts and escapes all that a server says, and serves it under a policy that runs nothing, loads nothing and lets nobody frame
    the page. Without the right `state` nothing of the request is repeated at all.
    """
    #
    waiting = start()
    refusal = {"error": "access_denied", "error_description": description, "state": waiting.asked["state"]}

    page = visit(f"{waiting.redirect_uri}?{urlencode(refusal | {'iss': waiting.site.issuer})}")

    with pytest.raises(AccessDenied):
        waiting.grant.result(PATIENCE)
    assert page.status == 400
    assert not any(f"<{tag}" in page.body for tag in ("script", "img", "svg o", "b>", "<"))
    assert page.body.count("<title>") == page.body.count("</title>") == 1
    assert len(page.body) < 12_000


def test_td7_words_without_end_are_not_even_read(waiting: WaitingLogin) -> None:
    refusal = {"error": "access_denied", "error_description": "x" * 100_000, "state": waiting.asked["state"]}

    answer = waiting.send(f"GET {waiting.path}?{urlencode(refusal)} HTTP/1.1\r\nHost: 127.0.0.1:{waiting.port}\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 431 ")  # 64 KiB were read, and no end was in sight
    assert b"xxx" not in answer
    assert waiting.finish().status == 200


def test_td7_the_policy_runs_nothing_and_nobody_frames_the_page(waiting: WaitingLogin) -> None:
    """A-128."""
    answer = waiting.knock(f"{waiting.path}?state=%3Cscript%3E&error=%3Cscript%3E")

    assert "script" not in answer.body
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", ["code", "state", "iss", "error", "error_description"])
def test_td8_a_parameter_that_comes_twice_is_refused(name: str, waiting: WaitingLogin) -> None:
    """
    A parameter comes twice, so that one part of a program reads the first and another the second.

    Takes no answer in which one that counts is repeated, even if the `state` is right; the sign-in goes on.
    """
    twice = [(name, "one"), (name, "two")]

    answer = waiting.knock(f"{waiting.target}&{urlencode(twice)}")

    assert (answer.status, NOT_THIS_LOGIN in answer.body) == (400, True)
    assert waiting.finish().status == 200


CROWDS = {"silent": b"", "half a request": b"GET /callback", "replies never taken": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"}


@pytest.mark.parametrize("said", CROWDS.values(), ids=CROWDS)
def test_td9_a_crowd_that_keeps_the_listener_busy_keeps_nobody_out(said: bytes, waiting: WaitingLogin) -> None:
    """
    The listener is flooded, kept waiting, or sent a request without end.

    Reads an address of 8 KiB and a head of 64 KiB within five seconds. Of the connections that wait it keeps the newest 64:
    whoever has been silent for longest makes room, so that a browser, which speaks at once, is served at once.
    """
    crowd = [socket.create_connection(("127.0.0.1", waiting.port), PATIENCE) for _ in range(200)]
    for connection in crowd:
        with contextlib.suppress(ConnectionError):  # it has had to go already
            connection.sendall(said)

    page = waiting.finish()

    assert page.status == 200
    for connection in crowd:
        connection.close()


def test_td9_the_newcomer_takes_the_seat_of_whoever_was_silent_for_longest(waiting: WaitingLogin) -> None:
    crowd = [socket.create_connection(("127.0.0.1", waiting.port), PATIENCE) for _ in range(200)]

    waiting.knock("/favicon.ico")

    shown_out = [connection.recv(1) for connection in crowd[: 200 - SEATS]]
    crowd[-1].setblocking(False)
    assert shown_out == [b""] * (200 - SEATS), "they were shown out and not served, nor told that their time was up"
    with pytest.raises(BlockingIOError):
        crowd[-1].recv(1)
    assert waiting.finish().status == 200
    for connection in crowd:
        connection.close()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /callback?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET /callback HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 66_000 + b"\r\n\r\n", 431),
        (b"GET /callback" + b"x" * 66_000, 431),
    ],
    ids=["whole line", "whole headers", "never ends"],
)
def test_td9_a_request_without_end_is_refused(request_bytes: bytes, status: int, waiting: WaitingLogin) -> None:
    assert waiting.send(request_bytes).startswith(f"HTTP/1.1 {status} ".encode())
    assert waiting.finish().status == 200


def test_td9_the_cookies_of_everything_else_on_this_machine_keep_no_answer_out(waiting: WaitingLogin) -> None:
    cookies = "; ".join(f"session-{number}={'c' * 1000}" for number in range(30))

    answer = waiting.send(
        f"GET {waiting.path}?state=unknown HTTP/1.1\r\nHost: 127.0.0.1:{waiting.port}\r\nCookie: {cookies}\r\n\r\n".encode()
    )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert waiting.finish().status == 200


def test_td9_a_visitor_who_drips_is_sent_away(waiting: WaitingLogin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handstamp.callback.visit.SECONDS", 0.05)

    assert waiting.send(b"GET /call").startswith(b"HTTP/1.1 408 ")
    assert waiting.finish().status == 200


BIND = """
import socket, sys
host, port, options = sys.argv[1], int(sys.argv[2]), sys.argv[3].split()
family = socket.AF_INET6 if ":" in host else socket.AF_INET
with socket.socket(family) as taken:
    if family == socket.AF_INET6:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    for option in options:
        taken.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
    try:
        taken.bind((host, port))
        taken.listen()
    except OSError:
        sys.exit("refused")
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("options", ["", "SO_REUSEADDR", "SO_REUSEPORT", "SO_REUSEADDR SO_REUSEPORT"])
@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a wildcard may be bound beside us; ours, the more specific, gets the visits"
)
def test_td10_nobody_shares_the_port(host: str, options: str, waiting: WaitingLogin) -> None:
    """
    The port belongs to another program, or another program takes it too while a sign-in waits.

    Takes a free port of the loopback address for itself alone, without port sharing. Where a port is fixed by a setting and
    taken, the sign-in ends with an error that names it, and tries no other.
    """
    done = subprocess.run(
        [sys.executable, "-c", BIND, host, str(waiting.port), options], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr.strip()) == (1, "refused")
    assert waiting.finish().status == 200


@pytest.mark.parametrize("holder", ["127.0.0.1", "0.0.0.0"])
def test_td10_a_fixed_port_that_is_taken_is_named_and_no_other_is_tried(
    holder: str, machine: Machine, authority: StartAuthority
) -> None:
    site = authority()
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    with taken:
        taken.bind((holder, 0))
        taken.listen()
        port = taken.getsockname()[1]
        machine.home.name("notes", site.server_url, callback_port=port)

        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1"):
            machine.vault().sync.login("notes")

    assert site.requests_to("/authorize") == []


def test_td10_a_localhost_of_which_somebody_else_has_half_is_refused() -> None:
    async def open_beside(port: int) -> None:
        async with CallbackListener(lambda _: True, host="localhost", port=port):
            pass

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of localhost"):
            anyio.run(open_beside, port)
        with socket.create_server(("127.0.0.1", port)):
            pass


def listening(port: int) -> set[str]:
    """The addresses, as the kernel writes them, that listen at the port."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's table of sockets")
def test_td11_only_loopback_listens(waiting: WaitingLogin) -> None:
    """
    The listener can be reached from the network.

    Binds the literal loopback address and nothing else, and takes no other host for a redirect address.
    """
    #
    assert listening(waiting.port) == {"0100007F"}

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", waiting.port), PATIENCE)
    assert waiting.finish().status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "", "::", "192.168.1.2", "example.com"])
def test_td11_a_host_that_is_not_loopback_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="redirect host"):
        CallbackListener(lambda _: True, host=host)


Resolve = Callable[..., list[Any]]


@pytest.fixture
def lying_hosts_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is 127.0.0.2, where somebody else sits."""
    resolve: Resolve = socket.getaddrinfo

    def lie(host: object, *arguments: Any, **options: Any) -> list[Any]:
        return resolve("127.0.0.2" if host in ("localhost", b"localhost") else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lie)


@pytest.mark.usefixtures("lying_hosts_file")
def test_td12_what_localhost_means_decides_nothing(waiting: WaitingLogin) -> None:
    """
    `localhost` leads to another address, by the hosts file or the resolver.

    Sends the browser to the literal `127.0.0.1` and binds literal addresses, even where a client was registered with
    `localhost`.
    """
    assert waiting.redirect_uri.startswith("http://127.0.0.1:")
    assert waiting.finish().status == 200


@pytest.mark.usefixtures("lying_hosts_file")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_td12_a_registered_localhost_is_bound_by_its_addresses(address: str) -> None:
    async def reach() -> str:
        async with open_callback(CallbackPlan(host="localhost"), lambda _: False) as listener:
            await (await anyio.connect_tcp(address, listener.port)).aclose()
            return listener.redirect_uri

    assert anyio.run(reach).startswith("http://localhost:")


def test_td13_the_code_is_gone_from_the_address(waiting: WaitingLogin) -> None:
    """
    The code stays in the address bar, in the history, in a `Referer`.

    Sends the browser on to an address without it, known to nobody else, as soon as the code is redeemed, and allows no referrer
    and no caching. What a browser writes down of the redirect itself is a code that is spent.
    """
    #
    arrived = waiting.knock(waiting.target)
    moved = urlsplit(arrived.headers["location"])

    assert waiting.grant.result(PATIENCE) is not None
    assert (arrived.status, moved.query, moved.fragment) == (303, "", "")
    assert moved.path.startswith(f"{waiting.path}/done/")
    assert arrived.headers["referrer-policy"] == "no-referrer"
    assert arrived.headers["cache-control"] == "no-store"
    code = parse_qs(urlsplit(waiting.answer).query)["code"][0]
    assert code not in str(arrived.headers) + arrived.body


def test_td13_nobody_else_finds_the_last_page(waiting: WaitingLogin) -> None:
    early = waiting.knock(f"{waiting.path}/done")

    page = waiting.finish()

    assert early.status == 404
    assert urlsplit(page.url).path.removeprefix(f"{waiting.path}/done/") != ""


def test_td14_an_answer_after_the_deadline_meets_nobody(start: Start) -> None:
    """
    The answer comes after the deadline.

    Has closed the listener by then: nothing listens outside of a sign-in that is under way.
    """
    #
    waiting = start(deadline=0.1)
    with pytest.raises(LoginTimedOut):
        waiting.grant.result(PATIENCE)

    with pytest.raises(ConnectionRefusedError):
        visit(waiting.answer)

    assert waiting.site.token_requests == []


def test_td15_a_form_or_a_fragment_is_no_answer(waiting: WaitingLogin) -> None:
    """
    The answer comes as a form (`form_post`) or in a fragment, as the server chose and we did not.

    Takes an answer in the query of a GET alone.
    """
    answer = urlsplit(waiting.answer).query

    posted = waiting.send(
        f"POST {waiting.path} HTTP/1.1\r\nHost: 127.0.0.1:{waiting.port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode()
    )
    both = waiting.knock(waiting.target, method="POST")
    without = waiting.knock(waiting.path)  # a browser keeps the fragment to itself

    assert posted.startswith(b"HTTP/1.1 405 ")
    assert both.status == 405
    assert (without.status, NOT_THIS_LOGIN in without.body) == (400, True)
    assert waiting.finish().status == 200


class PastingPerson(Person):
    """Signs in on another machine and pastes the last address, spoilt in each of these ways, and at last as it is."""

    def __init__(self, *ways: Callable[[str], str]) -> None:
        super().__init__()
        self.reasons: list[str] = []
        self._ways: list[Callable[[str], str]] = [*ways, str]
        self._address = ""

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        if not self._address:
            stop = parse_qs(urlsplit(authorization_url).query)["redirect_uri"][0]
            self._address = (await anyio.to_thread.run_sync(lambda: visit(authorization_url, stop_before=stop))).url
        return self._ways.pop(0)(self._address)

    async def rejected(self, reason: str) -> None:
        self.reasons.append(reason)


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda address: address.replace(old, new, 1)


SPOILT = {
    "another state": swap("state=", "state=x"),
    "no state": swap("state=", "status="),
    "state twice": lambda address: f"{address}&state=x",
    "another host": swap("127.0.0.1", "evil.example"),
    "localhost": swap("127.0.0.1", "localhost"),
    "userinfo": swap("127.0.0.1", "127.0.0.1@evil.example"),
    "another scheme": swap("http://", "https://"),
    "another path": swap("/callback", "/other"),
    "a fragment": swap("?", "#"),
    "the link itself": lambda address: address.partition("?")[0],
}


@pytest.mark.parametrize("way", SPOILT.values(), ids=SPOILT)
def test_td16_a_pasted_address_is_judged_like_a_visit(
    way: Callable[[str], str], machine: Machine, authority: StartAuthority
) -> None:
    """
    A pasted address has a wrong state, host or issuer.

    Takes an address only if it is the redirect address of this very sign-in with its `state`, says so otherwise and goes on
    waiting; the issuer is checked as in a browser's answer.
    """
    site, person = authority(), PastingPerson(way)

    grant = machine.vault().sync.login(site.server_url, presenter=person, browser=NoBrowser())

    assert grant is not None
    assert person.reasons == ["That address does not belong to this sign-in."]
    assert len(site.token_requests) == 1


def test_td16_a_pasted_answer_of_another_issuer_ends_the_sign_in(machine: Machine, authority: StartAuthority) -> None:
    site, person = authority(Knobs(iss="wrong")), PastingPerson()

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(site.server_url, presenter=person, browser=NoBrowser())

    assert site.token_requests == []


def read_link(running: Running) -> str:
    running.wait_for("Open this link")
    return running.wait_for("http")


def test_td17_two_programs_that_sign_in_at_once_do_not_get_each_others_answer(
    machine: Machine, authority: StartAuthority
) -> None:
    """
    Two sign-ins run at once, in two programs, perhaps at the same authorization server.

    Each has a port, a `state` and a verifier of its own; an answer that gets to the other's port is none there, and both finish.
    """
    #
    site = authority()
    machine.home.name("notes", site.server_url)
    arguments = ("login", "notes", "--no-browser", "--account")
    with machine.home.start(*arguments, "work") as work, machine.home.start(*arguments, "home") as home:
        links = [read_link(work), read_link(home)]
        asked = [{name: values[0] for name, values in parse_qs(urlsplit(link).query).items()} for link in links]
        answers = [visit(link, stop_before=request["redirect_uri"]).url for link, request in zip(links, asked, strict=True)]

        crossed = [
            visit(f"{request['redirect_uri']}?{urlsplit(answer).query}")
            for request, answer in zip(asked, reversed(answers), strict=True)
        ]
        pages = [visit(answer) for answer in answers]
        ends = [work.finish(), home.finish()]

    for name in ("redirect_uri", "state", "code_challenge"):
        assert asked[0][name] != asked[1][name]
    assert [page.status for page in crossed] == [400, 400]
    assert [page.status for page in pages] == [200, 200]
    assert [ran.exit_code for ran in ends] == [0, 0]
    assert [grant.key.account for grant in machine.vault().grants()] == ["home", "work"]
