"""
The terminal app: it opens at once, connects in the background, and asks nothing of the person but what only they can do.

The first frame is drawn before any connection begins, and before anything is loaded that it does not need: hence imports inside
functions. From then on one timer looks, each second, whether somebody has changed vault or settings; all else is drawn when a
connection says that it changed.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from handstamp.errors import SettingsError, find_error
from handstamp.hosts.target import Target
from handstamp.ports import Browser, Clock
from handstamp.settings import AppSettings
from handstamp.tui.actions import ACTIONS, why_not
from handstamp.tui.background import in_background
from handstamp.tui.desk import WAITS_FOR_A_SIGN_IN, Desk, Fleet
from handstamp.tui.hidden import Hidden
from handstamp.tui.later import LaterFleet
from handstamp.tui.offering import Offering
from handstamp.tui.quiet_app import QuietApp
from handstamp.tui.rows import Row
from handstamp.tui.servers_screen import ServersScreen
from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.surroundings import Surroundings
from handstamp.tui.themes import DARK, LIGHT
from handstamp.tui.wishes import choose_theme, map_keys
from handstamp.vault import Vault

if TYPE_CHECKING:
    from handstamp.hosts.answering import Answerer
    from handstamp.tui.answer_view import LoginWanted, StepUpWanted
    from handstamp.tui.sign_in_dialog import SignInDialog

__all__ = ["HandstampApp"]

LOOK = 1.0
"""Seconds between two looks at what others may have changed."""
DRAW = 0.05
"""Seconds in which changes are gathered before they are drawn."""
KEEPS = 5.0
"""Seconds for which what was drawn is true, if nothing changes: it says when tokens end."""


class HandstampApp(QuietApp):
    """
    Shows the servers of a vault. `find_targets` says what to connect to, `fleet` connects where a test wants another than ours;
    with `signals` a SIGTERM ends it in order.
    """

    TITLE = "handstamp"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("question_mark", "help", "Help", tooltip="Show what the keys do"),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
    ]

    def __init__(
        self,
        vault: Vault,
        find_targets: Callable[[Vault], list[Target]],
        browser: Browser,
        *,
        hidden: Hidden | None = None,
        fleet: Fleet | None = None,
        clock: Clock = time.time,
        signals: bool = False,
    ) -> None:
        super().__init__(signals=signals)
        self._browser = browser
        self._around = Surroundings(mask=(hidden or Hidden()).mask)
        self.desk = Desk(vault, fleet or LaterFleet(self._build_answerer, self.changed), find_targets, clock=clock)
        self._offering = Offering()
        self._offered: SignInDialog | None = None
        self._is_drawing = False
        self._drawn_at = 0.0
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self._obeyed: AppSettings | None = None
        self._obey()

    def on_mount(self) -> None:
        self.servers = ServersScreen(self.desk, self._around)
        self.push_screen(self.servers)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        gc.enable()
        in_background(self, self._show_then_connect, name="begin")

    async def _show_then_connect(self) -> None:
        await self.desk.look()
        self._draw()
        # What speaks MCP keeps the interpreter busy while it is loaded: the list stands before that.
        self.call_after_refresh(self._connect)
        self.set_interval(LOOK, self._look_soon)

    def _connect(self) -> None:
        in_background(self, self.desk.run, name="connections", exit_on_error=True)

    def _look_soon(self) -> None:
        if not self.desk.is_looking:
            in_background(self, self._look, name="look")

    async def _look(self) -> None:
        is_old = time.monotonic() - self._drawn_at >= KEEPS
        if await self.desk.look() or is_old:
            self.changed()
        else:
            self._offer()

    def changed(self, _key: str = "") -> None:
        """Something is different; drawn in a moment, once for all that comes together."""
        if not self._is_drawing:
            self._is_drawing = True
            self.set_timer(DRAW, self._draw)

    def _obey(self) -> None:
        """Keys and looks as `servers.toml` wants them now. Raises SettingsError, and changes nothing then."""
        settings = self.desk.vault.settings
        if settings.app == self._obeyed:
            return
        self._obeyed = settings.app
        keymap = map_keys(settings.app, settings.path)
        self.theme = choose_theme(settings.app, self.available_themes, DARK.name, settings.path)
        self.set_keymap(dict(keymap))

    def _draw(self) -> None:
        self._is_drawing = False
        self._drawn_at = time.monotonic()
        try:
            self._obey()
        except SettingsError as error:
            self.tell_error(error)
        self.desk.arrange()
        self.servers.show()
        self._offer()

    def _offer(self) -> None:
        """A sign-in dialog by itself, where servers need one that the person has not left before (W16)."""
        wanted = self._offering.due(self.desk.rows, self.desk.clock())
        if wanted and self.screen is self.servers:
            self.sign_in(wanted, by_itself=True)
        elif wanted and self._offered is not None and self._offered.takes_more:
            self._offering.opened(wanted)
            self._offered.join(wanted)

    def sign_in(self, wanted: list[SignIn], *, by_itself: bool = False) -> None:
        from handstamp.tui.sign_in_dialog import SignInDialog

        self._offering.opened(wanted)
        dialog = SignInDialog(wanted, self.desk.sign_in, self._browser, by_itself=by_itself)
        # One that the person opened is for what they wanted, and for nothing else.
        self._offered = dialog if by_itself else None
        self.push_screen(dialog, self._signed_in)

    def _signed_in(self, outcome: SignInOutcome | None) -> None:
        self._offered = None
        if outcome is not None:
            self._offering.closed(outcome)
        in_background(self, self._look, name="look")

    def on_sign_in_dialog_signed_in(self, message: "SignInDialog.SignedIn") -> None:
        for row in self.desk.rows:
            host = self.desk.host(row.key)
            is_it = (row.target.name, row.account) == (message.sign_in.server, message.sign_in.account)
            if is_it and host is not None and host.state.status in WAITS_FOR_A_SIGN_IN:
                host.retry()

    def on_sign_in_dialog_doctor_wanted(self, message: "SignInDialog.DoctorWanted") -> None:
        self.servers.choose(message.server)
        self.servers.examine()

    def on_login_wanted(self, message: "LoginWanted") -> None:
        if (row := self.desk.row(message.host)) is not None:
            self.sign_in([_sign_in_to(row)])

    def on_step_up_wanted(self, message: "StepUpWanted") -> None:
        if (row := self.desk.row(message.host)) is not None:
            self.sign_in([SignIn(row.target.name, row.account, message.scopes)])

    def on_servers_screen_wanted(self, message: ServersScreen.Wanted) -> None:
        if (reason := why_not(message.action, message.row)) is not None:
            self.tell_reason(reason)
            return
        from handstamp.tui.doing import Doing

        Doing(self).do(message.action, message.row)

    def _build_answerer(self) -> "Answerer":
        from handstamp.tui.app_answerer import AppAnswerer

        return AppAnswerer(self, self._browser, mask=self._around.mask, url_of=self._url_of)

    def _url_of(self, server: str) -> str | None:
        configured = self.desk.vault.settings.servers.get(server)
        return None if configured is None else configured.url

    def action_help(self) -> None:
        """What the keys do now."""
        from handstamp.tui.help_screen import HelpScreen, explain_actions, explain_focused

        active = list(self.screen.active_bindings.values())
        names = {each.binding.key: self.get_key_display(each.binding) for each in active}
        around = (self, self.screen)
        if self.screen is self.servers:
            keys = {each.binding.id: names[each.binding.key] for each in active if each.binding.id}
            self.push_screen(HelpScreen(explain_focused(active, around, names), explain_actions(keys, self.servers.row)))
        else:
            self.push_screen(HelpScreen(explain_focused(active, (self,), names)))

    def work(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does it in the background; what goes wrong is told. Nothing is begun that the app may end before."""

        async def run() -> None:
            try:
                await work()
            except Exception as error:
                ours = find_error(error)
                if ours is None:
                    raise
                self.tell_error(ours)
            await self._look()

        in_background(self, run, name="work")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """For the palette: all that the keys do, and the looks. Words of our own alone: it reads markup in them (TH3)."""
        row = self.servers.row
        for each in ACTIONS:
            if screen is self.servers and why_not(each.id, row) is None:
                title = each.label if each.command is None else f"{each.label}: {each.command}"
                yield SystemCommand(title, each.tooltip, partial(self.servers.action_do, each.id))
        yield SystemCommand("Theme", "Choose how the app looks.", self.action_change_theme)


def _sign_in_to(row: Row) -> SignIn:
    return SignIn(row.target.name, row.account, row.state.scopes)
