"""TE: the token endpoint, and refresh."""

import json
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Event, Thread

import anyio
import httpx2
import pytest
from jwt import decode
from starlette.responses import Response as StarletteResponse

from application.sources import Bench, fill_disk, landed
from authority import Authority, Knobs, Seen, StartAuthority
from fakes import make_grant
from handstamp.errors import (
    AccessDenied,
    HandstampError,
    InvalidClient,
    InvalidGrant,
    InvalidScope,
    LoginRequired,
    MalformedResponse,
    ServerBrokeProtocol,
    ServerSaidNo,
    StoreUnreachable,
    TemporarilyUnavailable,
)
from handstamp.events import NeedsLogin
from handstamp.logout import LogoutReport, Revocation
from handstamp.model import Grant, Registration, Secret, Uptime
from handstamp.protocol.client_auth import Credentials
from handstamp.protocol.exchange import Purpose, Request, Response
from handstamp.protocol.tokens import find_other_audiences, judge_token_response
from handstamp.vault import Vault
from signing import make_keys
from weaknesses.machine import Machine, Person, call, reveal

DAY = 86_400.0
TOKEN_REQUEST = Request("POST", "https://auth.example/token", Purpose.TOKEN)


def renew(machine: Machine, site: Authority) -> Vault:
    """A vault whose token has ended, and was renewed if that went well."""
    machine.expire(site)
    vault = machine.vault()
    vault.sync.token(site.server_url)
    return vault


def sign_out(machine: Machine, site: Authority) -> LogoutReport:
    (report,) = machine.vault().sync.logout(site.server_url)
    return report


def refused(act: Callable[[], object]) -> str:
    """What the answer was refused with."""
    with pytest.raises(ServerBrokeProtocol) as caught:
        act()
    return caught.value.message


