"""
The refresh transaction: one refresh token is sent, and what it brings is on disk before anybody sees it.

The theory. A refresh token that rotates may be sent once. Sent twice, strict servers revoke the whole family and the person signs
in again; lenient ones take the same token again for some seconds or minutes. A request that got no answer may have been carried
out or not, and nobody can tell. So

1. Whoever sends it holds the grant's kernel lock, has looked at the store under it, and keeps it until the outcome is stored.
2. That it is about to be sent is on disk before the first byte leaves (`Grant.pending`). After a crash the lock's next holder
   finds that, and sends the same token at once: either the server never saw it, or only its grace, now, brings the successor. The
   kernel frees the lock of a process that died, so a `pending` found under the lock has no living owner.
3. An answer that was lost is the same case: the same token again, at once, then at growing distances, for `WINDOW` seconds.
   There is nothing to lose by it. An answer that cannot be read, or a 5xx, is repeated `GARBLED` times: the server is broken.
4. Only `invalid_grant` ends a refresh token. It deletes nothing: the token's fingerprint is noted, so that nobody sends it again.
   All else leaves the grant as it is.
5. A new token that cannot be written stays in memory, the lock is kept, and writing is tried until it works or the program ends.
   Nobody else can refresh meanwhile, for they would send a token that is spent.

Where a grant is, and what leads from there to where. Every row that says "written" is one compare-and-set on the generation.

    state       in the store            what happens                             then        written
    ok          no pending, no refused  it is due, and a look under the lock
                                        finds it so                              pending     pending; failure gone
    pending     pending                 a token comes                            ok          token; pending gone
                                        a token comes, and cannot be written     unsaved     nothing
                                        invalid_grant, a sibling wrote another   ok          nothing: it is adopted
                                        invalid_grant                            refused     refused, failure
                                        nothing was sent, 429, 503, any other
                                        refusal; and no attempt before was lost  ok          failure; pending gone
                                        lost, garbled, 5xx, to the last attempt  pending     failure
                                        this process is killed                   pending     nothing
    unsaved     pending                 writing works at last                    ok          token; pending gone
                                        this process ends                        pending     nothing
    refused     refused                 nothing but a login                      ok          a new grant
    any                                 a login, a logout                        ok, gone    a new grant, nothing left

From `ok` and `pending` the access token is used to its end, from `refused` too. What the caller gets is `handstamp.source`'s
decision: the new token, the old one while it lives, or the error.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from itertools import chain, repeat
from typing import TYPE_CHECKING

from handstamp.breaker import Breakers
from handstamp.errors import (
    HandstampError,
    InvalidGrant,
    MalformedResponse,
    NetworkError,
    TemporarilyUnavailable,
    VaultError,
)
from handstamp.model import Failure, Grant, GrantKey, Pending, Secret, Token
from handstamp.ports import Clock, CredentialsReader, Flying, GrantStore, HttpRunner
from handstamp.protocol.urls import host

if TYPE_CHECKING:
    from handstamp.protocol.dpop import Prover
    from handstamp.protocol.tokens import TokenResponse

__all__ = ["Outcome", "Renewal", "fingerprint", "judge"]

REQUEST_DEADLINE = 15.0
"""Seconds for one request, all in all."""
AGAIN = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each repetition of a request whose answer was lost."""
WINDOW = 45.0
"""Seconds awake, from the first request on, in which a repetition is begun. With its deadline: how long the lock is held."""
GARBLED = 2
"""Repetitions of a request whose answer makes no sense."""
SAVE_AGAIN = (0.25, 0.5, 1.0)
"""Seconds before each new attempt to write a token, while those who wait are not told yet."""
SAVE_EVERY = 5.0
"""And from then on."""


