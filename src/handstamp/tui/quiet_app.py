"""An app that ends in order whatever ends it, shows nothing of its variables when it fails, and speaks in toasts."""

import asyncio
import signal
import sys

from textual.app import App
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.widget import MountError
from textual.worker import WorkerFailed

from handstamp.errors import HandstampError
from handstamp.tui.said import line

__all__ = ["QuietApp"]

ERROR_SECONDS = 10
LOOK_FOR_TERMINAL = 2.0
"""Seconds between two looks whether there still is one."""
LIMIT = 500


class QuietApp(App[None]):
    """With `signals` a SIGTERM or SIGHUP leaves the terminal as it was found. `failure` is what nobody foresaw, if anything."""

    def __init__(self, *, signals: bool = False) -> None:
        super().__init__()
        self.animation_level = "none"  # what moves for its own sake is sent over SSH too
        self._signals = signals
        self._unsaid: list[str] = []

    def get_driver_class(self) -> type[Driver]:
        """As Textual's; one that knows when the terminal is not the app's, where that is the usual one."""
        usual = super().get_driver_class()
        if sys.platform == "win32":
            return usual
        from handstamp.tui.terminal import TerminalDriver

        return TerminalDriver if issubclass(TerminalDriver, usual) else usual

    @property
    def failure(self) -> Exception | None:
        """What ended the app, to be told by whoever ran it."""
        error = self._exception
        return error.error if isinstance(error, WorkerFailed) and isinstance(error.error, Exception) else error

    def on_mount(self) -> None:
        for words in self._unsaid:
            self.tell(words)
        if self._signals:
            for name in ("SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                    asyncio.get_running_loop().add_signal_handler(number, self._end_by, number)
            self.set_interval(LOOK_FOR_TERMINAL, self._end_without_terminal)

    def _end_by(self, number: int) -> None:
        self.exit(return_code=128 + number)

    def _end_without_terminal(self) -> None:
        if sys.platform == "win32":
            return
        from handstamp.tui.terminal import is_gone

        if is_gone():
            self._end_by(signal.SIGHUP)

    def announce(self, words: str) -> None:
        """Something to know about: from any thread, and before the app runs too."""
        if self.is_running:
            self.call_later(self.tell, words)
        else:
            self._unsaid.append(words)

    def tell(self, words: str) -> None:
        """What came of something."""
        self.notify(line(words, limit=LIMIT).plain, markup=False)

    def tell_reason(self, words: str) -> None:
        """Why something cannot be done now."""
        self.notify(line(words, limit=LIMIT).plain, severity="warning", markup=False)

    def tell_error(self, error: HandstampError) -> None:
        """What went wrong, and the command that helps."""
        words = [error.message] if error.hint is None else [error.message, f"→ {error.hint}"]
        shown = "\n".join(line(each, limit=LIMIT).plain for each in words)
        self.notify(shown, severity="error", timeout=ERROR_SECONDS, markup=False)

    def _handle_exception(self, error: Exception) -> None:
        # Who leaves while the screen is still being put together misses a part of it, and nothing else.
        cause = error.error if isinstance(error, WorkerFailed) else error
        if not (self._exit and isinstance(cause, NoMatches | MountError)):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # Textual's own would print a traceback with the variables of each frame, tokens among them (TH6).
        self._close_messages_no_wait()
