"""The sign-in dialog: says who asks for what, opens the browser by your key, waits with you, and tells what came of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from textual import events
from textual.app import App, ComposeResult
from textual.message import Message
from textual.screen import ModalScreen

from handstamp.errors import HandstampError, find_error, hint
from handstamp.model import Grant
from handstamp.ports import Browser, Clock, Presenter
from handstamp.protocol.text import safe
from handstamp.tui.app_presenter import AppPresenter
from handstamp.tui.grace import Grace
from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.sign_in_panel import ADDRESS_LIMIT, SignInPanel
from handstamp.tui.sign_in_states import (
    Away,
    Closed,
    Does,
    Ended,
    Event,
    Failed,
    NotOpened,
    Refused,
    Rejected,
    Said,
    Starting,
    Waiting,
)
from handstamp.tui.sign_in_words import report
from handstamp.tui.signing_in import SigningIn, after, keys
from handstamp.without_browser import find_browser_obstacle

__all__ = ["SignInDialog", "SignInFunction"]

SignInFunction = Callable[[SignIn, Presenter, Browser], Awaitable[Grant | None]]
"""Signs in, as `Vault.login` does. None where the server is open. Cancelled when the dialog is left."""

REOPEN = 1.0
"""Seconds that a browser takes to show itself: Enter pressed again meanwhile, or held down, opens no second tab."""
COPIED = "Copied, where your terminal allows it."


class SignInDialog(ModalScreen[SignInOutcome]):
    """
    Signs in to what is wanted, one after the other. Gives what came of it when it closes; the listener of a login that is under
    way is closed before.

    `by_itself`: nobody pressed a key for it, so that it hears none before the person has paused. `clock` and `timer` count
    seconds: since 1970, and evenly.
    """

    DEFAULT_CSS = """
    SignInDialog { align: center middle; }
    """

    class DoctorWanted(Message):
        """The person wants to know why a sign-in failed. Sent to the app; the dialog closes."""

        def __init__(self, server: str) -> None:
            super().__init__()
            self.server = server

    class SignedIn(Message):
        """One of them works from now on, while the dialog goes on."""

        def __init__(self, sign_in: SignIn) -> None:
            super().__init__()
            self.sign_in = sign_in

    def __init__(
        self,
        wanted: Sequence[SignIn],
        sign_in: SignInFunction,
        browser: Browser,
        *,
        by_itself: bool = False,
        find_obstacle: Callable[[], str | None] = find_browser_obstacle,
        clock: Clock = time.time,
        timer: Clock = time.monotonic,
    ) -> None:
        super().__init__()
        self.signing = SigningIn.of(wanted)
        self._sign_in = sign_in
        self._browser = browser
        self._find_obstacle = find_obstacle
        self._clock = clock
        self._timer = timer
        self._by_itself = by_itself
        self._grace: Grace | None = None
        self._since_opening: Grace | None = None
        self._presenter: AppPresenter | None = None
        self._login: asyncio.Task[None] | None = None
        self._wants_copy = False
        self._is_laid_out = False
        self._is_leaving = False

    @property
    def takes_more(self) -> bool:
        """Whether others may `join`."""
        return not (self._is_leaving or isinstance(self.signing.state, Closed))

    def join(self, wanted: Sequence[SignIn]) -> None:
        """They need the person too, and come last."""
        self.signing = self.signing.joined_by(wanted)
        self._draw()

    def compose(self) -> ComposeResult:
        yield SignInPanel()

    def on_mount(self) -> None:
        if isinstance(self.signing.state, Closed):
            self.dismiss(self.signing.outcome)
            return
        if self._by_itself:
            self._grace = Grace(self._timer())
            self._listen_again()
        # Textual 8.2 lays out anew for what a widget is given only once that is mounted: else it stays as high as at first.
        self.call_after_refresh(self._begin)

    async def on_unmount(self) -> None:
        await self._end_login()

    def on_resize(self) -> None:
        self._draw()

    async def on_key(self, event: events.Key) -> None:
        if await self._press(event.key):
            event.stop()
            event.prevent_default()

    async def on_click(self, event: events.Click) -> None:
        key = event.style.meta.get("key")
        if isinstance(key, str):
            event.stop()
            await self._press(key)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if not self._is_meant_for_something_else():
            self._bring(event.text)

    @property
    def _host(self) -> App[object]:
        return cast("App[object]", self.app)  # pyright: ignore[reportUnknownMemberType]  # Textual leaves its type open

    async def _press(self, key: str) -> bool:
        """True if it is taken."""
        if self._is_meant_for_something_else():
            return True
        found = next((each.does for each in keys(self.signing) if each.key == key), None)
        if found is not None:
            await self._do(found)
        return found is not None

    async def _do(self, does: Does) -> None:
        match does:
            case Does.OPEN | Does.YES:
                self._since_opening = Grace(self._timer(), REOPEN)
                self._answer(True)
            case Does.NO:
                self._answer(False)
            case Does.COPY_INSTEAD:
                self._wants_copy = True
                self._answer(False)
            case Does.OPEN_AGAIN:
                self._open_again()
            case Does.COPY_LINK:
                self._copy_link()
            case Does.COPY_REPORT:
                self._copy_report()
            case Does.NEXT | Does.SKIP | Does.RETRY | Does.CLOSE | Does.DOCTOR:
                await self._leave(does)
                return
            case Does.TAKE:
                self._bring(self.query_one(SignInPanel).address)
                return
            case Does.PASTE | Does.STOP_PASTING | Does.SHOW_LINK | Does.HIDE_LINK:
                pass
        self._happened(does)

    async def _leave(self, does: Does) -> None:
        # One that comes to its end meanwhile has ended, whatever was pressed: then that key is none of the state any more.
        self._is_leaving = True
        await self._end_login()
        self._is_leaving = False
        if does is Does.DOCTOR:
            self._host.post_message(self.DoctorWanted(self.signing.current.server))
        self._happened(does)
        match self.signing.state:
            case Closed():
                self.dismiss(self.signing.outcome)
            case Starting():
                self._begin_login()
            case _:
                pass

    def _begin(self) -> None:
        if isinstance(self.signing.state, Closed):
            return
        self._is_laid_out = True
        self.set_interval(1.0, self._tick)
        self._begin_login()
        self._draw()

    def _begin_login(self) -> None:
        self._wants_copy = False
        self._presenter = AppPresenter(self._happened, obstacle=self._find_obstacle(), timer=self._timer)
        self._login = asyncio.create_task(self._run_login(self.signing.current, self._presenter))

    async def _run_login(self, wanted: SignIn, presenter: AppPresenter) -> None:
        try:
            grant = await self._sign_in(wanted, presenter, self._browser)
        except Exception as error:
            # Only the class is named: the text of an error that nobody foresaw may hold anything.
            foreseen = find_error(error) or HandstampError(
                f"Handstamp itself failed: {type(error).__name__}.", hint=hint("login_trace", server=wanted.server)
            )
            self._happened(Refused(foreseen))
        else:
            self._happened(Ended(grant))
            self.post_message(self.SignedIn(wanted))

    async def _end_login(self) -> None:
        """Its listener is closed once this is over."""
        login, self._login = self._login, None
        if login is not None:
            login.cancel()
            await asyncio.wait([login])

    def _happened(self, event: Event) -> None:
        self.signing = after(self.signing, event)
        if isinstance(event, Away) and event.opened:
            self._since_opening = Grace(self._timer(), REOPEN)
        if isinstance(event, Away) and self._wants_copy:
            self._wants_copy = False
            self._copy_link()
        self._draw(news=isinstance(event, Said | Rejected | NotOpened))

    def _answer(self, yes: bool) -> None:
        if self._presenter is not None:
            self._presenter.answer(yes)

    def _open_again(self) -> None:
        now, state = self._timer(), self.signing.state
        if not isinstance(state, Waiting) or (self._since_opening is not None and self._since_opening.swallows(now)):
            return
        self._since_opening = Grace(now, REOPEN)
        self._happened(Said("Opened once more.") if self._browser.open(state.url) else NotOpened())

    def _copy_link(self) -> None:
        if isinstance(self.signing.state, Waiting):
            self._host.copy_to_clipboard(safe(self.signing.state.url, ADDRESS_LIMIT))
            self._happened(Said(COPIED))

    def _copy_report(self) -> None:
        if isinstance(self.signing.state, Failed):
            self._host.copy_to_clipboard(report(self.signing.current, self.signing.state.error, self._clock()))
            self._happened(Said(COPIED))

    def _bring(self, text: str) -> None:
        if not isinstance(self.signing.state, Waiting) or self._presenter is None:
            return
        self._happened(Does.STOP_PASTING)
        # Whoever copies it from a terminal gets it with line ends.
        address = "".join(text[:ADDRESS_LIMIT].split())
        if address.startswith(("http://", "https://")):
            self._presenter.paste(address)
        else:
            self._happened(Rejected("Expected the address of the browser's last page, which begins with http."))

    def _is_meant_for_something_else(self) -> bool:
        return self._grace is not None and self._grace.swallows(self._timer())

    def _listen_again(self) -> None:
        """Once the person has paused."""
        if self._grace is None:
            return
        left = self._grace.ends_at - self._timer()
        if left > 0:
            self.set_timer(left, self._listen_again)
        else:
            self._grace = None
            self._draw()

    def _tick(self) -> None:
        if isinstance(self.signing.state, Waiting):
            self._draw()

    def _draw(self, *, news: bool = False) -> None:
        panel = next(iter(self.query(SignInPanel)), None)
        # A login may still speak while its dialog is being taken away.
        if panel is None or not self._is_laid_out or isinstance(self.signing.state, Closed):
            return
        panel.show(self.signing, now=self._clock(), left_from=self._timer(), quiet=self._grace is not None)
        if news:
            self.call_after_refresh(panel.scroll_to_news)
