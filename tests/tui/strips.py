"""What a terminal is given of every widget, whether one can see it or not just now, and what of it would not only draw."""

import re
from collections.abc import Iterable, Iterator
from unicodedata import category

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual, visualize
from textual.widget import Widget

__all__ = ["Walk", "faults_of"]

ACTS = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Categories of what moves, turns or hides. Here by themselves, not by our own function: this is what that one is held to."""
HIDES = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
MARKS = 6
RED = {(255, 0, 0), (128, 0, 0)}
"""What `[red]` would come to, which no theme of ours has."""
OURS = {f"screen.press({key!r})" for key in (*"cdrsuvy", "enter", "escape")}
"""What a click on a key of the sign-in dialog does: the key."""
WEB_ADDRESS = re.compile(r"https?://[!-~]+")


class Walk:
    """
    Looks at an app as often as a test has brought something new to its screen.

    `faults` is what was wrong, with the widget; `visited` are the kinds of widgets that were drawn; `text` is all that was.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.visited: set[type] = set()
        self.text = ""

    def look(self, app: App[object]) -> None:
        """At every widget of the screen that is in front, at its tooltip, at the titles of its borders."""
        self.visited.add(type(app.screen))
        for widget in app.screen.walk_children():
            self._see(widget, _strips_of(widget))
            self._see(widget, _tooltip_of(widget))

    def _see(self, widget: Widget, strips: Iterable[Strip]) -> None:
        drawn = [segment for strip in strips for segment in strip]
        self.faults += [f"{widget!r}: {fault}" for fault in faults_of(drawn)]
        if drawn:
            self.visited.update(type(widget).__mro__)
            self.text += "".join(segment.text for segment in drawn) + "\n"


def faults_of(drawn: Iterable[Segment]) -> Iterator[str]:
    """In what these segments do more than to draw."""
    for text, style, control in drawn:
        if control:
            yield f"a control code {control!r}"
        if not text.isascii() or not text.isprintable():
            yield from _faults_of_text(text)
        if style is not None:
            yield from _faults_of_style(style, text)


def _faults_of_text(text: str) -> Iterator[str]:
    if found := [character for character in text if category(character) in ACTS or character in HIDES]:
        yield f"{found!r} in {text!r}"
    if _longest_flood(text) > MARKS:
        yield f"a flood of marks in {text!r}"


def _faults_of_style(style: Style, text: str) -> Iterator[str]:
    for action in [value for name, value in style.meta.items() if name.startswith("@") and value not in OURS]:
        yield f"{action!r} is done by a click on {text!r}"
    if style.link and not WEB_ADDRESS.fullmatch(style.link):
        yield f"{text!r} links to {style.link!r}"
    if style.color is not None and (style.color.triplet in RED or style.color.name == "red"):
        yield f"{text!r} is red"


def _longest_flood(text: str) -> int:
    longest = flood = 0
    for character in text:
        flood = flood + 1 if category(character) in ("Mn", "Me") else 0
        longest = max(longest, flood)
    return longest


def _strips_of(widget: Widget) -> list[Strip]:
    """With its border; nothing where it has no room."""
    width, height = widget.outer_size
    return widget.render_lines(Region(0, 0, width, height)) if width and height else []


def _tooltip_of(widget: Widget) -> list[Strip]:
    if widget.tooltip is None:
        return []
    visual = visualize(widget, widget.tooltip)
    return Visual.to_strips(widget, visual, 200, None, widget.visual_style)
