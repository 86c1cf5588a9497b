"""What whoever asks for a token may be given, and told."""

from typing import TYPE_CHECKING, Protocol

from handstamp.errors import HandstampError, LoginRequired, ServerSaidNo, VaultError
from handstamp.model import Grant, Token
from simulation.invariants.truth import has_ended, is_alive, is_another, refresh_of

if TYPE_CHECKING:
    from simulation.ledger import Call, Ledger
    from simulation.processes import Process
    from simulation.world import World

__all__ = ["judge_error", "judge_recovery", "judge_token", "judge_told"]

EPSILON = 0.001
PATIENCE = 65.5
"""Seconds that a caller waits at most for one flight."""
LOOK_AGAIN = 1.0
"""Seconds after which what another process wrote is seen."""


def judge_token(ledger: "Ledger", call: "Call", token: Token) -> None:
    world, access, who = ledger.world, token.access_token.reveal(), call.process
    _judge_patience(ledger, call)
    if access not in ledger.written:
        ledger.violate("written, then handed out", f"{who} hands out {access}, which is on no disk")
    quiet = ledger.disturbed_at < call.at
    if not is_another(token, call.rejected):
        ledger.violate("no dead token", f"{who} hands out {access}, which the server has just rejected")
    if quiet and has_ended(world, token) and world.machine.is_known:
        ledger.violate("no dead token", f"{who} hands out {access}, which has ended")
    gone = ledger.superseded.get(access)
    if gone is not None and gone < call.at - LOOK_AGAIN - EPSILON and ledger.disturbed_at < gone:
        ledger.violate("the newest is used", f"{who} hands out {access}, which is not stored since {call.at - gone:.1f} s")
    if call.fresh and quiet and ledger.now > call.at + EPSILON and ledger.grant is call.stored:
        ledger.violate("served at once", f"{who} waited {ledger.now - call.at:.1f} s for {access}, which was good")


def judge_error(ledger: "Ledger", call: "Call", error: HandstampError) -> None:
    _judge_patience(ledger, call)
    if isinstance(error, VaultError):
        if ledger.store_failed_at < call.at - 10.0 and ledger.disturbed_at < call.at - 10.0:
            ledger.violate("the right error", f"{call.process} says {error.message} and the store works")
        return
    _judge_served(ledger, call, error)
    if isinstance(error, LoginRequired):
        _judge_login_required(ledger, call, error)
    elif isinstance(error, ServerSaidNo):
        ledger.violate("the right error", f"{call.process} says {error.message} where only a person can help")
    elif ledger.network_failed_at < 0 and ledger.disturbed_at < 0:
        ledger.violate("the right error", f"{call.process} says {error.message} and no request has failed")


def _judge_served(ledger: "Ledger", call: "Call", error: HandstampError) -> None:
    stored, world = ledger.grant, ledger.world
    if stored is None or call.stored is None or call.stored.token != stored.token:
        return
    token = stored.token
    if not is_another(token, call.rejected) or ledger.disturbed_at >= call.at or ledger.absent_at >= call.at:
        return
    if is_alive(world, token):
        access = token.access_token.reveal()
        ledger.violate("served", f"{call.process} says {error.message} and {access} is alive")


def _judge_login_required(ledger: "Ledger", call: "Call", error: LoginRequired) -> None:
    stored = ledger.grant
    if stored is None or ledger.absent_at >= call.at or ledger.signed_in_at >= call.at or stored.token.refresh_token is None:
        return
    if ledger.unknown_client_at >= call.at - 3700 or ledger.world.rejections >= 5:
        return
    if ledger.world.server.would_accept(refresh_of(stored)):
        says = f"{call.process} says {error.message} and the server would renew {refresh_of(stored)}"
        ledger.violate("only if there is no way", says)


def _judge_patience(ledger: "Ledger", call: "Call") -> None:
    limit = PATIENCE if call.rejected is None else 2 * PATIENCE
    if ledger.now - call.at > limit and ledger.stalled_at < call.at:
        ledger.violate("an answer", f"{call.process} waited {ledger.now - call.at:.0f} s")


def judge_told(ledger: "Ledger", process: "Process") -> None:
    refresh = next((send.refresh for send in reversed(ledger.sends) if send.process is process), None)
    if refresh is None:
        return
    if refresh in ledger.told and ledger.store_failed_at < 0 and ledger.unknown_client_at < 0:
        ledger.violate("told once", f"{process} tells a second time that {refresh} is over")
    ledger.told.append(refresh)


class Ask(Protocol):
    """Asks for a token in a process's name, and has the answer judged."""

    def __call__(self, process: "Process", rejected: Token | None, *, asynchronous: bool) -> Token | None: ...


def judge_recovery(process: "Process", ask: "Ask") -> None:
    """Asks once, when all faults are over, and knows what has to come."""
    world = process.world
    ledger, stored = world.ledger, world.ledger.grant
    can = stored is not None and _can_give(world, stored)
    token = ask(process, None, asynchronous=False)
    if token is not None and not world.server.accepts(token.access_token.reveal()):
        token = ask(process, token, asynchronous=False)
    if can and token is None and not ledger.violations:
        ledger.violate("life goes on", f"{process} gets no token when all is well again")


def _can_give(world: "World", stored: Grant) -> bool:
    return world.server.accepts(stored.token.access_token.reveal()) or world.server.would_accept(refresh_of(stored))
