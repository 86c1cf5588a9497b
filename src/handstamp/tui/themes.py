"""The looks: one for dark terminals and one for light ones. Textual's own are there too."""

from textual.theme import Theme

__all__ = ["DARK", "LIGHT"]

DARK = Theme(
    name="handstamp-dark",
    primary="#7aa2f7",
    secondary="#9d7cd8",
    accent="#2ac3de",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0e0",
    background="#16161e",
    surface="#1a1b26",
    panel="#24283b",
    dark=True,
)
LIGHT = Theme(
    name="handstamp-light",
    primary="#2e5bb8",
    secondary="#7847bd",
    accent="#007197",
    success="#3f7a1f",
    warning="#8c5a00",
    error="#b5233f",
    foreground="#22263a",
    background="#f4f4f8",
    surface="#ffffff",
    panel="#e4e6ef",
    dark=False,
)
