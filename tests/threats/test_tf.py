"""TF: requests to the server, and its challenges."""

import json
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from threading import Thread

import anyio
import httpx2
import pytest

from authority import Authority, Knobs, StartAuthority
from handstamp.demo.ledger import SECRET_PATTERN
from handstamp.errors import AccessDenied, InsecureUrl, LoginRequired, MalformedResponse, StepUpRequired, TemporarilyUnavailable
from handstamp.http.client import open_client
from handstamp.http.drive import Driver
from handstamp.model import Secret
from handstamp.output import Output
from handstamp.protocol.challenge import parse_challenges
from handstamp.protocol.discovery import Probe, probe_server
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.text import mask, safe
from handstamp.vault import Vault
from weaknesses.machine import WHOAMI, Machine, Person, call, reveal

API_KEY = "key-of-the-person-7c1f"
HEADERS: tuple[tuple[str, str | Secret], ...] = (("X-Api-Key", Secret(API_KEY)),)
WELL_KNOWN = "/.well-known/oauth-protected-resource/mcp"


def metadata_of(site: Authority) -> str:
    return site.server_url.removesuffix("/mcp") + WELL_KNOWN


def our_client(vault: Vault, url: str) -> httpx2.AsyncClient:
    """What `handstamp tools` and `handstamp call` give to the MCP SDK."""
    return open_client(
        vault.auth(url),
        headers=HEADERS,
        timeout=httpx2.Timeout(20.0),
        transport=vault.transport(url),
        hide=lambda secrets: None,
    )


def post(vault: Vault, url: str, *targets: str, follow: bool = False) -> list[int]:
    """The statuses of posts to these addresses, one after the other, with the client of our own programs for `url`."""

    async def run() -> list[int]:
        async with our_client(vault, url) as client:
            return [(await client.post(target, json=WHOAMI, follow_redirects=follow)).status_code for target in targets]

    return anyio.run(run)


# TF1 to TF3: other origins


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_tf1_nothing_follows_a_redirect_of_the_server_to_another_origin(
    status: int, machine: Machine, authority: StartAuthority
) -> None:
    """
    The MCP server redirects to another origin, and the client follows.

    Neither token nor configured headers nor cookies go there: `tools` and `call` send nothing but to the server itself, and
    `vault.auth` adds nothing elsewhere. A 401 from there is about nothing of ours, and costs neither a refresh nor a sign-in.
    """
    #
    site, elsewhere = authority(), authority()
    vault = machine.sign_in(site)
    site.turn(redirects={"/mcp": (status, elsewhere.server_url)})

    with pytest.raises(InsecureUrl, match="nothing was sent there"):
        post(vault, site.server_url, site.server_url, follow=True)

    assert site.requests_to("/mcp")[-1].headers["x-api-key"] == API_KEY
    assert elsewhere.log == []


@pytest.mark.parametrize("command", [["tools"], ["call", "whoami"], ["login", "--again"]], ids=["tools", "call", "login"])
def test_tf1_no_command_follows_a_redirect_elsewhere(command: list[str], machine: Machine, authority: StartAuthority) -> None:
    site, elsewhere = authority(), authority()
    machine.sign_in(site)
    site.turn(redirects={"/mcp": (307, elsewhere.server_url)})

    failed = machine.home.fail(command[0], site.server_url, *command[1:], code=1)

    assert "edirect" in failed.error
    assert elsewhere.log == []


def test_tf1_a_caller_s_client_that_follows_gets_no_token_to_take_along(machine: Machine, authority: StartAuthority) -> None:
    site, elsewhere = authority(), authority(Knobs(open_server=True))
    vault = machine.sign_in(site)
    site.turn(redirects={"/mcp": (307, elsewhere.server_url)})

    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False, follow_redirects=True) as client:
        status = client.post(site.server_url, json=WHOAMI).status_code

    assert status == 200
    assert [seen.bearer for seen in elsewhere.log] == [None]


