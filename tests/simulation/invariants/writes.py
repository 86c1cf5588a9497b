"""What may become of the stored grant, and what has to be stored in the end."""

from typing import TYPE_CHECKING

from handstamp.model import Grant
from simulation.invariants.truth import is_older, refresh_of

if TYPE_CHECKING:
    from simulation.ledger import Ledger, Send
    from simulation.processes import Process

__all__ = ["judge_end", "judge_write"]


def judge_write(ledger: "Ledger", process: "Process", before: Grant | None, after: Grant | None) -> None:
    if process.world.scheduler.current.name in ("hand", "login"):
        return  # it is the person's own doing
    if after is None:
        ledger.violate("only a person forgets", f"{process} deletes the grant")
        return
    if before is None:
        ledger.violate("never back", f"{process} writes {refresh_of(after)} after the person has signed out")
    elif is_older(ledger.world, refresh_of(after), refresh_of(before)):
        ledger.violate("never back", f"{process} writes {refresh_of(after)} over {refresh_of(before)}")


def judge_end(ledger: "Ledger") -> None:
    """Everybody is done."""
    world = ledger.world
    for task in world.scheduler.waiting:
        ledger.violate("an answer", f"{task} waits for ever")
    for send in ledger.sends:
        if send.brought is not None and _should_be_kept(ledger, send) and not send.kept:
            ledger.violate("nothing is lost", f"{send.process} was given {send.brought[1]}, and it is on no disk")


def _should_be_kept(ledger: "Ledger", send: "Send") -> bool:
    """It was received, or would have been by a process that was only asked to end; and is of use."""
    if send.process.killed or _is_overtaken(ledger, send):
        return False
    if send.process.ending:
        return not send.fault and not send.swallowed and ledger.store_failed_at < send.at
    return send.heard == "token"


def _is_overtaken(ledger: "Ledger", send: "Send") -> bool:
    """A login or a logout came in between: what it brought is of no use."""
    if ledger.grant is None or ledger.absent_at >= send.at:
        return True
    return refresh_of(ledger.grant) != send.refresh and not is_older(ledger.world, refresh_of(ledger.grant), send.refresh)
