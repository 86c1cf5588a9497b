"""What happens from outside, between any two calls of a port."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulation.network import OUTAGES
from simulation.people import sign_in, sign_in_within, sign_out
from simulation.processes import Process

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["HAPPENINGS"]


def _kill(world: "World") -> None:
    current = world.scheduler.current.process
    victims = [*([current] if current in world.living else []), *(each for each in world.living if each is not current)]
    if victims:
        victim = world.choices.pick(victims)
        world.tell(victim, "is killed")
        victim.kill()
        _start_another(world)


def _end(world: "World") -> None:
    if world.living:
        victim = world.choices.pick(world.living)
        world.tell(victim, "is told to end")
        world.ledger.disturb()
        victim.end()
        _start_another(world)


def _start_another(world: "World") -> None:
    world.scheduler.at(world.choices.pick((0.03, 3.0, 45.0, 900.0)), world.start)


def _cancel(world: "World") -> None:
    awaiting = [task for task in world.scheduler.waiting if task.awaits and not task.process.dead]
    if awaiting:
        task = world.choices.pick(awaiting)
        world.tell(task, "is cancelled")
        task.cancelled = True
        world.scheduler.wake(task)


def _stall(world: "World") -> None:
    seconds = world.choices.pick((0.4, 3.0, 20.0, 90.0))
    world.tell(world.scheduler.current, f"stalls for {seconds:.1f} s")
    world.ledger.disturb()
    world.scheduler.park(seconds)
    world.ledger.disturb()
    world.ledger.stalled_at = world.scheduler.now


def _set_clock(world: "World") -> None:
    world.machine.set_by += world.choices.pick((86400.0, -86400.0, 30.0, -30.0, -3600.0))
    world.machine.was_set = True
    world.tell("clock", f"is {world.machine.set_by:+.0f} s ahead")
    world.ledger.disturb()


def _sleep(world: "World") -> None:
    seconds = world.choices.pick((2 * 86400.0, 600.0, 30.0))
    world.machine.slept += seconds
    world.tell("machine", f"has slept for {seconds:.0f} s")
    world.ledger.disturb()
    for send in world.ledger.sends[-4:]:
        if send.heard is None and not send.process.dead:
            send.swallowed = world.choices.pick((True, False))


def _start_anew(world: "World") -> None:
    world.machine.starts += 1
    world.tell("machine", "is started anew")
    world.ledger.disturb()
    for process in world.living:
        process.kill()
        _start_another(world)


def _break_server(world: "World") -> None:
    name = world.choices.pick(OUTAGES)
    seconds = world.choices.pick((60.0, 600.0, 5.0))
    world.tell("server", f"is out of order for {seconds:.0f} s: {name}")
    world.break_server(name, seconds)


def _person(world: "World", work: Callable[[Process], None]) -> None:
    person = Process(world, "person")
    person.spawn(lambda: work(person), "hand")


def _sign_in(world: "World") -> None:
    program = world.choices.pick([None, *world.living])
    if program is None:
        _person(world, sign_in)
    else:
        program.spawn(lambda: sign_in_within(program), "login")


def _revoke(world: "World") -> None:
    for family in world.server.families:
        family.revoked = family.revoked or "revoked by an administrator"
    world.ledger.disturb()


HAPPENINGS: "Mapping[str, Callable[[World], None]]" = MappingProxyType(
    {
        "a process is killed": _kill,
        "a process is told to end": _end,
        "a task is cancelled": _cancel,
        "a thread stalls": _stall,
        "the clock is set": _set_clock,
        "the machine sleeps": _sleep,
        "the machine is started anew": _start_anew,
        "the server is out of order": _break_server,
        "a person signs in": _sign_in,
        "a person signs out": lambda world: _person(world, sign_out),
        "the server revokes": _revoke,
    }
)