@pytest.mark.parametrize("knobs", [Knobs(), Knobs(challenge='Bearer error="insufficient_scope", scope="admin"')])
def test_tf1_an_answer_of_another_origin_costs_neither_a_refresh_nor_a_login(
    knobs: Knobs, machine: Machine, authority: StartAuthority
) -> None:
    site, elsewhere = authority(), authority(knobs)
    vault = machine.sign_in(site)
    site.turn(redirects={"/mcp": (307, elsewhere.server_url)})

    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False, follow_redirects=True) as client:
        status = client.post(site.server_url, json=WHOAMI).status_code

    assert status == 401
    assert site.refreshes == 0


def test_tf1_a_token_that_a_redirect_carried_to_a_neighbour_is_taken_out(machine: Machine, authority: StartAuthority) -> None:
    """P14. As the MCP SDK does it: the next request is httpx2's copy of the last one, token and all, and is sent by itself."""
    site = authority()
    machine.home.write_settings(
        f'[servers.mine]\nurl = "{site.server_url}"\n[servers.drive]\nurl = "{site.server_url.removesuffix("/mcp")}/drive"\n'
    )
    vault = machine.sign_in(site)
    site.turn(redirects={"/mcp": (307, "/drive")})

    with httpx2.Client(auth=vault.auth("mine"), trust_env=False) as client:
        redirect = client.post(site.server_url, json=WHOAMI)
        assert redirect.next_request is not None
        client.send(redirect.next_request)

    assert redirect.request.headers["authorization"].startswith("Bearer ")
    assert [seen.bearer for seen in site.requests_to("/drive")] == [None]


@pytest.mark.parametrize(
    "url",
    [
        "http://mcp.example/mcp",
        "https://mcp.example:8443/mcp",
        "https://mcp.example:80/mcp",
        "https://mcp.example.evil.example/mcp",
        "https://sub.mcp.example/mcp",
        "https://mcp.example@evil.example/mcp",
        "wss://mcp.example/mcp",
    ],
)
def test_tf2_another_port_or_scheme_is_another_origin(url: str, machine: Machine) -> None:
    """
    The other origin is only another port of the same host, or the same address over plain http.

    Compares scheme, host and port. Whatever differs in one of them is another origin and gets nothing.
    """
    auth = machine.vault().auth("https://mcp.example/mcp")

    assert auth.covers("https://mcp.example/mcp/messages?session=1")
    assert not auth.covers(url)


def test_tf2_another_port_gets_nothing_over_the_wire(machine: Machine, authority: StartAuthority) -> None:
    site, elsewhere = authority(), authority(Knobs(open_server=True))
    vault = machine.sign_in(site)

    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False) as client:
        client.post(elsewhere.server_url, json=WHOAMI)
    with pytest.raises(InsecureUrl):
        post(vault, site.server_url, elsewhere.server_url)

    assert [seen.bearer for seen in elsewhere.log] == [None]


def endpoint_of(client: httpx2.Client, url: str) -> str:
    """Where the server's event stream says that messages go."""
    stream = client.get(url, headers={"Accept": "text/event-stream"})
    return stream.text.partition("data: ")[2].splitlines()[0]


def test_tf3_an_endpoint_on_another_origin_gets_no_token(machine: Machine, authority: StartAuthority) -> None:
    """
    An event stream's `endpoint`, or a `Location`, names an address on another origin for the messages that follow.

    The token goes to the server's own origin, whoever names the address: a client of yours sends those messages without it, and
    ours does not send them at all.
    """
    site, elsewhere = authority(), authority(Knobs(open_server=True))
    vault = machine.sign_in(site)
    site.turn(sse_endpoint=elsewhere.server_url)

    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False) as client:
        endpoint = endpoint_of(client, site.server_url)
        client.post(endpoint, json=WHOAMI)
    with pytest.raises(InsecureUrl):
        post(vault, site.server_url, endpoint)

    assert endpoint == elsewhere.server_url
    assert [seen.bearer for seen in elsewhere.log] == [None]


def test_tf3_an_endpoint_on_the_server_s_own_origin_gets_it(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    site.turn(sse_endpoint=f"{site.server_url}/messages")

    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False) as client:
        client.post(endpoint_of(client, site.server_url), json=WHOAMI)

    assert site.requests_to("/mcp/messages")[0].bearer == reveal(machine.stored(site).token.access_token)


