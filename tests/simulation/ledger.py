"""What really happened: every request, write, call and death. Nobody who is simulated reads it; the invariants judge it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from handstamp.errors import HandstampError
from handstamp.events import Event, NeedsLogin
from handstamp.model import Grant, Token
from simulation import invariants
from simulation.processes import Process

if TYPE_CHECKING:
    from simulation.servers import Issued
    from simulation.world import World

__all__ = ["Call", "Ledger", "Send", "Violation"]

Heard = Literal["token", "invalid_grant", "nothing", "not sent", "later", "another no"]


@dataclass(slots=True, eq=False)
class Send:
    """One token request."""

    number: int
    process: Process
    refresh: str
    at: float
    fault: str
    done_at: float | None = None
    """When the server carried it out."""
    ended_at: float | None = None
    """When the sender heard of it."""
    heard: Heard | None = None
    brought: tuple[str, str] | None = None
    """Access and refresh token that the server gave for it."""
    kept: bool = False
    """What was heard is on disk."""
    swallowed: bool = False


@dataclass(slots=True, eq=False)
class Call:
    """Somebody asks for a token."""

    process: Process
    at: float
    rejected: Token | None
    stored: Grant | None
    """As it begins."""
    fresh: bool
    """Whether what is stored, or in its memory, could be handed out at once."""
    over_at: float | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and a sentence that says how."""

    invariant: str
    says: str


