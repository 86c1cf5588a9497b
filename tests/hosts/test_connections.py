"""The life of a connection: what each thing that can go wrong makes of it, and what mends it."""

from typing import Any

import anyio
import httpx2
import pytest

from handstamp.errors import LoginRequired, NetworkError, ServerSaidNo, StepUpRequired, TemporarilyUnavailable
from handstamp.hosts.state import ConnectionStatus
from hosts.crew import Willing, crew
from hosts.scripted import HANGS, TOOL, ScriptedServer, notified

pytestmark = pytest.mark.anyio

SIGN_IN = LoginRequired("notes asks you to sign in.", hint="handstamp login notes")
MORE = StepUpRequired("notes wants more access.", hint="handstamp login notes --scope write", scopes=("read", "write"))
BUSY = httpx2.Response(503, headers={"Retry-After": "7"})


@pytest.mark.parametrize("is_modern", [False, True], ids=["with a session", "2026-07-28"])
async def test_a_server_is_connected_and_all_that_it_offers_is_listed(is_modern: bool) -> None:
    server = ScriptedServer(is_modern=is_modern)

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.tools)
        result = await host.call_tool("add", {"a": 1})

    assert host.connected is None
    assert [tool.name for tool in host.catalogue.tools] == ["add"]
    assert host.catalogue.problems == ()
    assert result.content[0].type == "text"


async def test_who_answered_is_told() -> None:
    async with crew([ScriptedServer().target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)

        assert host.connected is not None
        assert (host.connected.name, host.connected.protocol_version) == ("scripted", "2025-11-25")


async def test_a_server_that_wants_a_sign_in_is_asked_no_more_until_somebody_says_so() -> None:
    """W16: what a person has dismissed does not come back by itself."""
    server = ScriptedServer({"server/discover": SIGN_IN})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.NEEDS_LOGIN)
        await all_of_them.time.move(86_400)
        asked = server.came.total()
        server.answers.clear()
        host.retry()
        await all_of_them.reach("notes", ConnectionStatus.CONNECTED)

    assert (host.state.status, asked) == (ConnectionStatus.CONNECTED, 2)
    assert server.came["server/discover"] == 2


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (httpx2.Response(403), ConnectionStatus.ERROR),
        (httpx2.Response(403, json={"error": "invalid_token"}), ConnectionStatus.ERROR),
        (httpx2.Response(400), ConnectionStatus.ERROR),
        (httpx2.Response(500), ConnectionStatus.UNREACHABLE),
        (BUSY, ConnectionStatus.UNREACHABLE),
        (httpx2.Response(429), ConnectionStatus.UNREACHABLE),
        (httpx2.ConnectError("refused"), ConnectionStatus.UNREACHABLE),
        (httpx2.ReadTimeout("slow"), ConnectionStatus.UNREACHABLE),
        (NetworkError("The name does not resolve."), ConnectionStatus.UNREACHABLE),
        (ServerSaidNo("invalid_grant"), ConnectionStatus.ERROR),
        (httpx2.Response(200, text="<html>", headers={"Content-Type": "text/html"}), ConnectionStatus.ERROR),
        (SIGN_IN, ConnectionStatus.NEEDS_LOGIN),
        (MORE, ConnectionStatus.NEEDS_MORE_ACCESS),
    ],
    ids=str,
)
async def test_only_what_is_about_signing_in_asks_for_it(trouble: Any, status: ConnectionStatus) -> None:
    """W5, W17."""
    server = ScriptedServer({"server/discover": trouble, "initialize": trouble})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", status)

    assert host.state.reason
    assert host.state.next_step is None or host.state.next_step.startswith("handstamp ")


async def test_a_server_that_is_busy_is_asked_once_and_again_when_it_said() -> None:
    server = ScriptedServer({"server/discover": BUSY})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.UNREACHABLE)
        retry_at, asked = host.state.retry_at, server.came.total()
        await all_of_them.time.move(6.9)
        still_asked = server.came.total()
        server.answers.clear()
        await all_of_them.time.move(2)
        await all_of_them.reach("notes", ConnectionStatus.CONNECTED)

    assert retry_at == 1_000_008.0
    assert asked == still_asked == 2  # the message, and that its client was closed


