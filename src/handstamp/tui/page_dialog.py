"""
A server wants the person to visit a page: elicitation in URL mode (A-134).

Nothing is fetched. The whole address is shown, its host set apart, and it is opened only by the person's own key; only where it
is https, or http on this machine for a server on this machine. It is no way to sign Handstamp in: that is the sign-in dialog's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from handstamp.errors import InsecureUrl
from handstamp.ports import Browser, Clock
from handstamp.protocol.urls import require_secure, split_url
from handstamp.tui.app_of import app_of
from handstamp.tui.asking import AskingDialog
from handstamp.tui.said import block

__all__ = ["Decision", "Page", "PageDialog", "judge_page"]

Decision = Literal["accept", "decline"]

MAX_MESSAGE = 4000


@dataclass(frozen=True, slots=True)
class Page:
    """An address as the person sees it."""

    shown: Content
    warning: str | None = None
    refusal: str | None = None
    """Why it is not opened."""


def judge_page(url: str, near: str) -> Page:
    """How an address is shown, and whether it may be opened. `near` is the server's own; empty where it has none."""
    try:
        host = split_url(require_secure(url, "the page", near=near)).host
    except InsecureUrl as error:
        return Page(block(url), refusal=error.message)
    start = url.lower().index(host, url.index("://"))
    shown = Content(url).stylize("bold reverse", start, start + len(host))
    if any(label.startswith("xn--") for label in host.split(".")):
        return Page(shown, "The host is written in Punycode (xn--): it may look like another name in a browser.")
    return Page(shown)


class PageDialog(AskingDialog[Decision]):
    """Open, copy, decline, or cancel."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open"),
        Binding("c", "copy", "Copy"),
        Binding("d", "decline", "Decline"),
    ]

    def __init__(self, server: str, message: str, url: str, near: str, browser: Browser, now: Clock) -> None:
        super().__init__(server, now)
        self._message = message
        self._url = url
        self._page = judge_page(url, near)
        self._browser = browser

    def title_words(self) -> str:
        return "asks you to visit a page"

    def compose_body(self) -> Iterable[Widget]:
        yield Static(block(self._message[:MAX_MESSAGE]))
        yield Static(self._page.shown, id="address")
        if self._page.warning:
            yield Static(f"! {self._page.warning}", classes="warning")
        if self._page.refusal:
            yield Static(Content.assemble("✗ ", block(self._page.refusal)), classes="warning")
        yield Static("It is the server's page, and no way to sign in Handstamp.", classes="quiet")

    def compose_buttons(self) -> Iterable[Button]:
        yield Button("Cancel", id="cancel", compact=True)
        yield Button("Decline (d)", id="decline", compact=True)
        if not self._page.refusal:
            yield Button("Copy (c)", id="copy", compact=True)
            yield Button("Open (o)", id="open", variant="warning", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        match event.button.id:
            case "open":
                self.action_open()
            case "copy":
                self.action_copy()
            case "decline":
                self.action_decline()
            case _:
                self.dismiss(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("open", "copy") and self._page.refusal:
            return False
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """In the person's browser. Where none opens, the address can be copied."""
        if self._browser.open(self._url):
            self.dismiss("accept")
        else:
            self.say("No browser opened: copy the address, and open it where you have one.")

    def action_copy(self) -> None:
        """For a browser elsewhere, which is a yes too."""
        app_of(self).copy_to_clipboard(self._url)
        self.dismiss("accept")

    def action_decline(self) -> None:
        """The server hears a no."""
        self.dismiss("decline")
