"""What the tools of a server need of the app around them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from handstamp.settings import state_directory
from handstamp.tui.call_history import CallHistory
from handstamp.tui.hidden import Mask
from handstamp.tui.saving import open_file

__all__ = ["Surroundings"]


def _unmasked(text: str) -> str:
    return text


def _default_directory() -> Path:
    return state_directory().path / "saved"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One for the whole app: calls of all servers share the history."""

    mask: Mask = _unmasked
    """Takes out the secrets that the vault knows."""
    saved: Callable[[], Path] = _default_directory
    """Where files are saved."""
    open_file: Callable[[Path], bool] = open_file
    now: Callable[[], float] = time.time
    history: CallHistory = field(default_factory=CallHistory)
