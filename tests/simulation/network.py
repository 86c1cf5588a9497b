"""Each process's `HttpRunner`: a request gets lost before the server or after it, comes late, or finds it out of order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from handstamp.errors import ConnectFailed, HandstampError, NetworkError, TimedOut
from handstamp.model import Secret
from handstamp.protocol.exchange import Exchange, Request, Response
from simulation.processes import Process

if TYPE_CHECKING:
    from simulation.ledger import Send

__all__ = ["NETWORK_FAULTS", "OUTAGES", "SimulatedHttp"]

T = TypeVar("T")

LATENCY = 0.05
"""Seconds that an answer takes."""


@dataclass(frozen=True, slots=True)
class _Fate:
    """What becomes of one request."""

    done: bool = False
    """The server carries it out, at once."""
    done_late: bool = False
    """The server carries it out, after we gave up."""
    seconds: float = LATENCY
    """Until the sender hears of it; negative: so long before the deadline."""
    error: type[NetworkError] | None = None
    status: int = 0
    retry_after: int | None = None
    body: bytes = b""


_FATES = {
    "": _Fate(done=True),
    "a request is not sent": _Fate(error=ConnectFailed, seconds=0.01),
    "a request is lost": _Fate(error=TimedOut),
    "a request is reset on its way": _Fate(error=NetworkError),
    "an answer is reset on its way": _Fate(done=True, error=NetworkError),
    "an answer is lost": _Fate(done=True, error=TimedOut),
    "an answer comes at the last moment": _Fate(done=True, seconds=-0.5),
    "a request arrives after its deadline": _Fate(done_late=True, error=TimedOut),
    "503": _Fate(status=503),
    "503 with Retry-After": _Fate(status=503, retry_after=120),
    "429 with Retry-After": _Fate(status=429, retry_after=30),
    "500 before it is done": _Fate(status=500),
    "500 after it was done": _Fate(done=True, status=500),
    "502 after it was done": _Fate(done=True, status=502),
    "200 with garbage after it was done": _Fate(done=True, status=200, body=b"<html>welcome to this hotel</html>"),
    "invalid_client": _Fate(status=401, body=b'{"error": "invalid_client"}'),
}
NETWORK_FAULTS = tuple(name for name in _FATES if name)
OUTAGES = ("a request is not sent", "a request is lost", "503", "500 before it is done")


class SimulatedHttp:
    """Fulfils `HttpRunner` for one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world
        self._scheduler = process.world.scheduler

    async def run(self, exchange: Exchange[T], *, deadline: float) -> T:
        return self.run_blocking(exchange, deadline=deadline)

    def run_blocking(self, exchange: Exchange[T], *, deadline: float) -> T:
        ends = self._scheduler.now + deadline
        try:
            request = next(exchange)
            while True:
                try:
                    response = self._ask(request, ends)
                except HandstampError as error:
                    request = exchange.throw(error)
                else:
                    request = exchange.send(response)
        except StopIteration as end:
            value: T = end.value
            return value

    def _ask(self, request: Request, ends: float) -> Response:
        process, world, scheduler = self._process, self._world, self._scheduler
        process.enter()
        sent_at, sent_uptime = world.machine.clock(), world.machine.read_uptime()
        name = world.outage() or world.fault(NETWORK_FAULTS) or ""
        fate = _FATES[name]
        send = world.ledger.note_send(process, _refresh_token(request), fault=name)
        status, body = fate.status, fate.body
        if fate.done:
            status, body = self._carry_out(send, fate)
        process.enter()  # it is on its way
        left = ends - scheduler.now
        seconds = left if fate.error is TimedOut else fate.seconds if fate.seconds > 0 else left + fate.seconds
        if fate.done_late:
            scheduler.at(seconds + 1.0, lambda: world.ledger.carry_out(send))
        scheduler.park(max(seconds, 0.001))
        if send.swallowed:  # by a machine that fell asleep
            world.ledger.note_no_answer(send)
            raise NetworkError("Expected a whole answer from auth.example, but the connection broke.")
        if fate.error is not None:
            world.ledger.note_no_answer(send, sent=fate.error is not ConnectFailed)
            raise fate.error("Expected an answer from auth.example, got none.")
        world.ledger.note_answer(send, status)
        if fate.retry_after is not None and not world.machine.was_set:
            process.left_alone_until = world.machine.time + fate.retry_after
        headers = () if fate.retry_after is None else (("retry-after", str(fate.retry_after)),)
        return Response(status, headers, body, request.url, sent_at, sent_uptime)

    def _carry_out(self, send: "Send", fate: _Fate) -> tuple[int, bytes]:
        status, body = self._world.ledger.carry_out(send)
        return (fate.status, fate.body) if fate.status else (status, body)


def _refresh_token(request: Request) -> str:
    values = dict(request.form or ())
    secret = values["refresh_token"]
    assert isinstance(secret, Secret)
    return secret.reveal()