async def test_pauses_grow_to_a_minute_and_a_person_cuts_them_short() -> None:
    server = ScriptedServer({"server/discover": httpx2.ConnectError("refused")})
    seen: list[float] = []

    async with crew([server.target()]) as all_of_them:
        host = all_of_them["notes"]
        for _ in range(8):
            await all_of_them.reach("notes", ConnectionStatus.UNREACHABLE)
            assert host.state.retry_at is not None
            seen.append(host.state.retry_at - all_of_them.time.now)
            await all_of_them.time.move(seen[-1])
        server.answers.clear()
        host.retry()
        await all_of_them.reach("notes", ConnectionStatus.CONNECTED)

    assert seen == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


async def test_the_deadline_is_the_connection_s_and_ends_no_sign_in() -> None:
    """W3: a server that hangs is unreachable. It never looks like a person who was too slow."""
    server = ScriptedServer({"server/discover": HANGS})

    async with crew([server.target()], connect_seconds=0.05) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.UNREACHABLE)

    assert host.state.reason == "Expected notes to answer within 0 s, got nothing."


async def test_more_access_that_a_call_wants_shows_until_that_call_goes_well() -> None:
    """A-112, W19."""
    server = ScriptedServer({"tools/call": lambda params, _: MORE if params["name"] == "stamp" else {"content": []}})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        with pytest.raises(StepUpRequired):
            await host.call_tool("stamp", {})
        wanted = host.state
        await host.call_tool("add", {})
        still = host.state
        server.answers.clear()
        await host.call_tool("stamp", {})

    assert (wanted.status, wanted.scopes) == (ConnectionStatus.NEEDS_MORE_ACCESS, ("read", "write"))
    assert wanted.next_step == "handstamp login notes --scope write"
    assert still == wanted
    assert host.state.status is ConnectionStatus.CONNECTED
    assert server.sessions == 1


async def test_a_sign_in_that_ends_during_a_call_shows() -> None:
    server = ScriptedServer({"tools/call": SIGN_IN})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        with pytest.raises(LoginRequired):
            await host.call_tool("add", {})
        await all_of_them.reach("notes", ConnectionStatus.NEEDS_LOGIN)


async def test_a_call_that_fails_is_that_call_s() -> None:
    """The SDK would end every call of the connection with one that meets an error of ours."""
    server = ScriptedServer({"tools/call": lambda params, _: BUSY if params["name"] == "busy" else {"content": []}})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        with pytest.raises(TemporarilyUnavailable) as caught:
            await host.call_tool("busy", {})
        await host.call_tool("add", {})
        assert host.state.status is ConnectionStatus.CONNECTED

    assert caught.value.retry_after == 7.0
    assert server.sessions == 1


async def test_a_lost_session_makes_a_new_one() -> None:
    server = ScriptedServer({"tools/call": httpx2.Response(404)})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        with pytest.raises(NetworkError) as caught:
            await host.call_tool("add", {})
        await all_of_them.reach("notes", ConnectionStatus.UNREACHABLE)
        server.answers.clear()
        await all_of_them.time.move(2)
        await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await host.call_tool("add", {})

    assert "no longer knows this session" in caught.value.message
    assert server.sessions == 2


async def test_a_network_that_is_gone_is_noticed_by_a_call_and_comes_back() -> None:
    server = ScriptedServer()

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        server.answers |= {"tools/call": httpx2.ConnectError("gone"), "server/discover": httpx2.ConnectError("gone")}
        with pytest.raises(NetworkError):
            await host.call_tool("add", {})
        await all_of_them.reach("notes", ConnectionStatus.UNREACHABLE)
        server.answers.clear()
        await all_of_them.time.move(60)
        await all_of_them.reach("notes", ConnectionStatus.CONNECTED)


async def test_a_call_that_is_cancelled_tells_the_server() -> None:
    server = ScriptedServer({"tools/call": HANGS})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(host.call_tool, "add", {})
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
        await anyio.wait_all_tasks_blocked()

    assert server.came["notifications/cancelled"] == 1


async def test_a_change_that_the_server_tells_of_is_followed() -> None:
    changed = {"method": "notifications/tools/list_changed"}
    server = ScriptedServer({"tools/call": notified(changed, changed, result={"content": []})})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.tools)
        server.answers["tools/list"] = {"tools": [TOOL, {**TOOL, "name": "subtract"}]}
        await host.call_tool("add", {})
        await all_of_them.time.move(0.5)
        await all_of_them.until(lambda: len(host.catalogue.tools) == 2)

    assert server.came["tools/list"] == 2


