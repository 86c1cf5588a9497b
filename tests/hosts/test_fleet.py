"""All connections side by side: none is in another's way, and all end at once."""

from dataclasses import replace

import anyio
import pytest

from handstamp.errors import LoginRequired
from handstamp.hosts.answering import Refusing
from handstamp.hosts.fleet import Fleet
from handstamp.hosts.pace import find_delay
from handstamp.hosts.state import ConnectionStatus
from hosts.crew import crew
from hosts.scripted import HANGS, ScriptedServer

pytestmark = pytest.mark.anyio

CONNECTED = ConnectionStatus.CONNECTED


async def test_servers_that_hang_are_in_nobody_s_way() -> None:
    silent = {"server/discover": HANGS, "initialize": HANGS}
    servers = {f"server {n}": ScriptedServer(silent if n % 4 == 0 else {}) for n in range(80)}

    async with crew([server.target(name) for name, server in servers.items()], connect_seconds=60) as all_of_them:
        quick = [name for name, server in servers.items() if not server.answers]
        await all_of_them.until(lambda: all(all_of_them[name].state.status is CONNECTED for name in quick))
        started = sum(server.came.total() > 0 for server in servers.values())

    assert started == 80


async def test_one_that_fails_touches_no_other() -> None:
    broken = ScriptedServer({"server/discover": lambda *_: 1 / 0})
    fine = ScriptedServer()

    async with crew([broken.target("broken"), fine.target("fine")]) as all_of_them:
        await all_of_them.reach("broken", ConnectionStatus.ERROR)
        host = await all_of_them.reach("fine", CONNECTED)
        await host.call_tool("add", {})

    assert all_of_them["broken"].state.reason == "Expected broken to speak MCP, got an error: ZeroDivisionError."


async def test_all_end_within_two_seconds_even_those_that_hang() -> None:
    hanging = [
        ScriptedServer({"server/discover": HANGS}),
        ScriptedServer({"DELETE": HANGS}),
        ScriptedServer({"tools/list": HANGS}),
    ]

    async with crew([server.target(str(n)) for n, server in enumerate(hanging)]) as all_of_them:
        await all_of_them.reach("1", CONNECTED)
        await all_of_them.reach("2", CONNECTED)
        before = anyio.current_time()
    seconds = anyio.current_time() - before

    assert seconds < 2


async def test_who_leaves_says_so_to_the_server() -> None:
    server = ScriptedServer({"DELETE": {}})

    async with crew([server.target()]) as all_of_them:
        await all_of_them.reach("notes", CONNECTED)

    assert server.came["DELETE"] == 1
    assert server.came["closed"] == 1


async def test_changed_settings_are_followed_and_what_is_the_same_stays() -> None:
    same, changed, gone, new = (ScriptedServer() for _ in range(4))
    targets = [same.target("same"), changed.target("changed"), gone.target("gone")]

    async with crew(targets) as all_of_them:
        for name in ("same", "changed", "gone"):
            await all_of_them.reach(name, CONNECTED)
        kept = all_of_them["same"]
        all_of_them.fleet.follow([new.target("new"), replace(targets[1], fingerprint="another"), same.target("same")])
        await all_of_them.reach("new", CONNECTED)
        await all_of_them.reach("changed", CONNECTED)
        await all_of_them.until(lambda: gone.came["closed"] and changed.came["closed"])

        assert list(all_of_them.fleet.hosts) == ["new", "changed", "same"]
        assert all_of_them["same"] is kept

    assert (same.came["initialize"], changed.came["initialize"]) == (1, 2)
    assert "gone" in all_of_them.changes


async def test_it_ends_where_a_program_cancels_it_by_asyncio() -> None:
    """As Textual does with a worker."""
    import asyncio

    server = ScriptedServer({"DELETE": {}})
    fleet = Fleet(answerer=Refusing(), on_change=lambda key: None)
    fleet.follow([server.target()])
    running = asyncio.ensure_future(fleet.run())
    while fleet.hosts["notes"].state.status is not CONNECTED:
        await anyio.wait_all_tasks_blocked()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert server.came["DELETE"] == 1


async def test_a_sign_in_at_one_server_asks_no_other() -> None:
    asking = ScriptedServer({"server/discover": LoginRequired("asking asks you to sign in.")})

    async with crew([asking.target("asking"), ScriptedServer().target("fine")]) as all_of_them:
        await all_of_them.reach("asking", ConnectionStatus.NEEDS_LOGIN)
        await all_of_them.reach("fine", CONNECTED)


@pytest.mark.parametrize(
    ("tries", "chance", "wanted", "seconds"),
    [
        (0, 1.0, 0.0, 1.0),
        (0, 0.0, 0.0, 0.0),
        (3, 0.5, 0.0, 4.0),
        (6, 1.0, 0.0, 60.0),
        (9999, 1.0, 0.0, 60.0),
        (0, 0.5, 30.0, 30.5),
    ],
)
def test_pauses_double_up_to_a_minute_and_a_server_s_wish_is_kept(
    tries: int, chance: float, wanted: float, seconds: float
) -> None:
    assert find_delay(tries, chance, wanted) == seconds
