"""
Variants of the core and its ports, each with one rule taken out: what the simulator is worth shows in that it catches every one.

They are made of the real thing, by a class that overrides one method or a port that lies.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from handstamp.model import Uptime
from handstamp.renewal import Renewal
from handstamp.source import TokenSource
from simulation.broken_parts import (
    DiesWithItsCaller,
    DiesWithItsProgram,
    ForgetsExpiry,
    ForgetsOn503,
    GivesUpOldToken,
    HandsOutUnwritten,
    LeavesCrashes,
    LetsGoUnsaved,
    NeverCloses,
    NeverTires,
    NoCompareAndSet,
    NoEyeForSiblings,
    NoKernelLock,
    NoLookAgain,
    NoPause,
    NoPending,
    NoRepetition,
    NotesNoRefusal,
    RefusesOnAnyNo,
    SlowRepetition,
    TellsEachTime,
    WaitsForEver,
    WaitsInTheMutex,
    WipesOnInvalidClient,
    WipesOnRefusal,
)
from simulation.flying import SimulatedFlight
from simulation.history import Build, build_source
from simulation.processes import Process
from simulation.setting import REJECTION
from simulation.store import SimulatedStore

__all__ = ["VARIANTS", "Variant"]


@dataclass(frozen=True, slots=True)
class Variant:
    """A rule that is broken, and the invariants of which one has to notice."""

    build: Build
    noticed_by: frozenset[str]
    faults: frozenset[str]
    """What has to happen for it to matter."""


def _with(**parts: object) -> Build:
    """The real source, with parts put in the place of its own."""

    def build(process: Process) -> TokenSource:
        source = build_source(process)
        for name, part in parts.items():
            setattr(source, f"_{name}", part(process) if callable(part) else part)
        return source

    return build


def _of_source(kind: type[TokenSource]) -> Build:
    return lambda process: build_source(process, kind)


def _of_renewal(kind: type[Renewal]) -> Build:
    def build(process: Process) -> TokenSource:
        source = build_source(process)
        source._renewing().__class__ = kind
        return source

    return build


def _of_store(kind: type[SimulatedStore]) -> Build:
    return lambda process: build_source(process, store=kind(process))


def _flights(kind: type[SimulatedFlight]) -> Build:
    return _with(fly=lambda process: lambda work: kind(process, work))


def _no_count(process: Process) -> Callable[[], None]:
    return lambda: None


def _count_that_sleeps(process: Process) -> Callable[[], Uptime | None]:
    def read() -> Uptime | None:
        uptime = process.world.machine.read_uptime()
        return uptime and replace(uptime, seconds=uptime.seconds - uptime.slept)

    return read


def _noticed(build: Build, by: str, *faults: str) -> Variant:
    """`by` one of these invariants, with a stroke between them."""
    return Variant(build, frozenset(by.split(" | ")), frozenset(faults))


_LOST = ("an answer is lost", "an answer is reset on its way")
_TIMES = ("the clock is set", "the machine sleeps", "a request is not sent", "the server is out of order")

VARIANTS: Mapping[str, Variant] = {
    "no kernel lock": _noticed(_of_store(NoKernelLock), "the lock is held"),
    "no look again": _noticed(
        _of_store(NoLookAgain), "the newest is sent | no dead token | sent once | never back | written ahead"
    ),
    "no compare-and-set": _noticed(_of_store(NoCompareAndSet), "never back", "a person signs in", "a person signs out"),
    "no eye for siblings": _noticed(_of_store(NoEyeForSiblings), "the newest is used", "a person signs in"),
    "expiry forgotten": _noticed(_of_store(ForgetsExpiry), "no dead token"),
    "nothing written ahead": _noticed(_of_renewal(NoPending), "written ahead"),
    "handed out unwritten": _noticed(
        _of_renewal(HandsOutUnwritten), "written, then handed out | nothing is lost | sent once", "a write fails"
    ),
    "let go while unsaved": _noticed(_of_renewal(LetsGoUnsaved), "sent once | nothing is lost", "a write fails"),
    "no repetition": _noticed(_of_renewal(NoRepetition), "at once", *_LOST),
    "a slow repetition": _noticed(_of_renewal(SlowRepetition), "at once", *_LOST),
    "repetition without end": _noticed(_of_renewal(NeverTires), "no storm", "the server is out of order"),
    "waiting without end": _noticed(_flights(WaitsForEver), "an answer", "the disk is full"),
    "a crash left for later": _noticed(_of_source(LeavesCrashes), "at once", "a process is killed", REJECTION),
    "a refusal not noted": _noticed(_of_renewal(NotesNoRefusal), "sent once", "the server revokes"),
    "wiped for invalid_grant": _noticed(_of_renewal(WipesOnRefusal), "only a person forgets | sent once", "the server revokes"),
    "any no is the end": _noticed(_of_renewal(RefusesOnAnyNo), "only if there is no way | life goes on", "503"),
    "forgotten for a 503": _noticed(_of_source(ForgetsOn503), "only a person forgets", "503"),
    "wiped for invalid_client": _noticed(_of_source(WipesOnInvalidClient), "only a person forgets", "invalid_client"),
    "no pause": _noticed(_of_source(NoPause), "in peace", "503 with Retry-After"),
    "a token that is alive not served": _noticed(_of_source(GivesUpOldToken), "served", "503", "a request is not sent"),
    "told each time": _noticed(_of_source(TellsEachTime), "told once", "the server revokes"),
    "waits for a good token": _noticed(_of_source(WaitsInTheMutex), "served at once | an answer"),
    "a breaker that never closes": _noticed(
        _with(breakers=lambda _: NeverCloses()), "life goes on", "the server is out of order"
    ),
    "no shield from cancellation": _noticed(
        _flights(DiesWithItsCaller), "nothing is lost | an answer | sent once | at once", "a task is cancelled", REJECTION
    ),
    "no wait at the program's end": _noticed(_flights(DiesWithItsProgram), "nothing is lost", "a process is told to end"),
    "by the clock alone": _noticed(_with(read_uptime=_no_count), "no dead token", *_TIMES),
    "a count that sleeps": _noticed(_with(read_uptime=_count_that_sleeps), "no dead token", *_TIMES),
}
