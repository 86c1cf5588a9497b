"""
A fresh token, whatever it takes: TokenSource.

The theory. Of all tasks, threads, event loops and processes that notice an expiry, one refreshes, and all others get its outcome:

1. Fast path. The grant is in memory; the store is asked whether another process wrote (microseconds) once a second at most, and
   whenever the token is not good.
2. Two windows before the end of a token's life. From `Token.renew_from` on, or where a refresh was begun and its process is gone,
   one background flight renews while everybody goes on with the old token; it does not wait for a lock that a sibling holds. From
   `Token.use_before` on, everybody waits for that flight.
3. In a process one flight a grant (`handstamp.flight`). Across processes one kernel lock a grant. After acquiring it: look again.
   What a sibling wrote meanwhile is adopted, and nothing is sent. What happens under the lock is `handstamp.renewal`.
4. A token ends when the clock says so or the machine's own count does, whichever is earlier: a clock that is set back makes no
   token younger. A machine that has just woken waits up to `STAGGER` seconds, each process as long as chance will: there is one
   refresh for all, and the network is back by then.
5. Unknown is not refused. A time-out, a 503, a dead network, an answer that makes no sense, a full disk: the old token serves for
   as long as it lives, and nobody is asked to sign in.

What a refresh can come to, for whoever wants a token (RFC 6749 §5.2):

    outcome                            old token still good     old token dead
    new token                          handed out               handed out
    invalid_grant, a sibling was first adopted                  adopted
    invalid_grant                      old one serves           LoginRequired
    invalid_client, dynamic            old one serves           LoginRequired (the next login registers anew)
    invalid_client, configured         old one serves           InvalidClient
    invalid_scope, invalid_target      old one serves           InvalidScope
    no answer, 5xx, 429                old one serves           the NetworkError
    an answer that makes no sense      old one serves           MalformedResponse
    a machine's grant, any refusal     old one serves           that refusal (A-163)
    `pending` cannot be written        old one serves           the VaultError
    new token cannot be written        old one serves           the VaultError, to all who ask until it is written

After each failure a pause, in which nobody of this process tries again: `PAUSE` seconds, twice as long each time, `LONGEST_PAUSE`
at most; or what the server said in `Retry-After`.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from handstamp.breaker import Breakers
from handstamp.errors import (
    HandstampError,
    InvalidClient,
    InvalidGrant,
    LoginRequired,
    NetworkError,
    ServerBrokeProtocol,
    ServerSaidNo,
    TemporarilyUnavailable,
    TimedOut,
    VaultError,
    account_hint,
    hint,
)
from handstamp.events import About, Adopted, Emit, Failed, Login, NeedsLogin, Refreshed, ignore
from handstamp.forks import in_children
from handstamp.model import Failure, Grant, GrantKey, RegistrationKind, Token
from handstamp.ports import Clock, CredentialsReader, Fly, Flying, GrantStore, HttpRunner, Obtain, RandomBytes, ReadUptime

if TYPE_CHECKING:
    from handstamp.protocol.dpop import Prover
    from handstamp.renewal import Renewal

__all__ = ["SourceSettings", "TokenSource"]

LOOK_AGAIN = 1.0
"""Seconds between two looks for another process's write, while the token is good."""
WAIT_DEADLINE = 65.0
"""Seconds that a waiter waits: longer than any living holder of the lock repeats its request."""
PAUSE = 5.0
LONGEST_PAUSE = 60.0
BUSY_PAUSE = 1.0
"""Seconds without another background flight after one that found the lock held by a sibling."""
FLIGHTS = 2
"""That one call takes to their end: one that was begun before its 401 may bring the very token that was refused."""
FORCED_PER_MINUTE = 5
"""Refreshes that 401s may force: a server that refuses every token must not make us a refresh machine."""
WOKEN = 10.0
"""Seconds of sleep since the last look that count as a wake."""
STAGGER = 5.0


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Whose token for which server, and what the server is called when a person has to do something."""

    owner: str
    server: str
    account: str
    name: str


def fly(work: Callable[[Flying], Grant]) -> Flying:
    """In a thread of its own."""
    from handstamp.flight import Flight

    return Flight(work, name="handstamp-renew").start()


class TokenSource:
    """
    Hands out a fresh token for one server and account. Safe to call from many tasks, threads and event loops. Never opens a
    browser.

    Raises LoginRequired where only a person can help, a NetworkError where nobody knows, a VaultError where the store fails.
    """

    def __init__(
        self,
        settings: SourceSettings,
        *,
        store: GrantStore,
        http: "Callable[[], HttpRunner]",
        read_credentials: CredentialsReader,
        clock: Clock,
        read_uptime: ReadUptime = lambda: None,
        random: RandomBytes = os.urandom,
        breakers: Breakers | None = None,
        emit: Emit = ignore,
        fly: Fly = fly,
        obtain: Obtain | None = None,
        fits: Callable[[Grant], bool] = lambda _: True,
    ) -> None:
        """
        `obtain` is for a server that needs no person: it brings the first token and every next one. `fits` is false for a stored
        grant that the settings no longer bring: it counts as none. `breakers` are shared by the sources of one vault.
        """
        self._settings = settings
        self._store = store
        self._http = http  # a function, because a token that is fresh needs no HTTP client at all
        self._read_credentials = read_credentials
        self._clock = clock
        self._read_uptime = read_uptime
        self._random = random
        self._breakers = breakers or Breakers()
        self._emit = emit
        self._fly = fly
        self._obtain = obtain
        self._fits = fits
        self._salt = random(8)
        self._slept = self._count_sleep()
        self._provers: dict[str, Prover] = {}
        self._renewal: Renewal | None = None
        self._begin_anew()
        in_children(self, TokenSource._begin_anew)
        self._grant: Grant | None = None
        self._version: int | None = None
        self._looked_at = float("-inf")
        # From, until, token: one tuple, so that it is read without the mutex.
        self._ready: tuple[float, float, Token] | None = None
        self._flight: Flying | None = None
        self._busy_at = float("-inf")
        self._pause: _Pause | None = None
        self._failures = 0
        self._told_to_login: Token | None = None
        self._forced: list[float] = []

    def _begin_anew(self) -> None:
        self._mutex = threading.RLock()  # guards the rest; held for microseconds and for the store, never over the network

    def ready(self) -> Token | None:
        """The token, where it is known to be good without a look at the store: the fast path of every request."""
        ready = self._ready
        return ready[2] if ready is not None and ready[0] <= self._clock() < ready[1] else None

    def prover(self, token: Token, url: str) -> "Prover | None":
        """What proves at `url` that a bound token is ours; None for a bearer token. It remembers the last nonce from there."""
        if token.dpop_key is None:
            return None
        prover = self._provers.get(url)
        if prover is None or prover.key != token.dpop_key:
            from handstamp.protocol.dpop import Prover

            prover = self._provers[url] = Prover(token.dpop_key, clock=self._clock, random=self._random)
        return prover

    @property
    def needs_nobody(self) -> bool:
        """Whether `token` brings one also where nothing is stored."""
        return self._obtain is not None

    def grant(self, *, anew: bool = True) -> Grant | None:
        """What is stored, fresh or not; without `anew` as of a second ago at most. No network."""
        with self._mutex:
            return self._look(self._clock(), anew=anew)

    def look_again(self) -> None:
        """Somebody of this process has just written a login or a logout: what is in memory is out of date from now on."""
        with self._mutex:
            self._ready, self._grant, self._pause, self._failures = None, None, None, 0

    def token(self) -> Token:
        """A fresh token; blocks while one is fetched."""
        return self.ready() or self._settled(None)

    async def token_async(self) -> Token:
        """A fresh token; other tasks run while one is fetched."""
        return self.ready() or await self._settled_async(None)

    def replacement(self, rejected: Token) -> Token:
        """Another token than the one that the server has just answered with 401; blocks while one is fetched."""
        return self._settled(rejected)

    async def replacement_async(self, rejected: Token) -> Token:
        """The same; other tasks run meanwhile."""
        return await self._settled_async(rejected)

    async def renewed_async(self) -> Grant:
        """
        A new token for the stored grant, however fresh the old one is, because a person asks for it; other tasks run meanwhile.

        No pause of ours holds that up; that of a server which wants to be left alone does. Raises what came instead, though the
        old token lives.
        """
        self.look_again()
        former, landed = self.grant(), 0
        while True:
            flight = self._depart(former)
            try:
                grant = await flight.join_async(WAIT_DEADLINE)
            except _HeldElsewhere:
                continue
            landed += 1
            if former is None or grant.token != former.token or landed == FLIGHTS:
                return grant

    def _depart(self, former: Grant | None) -> Flying:
        with self._mutex:
            if former is None and self._obtain is None:
                raise self._login_required("is not signed in yet")
            if former is not None and not former.renews:
                what = "no longer accepts the stored sign-in" if former.refused else "gave a token that cannot be renewed"
                command = account_hint("login_again", server=self._settings.name, account=self._settings.account)
                raise LoginRequired(f"{self._settings.name} {what}.", hint=command)
            self._forced.clear()
            return self._board(former, None if former is None else former.token)

    def _settled(self, rejected: Token | None) -> Token:
        landed = 0
        while landed < FLIGHTS:
            decision = self._decide(rejected)
            try:
                token = decision if isinstance(decision, Token) else decision.join(WAIT_DEADLINE).token
            except _HeldElsewhere:
                continue
            except HandstampError as error:
                return self._old_token(rejected, error)
            if _is_another(token, rejected):
                return token
            landed += 1
        raise self._login_required("gives no other token than the one that the server refuses")

    async def _settled_async(self, rejected: Token | None) -> Token:
        landed = 0
        while landed < FLIGHTS:
            decision = self._decide(rejected)
            try:
                token = decision if isinstance(decision, Token) else (await decision.join_async(WAIT_DEADLINE)).token
            except _HeldElsewhere:
                continue
            except HandstampError as error:
                return self._old_token(rejected, error)
            if _is_another(token, rejected):
                return token
            landed += 1
        raise self._login_required("gives no other token than the one that the server refuses")

    def _old_token(self, rejected: Token | None, error: HandstampError) -> Token:
        """
        The flight may have been for somebody whose token was refused, or has one that it cannot write: while the old one lives,
        it serves us. Else raises `error`.
        """
        with self._mutex:
            grant = self._grant
        if grant is None or not self._still_serves(grant.token, rejected):
            raise error
        return grant.token

    def _decide(self, rejected: Token | None = None) -> "Token | Flying":
        with self._mutex:
            now = self._clock()  # not before: who waits for the mutex meets a pause that has begun meanwhile
            grant = self._look(now, anew=rejected is not None)
            if grant is not None and self._is_good(grant.token, rejected):
                if self._is_due(grant):
                    self._begin_early(grant)
                else:
                    self._ready = (now, self._ready_until(grant, now), grant.token)
                return grant.token
            self._ready = None
            grant = self._look(now, anew=True)
            if grant is not None and self._is_good(grant.token, rejected):
                return grant.token
            if grant is None and self._obtain is None:
                raise self._login_required("is not signed in yet")
            if grant is not None and not grant.renews:
                return self._last_of(grant, rejected)
            if (pause := self._find_pause(grant)) is not None:
                return self._during_pause(pause, grant, rejected)
            return self._board(grant, rejected)

    def _look(self, now: float, *, anew: bool) -> Grant | None:
        """The grant as far as we know; asks the store once a second, or `anew` (a sibling process may have written)."""
        if not anew and self._grant is not None and 0 <= now - self._looked_at < LOOK_AGAIN:
            return self._grant
        version = self._store.data_version()
        if anew or self._grant is None or version != self._version:
            self._take(self._find())
        self._version, self._looked_at = version, now
        return self._grant

    def _find(self) -> Grant | None:
        found = self._store.find_grant(self._settings.owner, self._settings.server, self._settings.account)
        return found if found is not None and self._fits(found) else None

    def _take(self, found: Grant | None) -> None:
        """From the store into memory."""
        former, self._grant, self._ready = self._grant, found, None
        if former is not None and found is not None and _is_another(found.token, former.token):
            self._failures = 0
            self._breakers.answered(found.key.issuer, since=found.token.obtained_at)
            self._emit(Adopted(**self._about(found), expires_at=found.token.expires_at))

    def _now(self, token: Token) -> float:
        return token.now(self._clock(), self._read_uptime())

    def _is_good(self, token: Token, rejected: Token | None) -> bool:
        return token.is_fresh(self._now(token)) and _is_another(token, rejected)

    def _is_due(self, grant: Grant) -> bool:
        """For a flight in the background."""
        if self._find_pause(grant) is not None:
            return False
        if grant.renews and grant.pending is not None:
            return True  # its owner is gone, or holds the lock; whoever gets that knows
        renew_from = grant.renew_from(self._jitter(grant.key))
        return renew_from is not None and self._now(grant.token) >= renew_from

    def _find_pause(self, grant: Grant | None) -> "_Pause | None":
        pause, token = self._pause, None if grant is None else grant.token
        if pause is None or not pause.holds(self._clock(), token):
            return None
        # A sibling has begun since then. If it was killed over that, a server's grace may end with our pause.
        began = None if grant is None else grant.interrupted_at
        return None if began is not None and began >= pause.begun else pause

    def _ready_until(self, grant: Grant, now: float) -> float:
        """The next moment at which something has to be looked at: the store, or the clock."""
        token = grant.token
        ends = [grant.renew_from(self._jitter(grant.key))]
        ends.append(None if token.expires_at is None else token.use_before(token.expires_at))
        ahead = self._now(token) - now  # where the clock was set back
        return min([now + LOOK_AGAIN, *(end - ahead for end in ends if end is not None and end > now + ahead)])

    def _jitter(self, key: GrantKey) -> float:
        """-1…1, the same for a grant in one process and another in the next: siblings begin to renew at different moments."""
        return int.from_bytes(sha256(f"{key}".encode() + self._salt).digest()[:4]) / 2**31 - 1

    def _last_of(self, grant: Grant, rejected: Token | None) -> Token:
        """What a grant that is over still gives: its token, to the very end."""
        if self._still_serves(grant.token, rejected):
            return grant.token
        if grant.token.refresh_token is None:
            error = self._login_required("gave a token that has ended and cannot be renewed")
            self._note_end(grant, error)
            raise error
        raise self._login_required("no longer accepts the stored sign-in")

    def _note_end(self, grant: Grant, error: LoginRequired) -> None:
        """No server was asked, so each process finds out by itself: whoever is the first to write it down tells it."""
        if grant.failure is not None:
            return
        with suppress(VaultError):
            noted = self._store.replace_grant(replace(grant, failure=Failure(self._clock(), error.code, error.message)))
            if noted is not None:
                self._tell_to_login(noted, error)

    def _during_pause(self, pause: "_Pause", grant: Grant | None, rejected: Token | None) -> Token:
        if grant is not None and self._still_serves(grant.token, rejected):
            return grant.token
        raise pause.error_again()

    def _count_forced(self, now: float) -> None:
        self._forced = [then for then in self._forced if 0 <= now - then < 60]
        if len(self._forced) >= FORCED_PER_MINUTE:
            raise self._login_required("answers 401 to every fresh token")
        self._forced.append(now)

    def _begin_early(self, grant: Grant) -> None:
        """Renews while everybody goes on with the old token: nobody joins, and it is wanted all the same."""
        is_busy = 0 <= self._clock() - self._busy_at < BUSY_PAUSE
        if not is_busy and (self._flight is None or self._flight.is_over):
            with suppress(RuntimeError):  # no thread is to be had: the interpreter is ending, or the system has no more
                self._board(grant, None, early=True)

    def _board(self, grant: Grant | None, rejected: Token | None, *, early: bool = False) -> Flying:
        """The flight that is under way, or a new one; we are aboard."""
        if self._flight is None or not self._flight.board():
            if rejected is not None:
                self._count_forced(self._clock())
            # Before the first grant its issuer is not known: all who fetch it wait for each other under none.
            ours = self._settings
            key = GrantKey(ours.owner, ours.server, ours.account, "") if grant is None else grant.key
            self._flight = self._fly(lambda flying: self._renew(flying, key, rejected, early=early))
        return self._flight

    # What follows runs in the flight's thread.

    def _renew(self, flying: Flying, key: GrantKey, rejected: Token | None, *, early: bool) -> Grant:
        self._stagger(flying)
        try:
            return self._renew_alone(flying, key, rejected, early=early)
        except VaultError as error:
            return self._survive(self._grant, rejected, error)

    def _renew_alone(self, flying: Flying, key: GrantKey, rejected: Token | None, *, early: bool) -> Grant:
        with self._store.lock(key, wait=not early) as held:
            if not held:
                self._busy_at = self._clock()
                raise _HeldElsewhere
            grant = self._find()
            with self._mutex:
                self._take(grant)  # what fails from here on fails for this one
            if grant is None or grant.key == key:
                return self._renew_held(flying, grant, rejected, early=early)
        # meanwhile somebody has signed in, at another issuer, and that grant has a lock of its own.
        return self._renew_alone(flying, grant.key, rejected, early=early)

    def _stagger(self, flying: Flying) -> None:
        slept = self._count_sleep()
        has_woken, self._slept = slept - self._slept > WOKEN, slept
        if has_woken:
            flying.pause(STAGGER * int.from_bytes(self._random(2)) / 2**16)

    def _count_sleep(self) -> float:
        uptime = self._read_uptime()
        return 0.0 if uptime is None else uptime.slept

    def _renew_held(self, flying: Flying, grant: Grant | None, rejected: Token | None, *, early: bool) -> Grant:
        if grant is None and self._obtain is None:
            raise self._login_required("is not signed in any more")
        if grant is not None and self._is_good(grant.token, rejected) and not (early and self._is_due(grant)):
            return self._adopt(grant)
        if grant is not None and not grant.renews:
            self._last_of(grant, rejected)
            return self._adopt(grant)
        if (pause := self._find_pause(grant)) is not None:
            raise pause.error_again()  # the sibling that was waited for has told of a failure, and ours is not long ago
        if not flying.commit():
            return self._let_go(grant, rejected)
        try:
            return self._adopt(self._fetch(flying, grant))
        except VaultError:
            raise  # `_renew` has an eye on the vault as a whole
        except HandstampError as error:
            return self._survive(grant, rejected, error)

    def _let_go(self, grant: Grant | None, rejected: Token | None) -> Grant:
        """Nobody waits any more; or the program ends, and there may be who does."""
        if grant is None or not self._still_serves(grant.token, rejected):
            raise TimedOut(f"Expected time to renew the token of {self._settings.name}, and the program is ending.")
        return self._adopt(grant)

    def _fetch(self, flying: Flying, grant: Grant | None) -> Grant:
        if self._obtain is not None:
            fetched = self._keep(self._obtain(grant), grant)
        else:
            assert grant is not None  # `_renew_held` has asked
            fetched = self._renewing().refresh(flying, grant)
        if fetched is None:
            return self._find_again()
        with self._mutex:
            self._grant = fetched  # ours: nothing to adopt
        about, ends = self._about(fetched), fetched.token.expires_at
        first = grant is None
        self._emit(Login(**about, scopes=fetched.scopes, expires_at=ends) if first else Refreshed(**about, expires_at=ends))
        return fetched

    def _find_again(self) -> Grant:
        """Somebody has written without the lock: on a network file system, or with a vault of another version."""
        current = self._find()
        if current is None:
            raise self._login_required("was signed out meanwhile")
        with self._mutex:
            self._take(current)
        return current

    def _keep(self, obtained: Grant, former: Grant | None) -> Grant | None:
        """One that replaces nothing is like a login's; another is compared and set, since somebody may have signed out."""
        if former is None or former.key != obtained.key:
            return self._store.save_grant(obtained)
        return self._store.replace_grant(replace(obtained, generation=former.generation))

    def _renewing(self) -> "Renewal":
        from handstamp.renewal import Renewal

        if self._renewal is None:
            self._renewal = Renewal(
                store=self._store,
                http=self._http,
                read_credentials=self._read_credentials,
                find_prover=self.prover,
                clock=self._clock,
                breakers=self._breakers,
                tell_unsaved=self._tell_failed,
            )
        return self._renewal

    def _adopt(self, grant: Grant) -> Grant:
        with self._mutex:
            self._take(grant)
            # The store may have been written since this grant was read: the next look reads it again.
            self._version, self._pause, self._failures = None, None, 0
        return grant

    def _survive(self, grant: Grant | None, rejected: Token | None, error: HandstampError) -> Grant:
        """The table at the top of this file, below its first line."""
        if self._obtain is not None and grant is not None:
            self._renewing().note_failure(grant, error)
        explained = self._explain(grant, error)
        if isinstance(explained, LoginRequired):
            self._tell_to_login(grant, explained)
        else:
            self._tell_failed(error)
        self._fall_back(grant, explained)
        if grant is not None and self._still_serves(grant.token, rejected):
            return grant
        if explained is error:
            raise error
        raise explained from error

    def _fall_back(self, grant: Grant | None, error: HandstampError) -> None:
        """Nobody tries again for a while."""
        with self._mutex:
            self._failures += 1
            # The disk is ours: asking it again costs nobody anything.
            doublings = 0 if isinstance(error, VaultError) else min(self._failures - 1, 10)
            seconds = min(LONGEST_PAUSE, PAUSE * 2**doublings)
            if isinstance(error, TemporarilyUnavailable) and error.retry_after is not None:
                seconds = max(seconds, error.retry_after)
            now = self._clock()
            self._pause = _Pause(None if grant is None else grant.token, now, now + seconds, error)
            self._version = None  # what failed is noted in the store

    def _tell_failed(self, error: HandstampError) -> None:
        self._emit(Failed(**self._about(self._grant), code=error.code, message=error.message))

    def _tell_to_login(self, grant: Grant | None, error: LoginRequired) -> None:
        """Once for a token, however often it is asked for."""
        if grant is not None and grant.token != self._told_to_login:
            self._told_to_login = grant.token
            self._emit(NeedsLogin(**self._about(grant), message=error.message))

    def _still_serves(self, token: Token, rejected: Token | None) -> bool:
        """Alive, margins aside: better than no token. By the machine's count, which nobody sets, where there is one."""
        counted = token.counted(self._read_uptime())
        alive = token.expires_at is None or (self._clock() if counted is None else counted) < token.expires_at
        return alive and _is_another(token, rejected)

    def _explain(self, grant: Grant | None, error: HandstampError) -> HandstampError:
        if self._obtain is None and isinstance(error, InvalidGrant):
            return self._login_required("no longer accepts the stored sign-in")
        if grant is not None and isinstance(error, InvalidClient) and grant.registration.kind is RegistrationKind.DYNAMIC:
            with suppress(VaultError):  # the next login hears the same, and registers anew
                self._store.forget_registration(grant.key.owner, grant.key.issuer)
            return self._login_required("has forgotten this program's registration")
        if error.hint is None and isinstance(error, NetworkError | ServerSaidNo | ServerBrokeProtocol):
            error.hint = hint("login_trace", server=self._settings.name)
        return error

    def _login_required(self, what: str) -> LoginRequired:
        command = account_hint("login", server=self._settings.name, account=self._settings.account)
        return LoginRequired(f"{self._settings.name} {what}.", hint=command)

    def _about(self, grant: Grant | None) -> About:
        ours = self._settings
        return About(
            at=self._clock(),
            owner=ours.owner,
            server=ours.server,
            account=ours.account,
            name=ours.name,
            issuer=None if grant is None else grant.key.issuer,
        )


@dataclass(frozen=True, slots=True)
class _Pause:
    """
    Some seconds without another attempt for this token. Another one, and a clock that is set back, end it: neither is a reason
    to wait for what was.
    """

    token: Token | None
    begun: float
    until: float
    error: HandstampError

    def holds(self, now: float, token: Token | None) -> bool:
        return self.begun <= now < self.until and token == self.token

    def error_again(self) -> HandstampError:
        """A copy: one object, raised a thousand times, would grow by a traceback each time."""
        return copy(self.error).with_traceback(None)


class _HeldElsewhere(Exception):
    """A flight in the background found a sibling at work. Who has joined it needs one that waits."""


def _is_another(token: Token, rejected: Token | None) -> bool:
    return rejected is None or token.access_token != rejected.access_token
