"""What kind of history it is: drawn first, so that each tries a few things thoroughly rather than all of them at once."""

from dataclasses import dataclass

from simulation.choices import Choices
from simulation.happenings import HAPPENINGS
from simulation.network import NETWORK_FAULTS
from simulation.servers import MODELS, Model
from simulation.store import READ_FAULTS, WRITE_FAULTS

__all__ = ["ALL_FAULTS", "REJECTION", "Setting", "draw_setting"]

_KILLS = ("a process is killed", "a process is told to end")
_TIMES = ("a thread stalls", "the clock is set", "the machine sleeps", "the machine is started anew")
_PEOPLE = ("a person signs in", "a person signs out", "the server revokes")
_LOST = ("a request is lost", "an answer is lost", "an answer is reset on its way", "a request is not sent")

REJECTION = "the MCP server rejects a good token"
ALL_FAULTS = frozenset((*HAPPENINGS, *NETWORK_FAULTS, *READ_FAULTS, *WRITE_FAULTS, REJECTION))

_FOCUSES: tuple[frozenset[str], ...] = tuple(
    frozenset(each)
    for each in (
        (),  # nothing goes wrong
        NETWORK_FAULTS,
        _KILLS,
        ("a process is killed", *_LOST),
        (*READ_FAULTS, *WRITE_FAULTS),
        (*WRITE_FAULTS, *_LOST, *_KILLS),
        ("the server is out of order", "a task is cancelled", "503", "a request is not sent"),
        (*_TIMES, "a task is cancelled"),
        (*_TIMES, "a request is not sent", "503 with Retry-After", "the server is out of order"),
        ("503 with Retry-After", "429 with Retry-After", "invalid_client", REJECTION),
        ("the machine sleeps", *_LOST, "a process is killed"),
        (*_PEOPLE, *_KILLS, "a task is cancelled"),
        (*_PEOPLE, *_LOST, *WRITE_FAULTS),
        (REJECTION, *_LOST, "a person signs in"),
        ALL_FAULTS,
    )
)


@dataclass(frozen=True, slots=True)
class Setting:
    """Who there is, and what may go wrong."""

    model: Model
    lifetime: float
    tells_lifetime: bool
    processes: int
    callers: int
    """For each process."""
    rounds: int
    counts: bool
    """Whether the machine counts its time, sleep included."""
    pace: float
    """From one round to the next, in lifetimes."""
    faults: frozenset[str]
    happenings: int
    """At most."""


def draw_setting(choices: Choices, faults: frozenset[str] | None = None) -> Setting:
    """`faults` in place of those that chance would pick."""
    pick = choices.pick
    setting = Setting(
        model=pick(MODELS),
        lifetime=pick((3600.0, 60.0, 300.0, 86400.0)),
        tells_lifetime=pick((True, True, True, False)),
        processes=pick((1, 2, 3, 2)),
        callers=pick((1, 2, 3)),
        rounds=pick((1, 2, 3, 4)),
        counts=pick((True, True, False)),
        pace=pick((1.02, 0.7, 0.93, 0.3, 3.0)),
        faults=pick(_FOCUSES) if faults is None else faults,
        happenings=pick((1, 2, 4)),
    )
    choices.set_rates(turns=pick((0.1, 0.03, 0.3)), faults=pick((0.15, 0.05, 0.5)))
    return setting
