"""When a refresh token may be sent, and when it has to be."""

from typing import TYPE_CHECKING

from simulation.invariants.truth import fingerprint_of, is_ancestor, refresh_of

if TYPE_CHECKING:
    from simulation.ledger import Ledger, Send
    from simulation.servers import Issued

__all__ = ["judge_reuse", "judge_send"]

EPSILON = 0.001
LOOK_AGAIN = 1.0
"""Seconds after which what another process wrote is seen."""
SOON = 0.3
"""Seconds within which a lost answer is asked for again the first time."""
LATER = 8.1
"""And each further time."""
GARBLED = 2
"""Repetitions after which a server that answers nonsense is left alone."""
WINDOW = 45.0 - LATER
"""Seconds after which it may be given up."""


MINUTE, MOST_IN_A_MINUTE = 60.0, 16


def judge_send(ledger: "Ledger", send: "Send") -> None:
    disk, refresh, who = ledger.world.disk, send.refresh, send.process
    if disk.holder is None or disk.holder.process is not who:
        ledger.violate("the lock is held", f"{who} sends {refresh}, and the lock is held by {disk.holder}")
    if who.left_alone_until > ledger.world.machine.time and not (ledger.world.rejections or ledger.world.machine.was_set):
        ledger.violate("in peace", f"{who} sends {refresh} before the server wants to be asked again")
    lately = sum(each.process is who and each.at > send.at - MINUTE for each in ledger.sends)
    if lately >= MOST_IN_A_MINUTE:
        ledger.violate("no storm", f"{who} sends {refresh}, and has sent {lately} requests within a minute")
    _judge_stored(ledger, send)
    former = [each for each in ledger.sends if each.refresh == refresh]
    for each in former:
        if not _may_follow(ledger, each, send):
            ledger.violate("sent once", f"{who} sends {refresh} again, of which {each.process} has heard: {each.heard}")
    if former:
        ledger.world.count("a refresh token is sent again")
    elif not _is_due(ledger, send):
        ledger.violate("not before it is due", f"{who} sends {refresh}, and its access token is good")


def _judge_stored(ledger: "Ledger", send: "Send") -> None:
    stored, refresh, who = ledger.grant, send.refresh, send.process
    if stored is None:
        return
    if refresh_of(stored) != refresh:
        if is_ancestor(ledger.world, refresh, refresh_of(stored)):
            ledger.violate("the newest is sent", f"{who} sends {refresh}, and {refresh_of(stored)} is stored")
        return
    if stored.pending is None or stored.pending.fingerprint != fingerprint_of(refresh):
        ledger.violate("written ahead", f"{who} sends {refresh}, and nothing on disk says so")
    if stored.refused == fingerprint_of(refresh):
        ledger.violate("refused is refused", f"{who} sends {refresh}, which is noted as refused")


def _may_follow(ledger: "Ledger", former: "Send", send: "Send") -> bool:
    receiver = former.process
    if former.heard is None:
        return receiver.dead
    if former.heard == "token":
        kept_its_token = former.brought is not None and former.brought[1] == send.refresh
        gone = receiver.dead or (receiver.ending and ledger.store_failed_at >= (former.ended_at or 0.0))
        return kept_its_token or (gone and not former.kept)
    if former.heard == "invalid_grant":
        could_not_note = ledger.store_failed_at >= (former.ended_at or 0.0) and receiver is not send.process
        return not former.kept and (receiver.dead or could_not_note)
    return True


def _is_due(ledger: "Ledger", send: "Send") -> bool:
    world = ledger.world
    if world.rejections or world.machine.was_set:
        return True
    issued = world.server.refresh_tokens[send.refresh]
    access = next((each for each, of in reversed(world.server.access_tokens.items()) if of is issued), issued.access)
    if not world.server.accepts(access):
        return True
    if not world.server.tells_lifetime:
        return False
    lifetime = world.server.lifetime
    window = min(max(60.0, lifetime / 5), 900.0, lifetime / 2) * 1.25
    return world.machine.time >= world.server.ends(access) - window - 1.0


def judge_reuse(ledger: "Ledger", send: "Send", token: "Issued") -> None:
    """The server has revoked a family because of this request. Was it sent as soon as it could be?"""
    former = [each for each in ledger.sends if each.refresh == send.refresh and each is not send]
    last = former[-1] if former else None
    if last is None:
        ledger.violate("at once", f"{send.refresh} was never sent before, and the server has seen it")
        return
    since, allowed = _known_since(ledger, send, last)
    if since is None or ledger.disturbed_at >= since or send.at - since <= allowed + EPSILON:
        return
    then = ledger.world.machine.time - (ledger.now - since) + allowed
    if ledger.world.server.is_within_grace(token, then):
        says = (
            f"{send.refresh} was lost {send.at - since:.1f} s before it was sent again, and the server would have taken it then"
        )
        ledger.violate("at once", says)


def _known_since(ledger: "Ledger", send: "Send", last: "Send") -> "tuple[float | None, float]":
    """From when on the sender of a repetition could have known that one was needed; and how long it may take."""
    if last.process is send.process and last.heard == "nothing":
        burst = _burst(ledger, last)
        out_of_order = sum(each.fault.startswith(("200", "500", "502")) for each in burst)
        if last.ended_at is None or last.ended_at - burst[0].at > WINDOW or out_of_order > GARBLED:
            return None, 0.0
        return last.ended_at, SOON if len(burst) == 1 else LATER
    died = last.process.died
    if died is None or last.process is send.process or ledger.network_failed_at >= died:
        return None, 0.0
    # Whoever looks at the store finds the note: who waits for a token at once, who has a good one a second later.
    seen = [
        max(call.at, died)
        for call in ledger.calls
        if not call.process.dead and (call.over_at is None or call.over_at > died or call.at > died)
        if not call.fresh or call.at > died + LOOK_AGAIN
    ]
    return min(seen, default=None), 1.0


def _burst(ledger: "Ledger", last: "Send") -> "list[Send]":
    """It, and what it was the repetition of."""
    burst = [last]
    for each in reversed(ledger.sends[: last.number]):
        if each.process is last.process and each.refresh == last.refresh and each.ended_at is not None:
            if burst[0].at - each.ended_at > LATER + EPSILON:
                break
            burst.insert(0, each)
    return burst