def jwt(claims: object) -> str:
    """As RFC 9068 has it, with a signature that nobody checks."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
    return ".".join([*parts, "c2lnbmVk"])


def answer(**members: object) -> Response:
    body = {"access_token": "a-token", "token_type": "Bearer", **members}
    return Response(200, (("content-type", "application/json"),), json.dumps(body).encode(), TOKEN_REQUEST.url, 1000.0)


# TE1, TE2: redirects


@pytest.mark.parametrize("status", [307, 308])
def test_te1_a_redirected_token_request_takes_no_secret_to_another_origin(
    status: int, machine: Machine, authority: StartAuthority
) -> None:
    """
    A request with a secret in it, for a token, a registration or a revocation, is redirected to another origin.

    Follows none: the redirect is an error that says so, and no request that bears a secret is ever sent on.
    """
    site, elsewhere = authority(), authority()
    machine.sign_in(site)
    site.turn(redirects={"/token": (status, f"{elsewhere.issuer}/token")})

    said = refused(lambda: renew(machine, site))

    assert f"redirect (HTTP {status})" in said
    assert elsewhere.log == []


@pytest.mark.parametrize("status", [307, 308])
def test_te1_neither_a_code_nor_a_registration_is_sent_on(status: int, machine: Machine, authority: StartAuthority) -> None:
    site, elsewhere = authority(), authority()

    site.turn(redirects={"/register": (status, f"{elsewhere.issuer}/register")})
    registering = refused(lambda: machine.sign_in(site))
    site.turn(redirects={"/token": (status, f"{elsewhere.issuer}/token")})
    redeeming = refused(lambda: machine.sign_in(site))

    assert "client registration" in registering
    assert "token request" in redeeming
    assert elsewhere.log == []


@pytest.mark.parametrize("status", [307, 308])
def test_te1_a_revocation_is_not_sent_on(status: int, machine: Machine, authority: StartAuthority) -> None:
    site, elsewhere = authority(), authority()
    machine.sign_in(site)
    site.turn(redirects={"/revoke": (status, f"{elsewhere.issuer}/revoke")})

    report = sign_out(machine, site)

    assert not report.revoked
    assert elsewhere.log == []


@pytest.mark.parametrize("status", [301, 302, 303])
def test_te2_a_token_request_does_not_become_a_get(status: int, machine: Machine, authority: StartAuthority) -> None:
    """
    A token request is redirected in a way that makes a GET of it, within the origin or out of it.

    Follows none of these either: nobody else is asked, and the token stays as it was.
    """
    site, elsewhere = authority(), authority()
    machine.sign_in(site)
    before = machine.expire(site)

    for target in (f"{elsewhere.issuer}/token", f"{site.issuer}/caught", "/caught?grant=1"):
        site.turn(redirects={"/token": (status, target)})
        refused(lambda: machine.vault().sync.token(site.server_url))

    assert elsewhere.log == []
    assert site.requests_to("/caught") == []
    assert machine.stored(site).token == before.token
    assert machine.stored(site).renews


# TE3 to TE8: what an answer says


@pytest.mark.parametrize("token_type", ["mac", "DPoP", "N_A", "Bearer DPoP", "", None, 1])
def test_te3_a_token_of_another_type_is_refused(token_type: object, machine: Machine, authority: StartAuthority) -> None:
    """
    The token is of another type than was asked for, of none, or holds a line break, a space or foreign letters that would end
    or break the header it goes into.

    Takes Bearer tokens of visible ASCII, and refuses every other answer whole: nothing of it is stored or sent.
    """
    #
    site = authority(Knobs(token_members={"token_type": token_type}))

    said = refused(lambda: machine.sign_in(site))

    assert said.startswith('Expected token_type "Bearer"')
    assert machine.vault().grants() == []


@pytest.mark.parametrize(
    "token", ["a\r\nX-Evil: 1", "two words", "br\u00fbl\u00e9e", "a\x00b", "\u202egnol", "", None, ["a"], "a" * 40_000]
)
def test_te3_a_token_that_would_break_its_header_is_refused(token: object, machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(token_members={"access_token": token}))

    said = refused(lambda: machine.sign_in(site))

    assert "visible ASCII" in said
    assert machine.vault().grants() == []


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        ('"3600"', 3600),
        ("3600.5", 3600.5),
        ("-1", None),
        ("0", None),
        ("1e999", None),
        ("-1e999", None),
        (str(10**30), None),
        (f'"{10**30}"', None),
        ("null", None),
        ("true", None),
        ('"a while"', None),
        ('"-1"', None),
        ("[3600]", None),
    ],
)
def test_te4_an_absurd_lifetime_is_an_unknown_one(
    expires_in: str, lifetime: float | None, machine: Machine, authority: StartAuthority
) -> None:
    """
    The token's lifetime is negative, endless, enormous, a word or not there.

    Takes a positive number up to ten years, also where it is written as a string. Anything else is an unknown lifetime, and the
    token is used until the server refuses it.
    """
    body = f'{{"access_token": "a-token", "token_type": "Bearer", "expires_in": {expires_in}}}'
    site = authority(Knobs(token_body=body.encode()))

    machine.sign_in(site)

    token = machine.stored(site).token
    assert (token.expires_at is None) is (lifetime is None)
    assert lifetime is None or token.expires_at == pytest.approx(token.obtained_at + lifetime)
    assert machine.vault().sync.token(site.server_url) == token


@pytest.mark.parametrize("number", ["NaN", "Infinity", "9" * 5000])
def test_te4_what_is_no_number_of_json_is_no_answer(number: str, machine: Machine, authority: StartAuthority) -> None:
    body = f'{{"access_token": "a-token", "token_type": "Bearer", "expires_in": {number}}}'
    site = authority(Knobs(token_body=body.encode()))

    assert "as JSON" in refused(lambda: machine.sign_in(site))


@pytest.mark.parametrize(
    ("knobs", "kind"),
    [
        (Knobs(token_members={"error": "access_denied"}), AccessDenied),
        (Knobs(token_members={"error": "invalid_scope"}), InvalidScope),
        (Knobs(token_body=b'{"error": "invalid_grant"}'), InvalidGrant),
        (Knobs(token_members={"error": ["invalid_grant"]}), MalformedResponse),
        (Knobs(token_body=b""), MalformedResponse),
        (Knobs(token_body=b"[]"), MalformedResponse),
        (Knobs(token_status="html"), MalformedResponse),
        (Knobs(token_status="no access_token"), MalformedResponse),
        (Knobs(token_status=400), MalformedResponse),
    ],
)
def test_te5_a_success_that_is_none_is_a_typed_error(
    knobs: Knobs, kind: type[HandstampError], machine: Machine, authority: StartAuthority
) -> None:
    """
    A success carries an error beside its token, or is a web page; a refusal carries no word of why.

    Goes by what the answer holds and not by its status: an error code wins over a token beside it, and what cannot be read is
    an error that says so. None of them stores anything.
    """
    site = authority(knobs)

    with pytest.raises(kind):
        machine.sign_in(site)

    assert machine.vault().grants() == []


def test_te6_a_refresh_without_a_new_refresh_token_keeps_the_old_one(machine: Machine, authority: StartAuthority) -> None:
    """
    A refresh brings no new refresh token.

    Keeps the old one, which is still good (RFC 6749 §6), and renews with it again.
    """
    site = authority(Knobs(rotate=False))
    machine.sign_in(site)
    first = reveal(machine.stored(site).token.refresh_token)

    renew(machine, site)
    renew(machine, site)

    assert [form["refresh_token"] for form in site.token_requests[1:]] == [first, first]
    assert reveal(machine.stored(site).token.refresh_token) == first


def test_te7_more_scopes_than_were_asked_for_are_stored_and_told(machine: Machine, authority: StartAuthority) -> None:
    """
    The granted scopes are more, fewer or others than were asked for.

    Stores what was granted. Where that is more, `login` says which, in JSON too.
    """
    site = authority(Knobs(granted_scopes=("read", "write", "admin:everything")))
    machine.home.use_browser()

    told = machine.home.run("login", site.server_url)
    as_json = machine.home.run("login", site.server_url, "--again", "--json")

    note = "More was allowed than was asked for: admin:everything."
    assert note in told.stderr
    assert json.loads(as_json.stdout)["notes"] == [note]
    assert machine.stored(site).scopes == ("read", "write", "admin:everything")


@pytest.mark.parametrize("granted", [("read",), ("other",), ()])
def test_te7_the_stored_scopes_are_those_that_were_granted(
    granted: tuple[str, ...], machine: Machine, authority: StartAuthority
) -> None:
    site = authority(Knobs(token_members={"scope": " ".join(granted)}))

    machine.sign_in(site)

    assert machine.stored(site).scopes == granted


def test_te7_a_refresh_stores_what_it_was_granted(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    machine.sign_in(site)
    site.turn(token_members={"scope": "read"})

    renew(machine, site)

    assert machine.stored(site).scopes == ("read",)


def test_te7_a_name_of_a_scope_that_is_none_is_not_told(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(token_members={"scope": 'read write \x1b[2J"admin"'}))
    machine.home.use_browser()

    told = machine.home.run("login", site.server_url)

    assert told.exit_code == 0
    assert "More was allowed" not in told.stderr


ELSEWHERE = "https://graph.example/v1"
NOTE = f"The token says that it is for {ELSEWHERE}: this server gets it, and could use it there."


@pytest.mark.parametrize(
    "members",
    [
        {"resource": ELSEWHERE},
        {"resource": [ELSEWHERE]},
        {"access_token": jwt({"aud": ELSEWHERE})},
        {"access_token": jwt({"aud": [ELSEWHERE, "account"], "iss": "anybody"})},
    ],
    ids=["resource", "resources", "aud", "auds"],
)
def test_te8_a_token_for_something_else_is_told(members: dict[str, object], machine: Machine, authority: StartAuthority) -> None:
    """
    The token is meant for something else: the answer's `resource` says so, or the `aud` of a token that can be read.

    `login` says what else the token is for, where that is another URL than this server's and its authorization server's.
    Nothing is refused for it, and nothing else is ever read from a token.
    """
    site = authority(Knobs(token_members=members))
    machine.home.use_browser()

    told = machine.home.run("login", site.server_url)

    assert told.exit_code == 0
    assert NOTE in told.stderr
    assert machine.stored(site).token.access_token


def test_te8_a_library_s_presenter_is_told_too(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(token_members={"resource": ELSEWHERE}))
    person = Listener()

    machine.vault().sync.login(site.server_url, presenter=person)

    assert person.notes == [NOTE]


class Listener(Person):
    """Remembers what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []

    async def noted(self, note: str) -> None:
        self.notes.append(note)


