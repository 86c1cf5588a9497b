"""
Programs that are told to end while they refresh, at random moments and in every way that is not a kill (TE18).

Our own programs carry a refresh through that they have sent; so does a program that uses the library, if it ends as Python does.
So the last of all tokens that a strict server ever gave is always the one that is stored, and nobody has to sign in.
"""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from types import MappingProxyType

from authority import Knobs
from endurance.ground import Ground, ground
from endurance.zygote import Child, Zygote

__all__ = ["ENDINGS", "Endings", "end_again_and_again"]

LATENCY = 0.02
LIFETIME = 0.001
"""Seconds. Everybody who comes finds the token ended."""
LONGEST_WAIT = 0.15
"""Seconds between a start and its end: as long as all of it takes where nobody ends it."""
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Ending:
    """A program, and what is done to it."""

    program: tuple[str, ...]
    end: Callable[[Child], None]


def send(*numbers: signal.Signals) -> Callable[[Child], None]:
    def end(program: Child) -> None:
        for number in numbers:
            program.kill(number)

    return end


COMMAND = ("command", "token")
"""`handstamp token`."""
THREAD, CALL, LOOP, SCOPE = ("ask_and_exit",), ("ask",), ("ask_in_loop",), ("ask_in_scope",)
"""Programs that use the library: in a thread that nobody waits for, in their first, in an event loop, and in a scope of it."""

ENDINGS: Mapping[str, Ending] = MappingProxyType(
    {
        "our program, SIGTERM": Ending(COMMAND, send(signal.SIGTERM)),
        "our program, SIGTERM twice": Ending(COMMAND, send(signal.SIGTERM, signal.SIGTERM)),
        "our program, SIGHUP": Ending(COMMAND, send(signal.SIGHUP)),
        "our program, Ctrl-C": Ending(COMMAND, send(signal.SIGINT)),
        "our program, Ctrl-C and SIGTERM": Ending(COMMAND, send(signal.SIGINT, signal.SIGTERM)),
        "our program, its pipes closed": Ending(COMMAND, Child.hang_up),
        "a library's user, sys.exit": Ending(THREAD, lambda program: program.say("end")),
        "a library's user, Ctrl-C": Ending(CALL, send(signal.SIGINT)),
        "a library's user with an event loop, Ctrl-C": Ending(LOOP, send(signal.SIGINT)),
        "a library's user with an event loop, a scope that is cancelled": Ending(SCOPE, lambda program: program.say("end")),
    }
)


@dataclass
class Endings:
    """What they came to."""

    ended: int = 0
    renewals: int = 0
    lost: list[str] = field(default_factory=list[str])


def end_again_and_again(zygote: Zygote, rounds: int, *, seed: int) -> Endings:
    """Each round ends some programs at once, of all kinds in turn, at a strict server."""
    came_to, random = Endings(), Random(seed)
    with ground(zygote, Knobs(latency=LATENCY, expires_in=LIFETIME)) as place:
        kinds = list(ENDINGS)
        for number in range(rounds):
            names = [kinds[(number * AT_ONCE + more) % len(kinds)] for more in range(AT_ONCE)]
            end_some(place, [ENDINGS[name] for name in names], random)
            came_to.ended += AT_ONCE
            stored, given = place.examined(), place.authority.handed_out
            if place.rank(stored.token) != len(given) - 1 or stored.refused is not None:
                came_to.lost.append(" and ".join(names))
                place.sign_in()
        came_to.renewals = sum(each.spent is not None for each in place.authority.handed_out)

        zygote.hear_complaints()  # Ctrl-C in the first or last moments of a program is Python's to tell
    return came_to


def end_some(place: Ground, endings: list[Ending], random: Random) -> None:
    programs = [place.start(*ending.program, place.url) for ending in endings]
    begun_at = monotonic()
    moments = sorted((random.uniform(0, LONGEST_WAIT), number) for number in range(len(programs)))
    for moment, number in moments:
        programs[number].listen(begun_at + moment - monotonic())
        endings[number].end(programs[number])
    for program in programs:
        program.wait()
