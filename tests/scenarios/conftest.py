"""The machine that every scenario begins with."""

from weaknesses.conftest import machine

__all__ = ["machine"]
