"""A sign-in dialog over an app that has nothing else, and logins that go as a test says."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from fakes import HandMovedClock, make_grant
from handstamp.errors import HandstampError
from handstamp.model import Grant, LoginPrompt
from handstamp.ports import Browser, Presenter
from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.sign_in_dialog import SignInDialog, SignInFunction
from handstamp.tui.sign_in_states import State
from tui.fake_hosts import NOON

__all__ = [
    "GRANT",
    "HOSTILE",
    "LINEAR",
    "PROMPT",
    "URL",
    "DialogApp",
    "Opened",
    "OpensNothing",
    "ScriptedLogin",
    "opened",
]

LINEAR = SignIn("linear")
PROMPT = LoginPrompt("linear", "linear.app", ("read", "write"))
URL = (
    "https://linear.app/oauth/authorize?response_type=code&client_id=https%3A%2F%2Fhandstamp.example%2Fclient.json"
    "&redirect_uri=http%3A%2F%2F127.0.0.1%3A40704%2Fcallback%2F5f2b&state=Yk3c0LZ1tVQx9s&scope=read%20write"
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&resource=https%3A%2F%2Fmcp.linear.app"
)

HOSTILE = (
    "a\x1b[2J\x1b]52;c;cm0=\x07\x1b]8;;https://evil.example\x07\x9b2J\r\x08\n[red]b[/] [link=file:///etc/passwd]c[/link] "
    "[@click=app.quit]d[/] \u202ee\u2066\u200b\U000e0041" + "z" + "\u0301" * 50
)
"""TH1 to TH3."""

GRANT = replace(make_grant(obtained_at=NOON), identity="me@example.com")


class OpensNothing:
    """A `Browser` that remembers what it was to open."""

    def __init__(self, *, works: bool = True) -> None:
        self.opened: list[str] = []
        self.works = works

    def open(self, url: str) -> bool:
        self.opened.append(url)
        return self.works


class ScriptedLogin:
    """
    A `SignInFunction`. Goes as `Vault.login` does, from step to step, and waits where a test holds it.

    `answered` and `stored` are the browser's answer and the end; set, unless `held` names them.
    """

    def __init__(
        self,
        *,
        question: str | None = None,
        prompt: LoginPrompt | None = PROMPT,
        notes: tuple[str, ...] = (),
        ends: Grant | HandstampError | Exception | None = GRANT,
        held: str = "",
    ) -> None:
        self.wanted: list[SignIn] = []
        self.cancelled: list[SignIn] = []
        self.pasted: list[str] = []
        self.ends = ends
        self.found, self.answered, self.stored = (asyncio.Event() for _ in range(3))
        for name in {"found", "answered", "stored"} - set(held.split()):
            getattr(self, name).set()
        self._question = question
        self._prompt = prompt
        self._notes = notes

    async def __call__(self, wanted: SignIn, presenter: Presenter, browser: Browser) -> Grant | None:
        self.wanted.append(wanted)
        try:
            await self._go(presenter, browser)
        except asyncio.CancelledError:
            self.cancelled.append(wanted)
            raise
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    async def _go(self, presenter: Presenter, browser: Browser) -> None:
        await self.found.wait()
        if self._question is not None and not await presenter.confirm(self._question):
            raise HandstampError("Expected a yes, got none.")
        if self._prompt is None:
            return
        asked = await presenter.prompt(self._prompt)
        opened = asked and browser.open(URL)
        pasting = asyncio.create_task(self._take_pasted(presenter, opened))
        try:
            await self.answered.wait()
        finally:
            pasting.cancel()
            await asyncio.wait([pasting])
        await presenter.saving()
        for note in self._notes:
            await presenter.noted(note)
        await self.stored.wait()

    async def _take_pasted(self, presenter: Presenter, opened: bool) -> None:
        while (address := await presenter.waiting(URL, opened=opened, deadline=300.0)) is not None:
            self.pasted.append(address)
            if "state=Yk3c0LZ1tVQx9s" in address:
                self.answered.set()
            else:
                await presenter.rejected("That address does not belong to this sign-in.")


class DialogApp(App[object]):
    """Something to lie under a dialog."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *, light: bool = False) -> None:
        super().__init__()
        self.outcome: SignInOutcome | None = None
        self.doctor_wanted: list[str] = []
        self.signed_in: list[SignIn] = []
        self.theme = "textual-light" if light else "textual-dark"

    def compose(self) -> ComposeResult:
        yield Static("Servers")

    def take(self, outcome: SignInOutcome | None) -> None:
        self.outcome = outcome

    def on_sign_in_dialog_doctor_wanted(self, message: SignInDialog.DoctorWanted) -> None:
        self.doctor_wanted.append(message.server)

    def on_sign_in_dialog_signed_in(self, message: SignInDialog.SignedIn) -> None:
        self.signed_in.append(message.sign_in)


class Opened:
    """A dialog that a test presses keys in. `timer` is what its grace and its time left count by."""

    def __init__(self, app: DialogApp, dialog: SignInDialog, pilot: Pilot[object], timer: HandMovedClock) -> None:
        self.app = app
        self.dialog = dialog
        self.pilot = pilot
        self.timer = timer

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def state(self) -> State:
        return self.dialog.signing.state

    @property
    def outcome(self) -> SignInOutcome | None:
        """None while it is open."""
        return self.app.outcome

    async def drawn(self) -> None:
        """Waits for the screen, which is laid out sixty times a second at most."""
        while self.dialog._layout_required or self.dialog._dirty_widgets:
            await self.pilot.pause(0.005)
        await self.pilot.pause()

    async def until(self, state: type[State]) -> None:
        """Waits for what servers and threads of their own bring about."""
        with anyio.fail_after(20):
            while not isinstance(self.state, state):
                await self.pilot.pause(0.005)
        await self.pilot.pause()


@asynccontextmanager
async def opened(
    wanted: Sequence[SignIn],
    sign_in: SignInFunction,
    browser: Browser | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    light: bool = False,
    by_itself: bool = False,
    obstacle: str | None = None,
) -> AsyncGenerator[Opened]:
    """The dialog on the screen, its first login begun. A real-looking time: noon."""
    app, timer = DialogApp(light=light), HandMovedClock()
    dialog = SignInDialog(
        wanted,
        sign_in,
        browser or OpensNothing(),
        by_itself=by_itself,
        find_obstacle=lambda: obstacle,
        clock=lambda: NOON,
        timer=timer,
    )
    async with app.run_test(size=size) as pilot:
        app.push_screen(dialog, app.take)
        await pilot.pause()  # it is mounted
        await pilot.pause()  # its login has said something
        await pilot.pause()  # and that is drawn
        yield Opened(app, dialog, pilot, timer)
