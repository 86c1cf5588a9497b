"""The person's browser in tests."""

from handstamp.demo.visitor import Visitor

__all__ = ["FormBrowser"]


class FormBrowser(Visitor):
    """A `Browser` that walks the pages and presses Allow, or Deny with `allow=False`. See `handstamp.demo.visitor`."""
