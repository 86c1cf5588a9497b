"""What a logout does about each sign-in, what it says of it, and what it never waits for."""

import threading
from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest

from fakes import ISSUER, ScriptedHttp, make_grant, no_credentials
from handstamp.errors import ConnectFailed, SettingsError, TimedOut, VaultCorrupt
from handstamp.logout import LogoutReport, Revocation, SignOut
from handstamp.model import Grant, Registration, Secret
from handstamp.protocol.client_auth import Credentials
from handstamp.protocol.exchange import Request, Response
from handstamp.stores.memory import MemoryStore

PATIENT, IMPATIENT = 20.0, 0.05


def answer_with(status: int) -> Callable[[Request], Response]:
    return lambda request: Response(status, (), b"", request.url, sent_at=0.0)


AGREED = answer_with(200)


class Bench:
    """One sign-in, and a server that answers its revocation by a function."""

    def __init__(self, answer: Callable[[Request], Response] = AGREED, *, patience: float = PATIENT) -> None:
        self.store = MemoryStore()
        self.grant = self.store.save_grant(make_grant())
        self.http = ScriptedHttp(answer)
        self.told: list[LogoutReport] = []
        self.tell = self.told.append
        self.sign_out = SignOut(
            self.store,
            http=lambda: self.http,
            read_credentials=no_credentials,
            tell=lambda report: self.tell(report),
            patience=patience,
        )

    def end(self) -> LogoutReport:
        [report] = self.end_all()
        return report

    def end_all(self) -> list[LogoutReport]:
        return anyio.run(self.sign_out.end, self.store.list_keys("local"))

    @property
    def is_forgotten(self) -> bool:
        return self.store.list_keys("local") == []


def fail_to_connect(request: Request) -> Response:
    raise ConnectFailed("Expected a connection, got none.")


def never_answer(request: Request) -> Response:
    raise TimedOut("Expected the whole answer in time.")


def miss_the_secret(owner: str, server: str, registration: Registration) -> Credentials:
    raise SettingsError("Expected the client secret in the environment variable SECRET, got nothing.")


def lose_the_secret(owner: str, server: str, registration: Registration) -> Credentials:
    raise VaultCorrupt("A row of client_secrets is not what was written there.")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (AGREED, Revocation.CONFIRMED),
        (answer_with(404), Revocation.REFUSED),
        (answer_with(302), Revocation.REFUSED),
        (answer_with(503), Revocation.UNANSWERED),
        (fail_to_connect, Revocation.UNANSWERED),
        (never_answer, Revocation.UNANSWERED),
    ],
)
def test_what_the_server_makes_of_it_is_told_apart(answer: Callable[[Request], Response], expected: Revocation) -> None:
    """TE23, RFC 7009 §2.2."""
    bench = Bench(answer)

    report = bench.end()

    assert (report.revocation, report.revoked) == (expected, expected is Revocation.CONFIRMED)
    assert (report.reason is None) is report.revoked
    assert bench.is_forgotten


def test_a_server_without_revocation_is_not_asked() -> None:
    bench = Bench()
    bench.store.save_grant(replace(bench.grant, revocation_endpoint=None))

    report = bench.end()

    assert (report.revocation, report.reason) == (Revocation.NOT_OFFERED, "it offers no revocation")
    assert (bench.http.requests, bench.is_forgotten) == ([], True)


@pytest.mark.parametrize(
    ("read_credentials", "expected"), [(miss_the_secret, Revocation.WITHHELD), (lose_the_secret, Revocation.DAMAGED)]
)
def test_what_proves_us_may_be_gone(read_credentials: Callable[..., Credentials], expected: Revocation) -> None:
    bench = Bench()
    bench.sign_out = SignOut(bench.store, http=lambda: bench.http, read_credentials=read_credentials)

    report = bench.end()

    assert report.revocation is expected
    assert (bench.http.requests, bench.is_forgotten) == ([], True)


