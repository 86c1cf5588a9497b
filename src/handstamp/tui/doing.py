"""What the keys of the servers screen do to a server, and what they ask first; what only looks different is the screen's own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from handstamp.errors import SettingsError
from handstamp.hosts.state import ConnectionStatus
from handstamp.settings import Configured
from handstamp.settings_file import render_server
from handstamp.tui.confirm import Confirm
from handstamp.tui.edit_dialog import EditDialog, Entry, changed, parse_entry
from handstamp.tui.lines_dialog import LinesDialog
from handstamp.tui.rows import Row
from handstamp.tui.said import line
from handstamp.words import span

if TYPE_CHECKING:
    from handstamp.tui.app import HandstampApp

__all__ = ["Doing"]


class Doing:
    """Says in the app what came of it."""

    def __init__(self, app: "HandstampApp") -> None:
        self._app = app
        self._desk = app.desk

    def do(self, action: str, row: Row | None) -> None:
        """One of `handstamp.tui.actions` that can be done to this row now."""
        match action, row:
            case "login", Row() as row:
                self._app.sign_in([row.sign_in])
            case "login_all", _:
                self._login_all()
            case "refresh", Row() as row:
                self._app.work(partial(self._refresh, row))
            case "logout", Row() as row:
                self._ask_logout(row)
            case "add", _:
                self._app.push_screen(EditDialog(), self._add)
            case "edit", Row() as row if (configured := self._desk.configured(row)) is not None:
                self._edit(configured)
            case "switch", Row() as row if (configured := self._desk.configured(row)) is not None:
                self._app.work(partial(self._switch, row, configured))
            case "remove", Row() as row:
                self._ask_remove(row)
            case "reconnect", Row() as row:
                self._reconnect(row)
            case "copy_url", Row(url=str(url)):
                self._app.copy_to_clipboard(url)
                self._app.tell(f"Copied {url}, where your terminal allows it.")
            case "help", _:
                self._app.action_help()
            case "quit", _:
                self._app.exit()
            case _:
                pass

    def _login_all(self) -> None:
        waiting = [row for row in self._desk.rows if row.state.status is ConnectionStatus.NEEDS_LOGIN]
        if waiting:
            self._app.sign_in([row.sign_in for row in waiting])
        else:
            self._app.tell("No server needs you now.")

    async def _refresh(self, row: Row) -> None:
        grant = await self._desk.refresh(row)
        ends_at = grant.token.expires_at
        ends = "" if ends_at is None else f"; it ends in {span(ends_at - self._desk.clock())}"
        self._app.tell(f"{row.key} has a new token{ends}.")

    def _ask_logout(self, row: Row) -> None:
        words = Content.assemble("The sign-in to ", line(row.key, "bold"), " is revoked there and forgotten here.")
        self._ask(Confirm("Log out?", words, yes="Logout"), partial(self._logout, row))

    async def _logout(self, row: Row) -> None:
        reports = await self._desk.logout(row)
        missed = next((each.reason for each in reports if not each.revoked and each.reason), None)
        self._app.tell(f"Signed out of {row.key}." if missed is None else f"Forgotten here; not revoked there: {missed}")

    def _ask_remove(self, row: Row) -> None:
        words = Content.assemble("The name and the settings of ", line(row.key, "bold"), " are forgotten. A sign-in stays.")
        self._ask(Confirm("Remove?", words, yes="Remove"), partial(self._desk.remove, row))

    def _ask(self, question: Confirm, work: Callable[[], Awaitable[None]]) -> None:
        self._app.push_screen(question, lambda yes: self._app.work(work) if yes else None)

    async def _switch(self, row: Row, configured: Configured) -> None:
        enabled = row.state.status is ConnectionStatus.DISABLED
        await self._write(partial(self._desk.set_enabled, row, enabled), replace(configured, enabled=enabled))

    def _add(self, entry: Entry | None) -> None:
        if entry is not None:
            given = parse_entry(entry)
            self._app.work(partial(self._write, partial(self._desk.add, given), given))

    def _edit(self, configured: Configured) -> None:
        entry = Entry.of(configured)
        if entry.draws:
            self._app.push_screen(EditDialog(entry), partial(self._change, configured))
        else:
            path = self._desk.vault.settings.path
            self._app.tell_reason(f"{configured.name} has characters that no form can show: change it in {path}.")

    def _change(self, before: Configured, entry: Entry | None) -> None:
        if entry is not None:
            change = partial(changed, entry=entry)
            self._app.work(partial(self._write, partial(self._desk.change, before.name, change), change(before)))

    async def _write(self, writing: Callable[[], Awaitable[None]], meant: Configured) -> None:
        """Where the file is not ours to write, the person gets the lines."""
        try:
            await writing()
        except SettingsError as error:
            self._app.push_screen(LinesDialog(error, render_server(meant)))
        else:
            self._app.tell(f"{meant.name} is saved in {self._desk.vault.settings.path}.")

    def _reconnect(self, row: Row) -> None:
        if (host := self._desk.host(row.key)) is not None:
            host.retry()
