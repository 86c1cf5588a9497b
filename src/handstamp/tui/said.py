"""
Somebody else's words on their way to the screen: the only way for them.

Rich and Textual let through what a terminal acts on (escape sequences, C1 controls, text that turns its direction or hides),
and read `[…]` as markup (TH1 to TH3). So everything that a server, a settings file or a vault says becomes a `Content` or a
`Text` here, which has no markup and whose characters only draw. What is our own may be a plain `str`.
"""

from rich.text import Text
from textual.content import Content

from handstamp.words import one_line, text_block

__all__ = ["block", "cell", "line"]


def line(text: str, style: str = "", *, limit: int = 200) -> Content:
    """On one line, cut after `limit` characters."""
    return Content.styled(one_line(text, limit), style) if style else Content(one_line(text, limit))


def block(text: str, style: str = "") -> Content:
    """All of it, with its lines."""
    return Content.styled(text_block(text), style) if style else Content(text_block(text))


def cell(text: str, style: str = "", *, limit: int = 200) -> Text:
    """For a cell of a `DataTable`, which measures a `Content` wrongly."""
    return Text(one_line(text, limit), style=style, no_wrap=True, overflow="ellipsis")
