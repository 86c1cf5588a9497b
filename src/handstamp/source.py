"""
A fresh token, whatever it takes: TokenSource.

The theory. A refresh token that rotates may be sent once; sent twice, the server revokes the whole family and the person signs in
again. So of all tasks, threads, event loops and processes that notice an expiry, one sends it, and all others get its outcome:

1. Fast path. The grant is in memory; the store is asked whether another process wrote (microseconds) once a second at most, and
   whenever the token is not good.
2. Two windows before the end of a token's life. From `Token.renew_from` on, one background flight renews while everybody goes on
   with the old token. From `Token.use_before` on, everybody waits for that flight.
3. In a process one flight a grant (`handstamp.flight`). Across processes one kernel lock a grant. After acquiring it: look again.
   What a sibling wrote meanwhile is adopted, and nothing is sent.
4. What the server gave is on disk before anybody sees it.
5. Unknown is not refused. A time-out, a 503, a dead network, an answer that makes no sense: the grant stays as it is, and the old
   token serves for as long as it lives. Only `invalid_grant` ends a refresh token, and even that deletes nothing: its fingerprint
   is noted, so that the same token is not sent again by anybody.

What a refresh can come to (RFC 6749 §5.2, and 2.5 step 6 of the design's measurements):

    outcome                            old token still good     old token dead
    new token                          saved, handed out        saved, handed out
    invalid_grant, a sibling was first adopted                  adopted
    invalid_grant                      noted; old one serves    noted; LoginRequired
    invalid_client, dynamic            old one serves           LoginRequired (the next login registers anew)
    invalid_client, configured         old one serves           InvalidClient
    invalid_scope, invalid_target      old one serves           InvalidScope
    sent, and the answer lost          the same refresh token once more, at once; then as the next line
    no answer, 5xx, 429                old one serves           the NetworkError; again after a pause
    an answer that makes no sense      old one serves           MalformedResponse; again after a pause
    a machine's grant, any refusal     old one serves           that refusal; again after a pause (A-163)
    saved nowhere (disk full)          StoreUnreachable; the new token is kept in memory and saved at the next call
"""

import os
import sys
import threading
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING
from weakref import WeakSet

from handstamp.errors import (
    HandstampError,
    InvalidClient,
    InvalidGrant,
    LoginRequired,
    NetworkError,
    ServerBrokeProtocol,
    ServerSaidNo,
    TemporarilyUnavailable,
    VaultError,
    account_hint,
    hint,
)
from handstamp.model import Grant, GrantKey, RegistrationKind, Secret, Token
from handstamp.ports import Clock, CredentialsReader, GrantStore, HttpRunner, Obtain, RandomBytes

if TYPE_CHECKING:
    from handstamp.flight import Flight
    from handstamp.protocol.dpop import Prover

__all__ = ["SourceSettings", "TokenSource"]

