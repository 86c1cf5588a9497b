"""Named stand-ins for the world: a clock that is moved by hand, an authorization server that is a function."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import httpcore2

from handstamp.errors import HandstampError
from handstamp.flight import Flight
from handstamp.http.addresses import Address, parse_address
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from handstamp.ports import Flying
from handstamp.protocol.client_auth import NO_CREDENTIALS, Credentials
from handstamp.protocol.exchange import Exchange, Request, Response

T = TypeVar("T")

SERVER = "https://mcp.example/mcp"
ISSUER = "https://auth.example"


class HandMovedClock:
    """Stands still until a test moves it."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class ScriptedHttp:
    """Answers every request by a function; what it raises is thrown into the step, as the driver does. Counts and may be held."""

    answer: Callable[[Request], Response]
    requests: list[Request] = field(default_factory=list[Request])
    gate: threading.Event | None = None
    """Where set, every request waits for it."""
    arrived: threading.Event = field(default_factory=threading.Event)

    async def run(self, exchange: Exchange[T], *, deadline: float) -> T:
        return self.run_blocking(exchange, deadline=deadline)

    def run_blocking(self, exchange: Exchange[T], *, deadline: float) -> T:
        try:
            request = next(exchange)
            while True:
                request = self._step(exchange, request)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _step(self, exchange: Exchange[T], request: Request) -> Request:
        self.requests.append(request)
        self.arrived.set()
        if self.gate is not None:
            assert self.gate.wait(20)
        try:
            response = self.answer(request)
        except HandstampError as error:
            return exchange.throw(error)
        return exchange.send(response)


class FakeDns:
    """A `Resolve`: `FakeDns({"a.example": "93.184.216.34 10.0.0.1"})`. Of a list each answer is given once, its last for ever."""

    def __init__(self, names: dict[str, str | list[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {name: [given] if isinstance(given, str) else list(given) for name, given in names.items()}

    async def __call__(self, host: str) -> Sequence[Address]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if answers is None:
            raise httpcore2.ConnectError(f"no address of {host}")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [address for text in found.split() if (address := parse_address(text)) is not None]


class FlightByHand(Flight[Grant]):
    """Its pauses move the clock instead of taking time. Where a gate is set, work that has failed waits for it."""

    clock: HandMovedClock
    find_gate: Callable[[], threading.Event | None]

    def pause(self, seconds: float) -> bool:
        gate = self.find_gate() if self._future.done() else None
        if gate is not None:
            assert gate.wait(20)
        self.clock.move(seconds)
        return True


def fly_by(clock: HandMovedClock, find_gate: Callable[[], threading.Event | None], work: Callable[[Flying], Grant]) -> Flying:
    flight = FlightByHand(work, name="renew")
    flight.clock, flight.find_gate = clock, find_gate
    return flight.start()


def no_credentials(owner: str, server: str, registration: Registration) -> Credentials:
    return NO_CREDENTIALS


def make_grant(
    *,
    access: str = "at-0",
    refresh: str | None = "rt-0",
    obtained_at: float = 1_000_000.0,
    lifetime: float | None = 3600.0,
    account: str = "default",
    issuer: str = ISSUER,
    kind: RegistrationKind = RegistrationKind.DYNAMIC,
) -> Grant:
    return Grant(
        key=GrantKey("local", SERVER, account, issuer),
        resource=SERVER,
        scopes=("read",),
        registration=Registration(issuer, kind, "client-1", "http://127.0.0.1:5000/callback"),
        token=Token(
            Secret(access),
            obtained_at,
            None if lifetime is None else obtained_at + lifetime,
            None if refresh is None else Secret(refresh),
        ),
        token_endpoint=f"{issuer}/token",
        revocation_endpoint=f"{issuer}/revoke",
        granted_at=obtained_at,
    )
