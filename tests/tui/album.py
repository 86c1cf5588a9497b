"""The pictures of the terminal app's guide: the real app over a real vault, whose servers stand as the tests' fakes do."""

import asyncio
import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from mcp_types import CallToolResult, TextContent
from textual.pilot import Pilot
from textual.widgets import Input

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import HttpTarget, ProgramTarget
from handstamp.model import VaultPlace
from handstamp.tui.app import HandstampApp
from handstamp.tui.rows import Row
from tui.app_rows import a_sign_in, url_of
from tui.dialogs import ScriptedLogin
from tui.fake_app import open_app
from tui.fake_hosts import NOON, FakeHost
from tui.snapshots import draw
from tui.tool_servers import CATALOGUE

__all__ = ["draw_pictures"]

SIZE = (120, 30)
"""Columns and rows."""
SETTINGS = '[app]\ntheme = "handstamp-dark"\n'
LINEAR = "https://mcp.linear.example/mcp"
FINDINGS = (
    Finding("connection", Verdict.GOOD, "mcp.linear.example answers, over TLS"),
    Finding("challenge", Verdict.GOOD, "It asks for a sign-in", LINEAR, 401, actual="Bearer"),
    Finding("resource_metadata", Verdict.GOOD, "Protected resource metadata: found"),
    Finding(
        "server_metadata",
        Verdict.BAD,
        "Authorization server metadata: not usable",
        "https://auth.linear.example/.well-known/oauth-authorization-server",
        200,
        'the authorization server metadata of issuer "https://auth.linear.example"',
        'that of "https://other.example"',
        "handstamp doctor linear --report",
        "issuer_mismatch",
        1,
    ),
    Finding("grant", Verdict.SKIPPED, "Nobody is signed in"),
)


def servers() -> list[FakeHost]:
    """One in each state."""
    status = ConnectionStatus
    github = FakeHost("github", catalogue=replace(CATALOGUE, templates=()))
    created = '{"id": "HS-42", "title": "Nobody asks twice", "state": "started"}'
    github.results = [CallToolResult(content=[TextContent(text=created)])]
    return [
        github,
        FakeHost("linear", status.NEEDS_LOGIN, reason="Nobody has signed in.", next_step="handstamp login linear"),
        FakeHost("notion", status.NEEDS_MORE_ACCESS, reason="It wants more for create_page.", scopes=("write",)),
        FakeHost("sentry", status.UNREACHABLE, reason="mcp.sentry.example did not answer within 30 s."),
        FakeHost(HttpTarget("github", url_of("github"), "work")),
        FakeHost(ProgramTarget("files", ("npx", "files", "/home/me"))),
        FakeHost(ProgramTarget("old", ("old",), enabled=False), status.DISABLED),
    ]


async def examine(row: Row, on_finding: Callable[[Finding], None]) -> Diagnosis:
    """Finds what it is to find."""
    for finding in FINDINGS:
        on_finding(finding)
    return Diagnosis(row.key, LINEAR, FINDINGS, NOON)


@dataclass(slots=True)
class Album:
    """Keys, and what is to be seen after them."""

    app: HandstampApp
    pilot: Pilot[None]
    pictures: dict[str, str] = field(default_factory=dict[str, str])

    async def take(self, name: str, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()
        for each in self.app.screen.query(Input):
            each.cursor_blink = False
        self.pictures[f"{name}.svg"] = await draw(self.pilot)


async def take_all(album: Album) -> None:
    await album.take("servers")
    await album.take("tools", "2", "enter")
    await album.take("call", "enter", *"Nobody asks twice", "f5")
    await album.take("doctor", "escape", "escape", "down", "d", "down", "down", "down", "enter")
    await album.take("sign-in", "escape", "l")


async def run(home: Path) -> dict[str, str]:
    hosts = servers()
    (home / "config").mkdir(mode=0o700)
    tables = {host.target.name for host in hosts if isinstance(host.target, HttpTarget)}
    text = "".join([SETTINGS, *(f'[servers.{name}]\nurl = "{url_of(name)}"\n' for name in sorted(tables))])
    (home / "config" / "servers.toml").write_text(text, "utf-8")
    app = open_app(home, hosts)
    with app.desk.vault:
        for name, account in (("github", "default"), ("github", "work"), ("notion", "default")):
            app.desk.vault._parts.store.save_grant(a_sign_in(name, account))
        await app.desk.look()
        app._offering.opened(row.sign_in for row in app.desk.rows)  # no dialog comes by itself
        app._around = replace(app._around, now=lambda: NOON)
        app.desk.place = VaultPlace("", "the keychain")
        app.desk.examine = examine  # type: ignore[method-assign]
        app.desk.sign_in = ScriptedLogin(held="answered")  # type: ignore[method-assign]
        async with app.run_test(size=SIZE, notifications=False) as pilot:
            album = Album(app, pilot)
            await pilot.pause()
            await take_all(album)
            return album.pictures


def draw_pictures() -> dict[str, str]:
    """Each picture's file name, and its SVG. The same each time."""
    key = base64.b64encode(bytes(32)).decode()
    # As on a desk: where there is no browser the dialog says other things.
    with TemporaryDirectory() as home, mock.patch.dict(os.environ, {"HANDSTAMP_KEY": key, "DISPLAY": ":0"}, clear=True):
        return asyncio.run(run(Path(home)))