SERVER, ISSUER = "https://mcp.example/team/mcp", "https://auth.example/tenant"


@pytest.mark.parametrize(
    ("audience", "is_other"),
    [
        (SERVER, False),
        (f"{SERVER}/", False),
        ("https://MCP.example:443/team/mcp", False),
        ("https://mcp.example/team", False),
        ("https://mcp.example", False),
        (ISSUER, False),
        ("https://auth.example/userinfo", False),
        # Names that are no URLs: nobody but the authorization server can tell whose they are.
        ("account", False),
        ("api://1f3c", False),
        ("urn:example", False),
        ("https://mcp.example/team/mcp-evil", True),
        ("https://mcp.example/other", True),
        ("https://mcp.example:8443/team/mcp", True),
        ("https://evil.example", True),
    ],
)
def test_te8_only_a_url_that_is_plainly_another_counts(audience: str, is_other: bool) -> None:
    others = find_other_audiences((audience,), server=SERVER, resource=SERVER, issuer=ISSUER)

    assert bool(others) is is_other


@pytest.mark.parametrize(
    "token",
    [
        "..",
        "a.b.c",
        "a..c",
        "!.!.!",
        jwt([]),
        jwt("aud"),
        jwt({"aud": 5}),
        jwt({"aud": {"https://evil.example": 1}}),
        jwt({"aud": [None, 5, ["https://evil.example"]]}),
        "a." + urlsafe_b64encode(b"[" * 9000).decode() + ".c",
        "a." + urlsafe_b64encode(b'{"aud": NaN}').decode() + ".c",
        "a." + urlsafe_b64encode(bytes(range(128, 256))).decode() + ".c",
    ],
)
def test_te8_a_token_that_cannot_be_read_says_nothing(token: str) -> None:
    assert judge_token_response(TOKEN_REQUEST, answer(access_token=token)).audiences == ()


