"""
A login that a request starts, because its auth object was given a presenter.

One login for all requests that need it at once: whoever comes while it runs joins it, whoever comes later finds its outcome, and
after one that failed a while passes without another (W4, TC11). Whoever joined one that was for other scopes than its own begins
one of its own afterwards. A server that wants more access each time gets two logins for an operation, and no third (TF8); one
whose tokens end at once, or that names another issuer each time, gets one a minute (TC11). A login runs in a thread of its own,
with an event loop of its own: the requests that wait may belong to any.
"""

import threading
from collections.abc import Callable
from copy import copy

from handstamp.errors import HandstampError, LoginRequired, account_hint
from handstamp.flight import Flight
from handstamp.model import Token
from handstamp.ports import Clock
from handstamp.protocol.step_up import STEP_UPS, Operation, Refusal, step_up_required
from handstamp.source import TokenSource

__all__ = ["OnDemandLogin"]

PATIENCE = 600.0
"""Seconds that a request waits for a login: longer than a login may take."""
COOLDOWN = 60.0
"""Seconds after a failed login in which no other is started."""
KNOWN_OPERATIONS = 256
"""Whose step-ups are counted; the one that was counted first is forgotten for the next."""


class OnDemandLogin:
    """
    Fulfils `http.auth.Interactive`. `login` blocks until the person has signed in, and raises what a login raises.

    Both methods are told why the request needs a person. Raise StepUpRequired where that was tried often enough.
    """

    def __init__(
        self,
        name: str,
        account: str,
        source: TokenSource,
        login: Callable[[Refusal], object],
        has_moved: Callable[[Refusal], bool],
        clock: Clock,
    ) -> None:
        """`has_moved`: whether the server names other authorization servers now than the one that gave the stored grant."""
        self._name = name
        self._account = account
        self._source = source
        self._login = login
        self._has_moved = has_moved
        self._clock = clock
        self._mutex = threading.Lock()  # guards all below
        self._flight: Flight[Token] | None = None
        self._begun_for = Refusal()
        self._failed: tuple[float, HandstampError] | None = None
        self._signed_in_at = self._followed_at = float("-inf")
        self._step_ups: dict[Operation, int] = {}

    def blocking(self, refusal: Refusal) -> Token:
        """A token, after a login if that is needed; blocks meanwhile."""
        while True:
            flight, is_own = self._board(refusal)
            token = flight.join(PATIENCE)
            if is_own or self._serves(refusal):
                return token

    async def awaiting(self, refusal: Refusal) -> Token:
        """The same for a task."""
        while True:
            flight, is_own = self._board(refusal)
            token = await flight.join_async(PATIENCE)
            if is_own or self._serves(refusal):
                return token

    def _board(self, refusal: Refusal) -> tuple[Flight[Token], bool]:
        """The login that is under way, or a new one; and whether it was begun for this very need."""
        with self._mutex:
            if self._failed is not None and self._is_recent(self._failed[0]):
                # A copy: one object, raised a thousand times, would grow by a traceback each time.
                raise copy(self._failed[1]).with_traceback(None)
            if self._flight is None or not self._flight.board():
                self._check_step_ups(refusal)
                self._begun_for = refusal
                self._flight = Flight(lambda _: self._run(refusal), name="handstamp-login").start()
            return self._flight, self._begun_for is refusal

    def _check_step_ups(self, refusal: Refusal) -> None:
        """A-115 to A-117: a second only where the first did not bring what is wanted, a third never, and none for the refused."""
        grant = self._source.grant() if refusal.operation else None
        if not refusal.operation or refusal.is_met_by(grant):
            return
        before = self._step_ups.get(refusal.operation, 0)
        if before >= STEP_UPS or (before and refusal.is_within(grant)) or refusal.is_final_for(grant):
            raise step_up_required(self._name, self._account, grant, refusal, tried=True)

    def _run(self, refusal: Refusal) -> Token:
        token = self._stored_token(refusal)
        if token is not None:
            return token
        try:
            if refusal.operation:
                self._count(refusal.operation)
            elif self._is_young(refusal):
                self._follow(refusal)
            self._login(refusal)
            self._signed_in_at = self._clock()
        except HandstampError as error:
            self._failed = (self._clock(), error)
            raise
        return self._source.token()

    def _is_young(self, refusal: Refusal) -> bool:
        """A login has only just brought what does not do any more; whoever signed out since then may sign in again."""
        if refusal.token is None:
            return self._is_recent(self._signed_in_at) and self._source.grant() is not None
        return self._is_recent(refusal.token.obtained_at)

    def _follow(self, refusal: Refusal) -> None:
        """A-61: where the server has moved to another issuer, another login makes sense at once; not where it moves on and on."""
        if self._is_recent(self._followed_at) or not self._has_moved(refusal):
            what = (
                "gave a token that has already ended"
                if refusal.token is None
                else "answers 401 to a token that it has just given"
            )
            command = account_hint("login", server=self._name, account=self._account)
            raise LoginRequired(f"{self._name} {what}.", hint=command)
        self._followed_at = self._clock()

    def _is_recent(self, moment: float) -> bool:
        return 0 <= self._clock() - moment < COOLDOWN

    def _stored_token(self, refusal: Refusal) -> Token | None:
        """What an earlier login brought, or another process."""
        if refusal.operation and not refusal.is_met_by(self._source.grant()):
            return None  # nothing that a refresh could bring would do
        try:
            token = self._source.token()
        except LoginRequired:
            return None
        return token if refusal.token is None or token.access_token != refusal.token.access_token else None

    def _count(self, operation: Operation) -> None:
        with self._mutex:
            if len(self._step_ups) >= KNOWN_OPERATIONS and operation not in self._step_ups:
                del self._step_ups[next(iter(self._step_ups))]
            self._step_ups[operation] = self._step_ups.get(operation, 0) + 1

    def _serves(self, refusal: Refusal) -> bool:
        """Whether the login of another request brought what this one needs: its own may be another scope."""
        return not refusal.operation or refusal.is_met_by(self._source.grant())