@dataclass(slots=True, eq=False)
class Ledger:
    """Also asks the invariants at each entry."""

    world: "World"
    sends: list[Send] = field(default_factory=list[Send])
    calls: list[Call] = field(default_factory=list[Call])
    violations: list[Violation] = field(default_factory=list[Violation])
    written: dict[str, float] = field(default_factory=dict[str, float])
    """When each access token came to disk."""
    superseded: dict[str, float] = field(default_factory=dict[str, float])
    """And when another took its place, or none did."""
    told: list[str] = field(default_factory=list[str])
    """For which refresh token a person was told to sign in."""
    grant: Grant | None = None
    """On disk."""
    absent_at: float = -1.0
    """When there was none for the last time."""
    signed_in_at: float = -1.0
    store_failed_at: float = -1e9
    disturbed_at: float = -1.0
    """When the machine slept, stalled, was set, or the disk failed, for the last time."""
    stalled_at: float = -1.0
    unknown_client_at: float = -1e9
    network_failed_at: float = -1e9
    by_late_arrival: bool = False
    carried: Send | None = None
    """What the server is answering."""

    @property
    def now(self) -> float:
        return self.world.scheduler.now

    def violate(self, invariant: str, says: str) -> None:
        self.violations.append(Violation(invariant, says))
        self.world.tell("!!", f"{invariant}: {says}")
        self.world.scheduler.stopped = True

    def disturb(self) -> None:
        self.disturbed_at = self.now

    def note_store_fault(self) -> None:
        self.store_failed_at = self.now
        self.disturb()

    def note_death(self, process: Process) -> None:
        if self.grant is not None and self.grant.pending is not None:
            self.world.count("killed with a refresh pending")

    # Requests

    def note_send(self, process: Process, refresh: str, *, fault: str) -> Send:
        send = Send(len(self.sends), process, refresh, self.now, fault)
        self.world.tell(process, f"sends {refresh}" + (f" ({fault})" if fault else ""))
        invariants.judge_send(self, send)
        self.sends.append(send)
        return send

    def carry_out(self, send: Send) -> tuple[int, bytes]:
        """The server does what it was asked."""
        server = self.world.server
        self.carried = send
        self.by_late_arrival = send.ended_at is not None
        status, body = server.refresh(send.refresh)
        send.done_at = self.now
        if status == 200:
            access, issued = next(reversed(server.access_tokens.items()))
            send.brought = access, issued.refresh
            self.world.tell("server", f"gives {access} and {issued.refresh} for {send.refresh}")
        else:
            self.world.tell("server", f"refuses {send.refresh}")
        return status, body

    def note_no_answer(self, send: Send, *, sent: bool = True) -> None:
        send.ended_at, send.heard = self.now, "nothing" if sent else "not sent"
        self.network_failed_at = self.now
        self.world.tell(send.process, f"hears nothing about {send.refresh}" if sent else f"could not send {send.refresh}")

    def note_answer(self, send: Send, status: int) -> None:
        send.ended_at = self.now
        if status == 200 and not send.fault.startswith("200"):
            send.heard = "token"
            for process in self.world.processes:  # it is well again, and all are told by the store
                process.left_alone_until = 0.0
        elif status == 400:
            send.heard = "invalid_grant"
        elif status == 401:
            send.heard, self.unknown_client_at = "another no", self.now
        else:
            send.heard = "later" if status in (429, 503) else "nothing"
        if send.heard not in ("token", "invalid_grant"):
            self.network_failed_at = self.now
        self.world.tell(send.process, f"hears {status} about {send.refresh}")

    def note_revoked_by_reuse(self, token: "Issued") -> None:
        self.world.tell("server", f"revokes the family of {token.refresh}: it came twice")
        self.world.count("a family is revoked for reuse")
        assert self.carried is not None
        if not self.by_late_arrival:
            invariants.judge_reuse(self, self.carried, token)

    # Writes

    def note_write(self, process: Process) -> None:
        before, after = self.grant, self.world.read_disk()
        if after is before:
            return
        self.grant = after
        invariants.judge_write(self, process, before, after)
        self.world.tell(process, f"writes {_describe(after)}")
        access = None if after is None else after.token.access_token.reveal()
        if before is not None and (gone := before.token.access_token.reveal()) != access:
            self.superseded.setdefault(gone, self.now)
        if self.world.scheduler.current.name in ("hand", "login"):
            self.signed_in_at = self.now
        if after is None:
            self.absent_at = self.now
        else:
            self.written.setdefault(after.token.access_token.reveal(), self.now)
        self._note_kept(after)

    def _note_kept(self, grant: Grant | None) -> None:
        for send in reversed(self.sends[-8:]):
            if grant is None:
                send.kept = True
            elif send.brought is not None and send.heard == "token":
                send.kept = send.kept or send.brought[0] == grant.token.access_token.reveal()
            elif send.heard == "invalid_grant":
                send.kept = send.kept or grant.refused == invariants.fingerprint_of(send.refresh)

    # Calls

    def begin_call(self, process: Process, rejected: Token | None) -> Call:
        world = self.world
        fresh = (
            self.grant is not None
            and invariants.is_another(self.grant.token, rejected)
            and self.grant.token.is_fresh(invariants.moment(world, self.grant.token))
        )
        call = Call(process, self.now, rejected, self.grant, fresh)
        self.calls.append(call)
        world.tell(
            world.scheduler.current, "asks" if rejected is None else f"asks for another than {rejected.access_token.reveal()}"
        )
        return call

    def end_call(self, call: Call, outcome: "Token | BaseException") -> None:
        call.over_at = self.now
        who = self.world.scheduler.current
        if call.process.ending:
            return  # nobody is left to use it
        if isinstance(outcome, Token):
            self.world.tell(who, f"gets {outcome.access_token.reveal()}")
            invariants.judge_token(self, call, outcome)
        elif isinstance(outcome, HandstampError):
            self.world.tell(who, f"gets {type(outcome).__name__}: {outcome.message}")
            self.world.count(f"a caller gets {type(outcome).__name__}")
            invariants.judge_error(self, call, outcome)
        else:
            self.violate("no crash", f"{who} got {outcome!r}")

    def hear(self, process: Process) -> Callable[[Event], None]:
        """What `emit` is for one process."""

        def emit(event: Event) -> None:
            process.check()
            self.world.count(f"event: {event.kind}")
            self.world.tell(process, f"emits {event.kind}")
            if isinstance(event, NeedsLogin):
                invariants.judge_told(self, process)

        return emit


def _describe(grant: Grant | None) -> str:
    if grant is None:
        return "nothing: the grant is forgotten"
    refresh = grant.token.refresh_token
    words = [grant.token.access_token.reveal(), "no refresh token" if refresh is None else refresh.reveal()]
    words += ["pending"] * (grant.pending is not None) + ["refused"] * (grant.refused is not None)
    words += [f"failure {grant.failure.code}"] if grant.failure is not None else []
    return " ".join(words)