def test_te8_no_more_audiences_than_a_person_can_read_are_kept() -> None:
    many = [f"https://{number}.example" for number in range(1000)]

    assert len(judge_token_response(TOKEN_REQUEST, answer(resource=many)).audiences) == 20


# TE9 to TE13: who refreshes, and how often


def test_te9_many_programs_and_tasks_send_one_refresh(machine: Machine, authority: StartAuthority) -> None:
    """
    Many programs and tasks meet an expired token at once.

    Sends one refresh: one for a process, and one process at a time holds the grant's lock. Whoever waited for it looks again,
    and takes what is there.
    """
    site = authority()
    machine.sign_in(site)
    machine.expire(site)
    site.token_request_arrived.clear()
    site.turn(token_status="hang")
    programs = [machine.vault() for _ in range(4)]
    got: set[str | None] = set()

    async def ask(program: Vault) -> None:
        got.add(reveal((await program.token(site.server_url)).access_token))

    async def run() -> None:
        async with anyio.create_task_group() as group:
            for program in programs:
                for _ in range(25):
                    group.start_soon(ask, program)
            await anyio.lowlevel.checkpoint()  # all of them have found the token ended, and wait
            assert await anyio.to_thread.run_sync(site.token_request_arrived.wait, 20)
            site.turn(token_status=None)
            site.release()

    anyio.run(run)

    assert site.refreshes == 1
    assert got == {reveal(machine.stored(site).token.access_token)}


def test_te10_who_loses_takes_the_winner_s_token(machine: Machine, authority: StartAuthority) -> None:
    """
    A program that comes late with its refresh token is told `invalid_grant`, after another has stored a newer one.

    Looks again before it believes it: the newer token is taken, nothing is deleted or marked, and nobody has to sign in.
    """
    site = authority()
    machine.sign_in(site)
    old = machine.expire(site)
    site.token_request_arrived.clear()
    site.turn(token_status="hang")
    late = machine.vault()
    got: list[Secret] = []
    thread = Thread(target=lambda: got.append(late.sync.token(site.server_url).access_token))

    thread.start()
    assert site.token_request_arrived.wait(20)
    winner = replace(old.token, access_token=Secret("the-winner-s"), refresh_token=Secret("next"), expires_at=time.time() + 3600)
    machine.vault()._parts.store.save_grant(replace(old, token=winner))
    site.turn(token_status=None, refresh_error="invalid_grant")
    site.release()
    thread.join(20)

    assert got == [Secret("the-winner-s")]
    assert machine.stored(site).token == winner
    assert machine.stored(site).refused is None


def test_te13_a_thousand_calls_ask_once_and_remember(machine: Machine, authority: StartAuthority) -> None:
    """
    A thousand calls use a grant that the server has ended for good.

    Asks once and keeps a fingerprint of the refused token, for other programs too: it is never sent again, every call says what
    to run, and the grant stays until a person signs in or out.
    """
    site = authority(Knobs(refresh_error="invalid_grant"))
    machine.sign_in(site)
    machine.expire(site)
    vault, hints = machine.vault(), list[str | None]()

    async def ask(vault: Vault) -> None:
        try:
            await vault.token(site.server_url)
        except LoginRequired as error:
            hints.append(error.hint)

    async def run(vault: Vault) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(500):
                group.start_soon(ask, vault)

    anyio.run(run, vault)
    anyio.run(run, machine.vault())

    assert hints == [f"handstamp login {site.server_url}"] * 1000
    assert site.refreshes == 1
    assert machine.stored(site).refused is not None


# TE11 to TE19: whatever befalls a program, its machine, the network or the server in the middle of a refresh


def hold(site: Authority) -> None:
    """The next token requests wait until the server is told to go on."""
    site.token_request_arrived.clear()
    site.turn(token_status="hang")


def go_on(site: Authority) -> None:
    site.turn(token_status=None)
    site.release()


def kill_amid_a_refresh(machine: Machine, site: Authority) -> None:
    """The server does what it was asked for, and nobody is there to hear of it."""
    machine.sign_in(site)
    machine.expire(site)
    hold(site)
    with machine.home.start("token", site.server_url) as program:
        assert site.token_request_arrived.wait(20)
        program.process.kill()
        program.process.wait()
    go_on(site)


