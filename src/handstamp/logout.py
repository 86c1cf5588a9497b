"""
One sign-out: the server is told (RFC 7009), the sign-in is forgotten here, and a report says what became of it there.

The grant's lock is waited for, since a refresh that is under way may bring a newer token, and that is the one to revoke. Whoever
waits too long goes on without it: the refresh then finds its grant gone and stores nothing (`GrantStore.replace_grant`), but what
it was given lives on at the server, and the report says that it may.

It is forgotten last, so that a program that dies in between has lost nothing, and in any case: whatever the server, the network
or the settings say.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from handstamp.errors import HandstampError, MalformedResponse, NetworkError, ServerSaidNo, TimedOut, VaultCorrupt, VaultError
from handstamp.flight import Flight
from handstamp.model import Grant, GrantKey
from handstamp.ports import CredentialsReader, GrantStore, HttpRunner
from handstamp.protocol.tokens import revoke_token

__all__ = ["LogoutReport", "Revocation", "SignOut"]

PATIENCE = 80.0
"""Seconds for the lock, whose holder may keep it for a minute, and for the revocation."""
REVOCATION_DEADLINE = 15.0


class Revocation(Enum):
    """What became of a sign-in at its server."""

    CONFIRMED = "confirmed"
    """The server says that it is over."""
    NOT_OFFERED = "not_offered"
    """Its metadata names no place to ask."""
    REFUSED = "refused"
    """It said no, or what makes no sense."""
    UNANSWERED = "unanswered"
    """Nobody knows: no connection, no answer in time, out of order."""
    UNCERTAIN = "uncertain"
    """It is over, but for a newer token that another program may have been given meanwhile."""
    WITHHELD = "withheld"
    """It was not asked: what proves us is missing, or would have gone elsewhere."""
    DAMAGED = "damaged"
    """What was stored could not be read, so there was nothing to show."""


@dataclass(frozen=True, slots=True)
class LogoutReport:
    """What `logout` did about one sign-in. It is forgotten here; where `revoked` is False, the server may still honour it."""

    server: str
    issuer: str
    revocation: Revocation
    reason: str | None = None
    """For a person; None where it was revoked."""

    @property
    def revoked(self) -> bool:
        return self.revocation is Revocation.CONFIRMED


class SignOut:
    """
    Ends the sign-ins of one server.

    `http` is a function, because what the server does not offer needs no client. `tell` hears of each sign-in as it is forgotten,
    also where nobody waits for that any more. `patience`: seconds for each sign-in.
    """

    def __init__(
        self,
        store: GrantStore,
        *,
        http: Callable[[], HttpRunner],
        read_credentials: CredentialsReader,
        tell: Callable[[LogoutReport], None] = lambda _: None,
        patience: float = PATIENCE,
    ) -> None:
        self._store = store
        self._http = http
        self._read_credentials = read_credentials
        self._tell = tell
        self._patience = patience

    async def end(self, keys: Iterable[GrantKey]) -> list[LogoutReport]:
        """One report for each that was still there. Raises a VaultError alone: then it may not be forgotten."""
        flights = [(key, self._start(partial(self._end_alone, key))) for key in keys]
        reports = [await self._outcome(key, flight) for key, flight in flights]
        return [report for report in reports if report is not None]

    async def _outcome(self, key: GrantKey, flight: "Flight[LogoutReport | None]") -> LogoutReport | None:
        try:
            return await flight.join_async(self._patience)
        except TimedOut:
            return await self._start(partial(self._end_regardless, key)).join_async(PATIENCE)

    @staticmethod
    def _start(work: "Callable[[Flight[LogoutReport | None]], LogoutReport | None]") -> "Flight[LogoutReport | None]":
        return Flight(work, name="handstamp-logout").start()

    # What follows runs in a flight's thread.

    def _end_alone(self, key: GrantKey, flight: "Flight[LogoutReport | None]") -> LogoutReport | None:
        with self._store.lock(key):
            # Whoever gave up waiting has gone on without us, and may have signed in again by now.
            return self._told(self._end(key)) if flight.commit() else None

    def _end_regardless(self, key: GrantKey, flight: "Flight[LogoutReport | None]") -> LogoutReport | None:
        report = self._end(key) if flight.commit() else None
        if report is None or not report.revoked:
            return self._told(report)
        reason = f"another program renewed it for more than {self._patience:.0f} seconds, and may have got a newer token"
        return self._told(replace(report, revocation=Revocation.UNCERTAIN, reason=reason))

    def _told(self, report: LogoutReport | None) -> LogoutReport | None:
        if report is not None:
            self._tell(report)
        return report

    def _end(self, key: GrantKey) -> LogoutReport | None:
        try:
            grant = self._store.find_grant(key.owner, key.server, key.account, key.issuer)
            return None if grant is None else LogoutReport(key.server, key.issuer, *self._revoke(grant))
        except VaultCorrupt:
            return LogoutReport(key.server, key.issuer, Revocation.DAMAGED, "what is stored of it is damaged")
        finally:
            self._store.forget_grant(key)

    def _revoke(self, grant: Grant) -> tuple[Revocation, str | None]:
        if grant.revocation_endpoint is None:
            return Revocation.NOT_OFFERED, "it offers no revocation"
        try:
            credentials = self._read_credentials(grant.key.owner, grant.key.server, grant.registration)
            self._http().run_blocking(revoke_token(grant, credentials), deadline=REVOCATION_DEADLINE)
        except HandstampError as error:
            return _judge(error), error.message
        return Revocation.CONFIRMED, None


def _judge(error: HandstampError) -> Revocation:
    match error:
        case NetworkError():
            return Revocation.UNANSWERED
        case ServerSaidNo() | MalformedResponse():
            return Revocation.REFUSED
        case VaultError():
            return Revocation.DAMAGED
        case _:
            return Revocation.WITHHELD