class Outcome(Enum):
    """What an attempt that brought no token says about the refresh token."""

    LOST = "lost"
    """Sent, perhaps carried out, and no answer came."""
    GARBLED = "garbled"
    """An answer came, perhaps after it was carried out, that is no answer: a 5xx, or what nobody can read."""
    NOT_SENT = "not sent"
    LATER = "later"
    """Certainly not carried out: 429, 503."""
    REFUSED = "refused"
    """`invalid_grant`: over."""
    DECLINED = "declined"
    """Another no, to the client, the scope or the resource, or a mistake of ours: the refresh token is as good as before."""


def judge(error: HandstampError) -> Outcome:
    """What became of the refresh token, as far as anybody can tell."""
    match error:
        case InvalidGrant():
            return Outcome.REFUSED
        case TemporarilyUnavailable():
            return Outcome.GARBLED if error.maybe_done else Outcome.LATER
        case NetworkError():
            return Outcome.LOST if error.maybe_done else Outcome.NOT_SENT
        case MalformedResponse():
            return Outcome.GARBLED
        case _:
            return Outcome.DECLINED


@dataclass(frozen=True, slots=True)
class _Failed:
    """The last attempt brought this error; `unsure`: it or one before it may have been carried out."""

    error: HandstampError
    unsure: bool