def test_te11_what_a_killed_program_has_begun_the_next_one_carries_on(machine: Machine, authority: StartAuthority) -> None:
    """
    The program is killed in the middle of a refresh: the server has spent the refresh token, and the new one is lost.

    It had written down that it was about to send it. The next program finds that and sends the same one at once, which brings
    another where the server forgives as much. Where it does not, a person signs in. Nothing else is lost: the vault opens, and
    holds what anybody was ever handed. `make endure` kills three hundred programs at servers of six kinds.
    """
    site = authority(Knobs(grace=60))

    kill_amid_a_refresh(machine, site)
    left = machine.stored(site)
    token = machine.vault().sync.token(site.server_url)

    assert left.pending is not None
    assert machine.stored(site).token == token
    assert machine.stored(site).pending is None
    assert site.counts["refreshes"] == {"ok": 2, "reused": 0, "refused": 0}


def test_te11_where_a_server_forgives_nothing_that_is_told(machine: Machine, authority: StartAuthority) -> None:
    site = authority()

    kill_amid_a_refresh(machine, site)
    with pytest.raises(LoginRequired) as caught:
        machine.vault().sync.token(site.server_url)

    assert caught.value.hint == f"handstamp login {site.server_url}"
    assert machine.stored(site).refused is not None


class Forgetful(Authority):
    """Loses its first answers to a refresh, and has carried them out."""

    losing = 1

    def _answer(self, seen: Seen) -> StarletteResponse:
        is_lost = self.losing > 0 and seen.form.get("grant_type") == "refresh_token"
        self.losing -= is_lost
        self.turn(token_status="lost" if is_lost else None)
        return super()._answer(seen)


def test_te12_a_lost_answer_is_asked_for_again_at_once(machine: Machine) -> None:
    """
    The server has rotated the refresh token, and its answer is lost on the way: a network that changes, a laptop that wakes.

    Sends the same refresh token again at once, and then at growing distances for 45 seconds: nothing can be lost by it, and
    within its grace the server gives another.
    """
    with Forgetful(Knobs(grace=10)) as site:
        machine.sign_in(site)
        old = machine.expire(site)

        token = machine.vault().sync.token(site.server_url)

        sent = [form["refresh_token"] for form in site.token_requests[1:]]
        assert sent == [reveal(old.token.refresh_token)] * 2
        assert machine.stored(site).token == token
        assert site.counts["refreshes"]["ok"] == 2


def test_te14_a_server_that_is_out_of_order_is_left_in_peace() -> None:
    """
    The authorization server answers 500 for ten minutes.

    Uses the token to its end, waits longer after each failure, and after five in a row asks nothing for anybody's grant there
    until one request in two minutes at most finds it mended. Nobody is asked to sign in, and nothing that is stored changes.
    """
    bench = Bench(make_grant(lifetime=7200))
    bench.clock.move(6530)
    mended_at, mend = bench.clock() + 600, bench.http.answer
    served, moments = set[str | None](), list[float]()

    def answer(request: Request) -> Response:
        moments.append(bench.clock())
        if bench.clock() < mended_at:
            raise TemporarilyUnavailable("HTTP 500", maybe_done=True)
        return mend(request)

    bench.http.answer = answer
    while bench.clock() < mended_at:
        served.add(reveal(bench.source.token().access_token))
        landed(bench)
        bench.clock.move(5)
    bench.clock.move(120)

    assert served == {"at-0"}
    assert len(moments) < 40
    assert reveal(bench.source.token().access_token) == "at-1"
    assert NeedsLogin not in map(type, bench.events)


def test_te16_a_clock_that_jumps_ends_no_token_and_renews_none_for_ever() -> None:
    """
    The clock is set a day ahead or back: by a person, a time server, a battery that is empty.

    Counts what the machine counts, sleep included, where the clock disagrees. A token ends when either says so and cannot seem
    young again; one that cannot be renewed just then is used as long as the count allows; and each jump costs one refresh at
    most.
    """
    bench = Bench(counted_grant())
    bench.uptime = Uptime("a", 200.0)
    served = list[str | None]()

    for jump in (DAY, -DAY, -DAY, DAY):
        bench.clock.move(jump)
        served += [reveal(bench.source.token().access_token) for _ in range(10)]

    assert len(served) == 40
    assert None not in served
    assert len(bench.http.requests) <= 4


def test_te16_a_clock_that_was_set_back_keeps_no_token_young() -> None:
    bench = Bench(counted_grant())
    bench.clock.move(4000 - 3000)
    bench.uptime = Uptime("a", 100.0 + 4000)

    token = bench.source.token()

    assert reveal(token.access_token) == "at-1"


def counted_grant() -> Grant:
    """Its token was got when the machine had run for 100 seconds."""
    grant = make_grant()
    return replace(grant, token=replace(grant.token, obtained_uptime=Uptime("a", 100.0)))


