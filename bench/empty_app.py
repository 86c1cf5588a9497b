"""The least that a Textual app can be: one line, one field to type into. `app_start` compares with it."""

from textual.app import App, ComposeResult
from textual.widgets import Input, Static


class EmptyApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("server-000")
        yield Input()


if __name__ == "__main__":
    EmptyApp().run()