async def test_progress_and_words_of_the_server_are_heard() -> None:
    def say(params: Any, number: Any) -> httpx2.Response:
        token = params["_meta"]["progressToken"]
        progress = {"progressToken": token, "progress": 1, "total": 2, "message": "half"}
        words = {"level": "warning", "logger": "disk", "data": {"free": 3}}
        return notified(
            {"method": "notifications/progress", "params": progress},
            {"method": "notifications/message", "params": words},
            result={"content": []},
        )(params, number)

    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, words: str | None) -> None:
        heard.append((done, total, words))

    async with crew([ScriptedServer({"tools/call": say}).target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await host.call_tool("add", {}, on_progress=hear)
        await all_of_them.until(lambda: host.log)

    assert heard == [(1.0, 2.0, "half")]
    assert [(line.level, line.text) for line in host.log] == [("warning", 'disk: {"free": 3}')]


async def test_the_log_keeps_the_last_five_hundred_lines() -> None:
    words = [{"method": "notifications/message", "params": {"level": "info", "data": str(n)}} for n in range(600)]
    server = ScriptedServer({"tools/call": notified(*words, result={"content": []})})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await host.call_tool("add", {})
        await all_of_them.until(lambda: host.log and host.log[-1].text == "599")

    assert len(host.log) == 500


async def test_pages_without_end_end() -> None:
    pages = iter(range(10_000))
    server = ScriptedServer({"tools/list": lambda *_: {"tools": [TOOL], "nextCursor": str(next(pages))}})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.tools)

    assert (len(host.catalogue.tools), server.came["tools/list"]) == (100, 100)
    assert host.catalogue.problems == ("Its list of tools has more than 100 pages; the others are left out.",)


async def test_a_page_that_leads_to_itself_is_read_once() -> None:
    server = ScriptedServer({"tools/list": {"tools": [TOOL], "nextCursor": "again"}})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.tools)

    assert server.came["tools/list"] == 2
    assert "leads back to a page" in host.catalogue.problems[0]


async def test_more_tools_than_anybody_reads_are_left_out() -> None:
    many = {"tools": [{**TOOL, "name": str(number)} for number in range(10_001)]}

    async with crew([ScriptedServer({"tools/list": many}).target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.tools)

    assert len(host.catalogue.tools) == 10_000
    assert "more than 10000 tools" in host.catalogue.problems[0]


async def test_a_kind_that_cannot_be_listed_is_a_problem_and_the_others_are_there() -> None:
    error = {"jsonrpc": "2.0", "id": 0, "error": {"code": -32603, "message": "out of order"}}
    server = ScriptedServer({"prompts/list": lambda _, number: httpx2.Response(200, json={**error, "id": number})})

    async with crew([server.target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.problems)

    assert [tool.name for tool in host.catalogue.tools] == ["add"]
    assert host.catalogue.problems == ("Its prompts could not be listed: notes answers: out of order",)


async def test_what_is_switched_off_is_left_alone() -> None:
    server = ScriptedServer()

    async with crew([server.target(enabled=False)]) as all_of_them:
        await anyio.wait_all_tasks_blocked()
        all_of_them["notes"].retry()
        await anyio.wait_all_tasks_blocked()
        status = all_of_them["notes"].state.status

    assert (status, server.came.total()) == (ConnectionStatus.DISABLED, 0)


async def test_a_call_without_a_connection_says_so() -> None:
    async with crew([ScriptedServer({"server/discover": SIGN_IN}).target()]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.NEEDS_LOGIN)
        with pytest.raises(NetworkError) as caught:
            await host.call_tool("add", {})

    assert caught.value.hint == "handstamp login notes"


async def test_a_page_that_a_call_needs_is_shown_and_the_call_is_the_person_s_to_repeat() -> None:
    """A-134."""
    page = {"mode": "url", "message": "Allow it there", "url": "https://files.example/allow", "elicitationId": "1"}
    error = {"code": -32042, "message": "visit", "data": {"elicitations": [page]}}
    answer = lambda _, number: httpx2.Response(200, json={"jsonrpc": "2.0", "id": number, "error": error})  # noqa: E731
    answerer = Willing()

    async with crew([ScriptedServer({"tools/call": answer}).target()], answerer=answerer) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        with pytest.raises(ServerSaidNo):
            await host.call_tool("add", {})

    assert answerer.asked == [("notes", "https://files.example/allow")]