def test_te17_programs_that_wake_together_send_one_refresh() -> None:
    """
    A laptop wakes after two days, and five programs notice at the same moment that their token has ended.

    Each waits for as long as chance will, five seconds at most, so that the network is back. The first one refreshes, and the
    others find its token.
    """
    grant = make_grant()
    bench = Bench(grant)
    bench.uptime = Uptime("a", 100.0)
    five = [bench.another_source(random=lambda count: bytes([50]) * count) for _ in range(5)]
    bench.uptime = Uptime("a", 100.0 + 2 * DAY, slept=2 * DAY)
    bench.clock.move(2 * DAY)
    woke_at, moments = bench.clock(), list[float]()

    def answer(request: Request) -> Response:
        moments.append(bench.clock() - woke_at)
        return bench.server(request)

    bench.http.answer = answer

    tokens = {reveal(source.token().access_token) for source in five}

    assert tokens == {"at-1"}
    assert moments == [pytest.approx(5 * 50 / 256, abs=0.05)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_te18_who_gives_up_waiting_takes_nothing_away(backend: str, machine: Machine, authority: StartAuthority) -> None:
    """
    Whoever asked for the token gives up while the refresh is on its way: a scope that is cancelled, Ctrl-C, a signal, a pipe that
    closes, the end of the program.

    Finishes and stores it, in a thread that belongs to none of them. The end of a program waits for it, seconds at most; a second
    signal does not hurry it.
    """
    site = authority()
    machine.sign_in(site)
    before = machine.expire(site)
    hold(site)
    vault = machine.vault()

    async def give_up() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(vault.token, site.server_url))
            assert await anyio.to_thread.run_sync(site.token_request_arrived.wait, 20)
            group.cancel_scope.cancel()

    anyio.run(give_up, backend=backend)
    go_on(site)
    token = vault.sync.token(site.server_url)

    assert token == machine.stored(site).token != before.token
    assert site.refreshes == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_te18_a_program_that_is_told_to_end_twice_stores_first(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    machine.sign_in(site)
    before = machine.expire(site)
    hold(site)

    with machine.home.start("token", site.server_url) as program:
        assert site.token_request_arrived.wait(20)
        program.process.terminate()
        program.process.terminate()
        go_on(site)
        ended = program.finish()

    assert (ended.exit_code, ended.stdout) == (143, "")
    assert machine.stored(site).token.refresh_token != before.token.refresh_token
    assert machine.stored(site).pending is None


def test_te19_a_token_that_cannot_be_written_is_kept_until_it_can() -> None:
    """
    The disk is full, or cannot be written any more, when the new token comes.

    Keeps it in memory and the grant's lock with it, so that nobody sends the refresh token that is spent; says so to all who ask;
    and writes it as soon as that works. A refresh that the disk has no room to be told of is not begun. `make endure` does it
    with real disks.
    """
    bench = Bench()
    disk = fill_disk(bench, room=1)
    sibling = bench.another_source()
    bench.clock.move(4000)
    bench.gate = Event()
    told, got = list[str](), list[str | None]()

    for _ in range(2):
        with pytest.raises(StoreUnreachable) as caught:
            bench.source.token()
        told.append(caught.value.message)
    waiting = Thread(target=lambda: got.append(reveal(sibling.token().access_token)))
    waiting.start()
    sent_meanwhile = len(bench.http.requests)
    disk.room = 1000
    bench.gate.set()
    waiting.join(20)

    assert all("in memory alone" in message for message in told)
    assert sent_meanwhile == len(bench.http.requests) == 1
    assert got == [reveal(bench.stored().token.access_token)] == ["at-1"]


def test_te19_what_cannot_be_written_down_first_is_not_sent() -> None:
    bench = Bench()
    fill_disk(bench, room=0)
    bench.clock.move(4000)

    with pytest.raises(StoreUnreachable):
        bench.source.token()

    assert bench.http.requests == []


def test_te15_an_old_backup_costs_one_refused_refresh_and_one_login(machine: Machine, authority: StartAuthority) -> None:
    """
    An old backup of the vault is restored: its refresh token was used long ago, and the server ends whatever came of it.

    Each restored sign-in is marked as one whose token may have been used. It is tried once, before anything relies on it; where
    the server refuses it, all programs know, and ask for a sign-in.
    """
    site = authority()
    machine.sign_in(site)
    backup = str(machine.home.root / "one.db")
    assert machine.home.run("vault", "backup", backup).exit_code == 0
    renew(machine, site)
    running = renew(machine, site)

    assert machine.home.run("vault", "restore", "--yes", backup).exit_code == 0
    before = site.refreshes
    machine.clock.move(7200)
    for vault in (running, machine.vault(), machine.vault()):
        for _ in range(3):
            with pytest.raises(LoginRequired):
                vault.sync.token(site.server_url)

    assert site.refreshes == before + 1
    machine.clock.ahead = 0.0
    machine.sign_in(site)
    assert call(running, site.server_url) == 200
    assert site.refreshes == before + 1


def test_te15_a_recent_backup_is_tried_at_once_and_costs_no_login(machine: Machine, authority: StartAuthority) -> None:
    """While the server may still take its refresh token, and before the access token ends."""
    site = authority()
    machine.sign_in(site)
    backup = str(machine.home.root / "one.db")
    assert machine.home.run("vault", "backup", backup).exit_code == 0
    assert machine.home.run("vault", "restore", "--yes", backup).exit_code == 0
    vault = machine.vault()
    source = vault._source(vault.settings.find(site.server_url), "local", "default")

    vault.sync.token(site.server_url)

    assert source._flight is not None
    source._flight.join(30.0)
    assert site.refreshes == 1
    assert machine.stored(site).pending is None


# TE20, TE21: clients that end


def test_te20_a_forgotten_client_is_registered_anew_by_the_next_login(machine: Machine, authority: StartAuthority) -> None:
    """
    The authorization server has forgotten the client that it once registered.

    Forgets that registration too and asks a person to sign in, which registers anew. The old tokens are not used with the new
    client.
    """
    site = authority()
    machine.sign_in(site)
    old = machine.expire(site)
    machine.home.use_browser()
    site.forget_clients()

    failed = machine.home.fail("token", site.server_url, code=4)
    again = machine.home.run("login", site.server_url)

    new = machine.stored(site)
    assert failed.hint == f"handstamp login {site.server_url}"
    assert again.exit_code == 0
    assert site.counts["registrations"] == 2
    assert new.registration.client_id != old.registration.client_id
    clients = [form["client_id"] for form in site.token_requests if form.get("refresh_token") == reveal(old.token.refresh_token)]
    assert set(clients) == {old.registration.client_id}
    assert call(machine.vault(), site.server_url) == 200


def test_te21_a_secret_that_is_about_to_end_is_replaced_before_it_does(machine: Machine, authority: StartAuthority) -> None:
    """
    The secret of a dynamic registration ends.

    A login uses a registration only if its secret outlasts the time that the login may take, and registers anew otherwise.
    """
    #
    ends_at = int(time.time()) + 2000
    site = authority(Knobs(auth_methods=("client_secret_post",), registration={"client_secret_expires_at": ends_at}))

    machine.sign_in(site)
    machine.sign_in(site, again=True)
    while_good = site.counts["registrations"]
    machine.clock.move(1800)
    machine.sign_in(site, again=True)

    assert (while_good, site.counts["registrations"]) == (1, 2)


# TE23: revocation


def test_te22_a_server_that_asks_for_nonce_after_nonce_is_answered_once(machine: Machine, authority: StartAuthority) -> None:
    """
    Either server refuses every proof of a bound token, each time for another nonce.

    Signs each request anew once, with the nonce that came. The second refusal is an error; no token is fetched for it, and
    nothing that is stored changes.
    """
    site = authority(Knobs(dpop=True))
    machine.sign_in(site)
    vault, before = machine.vault(), machine.stored(site)
    site.turn(another_nonce=True)
    site.log.clear()

    said = refused(lambda: call(vault, site.server_url))
    with pytest.raises(ServerSaidNo, match="use_dpop_nonce"):
        machine.sign_in(site, again=True)

    assert "got the demand for another" in said
    assert len([seen for seen in site.requests_to("/mcp") if "dpop" in seen.headers]) == 2
    assert len(site.token_requests) == 2
    assert machine.stored(site) == before


def break_revocation(site: Authority, how: str, machine: Machine) -> None:
    match how:
        case "nobody listens":
            grant = machine.stored(site)
            nobody = "http://127.0.0.1:9"
            moved = replace(grant, token_endpoint=f"{nobody}/token", revocation_endpoint=f"{nobody}/revoke")
            machine.vault()._parts.store.save_grant(moved)
        case "redirect":
            site.turn(redirects={"/revoke": (302, "https://elsewhere.example/")})
        case "unknown client":
            site.forget_clients()
        case "none":
            machine.vault()._parts.store.save_grant(replace(machine.stored(site), revocation_endpoint=None))
        case status:
            site.turn(revocation_status=int(status))


@pytest.mark.parametrize("how", ["503", "500", "404", "redirect", "unknown client", "nobody listens", "none"])
def test_te23_what_cannot_be_revoked_is_forgotten_all_the_same(how: str, machine: Machine, authority: StartAuthority) -> None:
    """
    The revocation endpoint is out of order, redirects elsewhere, is elsewhere, does not know us, or there is none.

    Tries it once, within a deadline, and forgets the grant here in any case. `logout` says that the token was not revoked, and
    why; its exit code says so too. A host that is neither the issuer's nor its token endpoint's is sent nothing.
    """
    site = authority()
    machine.sign_in(site)
    break_revocation(site, how, machine)

    left = machine.home.run("logout", site.server_url)

    assert left.exit_code == (3 if how in ("503", "500", "nobody listens") else 1)
    assert left.stderr.startswith("! Forgotten here; not revoked at 127.0.0.1: ")
    assert machine.vault().grants() == []


def test_te23_a_third_host_gets_neither_the_token_nor_the_secret(machine: Machine, authority: StartAuthority) -> None:
    """4.3: metadata named it, and no person was shown it."""
    site, elsewhere = authority(Knobs(auth_methods=("client_secret_post",))), authority()
    machine.sign_in(site)
    grant = machine.stored(site)
    machine.vault()._parts.store.save_grant(replace(grant, revocation_endpoint=f"{elsewhere.issuer}/revoke"))

    report = sign_out(machine, site)

    assert elsewhere.log == []
    assert report.revocation is Revocation.WITHHELD
    assert (report.reason or "").endswith(f"got {elsewhere.issuer}: nothing was sent.")
    assert machine.vault().grants() == []


def test_te23_the_host_of_the_token_endpoint_is_the_issuers_too(machine: Machine, authority: StartAuthority) -> None:
    """4.3: services have their endpoints on another host than the issuer, and tokens came from there."""
    site, issuer = authority(), "https://accounts.example"
    machine.sign_in(site)
    grant = machine.stored(site)
    store = machine.vault()._parts.store
    store.forget_grant(grant.key)
    registration = replace(grant.registration, issuer=issuer)
    store.save_grant(replace(grant, key=replace(grant.key, issuer=issuer), registration=registration))

    report = sign_out(machine, site)

    assert report.revocation is Revocation.CONFIRMED
    assert site.counts["active_families"] == 0


def test_te23_a_secret_that_is_gone_keeps_nobody_signed_in(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = authority(Knobs(clients={"mine": "s3cret-enough"}, auth_methods=("client_secret_post",)))
    machine.home.name("mine", site.server_url, client_id="mine", client_secret_from="env:MINE", issuer=site.issuer)
    monkeypatch.setenv("MINE", "s3cret-enough")
    machine.sign_in(site)
    monkeypatch.delenv("MINE")

    report = sign_out(machine, site)

    assert report.revocation is Revocation.WITHHELD
    assert "MINE" in (report.reason or "")
    assert machine.vault().grants() == []


def test_te23_a_fault_of_our_own_forgets_the_grant_too(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    vault = machine.sign_in(site)

    def fail(owner: str, server: str, registration: Registration) -> Credentials:
        raise ZeroDivisionError

    vault._parts.read_credentials = fail

    with pytest.raises(ZeroDivisionError):
        vault.sync.logout(site.server_url)

    assert stored_grants(machine) == []


def stored_grants(machine: Machine) -> list[Grant]:
    return machine.vault().grants()


# TE24: client assertions


def name_with_key(machine: Machine, site: Authority) -> None:
    """`ci`, which a program's key signs for; the key is known at `site`."""
    keys, place = make_keys(), machine.home.root / "ci.pem"
    place.write_text(keys.private_pem)
    site.turn(client_keys={"ci": keys.public_pem}, auth_methods=("private_key_jwt",))
    machine.home.name(
        "ci",
        site.server_url,
        client_id="ci",
        private_key_from=f"file:{place}",
        issuer=site.issuer,
        grant_type="client_credentials",
    )


def show_again(assertion: str, site: Authority) -> int:
    """What whoever has kept it is answered."""
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"grant_type": "client_credentials", "client_assertion_type": kind, "client_assertion": assertion}
    return httpx2.post(f"{site.issuer}/token", data=form, trust_env=False).status_code


def test_te24_an_assertion_is_of_no_use_to_whoever_has_kept_it(machine: Machine, authority: StartAuthority) -> None:
    """
    A server to which a program's key has signed an assertion shows it to another server that knows the key, or shows it again.

    Names the issuer that it is for and no other, ends within a minute, and bears an identifier of its own: another server refuses
    it, and so does the same one the second time.
    """
    site, other = authority(), authority(Knobs(client_keys={"ci": make_keys().public_pem}))
    name_with_key(machine, site)

    machine.vault().sync.token("ci")

    [form] = site.token_requests
    claims = decode(form["client_assertion"], options={"verify_signature": False})
    assert claims["aud"] == site.issuer
    assert 0 < claims["exp"] - claims["iat"] <= 60
    assert show_again(form["client_assertion"], other) == 401
    assert show_again(form["client_assertion"], site) == 401


def test_te24_a_server_that_names_another_s_token_endpoint_gets_nothing_out_of_it(
    machine: Machine, authority: StartAuthority
) -> None:
    other = authority(Knobs(client_keys={"ci": make_keys().public_pem}))
    site = authority(Knobs(token_endpoint=f"{other.issuer}/token"))
    name_with_key(machine, site)

    with pytest.raises(InvalidClient):
        machine.vault().sync.token("ci")

    assert other.counts["active_families"] == 0