# TF4 to TF6: what a challenge is


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="a, resource_metadata=EVIL", Bearer resource_metadata="GOOD"',
        'Basic realm="a, Bearer resource_metadata=EVIL, Basic b=\\"", Bearer resource_metadata="GOOD"',
        'Basic realm="x", resource_metadata="EVIL", Bearer resource_metadata="GOOD"',
        'Bearer resource_metadata="GOOD", Basic realm="x", resource_metadata="EVIL"',
        'Digest realm="x", resource_metadata="EVIL"',
        'Bearerish resource_metadata="EVIL", Bearer realm="x"',
        'Bearer x_resource_metadata="EVIL", resource_metadata="GOOD"',
        'Bearer resource_metadata="EVIL", resource_metadata="GOOD"',
        'Bearer resource_metadata="GOOD", resource_metadata="EVIL"',
        'Negotiate RVZJTA==, Bearer realm="resource_metadata=EVIL", resource_metadata="GOOD"',
    ],
)
def test_tf4_parameters_of_a_foreign_challenge_do_not_count(challenge: str, machine: Machine, authority: StartAuthority) -> None:
    """
    A challenge of another scheme, or a quoted string in one, holds what looks like our parameters.

    Reads challenges by their grammar (RFC 9110 §11.6.1), and takes Bearer and DPoP only. A challenge with a parameter twice is
    none.
    """
    site, elsewhere = authority(), authority()
    site.turn(challenge=challenge.replace("EVIL", metadata_of(elsewhere)).replace("GOOD", metadata_of(site)))

    machine.sign_in(site)

    assert elsewhere.log == []
    assert machine.stored(site).key.issuer == site.issuer


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer error_description="use scope=admin", scope="read"',
        'Bearer error_description="use, scope=admin, now", scope="read"',
        'Bearer error_description="say \\"scope=admin\\"", scope="read"',
        'Bearer x_scope="admin", scope="read"',
        'Bearer scope="read", x-scope="admin"',
        'Digest scope="admin", Bearer scope="read"',
        'Bearer scope="read", Digest scope="admin"',
    ],
)
def test_tf5_only_the_scope_of_the_challenge_is_asked_for(challenge: str, machine: Machine, authority: StartAuthority) -> None:
    """
    A description, or a parameter with a longer name, holds what looks like a scope.

    Asks for the scopes of the Bearer challenge's own `scope`, and for no other.
    """
    site = authority(Knobs(challenge=challenge, scopes_supported=("read", "admin")))

    machine.sign_in(site)

    assert site.requests_to("/authorize")[0].query["scope"] == "read"


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer resource_metadata="EVIL',
        'Bearer resource_metadata="EVIL\\',
        'Bearer "resource_metadata=EVIL"',
        "Bearer =EVIL",
        "Bearer RVZJTA==",
        'Bearer realm="\xe9 \xff", error="x',
        'Bearer resource_metadata "EVIL"',
        ",,, , Bearer",
        f'Bearer realm="{"x" * 91_000}", resource_metadata="EVIL"',
        f'{"Basic a=b, " * 8_000}Bearer resource_metadata="EVIL"',
    ],
    ids=lambda challenge: challenge[:30],
)
def test_tf6_a_challenge_that_is_broken_or_too_long_is_left_out(
    challenge: str, machine: Machine, authority: StartAuthority
) -> None:
    """
    The header is broken, tens of kilobytes long, in many lines, or made to be slow to read.

    Reads at most 16 KiB of it in linear time and leaves broken challenges out: the metadata is looked for at its well-known
    address.
    """
    site, elsewhere = authority(), authority()
    site.turn(challenge=challenge.replace("EVIL", metadata_of(elsewhere)))

    machine.sign_in(site)

    assert elsewhere.log == []


def test_tf6_many_lines_share_one_bound() -> None:
    line = "Basic a=b, " * 100

    challenges = parse_challenges([line] * 15 + ['Bearer scope="late"'])

    assert challenges == []


