"""One history from its first login to its end, decided by choices alone."""

from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from handstamp.breaker import Breakers
from handstamp.errors import HandstampError
from handstamp.model import Registration, Token
from handstamp.protocol.client_auth import NO_CREDENTIALS, Credentials
from handstamp.source import SourceSettings, TokenSource
from simulation import invariants
from simulation.choices import Choices
from simulation.flying import SimulatedFlight, drive
from simulation.ledger import Violation
from simulation.network import SimulatedHttp
from simulation.people import KEY, new_grant
from simulation.processes import Process
from simulation.scheduler import Tangled
from simulation.setting import REJECTION, draw_setting
from simulation.store import SimulatedStore
from simulation.story import Story
from simulation.world import World

__all__ = ["Build", "History", "build_source", "run_history"]

TRY_AGAIN = 2.0
"""Seconds after which a program asks once more that got nothing."""
RECOVERY = 7500.0
"""Seconds after which every pause is over: a Retry-After of an hour, a breaker's ten minutes."""

Build = Callable[[Process], TokenSource]
"""Makes what is tried: the real thing, or a variant that is broken on purpose."""


@dataclass(frozen=True, slots=True)
class History:
    """What came of it."""

    taken: list[int]
    violations: list[Violation]
    counted: Counter[str]


def build_source(process: Process, kind: type[TokenSource] = TokenSource, *, store: SimulatedStore | None = None) -> TokenSource:
    """The real one, on simulated ports."""
    world = process.world
    http = SimulatedHttp(process)
    salt = f"{process.name}"

    def random(size: int) -> bytes:
        return (salt.encode() * size)[:size]

    source = kind(
        SourceSettings(KEY.owner, KEY.server, KEY.account, "example"),
        store=store or SimulatedStore(process),
        http=lambda: http,
        read_credentials=_no_credentials,
        clock=world.machine.clock,
        read_uptime=world.machine.read_uptime,
        random=random,
        fly=lambda work: SimulatedFlight(process, work),
        breakers=Breakers(),
        emit=world.ledger.hear(process),
    )
    source._mutex = cast("Any", world.new_mutex())
    return source


def run_history(
    choices: Choices, *, build: Build = build_source, faults: frozenset[str] | None = None, story: Story | None = None
) -> History:
    """`faults` are those that may happen, in place of what chance would pick."""
    world = World(draw_setting(choices, faults), choices, story)
    world.tell("setting", str(world.setting))
    world.disk.store.save_grant(new_grant(world))
    world.ledger.grant = world.read_disk()
    assert world.ledger.grant is not None
    world.ledger.written[world.ledger.grant.token.access_token.reveal()] = 0.0
    world.start = lambda: _start(world, build)
    try:
        for _ in range(world.setting.processes):
            world.start()
        world.scheduler.run()
        if not world.ledger.violations:
            _end_well(world, build)
    except Tangled as error:
        world.ledger.violate("an answer", str(error))
    finally:
        world.scheduler.bury_all()
    return History(choices.taken, world.ledger.violations, world.counted)


def _start(world: World, build: Build) -> None:
    process = Process(world, f"p{len(world.processes) + 1}")
    world.processes.append(process)
    process.source = build(process)
    world.tell(process, "starts")
    for number in range(world.setting.callers):
        asynchronous = number % 2 == 1
        process.spawn(partial(_use, process, asynchronous=asynchronous), f"{'task' if asynchronous else 'thread'}-{number + 1}")


def _use(process: Process, *, asynchronous: bool) -> None:
    """A program that asks for a token at the beginning of each round, and again when the server does not take it."""
    world = process.world
    setting = world.setting
    length = setting.lifetime * setting.pace
    while True:
        done = (world.scheduler.now + 1e-6) // length
        if done > setting.rounds or process.ending:
            return
        if not _ask_and_use(process, asynchronous=asynchronous):
            world.scheduler.park(TRY_AGAIN)
            _ask_and_use(process, asynchronous=asynchronous)
        world.scheduler.park(max((done + 1) * length - world.scheduler.now, 0.0))


def _ask_and_use(process: Process, *, asynchronous: bool) -> bool:
    world = process.world
    token = _ask(process, None, asynchronous=asynchronous)
    if token is None or process.ending:
        return process.ending
    good = world.server.accepts(token.access_token.reveal())
    if good and world.fault((REJECTION,)) is not None:
        world.rejections += 1
        good = False
    if not good:
        world.count("the MCP server rejects a token")
        return _ask(process, token, asynchronous=asynchronous) is not None
    return True


def _ask(process: Process, rejected: Token | None, *, asynchronous: bool) -> Token | None:
    world, source = process.world, process.source
    call = world.ledger.begin_call(process, rejected)
    try:
        if asynchronous:
            coroutine = source.token_async() if rejected is None else source.replacement_async(rejected)
            token = drive(coroutine, world.scheduler.current, CancelledError)
        else:
            token = source.token() if rejected is None else source.replacement(rejected)
    except CancelledError:
        call.over_at = world.scheduler.now
        world.scheduler.current.cancelled = False
        return None
    except HandstampError as error:
        world.ledger.end_call(call, error)
        return None
    except Exception as error:
        world.ledger.end_call(call, error)
        return None
    world.ledger.end_call(call, token)
    return token


def _end_well(world: World, build: Build) -> None:
    """Nothing goes wrong any more: after a while everybody, and who comes anew, gets what there is to get."""
    invariants.judge_end(world.ledger)
    world.scheduler.calm = True
    world.scheduler.at(RECOVERY, lambda: None)
    world.scheduler.run()
    world.tell("**", "all is well again")
    newcomer = Process(world, "newcomer")
    newcomer.source = build(newcomer)
    world.processes.append(newcomer)
    for process in world.living:
        if world.ledger.violations:
            return
        process.spawn(partial(invariants.judge_recovery, process, _ask), "at-the-end")
        world.scheduler.run()
    if not world.ledger.violations:
        invariants.judge_end(world.ledger)


def _no_credentials(owner: str, server: str, registration: Registration) -> Credentials:
    return NO_CREDENTIALS
