"""
The terminal app: it opens at once, connects in the background, and asks nothing of the person but what only they can do.

The first frame is drawn before any connection begins. From then on one timer looks, each second, whether somebody has changed
vault or settings; all else is drawn when a connection says that it changed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen

from handstamp.errors import HandstampError, UsageError, find_error
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import Target
from handstamp.ports import Browser, Clock
from handstamp.settings import Configured
from handstamp.tui.actions import ACTIONS, why_not
from handstamp.tui.answer_view import LoginWanted, StepUpWanted
from handstamp.tui.app_answerer import AppAnswerer
from handstamp.tui.confirm import Confirm
from handstamp.tui.desk import Desk, Fleet
from handstamp.tui.edit_dialog import EditDialog, Entry
from handstamp.tui.help_screen import HelpScreen
from handstamp.tui.hidden import Hidden
from handstamp.tui.later import LaterFleet
from handstamp.tui.offering import Offering
from handstamp.tui.rows import Row
from handstamp.tui.said import line
from handstamp.tui.servers_screen import ServersScreen
from handstamp.tui.sign_in_dialog import SignIn, SignInDialog, SignInOutcome
from handstamp.tui.surroundings import Surroundings
from handstamp.tui.themes import DARK, LIGHT
from handstamp.vault import Vault
from handstamp.words import span

__all__ = ["HandstampApp"]

LOOK = 1.0
"""Seconds between two looks at what others may have changed."""
DRAW = 0.05
"""Seconds in which changes are gathered before they are drawn."""


class HandstampApp(App[None]):
    """
    Shows the servers of a vault. `find_targets` says what to connect to, `fleet` connects where a test wants another than ours;
    with `signals` a SIGTERM ends it in order.
    """

    TITLE = "handstamp"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]

    def __init__(
        self,
        vault: Vault,
        find_targets: Callable[[Vault], list[Target]],
        browser: Browser,
        *,
        version: str,
        hidden: Hidden | None = None,
        fleet: Fleet | None = None,
        clock: Clock = time.time,
        signals: bool = False,
    ) -> None:
        super().__init__()
        self._browser = browser
        self._version = version
        self._around = Surroundings(mask=(hidden or Hidden()).mask)
        answerer = AppAnswerer(self, browser, mask=self._around.mask, url_of=self._url_of)
        self.desk = Desk(vault, fleet or LaterFleet(answerer, self.changed), find_targets, clock=clock)
        self._signals = signals
        self._offering = Offering()
        self._is_drawing = False
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name

    def on_mount(self) -> None:
        self.servers = ServersScreen(self.desk, self._around, version=self._version)
        self.push_screen(self.servers)
        if self._signals:
            self._end_with_signals()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self.desk.run(), name="connections", exit_on_error=True)
        self.run_worker(self._look(), name="look")
        self.set_interval(LOOK, lambda: self.run_worker(self._look(), name="look", exclusive=True, group="look"))

    def announce(self, words: str) -> None:
        """Something to know about, from any thread and before the app runs too."""
        if self.is_running:
            self.call_later(self._tell, words)

    async def _look(self) -> None:
        await self.desk.look()
        self.changed()

    def changed(self, _key: str = "") -> None:
        """Something is different; drawn in a moment, once for all that comes together."""
        if not self._is_drawing:
            self._is_drawing = True
            self.set_timer(DRAW, self._draw)

    def _draw(self) -> None:
        self._is_drawing = False
        self.desk.arrange()
        self.servers.show()
        self._offer()

    def _offer(self) -> None:
        """A sign-in dialog by itself, where servers need one that the person has not left before (W16)."""
        wanted = self._offering.due(self.desk.rows, self.desk.clock())
        if wanted and self.screen is self.servers:
            self._sign_in(wanted, by_itself=True)

    def _sign_in(self, wanted: list[SignIn], *, by_itself: bool = False) -> None:
        self._offering.opened(wanted)
        dialog = SignInDialog(wanted, self.desk.sign_in, self._browser, by_itself=by_itself)
        self.push_screen(dialog, self._signed_in)

    def _signed_in(self, outcome: SignInOutcome | None) -> None:
        if outcome is not None:
            self._offering.closed(outcome)
        self.run_worker(self._look(), name="look")

    def on_sign_in_dialog_signed_in(self, message: SignInDialog.SignedIn) -> None:
        for row in self.desk.rows:
            if (row.target.name, row.account) == (message.sign_in.server, message.sign_in.account):
                self._reconnect(row)

    def on_sign_in_dialog_doctor_wanted(self, message: SignInDialog.DoctorWanted) -> None:
        self.servers.choose(message.server)
        self.servers.action_doctor()

    def on_login_wanted(self, message: LoginWanted) -> None:
        if (row := self.desk.row(message.host)) is not None:
            self._sign_in([_sign_in_to(row)])

    def on_step_up_wanted(self, message: StepUpWanted) -> None:
        if (row := self.desk.row(message.host)) is not None:
            self._sign_in([SignIn(row.target.name, row.account, message.scopes)])

    def on_servers_screen_wanted(self, message: ServersScreen.Wanted) -> None:
        if (reason := why_not(message.action, message.row)) is not None:
            self._tell(reason, severity="warning")
            return
        match message.action, message.row:
            case "login", Row() as row:
                self._sign_in([_sign_in_to(row)])
            case "login_all", _:
                self._login_all()
            case "refresh", Row() as row:
                self._work(self._refresh(row))
            case "logout", Row() as row:
                self._ask_logout(row)
            case "add", _:
                self.push_screen(EditDialog(), partial(self._save, is_new=True))
            case "edit", Row() as row if (configured := self.desk.configured(row)) is not None:
                self.push_screen(EditDialog(Entry.of(configured)), partial(self._save, is_new=False))
            case "switch", Row() as row:
                self._work(self._switch(row))
            case "remove", Row() as row:
                self._ask_remove(row)
            case "reconnect", Row() as row:
                self._reconnect(row)
            case "copy_url", Row(url=str(url)):
                self.copy_to_clipboard(url)
                self._tell(f"Copied {url}, where your terminal allows it.")
            case "help", _:
                self._help()
            case _:
                pass

    def _login_all(self) -> None:
        waiting = [row for row in self.desk.rows if row.state.status is ConnectionStatus.NEEDS_LOGIN]
        if waiting:
            self._sign_in([_sign_in_to(row) for row in waiting])
        else:
            self._tell("No server needs you now.")

    async def _refresh(self, row: Row) -> None:
        grant = await self.desk.refresh(row)
        ends_at = grant.token.expires_at
        ends = "" if ends_at is None else f"; it ends in {span(ends_at - self.desk.clock())}"
        self._tell(f"{row.key} has a new token{ends}.")

    def _ask_logout(self, row: Row) -> None:
        words = Content.assemble("The sign-in to ", line(row.key, "bold"), " is revoked there and forgotten here.")
        self.push_screen(Confirm("Log out?", words, yes="Logout"), lambda yes: self._work(self._logout(row)) if yes else None)

    async def _logout(self, row: Row) -> None:
        reports = await self.desk.logout(row)
        missed = next((each.reason for each in reports if not each.revoked and each.reason), None)
        self._tell(f"Signed out of {row.key}." if missed is None else f"Forgotten here; not revoked there: {missed}")

    def _ask_remove(self, row: Row) -> None:
        words = Content.assemble("The name and the settings of ", line(row.key, "bold"), " are forgotten. A sign-in stays.")
        self.push_screen(Confirm("Remove?", words, yes="Remove"), lambda yes: self._work(self.desk.remove(row)) if yes else None)

    async def _switch(self, row: Row) -> None:
        enabled = row.state.status is ConnectionStatus.DISABLED
        await self.desk.set_enabled(row, enabled)
        self._tell(f"{row.target.name} is {'on' if enabled else 'off'}.")

    def _save(self, configured: Configured | None, *, is_new: bool) -> None:
        if configured is not None:
            self._work(self._write(configured, is_new=is_new))

    async def _write(self, configured: Configured, *, is_new: bool) -> None:
        if is_new and configured.name in self.desk.vault.settings.configured:
            raise UsageError(f"Expected a new name, got {configured.name}, which is there already: e changes it.")
        await self.desk.save(configured)
        self._tell(f"{configured.name} is saved in {self.desk.vault.settings.path}.")

    def _url_of(self, server: str) -> str | None:
        configured = self.desk.vault.settings.servers.get(server)
        return None if configured is None else configured.url

    def _reconnect(self, row: Row) -> None:
        if (host := self.desk.host(row.key)) is not None:
            host.retry()

    def _help(self) -> None:
        active = (each.binding for each in self.servers.active_bindings.values())
        keys = {binding.id: self.get_key_display(binding) for binding in active if binding.id}
        self.push_screen(HelpScreen(keys, Content("")))

    def _work(self, work: Awaitable[None]) -> None:
        """Does it in the background; what goes wrong is told."""

        async def run() -> None:
            try:
                await work
            except Exception as error:
                ours = find_error(error)
                if ours is None:
                    raise
                self._tell_error(ours)
            await self._look()

        self.run_worker(run(), name="work")

    def _tell(self, words: str, *, severity: str = "information") -> None:
        self.notify(line(words, limit=500).plain, severity="warning" if severity == "warning" else "information", markup=False)

    def _tell_error(self, error: HandstampError) -> None:
        words = error.message if error.hint is None else f"{error.message}\n→ {error.hint}"
        shown = "\n".join(line(each, limit=500).plain for each in words.splitlines())
        self.notify(shown, severity="error", timeout=10, markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """For the palette: all that the keys do, and the looks."""
        if screen is self.servers:
            for each in ACTIONS:
                if why_not(each.id, self.servers.row) is None:
                    title = each.label if each.command is None else f"{each.label}: {each.command}"
                    yield SystemCommand(title, each.tooltip, partial(self._do, each.id, each.parameter))
        yield SystemCommand("Theme", "Choose how the app looks.", self.action_change_theme)

    def _do(self, identifier: str, parameter: str) -> None:
        action: Callable[..., None] = getattr(self.servers, f"action_{identifier}")
        action(*((parameter,) if parameter else ()))

    def _end_with_signals(self) -> None:
        """The terminal is left as it was found, however we are told to end."""
        import signal

        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), self.exit)


def _sign_in_to(row: Row) -> SignIn:
    return SignIn(row.target.name, row.account, row.state.scopes)