LOOK_AGAIN = 1.0
"""Seconds between two looks for another process's write, while the token is good."""
REFRESH_DEADLINE = 15.0
"""Seconds for one refresh request, all in all."""
WAIT_DEADLINE = 60.0
"""Seconds that a waiter waits: longer than any holder of the lock may take."""
PAUSE = 5.0
"""Seconds after a failed refresh in which no other is begun."""
FLIGHTS = 2
"""That one call joins at most: one that was begun before its 401 may end with the very token that was refused."""
FORCED_PER_MINUTE = 5
"""Refreshes that 401s may force: a server that refuses every token must not make us a refresh machine."""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Whose token for which server, and what the server is called when a person has to do something."""

    owner: str
    server: str
    account: str
    name: str


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
        random: RandomBytes = os.urandom,
        obtain: Obtain | None = None,
        fits: Callable[[Grant], bool] = lambda _: True,
    ) -> None:
        """
        `obtain` is for a server that needs no person: it brings the first token and every next one. `fits` is false for a stored
        grant that the settings no longer bring: it counts as none.
        """
        self._settings = settings
        self._store = store
        self._http = http  # a function, because a token that is fresh needs no HTTP client at all
        self._read_credentials = read_credentials
        self._clock = clock
        self._random = random
        self._provers: dict[str, Prover] = {}
        self._obtain = obtain
        self._fits = fits
        self._mutex = threading.RLock()  # guards all below; held for microseconds and for the store, never over the network
        _SOURCES.add(self)
        self._grant: Grant | None = None
        self._version: int | None = None
        self._looked_at = float("-inf")
        # From, until, token: one tuple, so that it is read without the mutex.
        self._ready: tuple[float, float, Token] | None = None
        self._flight: Flight[Grant] | None = None
        self._unsaved: Grant | None = None
        self._pause: _Pause | None = None
        self._forced: list[float] = []

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
            self._ready, self._grant = None, None

    def token(self) -> Token:
        """A fresh token; blocks while one is fetched."""
        return self._settled(None)

    async def token_async(self) -> Token:
        """A fresh token; other tasks run while one is fetched."""
        return await self._settled_async(None)

    def replacement(self, rejected: Token) -> Token:
        """Another token than the one that the server has just answered with 401; blocks while one is fetched."""
        return self._settled(rejected)

    async def replacement_async(self, rejected: Token) -> Token:
        """The same; other tasks run meanwhile."""
        return await self._settled_async(rejected)

    def _settled(self, rejected: Token | None) -> Token:
        for _ in range(FLIGHTS):
            decision = self._decide(rejected)
            token = decision if isinstance(decision, Token) else decision.join(WAIT_DEADLINE).token
            if _is_another(token, rejected):
                return token
        raise self._login_required("gives no other token than the one that the server refuses")

    async def _settled_async(self, rejected: Token | None) -> Token:
        for _ in range(FLIGHTS):
            decision = self._decide(rejected)
            token = decision if isinstance(decision, Token) else (await decision.join_async(WAIT_DEADLINE)).token
            if _is_another(token, rejected):
                return token
        raise self._login_required("gives no other token than the one that the server refuses")

    def _decide(self, rejected: Token | None = None) -> "Token | Flight[Grant]":
        now = self._clock()
        with self._mutex:
            grant = self._look(now, anew=rejected is not None)
            if grant is not None and self._is_good(grant.token, now, rejected):
                if self._is_due(grant, now):
                    self._begin_early(grant)
                else:
                    self._ready = (now, self._ready_until(grant), grant.token)
                return grant.token
            self._ready = None
            grant = self._look(now, anew=True)
            if grant is not None and self._is_good(grant.token, now, rejected):
                return grant.token
            if grant is None and self._obtain is None:
                raise self._login_required("is not signed in yet")
            if grant is not None and not grant.renews:
                return self._last_of(grant, rejected)
            if self._pause is not None and self._pause.holds(now):
                raise self._pause.error_again()
            return self._board(grant, rejected)

    def _look(self, now: float, *, anew: bool) -> Grant | None:
        """The grant as far as we know; asks the store once a second, or `anew` (a sibling process may have written)."""
        self._save_unsaved()
        if not anew and self._grant is not None and 0 <= now - self._looked_at < LOOK_AGAIN:
            return self._grant
        version = self._store.data_version()
        if anew or self._grant is None or version != self._version:
            self._grant = self._find()
        self._version, self._looked_at = version, now
        return self._grant

    def _find(self) -> Grant | None:
        found = self._store.find_grant(self._settings.owner, self._settings.server, self._settings.account)
        return found if found is not None and self._fits(found) else None

    def _is_good(self, token: Token, now: float, rejected: Token | None) -> bool:
        return token.is_fresh(now) and _is_another(token, rejected)

    def _is_settled(self, grant: Grant, rejected: Token | None) -> bool:
        """Nothing is to be fetched for it."""
        now = self._clock()
        return self._is_good(grant.token, now, rejected) and not self._is_due(grant, now)

    def _is_due(self, grant: Grant, now: float) -> bool:
        renew_from = grant.renew_from(_jitter(grant.key))
        paused = self._pause is not None and self._pause.holds(now)
        return renew_from is not None and now >= renew_from and not paused

    def _ready_until(self, grant: Grant) -> float:
        """The next moment at which something has to be looked at: the store, or the clock."""
        token = grant.token
        ends = [self._looked_at + LOOK_AGAIN, grant.renew_from(_jitter(grant.key))]
        ends.append(None if token.expires_at is None else token.use_before(token.expires_at))
        return min(end for end in ends if end is not None and end > self._looked_at)

    def _last_of(self, grant: Grant, rejected: Token | None) -> Token:
        """What a grant that is over still gives: its token, to the very end."""
        if self._still_serves(grant.token, rejected):
            return grant.token
        if grant.token.refresh_token is None:
            raise self._login_required("gave a token that has ended and cannot be renewed")
        raise self._login_required("no longer accepts the stored sign-in")

    def _count_forced(self, now: float) -> None:
        self._forced = [then for then in self._forced if 0 <= now - then < 60]
        if len(self._forced) >= FORCED_PER_MINUTE:
            raise self._login_required("answers 401 to every fresh token")
        self._forced.append(now)

    def _begin_early(self, grant: Grant) -> None:
        """Renews while everybody goes on with the old token: nobody joins, and it is wanted all the same."""
        if self._flight is None or self._flight.is_over:
            self._board(grant, None)

    def _board(self, grant: Grant | None, rejected: Token | None) -> "Flight[Grant]":
        """The flight that is under way, or a new one; we are aboard."""
        from handstamp.flight import Flight

        if self._flight is None or not self._flight.board():
            if rejected is not None:
                self._count_forced(self._clock())
            # Before the first grant its issuer is not known: all who fetch it wait for each other under none.
            ours = self._settings
            key = GrantKey(ours.owner, ours.server, ours.account, "") if grant is None else grant.key
            self._flight = Flight(lambda flight: self._renew(flight, key, rejected), name="handstamp-renew").start()
        return self._flight

    # What follows runs in the flight's thread.

    def _renew(self, flight: "Flight[Grant]", key: GrantKey, rejected: Token | None) -> Grant:
        with self._store.lock(key):
            grant = self._save_unsaved() or self._find()
            if grant is None or grant.key == key:
                return self._renew_held(flight, grant, rejected)
        # meanwhile somebody has signed in, at another issuer, and that grant has a lock of its own.
        return self._renew(flight, grant.key, rejected)

    def _renew_held(self, flight: "Flight[Grant]", grant: Grant | None, rejected: Token | None) -> Grant:
        if grant is None and self._obtain is None:
            raise self._login_required("is not signed in any more")
        if grant is not None and self._is_settled(grant, rejected):
            return self._adopt(grant)
        if grant is not None and not grant.renews:
            self._last_of(grant, rejected)
            return self._adopt(grant)
        if not flight.commit():
            return self._let_go(grant)
        try:
            return self._adopt(self._fetch(grant))
        except HandstampError as error:
            return self._survive(grant, rejected, error)

    def _let_go(self, grant: Grant | None) -> Grant:
        """Nobody waits any more."""
        if grant is None:
            raise self._login_required("is not signed in yet")
        return self._adopt(grant)

    def _fetch(self, grant: Grant | None) -> Grant:
        if self._obtain is not None:
            return self._keep(self._obtain(grant), grant)
        assert grant is not None  # `_renew` has asked
        return self._refresh(grant)

    def _keep(self, obtained: Grant, former: Grant | None) -> Grant:
        """One that replaces nothing is like a login's; another is compared and set, since somebody may have signed out."""
        if former is None or former.key != obtained.key:
            return self._store.save_grant(obtained)
        return self._save(replace(obtained, generation=former.generation))

    def _refresh(self, grant: Grant) -> Grant:
        from handstamp.protocol.tokens import refresh_token

        http = self._http()
        credentials = self._read_credentials(grant.key.owner, grant.key.server, grant.registration)
        prover = self.prover(grant.token, grant.token_endpoint)
        try:
            answer = http.run_blocking(refresh_token(grant, credentials, prover), deadline=REFRESH_DEADLINE)
        except NetworkError as error:
            if not error.maybe_done:
                raise
            # Step 6: nothing can be lost any more. Either the server has not seen it, or it has rotated the token, and then only
            # the same token, at once, within its grace, brings the new one.
            answer = http.run_blocking(refresh_token(grant, credentials, prover), deadline=REFRESH_DEADLINE)
        scopes = grant.scopes if answer.scopes is None else answer.scopes
        renewed = replace(grant, token=answer.token, scopes=scopes, identity=answer.identity or grant.identity, refused=None)
        return self._save(renewed)

    def _save(self, renewed: Grant) -> Grant:
        try:
            saved = self._store.replace_grant(renewed)
        except VaultError:
            # The old refresh token is spent: this copy is the only one. It is neither handed out nor forgotten.
            self._unsaved = renewed
            raise
        self._unsaved = None
        if saved is not None:
            return saved
        current = self._find()
        if current is None:
            raise self._login_required("was signed out meanwhile")
        return current

    def _save_unsaved(self) -> Grant | None:
        return None if self._unsaved is None else self._save(self._unsaved)

    def _adopt(self, grant: Grant) -> Grant:
        with self._mutex:
            # The store may have been written since this grant was read: the next look reads it again.
            self._grant, self._version, self._pause = grant, None, None
        return grant

    def _survive(self, grant: Grant | None, rejected: Token | None, error: HandstampError) -> Grant:
        """The table at the top of this file, below its first line."""
        if grant is not None and self._obtain is None and isinstance(error, InvalidGrant):
            current = self._find()
            if current is not None and self._is_good(current.token, self._clock(), rejected or grant.token):
                return self._adopt(current)
            grant = self._store.replace_grant(replace(grant, refused=fingerprint(grant.token.refresh_token))) or grant
            with self._mutex:
                self._grant, self._version = grant, None
        elif not isinstance(error, VaultError):
            self._begin_pause(error)
        if grant is not None and self._still_serves(grant.token, rejected) and not isinstance(error, VaultError):
            return grant
        explained = self._explain(grant, error)
        if explained is error:
            raise error
        raise explained from error

    def _begin_pause(self, error: HandstampError) -> None:
        seconds = PAUSE
        if isinstance(error, TemporarilyUnavailable) and error.retry_after is not None:
            seconds = max(seconds, error.retry_after)
        with self._mutex:
            now = self._clock()
            self._pause = _Pause(now, now + seconds, error)

    def _still_serves(self, token: Token, rejected: Token | None) -> bool:
        """Alive by the clock, margins aside: better than no token."""
        alive = token.expires_at is None or self._clock() < token.expires_at
        return alive and _is_another(token, rejected)

    def _explain(self, grant: Grant | None, error: HandstampError) -> HandstampError:
        if self._obtain is None and isinstance(error, InvalidGrant):
            return self._login_required("no longer accepts the stored sign-in")
        if grant is not None and isinstance(error, InvalidClient) and grant.registration.kind is RegistrationKind.DYNAMIC:
            self._store.forget_registration(grant.key.owner, grant.key.issuer)
            return self._login_required("has forgotten this program's registration")
        if error.hint is None and isinstance(error, NetworkError | ServerSaidNo | ServerBrokeProtocol):
            error.hint = hint("login_trace", server=self._settings.name)
        return error

    def _login_required(self, what: str) -> LoginRequired:
        command = account_hint("login", server=self._settings.name, account=self._settings.account)
        return LoginRequired(f"{self._settings.name} {what}.", hint=command)


