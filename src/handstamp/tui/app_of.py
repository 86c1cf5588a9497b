"""The app that a widget is in, with a type: Textual leaves it open for widgets, and not for what they derive from."""

from typing import cast

from textual.app import App
from textual.message_pump import MessagePump

__all__ = ["app_of"]


def app_of(widget: MessagePump) -> App[object]:
    """As `widget.app`."""
    return cast("App[object]", widget.app)  # pyright: ignore[reportUnknownMemberType]
