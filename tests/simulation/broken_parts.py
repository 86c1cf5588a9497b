"""Parts of the core and ports of it, each of the real thing by a class that overrides one method and breaks one rule."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from handstamp.breaker import Breakers
from handstamp.errors import HandstampError, InvalidClient, LoginRequired, NetworkError, TemporarilyUnavailable, VaultError
from handstamp.model import Grant, GrantKey, Token
from handstamp.ports import Flying
from handstamp.renewal import Renewal, _Failed, fingerprint
from handstamp.source import TokenSource
from simulation.flying import SimulatedFlight
from simulation.store import SimulatedStore

if TYPE_CHECKING:
    from handstamp.protocol.tokens import TokenResponse


class NoKernelLock(SimulatedStore):
    """A lock within the process alone, as most clients have it."""

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool, None, None]:
        self._process.enter()
        yield True


class NoLookAgain(SimulatedStore):
    """Under the lock: what was known before one waited for it."""

    _known: Grant | None = None
    _held = False

    @contextmanager
    def lock(self, key: GrantKey, *, wait: bool = True) -> Generator[bool, None, None]:
        with super().lock(key, wait=wait) as held:
            self._held = held
            try:
                yield held
            finally:
                self._held = False

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        if not self._held or self._known is None:
            self._known = super().find_grant(owner, server, account, issuer)
        return self._known


class NoCompareAndSet(SimulatedStore):
    """Writes whatever is there by now."""

    def replace_grant(self, grant: Grant) -> Grant | None:
        return self.save_grant(grant)


class NoEyeForSiblings(SimulatedStore):
    """Never says that another process has written."""

    def data_version(self) -> int:
        super().data_version()
        return 0


class ForgetsExpiry(SimulatedStore):
    """A restart, and nobody knows when the token ends."""

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        found = super().find_grant(owner, server, account, issuer)
        return found and replace(found, token=replace(found.token, expires_at=None))


class NoPending(Renewal):
    """Sends without a word on disk."""

    def _begin(self, grant: Grant) -> Grant | None:
        return grant


class HandsOutUnwritten(Renewal):
    """Hands out what could not be written."""

    def _save(self, flying: Flying, renewed: Grant) -> Grant | None:
        with suppress(VaultError):
            return self._store.replace_grant(renewed)
        return renewed


class LetsGoUnsaved(Renewal):
    """Gives up at the first write that fails, and the lock and the token with it."""

    def _save(self, flying: Flying, renewed: Grant) -> Grant | None:
        return self._store.replace_grant(renewed)


class NoRepetition(Renewal):
    """One request, and whoever comes next may see."""

    def _ask(self, flying: Flying, grant: Grant, *, unsure: bool) -> "TokenResponse | Any":
        return super()._ask(cast("Flying", _Impatient(flying)), grant, unsure=unsure)


class _Impatient:
    """A flight that never pauses."""

    def __init__(self, flying: Flying) -> None:
        self._flying = flying

    def pause(self, seconds: float) -> bool:
        return False

    def fail(self, error: Exception) -> None:
        self._flying.fail(error)


class SlowRepetition(Renewal):
    """Repeats as late as one does that backs off from a server in trouble."""

    def _ask(self, flying: Flying, grant: Grant, *, unsure: bool) -> "TokenResponse | Any":
        return super()._ask(cast("Flying", _Slow(flying)), grant, unsure=unsure)


class _Slow(_Impatient):
    def pause(self, seconds: float) -> bool:
        return self._flying.pause(seconds + 3.0)


class NeverTires(Renewal):
    """Asks until there is an answer."""

    def _ask(self, flying: Flying, grant: Grant, *, unsure: bool) -> "TokenResponse | Any":
        while True:
            answer = super()._ask(cast("Flying", _Impatient(flying)), grant, unsure=unsure)
            if not (isinstance(answer, _Failed) and isinstance(answer.error, NetworkError) and flying.pause(1.0)):
                return answer


class NotesNoRefusal(Renewal):
    """`invalid_grant`, and the next call asks again."""

    def _end(self, grant: Grant, error: HandstampError) -> None:
        raise error


class WipesOnRefusal(Renewal):
    """`invalid_grant` deletes what is stored, whoever has written it meanwhile."""

    def _end(self, grant: Grant, error: HandstampError) -> None:
        self._store.forget_grant(grant.key)
        raise error


class RefusesOnAnyNo(Renewal):
    """Takes every failure for the end."""

    def note_failure(self, grant: Grant, error: HandstampError) -> None:
        super().note_failure(replace(grant, refused=fingerprint(grant.token.refresh_token)), error)


class ForgetsOn503(TokenSource):
    """A server that is out of order costs the grant."""

    def _survive(self, grant: Grant | None, rejected: Token | None, error: HandstampError) -> Grant:
        if grant is not None and isinstance(error, TemporarilyUnavailable):
            self._store.forget_grant(grant.key)
        return super()._survive(grant, rejected, error)


class WipesOnInvalidClient(TokenSource):
    """A registration that the server does not know costs the tokens."""

    def _explain(self, grant: Grant | None, error: HandstampError) -> HandstampError:
        if grant is not None and isinstance(error, InvalidClient):
            self._store.forget_grant(grant.key)
        return super()._explain(grant, error)


class NoPause(TokenSource):
    """After a failure the next call asks at once, whatever the server said."""

    def _fall_back(self, grant: Grant | None, error: HandstampError) -> None:
        if grant is not None:
            self._breakers.answered(grant.key.issuer)


class LeavesCrashes(TokenSource):
    """Carries on what a crash interrupted when the token ends, and no earlier."""

    def _is_due(self, grant: Grant) -> bool:
        return super()._is_due(replace(grant, pending=None))


class GivesUpOldToken(TokenSource):
    """A refresh that fails is everybody's failure, although the token is alive."""

    def _still_serves(self, token: Token, rejected: Token | None) -> bool:
        return False


class TellsEachTime(TokenSource):
    """Tells that a person is needed as often as somebody asks."""

    def _login_required(self, what: str) -> LoginRequired:
        error = super()._login_required(what)
        self._told_to_login = None
        if self._grant is not None:
            self._tell_to_login(self._grant, error)
        return error


class WaitsInTheMutex(TokenSource):
    """Renews a good token while everybody waits."""

    def _begin_early(self, grant: Grant) -> None:
        super()._begin_early(grant)
        if self._flight is not None:
            with suppress(Exception):
                self._flight.join(60)


class NeverCloses(Breakers):
    """Once open, open for good."""

    def answered(self, issuer: str, *, since: float | None = None) -> None:
        pass

    def admit(self, issuer: str, now: float) -> None:
        breaker = self._breakers.get(issuer)
        if breaker is not None and breaker.failures >= 3:
            raise TemporarilyUnavailable("auth.example is out of order.")


class DiesWithItsCaller(SimulatedFlight):
    """No shield: whoever is cancelled takes the request along."""

    async def join_async(self, patience: float) -> Grant:
        try:
            return await super().join_async(patience)
        except BaseException:
            if not self._aboard:
                self.abort()
            raise


class WaitsForEver(SimulatedFlight):
    """Whoever joins stays until it is over."""

    def join(self, patience: float) -> Grant:
        return super().join(1e9)


class DiesWithItsProgram(SimulatedFlight):
    """A program that is told to end does not wait for what it has sent."""

    def commit(self) -> bool:
        may = super().commit()
        self._process.committed.discard(self)
        return may
