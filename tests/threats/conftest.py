"""The machine that most tests of a row begin with."""

from weaknesses.conftest import machine

__all__ = ["machine"]
