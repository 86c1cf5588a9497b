"""How a sign-in looks: what is said, the keys, the field for an address, and the link from edge to edge."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from handstamp.tui.sign_in_states import Waiting
from handstamp.tui.sign_in_words import body, key_lines, link, title
from handstamp.tui.signing_in import SigningIn

__all__ = ["ADDRESS_LIMIT", "SignInPanel"]

WIDTH = 60
FRAME = 6
"""Of the width: border, padding and the scroll bar."""
ADDRESS_LIMIT = 65_536
QUIET_WORDS = Content.styled("Appeared by itself: keys count once you pause.", "italic")


class AddressField(Input):
    """For the address of the last page, which holds a code: it is not drawn. What is pasted goes to the dialog whole."""

    def on_mount(self) -> None:
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        event.prevent_default()


class SignInPanel(Vertical):
    """A box in the middle; from edge to edge while it shows the whole link, so that a mouse can take it from the terminal."""

    DEFAULT_CSS = """
    SignInPanel {
        width: 60;
        max-width: 100%;
        height: auto;
        max-height: 100%;
        padding: 1 1 0 2;
        background: $background;
        border: round $primary;
        border-title-color: $text;
        border-title-style: bold;

        #body {
            height: auto;
            max-height: 1fr;
            background: $background;
            scrollbar-size-vertical: 1;
        }
        #words { height: auto; }
        #address { display: none; margin: 1 1 0 0; border: none; height: 1; padding: 0 1; background: $surface; }
        #keys { height: auto; margin: 1 1 0 0; color: $foreground-muted; }

        &.-whole-link {
            width: 100%;
            height: 100%;
            padding: 0;
            border: none;
        }
    }
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="body"):
            yield Static(id="words")
        placeholder = "The address of the browser's last page"
        yield AddressField(id="address", password=True, placeholder=placeholder, max_length=ADDRESS_LIMIT)
        yield Static(id="keys")

    @property
    def address(self) -> str:
        """What stands in the field."""
        return self.query_one("#address", AddressField).value

    def show(self, signing: SigningIn, *, now: float, left_from: float, quiet: bool) -> None:
        """`quiet`: keys are not heard yet, and it says so instead of naming them."""
        state, room = signing.state, self.app.size.width  # pyright: ignore[reportUnknownMemberType]
        shows_link = isinstance(state, Waiting) and state.shows_link
        self.set_class(shows_link, "-whole-link")
        self.border_title = title(signing)
        if isinstance(state, Waiting) and shows_link:
            width, words = room, link(state.url)
        else:
            width = min(WIDTH, room) - FRAME
            words = body(signing, width=width, now=now, left_from=left_from)
        self.query_one("#words", Static).update(words)
        self.query_one("#keys", Static).update(QUIET_WORDS if quiet else key_lines(signing, width))
        self._show_field(isinstance(state, Waiting) and state.is_pasting)

    def scroll_to_news(self) -> None:
        """What came of a key or a paste stands last."""
        self.query_one("#body", VerticalScroll).scroll_end(animate=False)

    def _show_field(self, shown: bool) -> None:
        field = self.query_one("#address", AddressField)
        if field.display == shown:
            return
        field.display = shown
        field.value = ""
        (field if shown else self.query_one("#body", VerticalScroll)).focus()
