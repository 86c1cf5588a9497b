"""What a forked child does anew: a mutex that another thread held at the fork is held there for ever, and its thread is gone."""

import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

__all__ = ["in_children"]

T = TypeVar("T")


def in_children(one: T, begin_anew: Callable[[T], None]) -> None:
    """Has `begin_anew(one)` called in every child that is forked while `one` lives."""
    _SURVIVORS[one] = begin_anew


_SURVIVORS: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def _begin_anew() -> None:
    for one, begin_anew in list(_SURVIVORS.items()):
        begin_anew(one)


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_begin_anew)