@dataclass(frozen=True, slots=True)
class _Pause:
    """Some seconds without another attempt. A clock that is set back ends it: it is no reason to wait for days."""

    begun: float
    until: float
    error: HandstampError

    def holds(self, now: float) -> bool:
        return self.begun <= now < self.until

    def error_again(self) -> HandstampError:
        """A copy: one object, raised a thousand times, would grow by a traceback each time."""
        return copy(self.error).with_traceback(None)


_SOURCES: WeakSet[TokenSource] = WeakSet()


def _renew_mutexes() -> None:
    """In a child that was forked while another thread held a mutex, nobody would ever let it go."""
    for source in list(_SOURCES):
        source._mutex = threading.RLock()  # pyright: ignore[reportPrivateUsage]


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_mutexes)


def fingerprint(secret: Secret | None) -> str | None:
    """Tells two refresh tokens apart without keeping either in the clear."""
    return None if secret is None else sha256(b"handstamp refused\0" + secret.reveal().encode()).hexdigest()


def _is_another(token: Token, rejected: Token | None) -> bool:
    return rejected is None or token.access_token != rejected.access_token


def _jitter(key: GrantKey) -> float:
    """-1…1, the same for a grant in one process and different in another: siblings begin to renew at different moments."""
    digest = sha256(f"{key}{os.getpid()}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**31 - 1
