"""A login that a request starts: shared by those whom it helps, and begun twice at most for one operation."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import anyio
import pytest

from fakes import SERVER, HandMovedClock, ScriptedHttp, make_grant, no_credentials
from handstamp.errors import HandstampError, LoginRequired, LoginTimedOut, StepUpRequired
from handstamp.model import Grant, Token
from handstamp.on_demand import KNOWN_OPERATIONS, OnDemandLogin
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.discovery import Probe
from handstamp.protocol.exchange import Request, Response
from handstamp.protocol.step_up import Refusal
from handstamp.source import SourceSettings, TokenSource
from handstamp.stores.memory import MemoryStore


def no_answer(request: Request) -> Response:
    raise AssertionError("a login needs no refresh")


class Desk:
    """A person who signs in when asked: allows everything but what `denies` holds. `gate` lets them think."""

    def __init__(self) -> None:
        self.clock = HandMovedClock()
        self.store = MemoryStore()
        self.store.save_grant(replace(make_grant(), requested_scopes=("read",)))
        self.source = TokenSource(
            SourceSettings("local", SERVER, "default", "example"),
            store=self.store,
            http=lambda: ScriptedHttp(no_answer),
            read_credentials=no_credentials,
            clock=self.clock,
        )
        self.on_demand = OnDemandLogin("example", "default", self.source, self.sign_in, lambda refusal: self.moves, self.clock)
        self.asked: list[tuple[str, ...]] = []
        self.denies: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.came = threading.Event()
        self.fails = False
        self.moves = False
        self.ends_at_once = False

    @property
    def grant(self) -> Grant:
        grant = self.source.grant()
        assert grant is not None
        return grant

    def sign_in(self, refusal: Refusal) -> None:
        self.asked.append(refusal.wanted)
        self.came.set()
        assert self.gate.wait(20)
        if self.fails:
            raise LoginTimedOut("Nobody came.")
        before = self.source.grant() or make_grant()
        refused = tuple(scope for scope in refusal.wanted if scope in self.denies)
        scopes = tuple(dict.fromkeys((*before.scopes, *refusal.wanted)))
        allowed = tuple(scope for scope in scopes if scope not in refused)
        new = make_grant(access=f"at-{len(self.asked)}", obtained_at=self.clock())
        if self.ends_at_once:
            new = make_grant(access=f"at-{len(self.asked)}", refresh=None, lifetime=0.001, obtained_at=self.clock() - 1)
        self.store.save_grant(replace(new, scopes=allowed, requested_scopes=scopes, refused_scopes=refused))
        self.source.look_again()

    def sign_out(self) -> None:
        self.store.forget_grant(self.grant.key)
        self.source.look_again()

    def need(self, *scopes: str, operation: str = "stamp", token: Token | None = None) -> Refusal:
        challenge = Challenge("bearer", {"error": "insufficient_scope", "scope": " ".join(scopes)})
        answer = Probe(asks=True, is_mcp=False, challenge=challenge, seen="HTTP 403")
        return Refusal(token or self.grant.token, answer, ("POST", "/mcp", "tools/call", operation, ""))


def catch(call: Callable[[], object]) -> HandstampError | None:
    try:
        call()
    except HandstampError as error:
        return error
    return None


def test_the_token_that_comes_has_what_was_wanted() -> None:
    desk = Desk()

    token = desk.on_demand.blocking(desk.need("write"))

    assert token == desk.grant.token
    assert desk.grant.scopes == ("read", "write")


def test_an_operation_that_wants_something_else_each_time_is_asked_about_twice() -> None:
    """A-115, A-116, TF8."""
    desk = Desk()
    for scope in ("one", "two"):
        desk.on_demand.blocking(desk.need(scope))

    with pytest.raises(StepUpRequired, match="still wants more access") as caught:
        desk.on_demand.blocking(desk.need("three"))

    assert desk.asked == [("one",), ("two",)]
    assert caught.value.scopes == ("read", "one", "two", "three")


def test_an_operation_that_wants_what_it_has_just_got_is_asked_about_once() -> None:
    """TF8: another sign-in for the same would bring the same."""
    desk = Desk()
    desk.on_demand.blocking(desk.need("write"))

    with pytest.raises(StepUpRequired, match="still wants more access") as caught:
        desk.on_demand.blocking(desk.need("write"))

    assert desk.asked == [("write",)]
    assert caught.value.hint == "handstamp login example --again --scope 'read write'"


def test_another_operation_has_two_of_its_own() -> None:
    """A-116."""
    desk = Desk()
    for scope in ("one", "two"):
        desk.on_demand.blocking(desk.need(scope))

    desk.on_demand.blocking(desk.need("three", operation="add"))

    assert desk.grant.scopes == ("read", "one", "two", "three")


def test_a_step_up_that_nobody_answered_counts_and_is_offered_once_more() -> None:
    desk = Desk()
    desk.fails = True
    for _ in range(2):
        with pytest.raises(LoginTimedOut):
            desk.on_demand.blocking(desk.need("write"))
        desk.clock.move(61)

    with pytest.raises(StepUpRequired):
        desk.on_demand.blocking(desk.need("write"))

    assert len(desk.asked) == 2


def test_no_more_than_some_operations_are_remembered() -> None:
    """Whoever calls a thousand tools fills no memory."""
    desk = Desk()

    for number in range(KNOWN_OPERATIONS + 10):
        desk.on_demand.blocking(desk.need(f"scope-{number}", operation=str(number)))

    assert len(desk.on_demand._step_ups) == KNOWN_OPERATIONS


def meanwhile(desk: Desk, *calls: Callable[[], Token]) -> list[Future[Token]]:
    """The first call begins a login; the others come while it waits for the person."""
    desk.gate.clear()
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(calls[0])]
        assert desk.came.wait(20)
        futures += [threads.submit(call) for call in calls[1:]]
        while desk.on_demand._flight is None or desk.on_demand._flight._aboard < len(calls):
            os.sched_yield()
        desk.gate.set()
    return futures


def test_requests_that_want_the_same_share_one_login() -> None:
    desk = Desk()
    need = desk.need("write")

    futures = meanwhile(desk, *[lambda: desk.on_demand.blocking(replace(need))] * 5)

    assert [future.result() for future in futures] == [desk.grant.token] * 5
    assert desk.asked == [("write",)]


def test_requests_that_want_different_scopes_both_end_well() -> None:
    """The second finds that the first's login did not bring what it needs, and begins its own."""
    desk = Desk()
    write, admin = desk.need("write"), desk.need("admin", operation="add")

    async def ask() -> Token:
        return await desk.on_demand.awaiting(admin)

    futures = meanwhile(desk, lambda: desk.on_demand.blocking(write), lambda: anyio.run(ask))

    assert futures[1].result() == desk.grant.token
    assert desk.asked == [("write",), ("admin",)]
    assert desk.grant.scopes == ("read", "write", "admin")