@pytest.mark.parametrize("endpoint", ["https://elsewhere.example/revoke", f"{ISSUER}:8443/revoke", "http://auth.example/revoke"])
def test_a_third_origin_gets_nothing(endpoint: str) -> None:
    """A-29, 4.3: nobody was shown it."""
    bench = Bench()
    bench.store.save_grant(replace(bench.grant, revocation_endpoint=endpoint))

    report = bench.end()

    assert report.revocation is Revocation.WITHHELD
    assert (bench.http.requests, bench.is_forgotten) == ([], True)


class DamagedStore(MemoryStore):
    """Its rows do not open."""

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        raise VaultCorrupt("The grant is not what was written there.")


def test_a_damaged_sign_in_is_forgotten_unread() -> None:
    bench = Bench()
    damaged = DamagedStore()
    damaged.save_grant(bench.grant)
    bench.store, bench.sign_out = damaged, SignOut(damaged, http=lambda: bench.http, read_credentials=no_credentials)

    report = bench.end()

    assert report.revocation is Revocation.DAMAGED
    assert (bench.http.requests, bench.is_forgotten) == ([], True)


def test_somebody_else_who_was_faster_has_told_the_server() -> None:
    bench = Bench()
    keys = bench.store.list_keys("local")
    bench.store.forget_grant(bench.grant.key)

    reports = anyio.run(bench.sign_out.end, keys)

    assert (reports, bench.http.requests) == ([], [])


def test_a_refresh_that_is_under_way_ends_first_and_its_token_is_revoked() -> None:
    bench = Bench()
    newer = replace(bench.grant.token, refresh_token=Secret("rt-1"))
    ended: list[LogoutReport] = []
    with bench.store.lock(bench.grant.key):
        waiting = threading.Thread(target=lambda: ended.append(bench.end()))
        waiting.start()
        bench.store.replace_grant(replace(bench.grant, token=newer))
    waiting.join(PATIENT)

    assert [report.revoked for report in ended] == [True]
    assert dict(bench.http.requests[0].form or ())["token"] == Secret("rt-1")


def test_a_logout_that_is_cancelled_half_way_is_told_all_the_same() -> None:
    """What was begun is carried through, and who watches hears what came of it."""
    bench = Bench()
    gate = bench.http.gate = threading.Event()
    told = threading.Event()
    bench.tell = lambda report: told.set()

    async def give_up() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(bench.sign_out.end, bench.store.list_keys("local"))
            await anyio.to_thread.run_sync(bench.http.arrived.wait, 20)
            group.cancel_scope.cancel()

    anyio.run(give_up)
    told_too_early = told.is_set()
    gate.set()

    assert told.wait(PATIENT)
    assert not told_too_early
    assert bench.is_forgotten


def test_a_refresh_that_hangs_in_another_program_is_not_waited_for_for_ever() -> None:
    """It is forgotten all the same, and what that program brings is not stored: generations."""
    bench = Bench(patience=IMPATIENT)

    with bench.store.lock(bench.grant.key):
        report = bench.end()
        stored = bench.store.replace_grant(bench.grant)

    assert report.revocation is Revocation.UNCERTAIN
    assert report.reason == "another program renewed it for more than 0 seconds, and may have got a newer token"
    assert bench.told == [report]
    assert len(bench.http.requests) == 1
    assert (stored, bench.is_forgotten) == (None, True)


def test_what_was_not_revoked_without_the_lock_is_called_by_its_own_name() -> None:
    bench = Bench(fail_to_connect, patience=IMPATIENT)

    with bench.store.lock(bench.grant.key):
        report = bench.end()

    assert report.revocation is Revocation.UNANSWERED


def test_a_logout_that_waited_in_vain_leaves_the_next_sign_in_alone() -> None:
    bench = Bench(patience=IMPATIENT)

    with bench.store.lock(bench.grant.key):
        bench.end()
        bench.store.save_grant(make_grant(refresh="rt-of-the-next-sign-in"))
    for thread in [each for each in threading.enumerate() if each.name == "handstamp-logout"]:
        thread.join(PATIENT)

    assert [grant.token.refresh_token for grant in bench.store.list_grants("local")] == [Secret("rt-of-the-next-sign-in")]