class Renewal:
    """Refreshes one server's grants, one at a time. `refresh` runs in a flight's thread, under the grant's lock."""

    def __init__(
        self,
        *,
        store: GrantStore,
        http: "Callable[[], HttpRunner]",
        read_credentials: CredentialsReader,
        find_prover: "Callable[[Token, str], Prover | None]",
        clock: Clock,
        breakers: Breakers,
        tell_unsaved: Callable[[HandstampError], None],
    ) -> None:
        """`tell_unsaved` hears, again and again, why a new token cannot be written."""
        self._store = store
        self._http = http
        self._read_credentials = read_credentials
        self._find_prover = find_prover
        self._clock = clock
        self._breakers = breakers
        self._tell_unsaved = tell_unsaved
        self._refused: tuple[float, str | None] | None = None

    def refresh(self, flying: Flying, grant: Grant) -> Grant | None:
        """
        The grant with its new token, on disk; None where somebody has written another, or deleted it, without the lock.

        Raises the error of the last attempt; the table above says what it leaves. A VaultError means that nothing was sent.
        """
        self._refuse_spent(grant)
        self._breakers.admit(grant.key.issuer, self._clock())
        begun = self._begin(grant)
        if begun is None:
            return None
        answer = self._ask(flying, begun, unsure=grant.pending is not None)
        if not isinstance(answer, _Failed):
            return self._save(flying, _renewed(begun, answer))
        if judge(answer.error) is Outcome.REFUSED:
            self._end(begun, answer.error)
            return None
        self.note_failure(replace(begun, pending=begun.pending if answer.unsure else None), answer.error)
        raise answer.error

    def note_failure(self, grant: Grant, error: HandstampError) -> None:
        """For monitors in other processes. Not worth an error of its own."""
        with suppress(VaultError):
            self._store.replace_grant(replace(grant, failure=Failure(self._clock(), error.code, error.message)))

    def _refuse_spent(self, grant: Grant) -> None:
        """The note in the store may have failed; this process knows all the same."""
        if self._refused == _sign_in(grant):
            raise InvalidGrant(f"{host(grant.key.issuer)} has refused the stored refresh token: it is not sent again.")

    def _begin(self, grant: Grant) -> Grant | None:
        """
        Nothing is sent before this is on disk. None where the grant is another one by now.

        Where a note is there already, it will do if no other can be written: a grace passes, and a disk may stay full.
        """
        pending = Pending(self._clock(), fingerprint(grant.token.refresh_token) or "")
        try:
            return self._store.replace_grant(replace(grant, pending=pending, failure=None))
        except VaultError:
            if grant.pending is None:
                raise
            # Read anew: a write that is told as failed may have worked, and then the generation is another.
            current = self._read(grant.key)
            return current if current is not None and current.token == grant.token else None

    def _ask(self, flying: Flying, grant: Grant, *, unsure: bool) -> "TokenResponse | _Failed":
        spent = 0.0
        if_lost, if_garbled = iter(AGAIN), iter(AGAIN[:GARBLED])
        while True:
            began = self._clock()
            try:
                return self._send(grant)
            except HandstampError as error:
                # A request lasts no longer, whatever the clock says: it may have been set, or the machine may have slept.
                spent += min(max(self._clock() - began, 0.0), REQUEST_DEADLINE)
                outcome = judge(error)
                unsure = unsure or outcome in (Outcome.LOST, Outcome.GARBLED)
                wait = None
                if outcome is Outcome.LOST or (unsure and outcome is Outcome.NOT_SENT):
                    wait = next(if_lost, None)
                elif outcome is Outcome.GARBLED:
                    wait = next(if_garbled, None)
                if wait is None or spent + wait > WINDOW or not flying.pause(wait):
                    return _Failed(error, unsure)
                spent += wait

    def _send(self, grant: Grant) -> "TokenResponse":
        from handstamp.protocol.tokens import refresh_token

        credentials = self._read_credentials(grant.key.owner, grant.key.server, grant.registration)
        prover = self._find_prover(grant.token, grant.token_endpoint)
        issuer = grant.key.issuer
        try:
            answer = self._http().run_blocking(refresh_token(grant, credentials, prover), deadline=REQUEST_DEADLINE)
        except NetworkError as error:
            leave_alone = error.retry_after if isinstance(error, TemporarilyUnavailable) else None
            self._breakers.failed(issuer, self._clock(), leave_alone)
            raise
        except HandstampError:
            self._breakers.answered(issuer)
            raise
        self._breakers.answered(issuer)
        return answer

    def _end(self, grant: Grant, error: HandstampError) -> None:
        """Returns where a sibling without our lock was first; else notes that this refresh token is over, and raises."""
        self._refused = _sign_in(grant)
        with suppress(VaultError):
            current = self._read(grant.key)
            if current is not None and current.generation != grant.generation:
                return
        self.note_failure(replace(grant, refused=fingerprint(grant.token.refresh_token), pending=None), error)
        raise error

    def _read(self, key: GrantKey) -> Grant | None:
        return self._store.find_grant(key.owner, key.server, key.account, key.issuer)

    def _save(self, flying: Flying, renewed: Grant) -> Grant | None:
        """The old refresh token is spent: this copy is the only one. It is neither handed out nor forgotten, nor is the lock."""
        is_last = False
        for wait in chain(SAVE_AGAIN, repeat(SAVE_EVERY)):
            try:
                return self._store.replace_grant(renewed)
            except VaultError as error:
                if is_last:
                    raise
                if wait == SAVE_EVERY:
                    told = _unsaved(renewed, error)
                    flying.fail(told)
                    self._tell_unsaved(told)
                is_last = not flying.pause(wait)
        raise AssertionError("an endless loop has ended")


def fingerprint(secret: Secret | None) -> str | None:
    """Tells two refresh tokens apart without keeping either in the clear."""
    return None if secret is None else sha256(b"handstamp refused\0" + secret.reveal().encode()).hexdigest()


def _sign_in(grant: Grant) -> tuple[float, str | None]:
    """A later sign-in may bring the same refresh token back to life."""
    return grant.granted_at, fingerprint(grant.token.refresh_token)


def _renewed(grant: Grant, answer: "TokenResponse") -> Grant:
    scopes = grant.scopes if answer.scopes is None else answer.scopes
    identity = answer.identity or grant.identity
    return replace(grant, token=answer.token, scopes=scopes, identity=identity, refused=None, pending=None, failure=None)


def _unsaved(grant: Grant, error: VaultError) -> VaultError:
    return type(error)(
        f"The new token of {grant.key.server} is in memory alone until it can be written: {error.message}", hint=error.hint
    )