@pytest.mark.parametrize(
    "piece", ['"', "\\", "a=", 'a="', ",", "a=b,", " ", "\t", '"\\', '="', "a ", "=", 'a="b"', "\x00", "\xff"]
)
def test_tf6_no_header_is_slow_to_read(piece: str) -> None:
    header = "Bearer " + piece * (16_000 // len(piece))

    began = time.process_time()
    parse_challenges([header])

    # It takes milliseconds; were it quadratic, sixteen thousand pieces would take many seconds.
    assert time.process_time() - began < 1


class RawServer:
    """Answers each connection's first request with these bytes. A context manager."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/mcp"
        self._thread = Thread(target=self._serve, name="raw-server")

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(self._answer)


def probe_by(machine: Machine, server: RawServer) -> Probe:
    driver = Driver(open_transport=lambda: machine.vault().transport(server.url))
    return driver.run_blocking(probe_server(server.url), deadline=10)


@pytest.mark.parametrize(
    ("lines", "scopes"),
    [
        (b'WWW-Authenticate: Basic realm="x"\r\nWWW-Authenticate: Bearer scope="read"\r\n', ("read",)),
        (b'WWW-Authenticate: Bearer scope="broken\r\nWWW-Authenticate: Bearer scope="read"\r\n', ("read",)),
        (b'WWW-Authenticate: Bearer realm="x",\r\n scope="read"\r\n', ("read",)),
        (b'WWW-Authenticate: Bearer realm="\xff\xfe", scope="read"\r\n', ("read",)),
    ],
    ids=["two lines", "a broken line", "a folded line", "foreign letters"],
)
def test_tf6_several_lines_and_folded_ones_are_read(lines: bytes, scopes: tuple[str, ...], machine: Machine) -> None:
    with RawServer(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n" + lines + b"\r\n") as server:
        probe = probe_by(machine, server)

    assert probe.challenge is not None
    assert probe.challenge.scopes == scopes


def test_tf6_a_nul_in_the_header_is_no_answer(machine: Machine) -> None:
    answer = b'HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Bearer scope="re\0ad"\r\n\r\n'
    with RawServer(answer) as server, pytest.raises(MalformedResponse):
        probe_by(machine, server)


# TF7 to TF10: answers without end


def test_tf7_a_server_that_always_says_401_gets_one_refresh(machine: Machine, authority: StartAuthority) -> None:
    """
    The server answers 401 whatever token it gets.

    One refresh, one repetition of the request, then an error that names the command to sign in. However often it is called, a
    process lets such a server bring about five refreshes a minute and no more.
    """
    #
    site = authority()
    vault = machine.sign_in(site)
    site.turn(always_401=True)
    before = len(site.requests_to("/mcp"))

    with pytest.raises(LoginRequired) as caught:
        call(vault, site.server_url)

    assert caught.value.hint == f"handstamp login {site.server_url}"
    assert site.refreshes == 1
    assert len(site.requests_to("/mcp")) - before == 2


def test_tf7_many_calls_do_not_make_us_a_refresh_machine(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    site.turn(always_401=True)

    for _ in range(12):
        with pytest.raises(LoginRequired):
            call(vault, site.server_url)

    assert site.refreshes == 5


def test_tf7_a_command_says_so_and_stops(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    machine.sign_in(site)
    site.turn(always_401=True)

    machine.home.fail("call", site.server_url, "whoami", code=4)

    assert site.refreshes == 1


@pytest.mark.parametrize(
    ("wish", "asked"),
    [("the same", ["read", "read more"]), ("another", ["read", "read more-1", "read more-1 more-2"])],
)
def test_tf8_a_server_that_never_has_enough_gets_two_step_ups(
    wish: str, asked: list[str], machine: Machine, authority: StartAuthority
) -> None:
    """
    The server asks for more scopes without end.

    Asks the person twice for a resource and operation, once where it is the same again, then fails and names the command that
    asks for it; what else the server offers goes on. A scope that was denied is not asked for again.
    """
    site = authority(Knobs(challenge_scope="read", scopes_supported=None))
    vault, person = machine.sign_in(site), Person()
    site.turn(never_enough=wish)

    for _ in range(3):  # a client each, and one count
        with pytest.raises(StepUpRequired, match="still wants more access after you were asked for it"):
            stamp(vault, site, person)

    assert [seen.query["scope"] for seen in site.requests_to("/authorize")] == asked
    assert call(vault, site.server_url, presenter=person) == 200


def test_tf8_a_scope_that_was_denied_is_not_asked_for_again(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(challenge_scope="read", insufficient_scope="write"))
    vault, person = machine.sign_in(site), Person()
    site.turn(deny=True)
    with pytest.raises(AccessDenied):
        stamp(vault, site, person)

    for _ in range(3):
        with pytest.raises(StepUpRequired, match="asked for and refused: write"):
            stamp(machine.vault(), site, person)

    assert person.asked == 1


def stamp(vault: Vault, site: Authority, person: Person) -> None:
    message = {**WHOAMI, "params": {"name": "stamp", "arguments": {"text": "x"}}}
    with httpx2.Client(auth=vault.auth(site.server_url, presenter=person), trust_env=False) as client:
        client.post(site.server_url, json=message)


FIVE_HUNDRED = " ".join(f"scope-{number}" for number in range(500))


def test_tf9_of_five_hundred_scopes_a_hundred_are_asked_for(machine: Machine, authority: StartAuthority) -> None:
    """
    A challenge wants five hundred scopes, or scopes with control characters.

    Takes the grammar of RFC 6749 only and at most a hundred, and shows what it asks for before the browser opens.
    """
    site = authority(Knobs(challenge_scope=FIVE_HUNDRED, scopes_supported=None))

    machine.sign_in(site)

    assert site.requests_to("/authorize")[0].query["scope"].split() == FIVE_HUNDRED.split()[:100]


@pytest.mark.parametrize(
    "bad", ["re\x00ad", "re\x1b[2Jad", "re\x7fad", 're"ad', "re\\ad", "\xe9t\xe9", "\u202egnol", "a\tb", "x" * 201]
)
def test_tf9_what_is_no_scope_is_left_out(bad: str) -> None:
    assert parse_scopes(f"read {bad} write") == ("read", "write")


def test_tf9_more_access_for_a_call_is_bounded_too(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)
    site.turn(insufficient_scope=FIVE_HUNDRED)
    stamp = {**WHOAMI, "params": {"name": "stamp", "arguments": {"text": "x"}}}

    with (
        pytest.raises(StepUpRequired) as caught,
        httpx2.Client(auth=vault.auth(site.server_url), trust_env=False) as client,
    ):
        client.post(site.server_url, json=stamp)

    assert len(caught.value.scopes) <= len(machine.stored(site).requested_scopes) + 100
    assert len(caught.value.message) < 400


def test_tf10_a_public_server_that_says_401_now_and_then_changes_nothing(machine: Machine, authority: StartAuthority) -> None:
    """
    A server that needs no signing in answers 401 now and then.

    Each answer stands for itself: without a grant a 401 is an error and the next request goes out bare as before. Nothing is
    registered, discovered, opened or remembered for it.
    """
    site = authority()
    vault = machine.vault()
    outcomes: list[object] = []

    for is_open in [True, False] * 5:
        site.turn(open_server=is_open)
        try:
            outcomes.append(call(vault, site.server_url))
        except LoginRequired as error:
            outcomes.append(error.code)

    assert outcomes == [200, "login_required"] * 5
    assert {seen.path for seen in site.log} == {"/mcp"}
    assert all(seen.bearer is None for seen in site.log)
    assert vault.grants() == []


def test_tf10_a_server_that_refuses_good_tokens_now_and_then_costs_five_refreshes_a_minute(
    machine: Machine, authority: StartAuthority
) -> None:
    site = authority()
    vault = machine.sign_in(site)
    outcomes: list[object] = []

    for _ in range(8):
        site.expire_access_tokens()
        try:
            outcomes.append(call(vault, site.server_url))
        except LoginRequired as error:
            outcomes.append(error.code)

    assert outcomes == [200] * 5 + ["login_required"] * 3
    assert site.refreshes == 5
    assert machine.stored(site).refused is None


# TF11, TF12: where to


def test_tf11_metadata_elsewhere_about_somebody_else_does_not_count(machine: Machine, authority: StartAuthority) -> None:
    """
    The challenge says that the metadata lies on another origin.

    Takes it only if the document is about this very server. Otherwise it looks at the well-known addresses of the server itself.
    """
    site, elsewhere = authority(), authority()
    site.turn(challenge=f'Bearer resource_metadata="{metadata_of(elsewhere)}"')

    machine.sign_in(site)

    assert machine.stored(site).key.issuer == site.issuer
    assert [(seen.at, seen.path) for seen in elsewhere.log] == [("server", WELL_KNOWN)]


def test_tf11_metadata_elsewhere_about_this_server_counts(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    elsewhere = authority(Knobs(resource_in_metadata=site.server_url, authorization_servers=(site.issuer,)))
    site.turn(challenge=f'Bearer resource_metadata="{metadata_of(elsewhere)}"')

    machine.sign_in(site)

    assert machine.stored(site).resource == site.server_url
    assert site.requests_to(WELL_KNOWN) == []


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer error="invalid_token", error_description="send it as ?access_token="',
        'Bearer bearer_methods_supported="query", access_token=""',
        'Bearer realm="/mcp?access_token={token}"',
    ],
)
def test_tf12_a_token_is_never_in_a_url(challenge: str, machine: Machine, authority: StartAuthority) -> None:
    """
    The server wants the token in the URL.

    Sends it in the header, and nowhere else.
    """
    #
    site = authority()
    site.turn(challenge=f'{challenge}, resource_metadata="{metadata_of(site)}"')
    vault = machine.sign_in(site)
    site.expire_access_tokens()

    status = call(vault, site.server_url)

    assert status == 200
    assert any(seen.bearer for seen in site.requests_to("/mcp"))
    assert not any(SECRET_PATTERN.search(seen.path + json.dumps(seen.query)) for seen in site.log if seen.path != "/authorize")
    assert not any("access_token" in seen.query for seen in site.log)


# TF13: what comes back


@pytest.fixture
def mirror(machine: Machine, authority: StartAuthority) -> Authority:
    """A server named `mine` that repeats what it was sent; somebody is signed in, and configured a key for it."""
    site = authority()
    machine.home.write_settings(f'[servers.mine]\nurl = "{site.server_url}"\nheaders = {{ X-Api-Key = "env:MY_KEY" }}\n')
    machine.home.environ["MY_KEY"] = API_KEY
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_KEY", API_KEY)
        machine.sign_in(site)
    site.turn(echoes=True)
    return site


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("tools mine", 0),
        ("tools mine --json", 0),
        ("call mine whoami", 0),
        ("call mine whoami --json -v", 0),
        ("call mine add", 1),
        ("call mine add --json", 1),
        ("call mine stamp", 1),
    ],
)
def test_tf13_what_a_server_repeats_is_masked(command: str, code: int, machine: Machine, mirror: Authority) -> None:
    """
    The server repeats our token or a configured secret header: in a result, an error, a tool's name, a challenge.

    Masks every secret of sixteen characters and more that a run has sent, on both streams, with `-v` and in JSON; a server that
    makes its own address one blanks it. Only `token` and `headers` show one.
    """
    ran = machine.home.run(*command.split())

    shown = ran.stdout + ran.stderr
    token = reveal(machine.stored(mirror).token.access_token)
    assert ran.exit_code == code, ran
    assert token is not None
    assert token not in shown
    assert API_KEY not in shown
    assert "***" in shown
    if "--json" in command:
        json.loads(ran.stdout)


def test_tf13_a_challenge_that_repeats_the_token_is_masked(machine: Machine, mirror: Authority) -> None:
    """The trace of `login`, which asks with the stored token whether it still works."""
    token = reveal(machine.stored(mirror).token.access_token)
    mirror.turn(always_401=True)
    machine.home.use_browser()

    ran = machine.home.run("-v", "login", "mine")

    assert "you sent ***" in ran.stderr
    assert token is not None
    assert token not in ran.stderr


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_tf13_an_authorization_server_that_repeats_is_masked_too(
    method: str, machine: Machine, authority: StartAuthority
) -> None:
    """The code, its verifier and the client's secret, in the header or the form."""
    secret = "s3cret of the person's: 100 %"
    site = authority(Knobs(clients={"mine": secret}, auth_methods=(method,), code_error="invalid_request", echoes=True))
    machine.home.name("mine", site.server_url, client_id="mine", client_secret_from="env:MINE", issuer=site.issuer)
    machine.home.use_browser()

    ran = machine.home.run("-v", "login", "mine", environ={"MINE": secret})

    (form,) = site.token_requests
    sent = site.requests_to("/token")[0].headers.get("authorization", "Basic -nothing-").partition(" ")[2]
    assert ran.exit_code == 1
    assert "***" in ran.stderr
    for each in (secret, sent, form["code"], form["code_verifier"]):
        assert each not in ran.stderr + ran.stdout


def test_tf13_token_and_headers_still_tell(machine: Machine, mirror: Authority) -> None:
    machine.expire(mirror)

    shown = machine.home.run("token", "mine")
    as_json = machine.home.run("token", "mine", "--json")
    headers = machine.home.run("headers", "mine")

    token = reveal(machine.stored(mirror).token.access_token)
    assert shown.stdout == f"{token}\n"
    assert json.loads(as_json.stdout)["access_token"] == token
    assert json.loads(headers.stdout) == {"Authorization": f"Bearer {token}", "X-Api-Key": API_KEY}


def test_tf13_an_open_server_s_headers_still_tell(machine: Machine, mirror: Authority) -> None:
    """The server was just asked whether it is open, with that very header."""
    machine.home.run("logout", "mine")
    mirror.turn(open_server=True)

    headers = machine.home.run("headers", "mine")

    assert json.loads(headers.stdout) == {"X-Api-Key": API_KEY}


@pytest.mark.parametrize("limit", [30, 36, 45, 60, 500])
def test_tf13_a_secret_that_was_cut_is_masked(limit: int) -> None:
    secret = Secret("ghp_0123456789abcdefghijklmnopqrstuvwxyz")

    shown = mask(safe(f"the server said: {secret.reveal()} and more", limit), [secret])

    assert not any(secret.reveal()[:length] in shown for length in range(5, 41))


@pytest.mark.parametrize("length", [5, 8, 9, 12, 15, 19])
@pytest.mark.parametrize("secret", ["aaaaaaaaZ1234567890", "abcdeabcdeabcdeabcde", "aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_tf13_a_cut_secret_that_repeats_its_own_beginning_is_masked(secret: str, length: int) -> None:
    assert mask(f"it said: {secret[:length]}…", [Secret(secret)]) == "it said: ***…"


def test_tf13_json_stays_json_whatever_the_secret_is(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    secret = 'a "quoted\\secret" 1'
    output.hide([Secret(secret), Secret('"version": 1,\n  "'), Secret("false, but longer")])

    output.document({"text": secret, "is_error": False, "nested": [{secret: 1}]})

    assert json.loads(capsys.readouterr().out) == {"version": 1, "text": "***", "is_error": False, "nested": [{"***": 1}]}


@pytest.mark.parametrize(
    "secret", ['{"version": 1, "error": {"', "server_said_no", "temporarily_unavailable", '"code": "server_s']
)
def test_tf13_an_error_stays_json_whatever_the_secret_is(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output()
    output.json = True
    output.hide([Secret(secret), Secret("the-real-secret-of-the-person")])

    output.problem(TemporarilyUnavailable("It says the-real-secret-of-the-person.", hint="mv the-real-secret-of-the-person"))

    assert json.loads(capsys.readouterr().err)["error"] == {
        "code": "temporarily_unavailable",
        "message": "It says ***.",
        "hint": "mv ***",
        "next_step": "mv ***",
    }


def test_tf13_no_secret_blots_out_our_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    """A server chooses its code and a client's secret; a person's header may be an ordinary word."""
    output = Output()
    output.hide(map(Secret, ("signed_in", "identity", "application", "authorization_server", "already_signed_in")))

    output.document({"signed_in": True, "identity": "application", "authorization_server": "already_signed_in"})

    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "signed_in": True,
        "identity": "application",
        "authorization_server": "already_signed_in",
    }


# TF14: what the server wants to hear again


@pytest.mark.parametrize(
    "session",
    [b"a\xff\xe9b", b"two words", b"a\tb", b"a\r\n X-Evil: 1", b"a" * 1025, b""],
    ids=["foreign letters", "a space", "a tab", "a folded line", "1025 characters", "empty"],
)
def test_tf14_a_session_id_that_would_not_be_one_is_refused(session: bytes, machine: Machine) -> None:
    """
    Values that the server gives and wants back in the head of each request, such as a session id, hold what would make another
    header, or are endless.

    `tools` and `call` take a session id of visible ASCII and bounded length only, and the library below lets no line break into
    a header.
    """
    #
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\nMcp-Session-Id: " + session + b"\r\n\r\n"
    with RawServer(answer) as server, pytest.raises(MalformedResponse, match="session id"):
        post(machine.vault(), server.url, server.url)


def test_tf14_a_session_id_as_it_should_be_is_fine(machine: Machine) -> None:
    """A-133."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\nMcp-Session-Id: 3f-!~\r\n\r\n"
    with RawServer(answer) as server:
        assert post(machine.vault(), server.url, server.url) == [200]


# TF15, TF16


class Stream(httpx2.AsyncByteStream):
    """Two events; the second when the test says so."""

    def __init__(self) -> None:
        self.go_on = anyio.Event()

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        yield b"first"
        await self.go_on.wait()
        yield b"second"


class Server(httpx2.AsyncBaseTransport):
    """An MCP server with an open stream (GET), which answers nobody's POST before fifty are there."""

    def __init__(self) -> None:
        self.stream = Stream()
        self.tokens: set[str] = set()
        self._waiting = 0
        self._everybody = anyio.Event()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.tokens.add(request.headers["authorization"])
        if request.method == "GET":
            return httpx2.Response(200, stream=self.stream)
        self._waiting += 1
        if self._waiting == 50:
            self._everybody.set()
        await self._everybody.wait()
        return httpx2.Response(200)


def test_tf15_nobody_waits_for_a_refresh_or_a_stream(machine: Machine, authority: StartAuthority) -> None:
    """
    A long stream or a refresh keeps other requests waiting.

    Holds no lock while a request runs. While a token that is still good is being renewed, requests go out with it at once, side
    by side, and streams go on.
    """
    site = authority()
    machine.sign_in(site)
    grant, now = machine.stored(site), time.time()
    due = replace(grant, token=replace(grant.token, obtained_at=now - 3400, expires_at=now + 200))
    vault = machine.vault()
    vault._parts.store.save_grant(due)
    site.token_request_arrived.clear()
    site.turn(token_status="hang")
    events: list[str] = []

    async def run(server: Server) -> None:
        async with (
            httpx2.AsyncClient(transport=server, auth=vault.auth(site.server_url)) as client,
            client.stream("GET", site.server_url) as stream,
        ):
            chunks = stream.aiter_raw()
            assert await anyio.to_thread.run_sync(site.token_request_arrived.wait, 20)
            events.append("a refresh began")
            events.append(f"{(await anext(chunks)).decode()} event")
            async with anyio.create_task_group() as group:
                for _ in range(50):
                    group.start_soon(client.post, site.server_url)
            events.append("fifty answers")
            server.stream.go_on.set()
            events.append(f"{(await anext(chunks)).decode()} event")

    async def main() -> None:
        server = Server()
        with anyio.fail_after(15):
            await run(server)
        assert server.tokens == {f"Bearer {reveal(due.token.access_token)}"}

    anyio.run(main)
    before = machine.stored(site).token
    site.turn(token_status=None)
    site.release()
    with vault._parts.store.lock(due.key):  # the refresh holds it until it has stored what came
        events.append("the refresh ended")

    assert events == ["a refresh began", "first event", "fifty answers", "second event", "the refresh ended"]
    assert before == due.token
    assert machine.stored(site).token != due.token
    assert site.refreshes == 1


def test_tf16_cookies_go_back_to_nobody_else(machine: Machine, authority: StartAuthority) -> None:
    """
    The server, or the authorization server, sets cookies.

    Our own requests keep none. `tools` and `call` give a server's cookies back to that server alone, and forget them when they
    end.
    """
    #
    site = authority(Knobs(set_cookie="sid=from-the-site; Path=/"))
    elsewhere = authority(Knobs(open_server=True))

    vault = machine.sign_in(site)
    call(vault, site.server_url)
    site.expire_access_tokens()
    call(vault, site.server_url)
    before = len(site.log)
    with pytest.raises(InsecureUrl):
        post(vault, site.server_url, site.server_url, site.server_url, elsewhere.server_url)

    assert not any("cookie" in seen.headers for seen in site.log[:before])
    assert [seen.headers.get("cookie") for seen in site.log[before:]] == [None, "sid=from-the-site"]
    assert elsewhere.log == []