def test_requests_that_want_what_is_refused_bring_up_one_login() -> None:
    """W4: the first one is sent again, and hears it from the server."""
    desk = Desk()
    desk.denies = {"write"}
    need = desk.need("write")

    first, *others = meanwhile(desk, *[lambda: desk.on_demand.blocking(replace(need))] * 5)

    assert first.result() == desk.grant.token
    assert all(isinstance(other.exception(), StepUpRequired) for other in others)
    assert desk.asked == [("write",)]


def test_a_server_that_moves_on_and_on_is_followed_once_a_minute() -> None:
    """A-61, TC11: each of its issuers would be one more to sign in at."""
    desk = Desk()
    desk.moves = True

    def refuse() -> None:
        desk.on_demand.blocking(Refusal(desk.grant.token))

    refuse()

    with pytest.raises(LoginRequired, match="answers 401"):
        refuse()
    asked_at_once = len(desk.asked)
    desk.clock.move(61)
    refuse()

    assert (asked_at_once, len(desk.asked)) == (1, 2)


def test_a_server_whose_tokens_end_at_once_is_signed_in_to_once_a_minute() -> None:
    """TC11: no request of a program's may bring up one page after another."""
    desk = Desk()
    desk.ends_at_once = True
    desk.sign_out()

    errors = [type(catch(lambda: desk.on_demand.blocking(Refusal()))) for _ in range(3)]
    asked_at_once = len(desk.asked)
    desk.clock.move(61)
    catch(lambda: desk.on_demand.blocking(Refusal()))

    assert errors == [LoginRequired] * 3
    assert (asked_at_once, len(desk.asked)) == (1, 2)


def test_whoever_signed_out_may_sign_in_again_at_once() -> None:
    desk = Desk()
    desk.sign_out()
    desk.on_demand.blocking(Refusal())
    desk.sign_out()

    desk.on_demand.blocking(Refusal())

    assert len(desk.asked) == 2
