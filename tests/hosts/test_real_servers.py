"""Servers as they are in the world: on the official SDK, over HTTP in both lifecycles, over SSE behind a sign-in, as programs."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from authority import DemoServers, FormBrowser
from handstamp.errors import LoginRequired, NetworkError, ServerSaidNo
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import ProgramTarget
from handstamp.model import Secret
from handstamp.settings import ServerSettings
from handstamp.targets import find_targets
from handstamp.vault import Vault
from hosts.crew import Willing, crew
from hosts.serving import Served, build_growing, build_guarded_sse, target_of

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).parent / "program.py"


def hide(secrets: Iterable[Secret]) -> None:
    list(secrets)


def program(kind: str, *arguments: str, **environment: str | Secret) -> ProgramTarget:
    command = (sys.executable, str(PROGRAM), kind, *arguments)
    return ProgramTarget("notes", command, read_environment=lambda: environment)


@pytest.mark.parametrize("is_modern", [False, True], ids=["2025-11-25", "2026-07-28"])
async def test_changes_progress_and_questions_work_in_both_lifecycles(is_modern: bool) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, words: str | None) -> None:
        heard.append((done, total, words))

    answerer = Willing(name="Alice")
    with Served(build_growing(is_modern=is_modern)) as served:
        async with crew([target_of(served)], answerer=answerer) as all_of_them:
            host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
            await all_of_them.until(lambda: host.catalogue.templates)
            version = host.connected and host.connected.protocol_version
            await host.call_tool("count", {}, on_progress=hear)
            asked = await host.call_tool("ask", {})
            resource = await host.read_resource("notes://monday")
            await host.call_tool("grow", {})
            await all_of_them.time.move(1)
            await all_of_them.until(lambda: "another" in [tool.name for tool in host.catalogue.tools])

    assert version == ("2026-07-28" if is_modern else "2025-11-25")
    assert heard == [(1.0, 2.0, "one")]
    assert getattr(asked.content[0], "text", None) == "Hello Alice"
    assert answerer.asked == [("notes", "Who are you?")]
    assert getattr(resource.contents[0], "text", None) == "Nothing on monday."


async def test_sse_works_behind_a_sign_in_and_says_when_it_needs_one(demo_servers: DemoServers, tmp_path: Path) -> None:
    """W2: the older transport asks for a sign-in like any other, and a call after its end fails where the SDK would hang."""
    guarded = build_guarded_sse(demo_servers.issuer, demo_servers._control_token)
    with (
        Served(guarded) as served,
        Vault.open(
            state=tmp_path / "state",
            config=tmp_path / "config",
            servers=[ServerSettings("older", f"{served.origin}/sse", transport="sse")],
        ) as vault,
    ):
        async with crew(find_targets(vault, hide)) as all_of_them:
            host = await all_of_them.reach("older", ConnectionStatus.NEEDS_LOGIN)
            next_step = host.state.next_step
            await vault.login("older", browser=FormBrowser())
            host.retry()
            await all_of_them.reach("older", ConnectionStatus.CONNECTED)
            await all_of_them.until(lambda: host.catalogue.tools)
            result = await host.call_tool("add", {"a": 1, "b": 2})
            await vault.logout("older")
            with pytest.raises(LoginRequired):
                await host.call_tool("add", {"a": 1, "b": 2})
            await all_of_them.reach("older", ConnectionStatus.NEEDS_LOGIN)

    assert next_step == "handstamp login older"
    assert getattr(result.content[0], "text", None) == "3"


async def test_a_program_is_a_server_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDSTAMP_KEY", "the-key-of-the-vault")

    async with crew([program("serve", GIVEN=Secret("given"))], answerer=Willing(name="Alice")) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.CONNECTED)
        await all_of_them.until(lambda: host.catalogue.resources)
        given = await host.call_tool("variable", {"name": "GIVEN"})
        secret = await host.call_tool("variable", {"name": "HANDSTAMP_KEY"})
        prompt = await host.get_prompt("greet", {"name": "Alice"})
        with pytest.raises(ServerSaidNo):
            await host.get_prompt("nonesuch", {})
        with pytest.raises(NetworkError):
            await host.call_tool("end", {})
        await all_of_them.reach("notes", ConnectionStatus.UNREACHABLE)

    assert getattr(given.content[0], "text", None) == "given"
    assert getattr(secret.content[0], "text", None) == "(none)"
    assert getattr(prompt.messages[0].content, "text", None) == "Greet Alice."
    assert ("notice", "ready to serve") in [(line.level, line.text) for line in host.log]


async def test_a_program_that_ends_at_once_is_an_error_with_its_last_words() -> None:
    async with crew([program("die")]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.ERROR)

    assert host.state.reason == "notes ended before it answered. Its last words: no such option: --please"
    assert host.state.retry_at is None


async def test_a_program_that_is_not_there_is_an_error() -> None:
    async with crew([ProgramTarget("notes", ("handstamp-no-such-program",))]) as all_of_them:
        host = await all_of_them.reach("notes", ConnectionStatus.ERROR)

    assert host.state.reason == "Expected to start handstamp-no-such-program, got: No such file or directory."


async def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    place = tmp_path / "pid"

    async with crew([program("stay", str(place))]) as all_of_them:
        await all_of_them.until(lambda: all_of_them["notes"].log)
        number = int(place.read_text())
        before = anyio.current_time()
    seconds = anyio.current_time() - before

    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    assert seconds < 2


async def test_of_a_program_that_floods_its_stderr_the_last_lines_are_kept() -> None:
    async with crew([program("flood")]) as all_of_them:
        await all_of_them.until(lambda: all_of_them["notes"].log and all_of_them["notes"].log[-1].text == "line 19999")
        lines, changes = all_of_them["notes"].log, len(all_of_them.changes)

    assert len(lines) == 500
    assert changes < 1000


async def test_each_account_that_has_signed_in_is_a_connection(demo_servers: DemoServers, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "servers.toml").write_text(
        f'[servers.demo]\nurl = "{demo_servers.server_url}"\n[servers.notes]\ncommand = ["notes", "--quiet"]\n'
        '[servers.linear]\nurl = "https://mcp.linear.example/mcp"\nenabled = false\n'
    )

    with Vault.open(state=tmp_path / "state", config=config) as vault:
        before = find_targets(vault, hide)
        await vault.login("demo", account="work", browser=FormBrowser())
        await vault.login("demo", account="home", browser=FormBrowser())
        after = find_targets(vault, hide)

    assert [(each.name, each.enabled) for each in before] == [("demo", True), ("linear", False), ("notes", True)]
    assert [getattr(each, "account", None) for each in after] == ["home", "work", "default", None]
    assert find_targets(vault, hide) == after
    assert before[1:] == after[2:]
