"""
The terminal that the app runs in: it may go away under it, and it is the shell's again once the app has left it. POSIX only.

A terminal goes away with a closed window or a dropped connection. Textual writes in a thread that dies of the first error, and
the app then waits forever for room in its queue; here what nobody can see any more goes nowhere, so that the app can end.

Once the shell's screen is back people type, while the app still has connections to close. Textual throws away what was typed
until its very end.
"""

import errno
import sys
from collections.abc import Callable
from typing import IO, Any, cast

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

__all__ = ["TerminalDriver", "is_gone"]

GONE = frozenset((errno.EBADF, errno.EIO, errno.ENXIO, errno.EPIPE))
"""What writing to a terminal comes to that is there no more."""


def is_gone() -> bool:
    """Whether the terminal that the app was started in is there no more. Nobody says so to a process that it does not control."""
    if sys.platform == "win32":
        return False
    import termios

    try:
        termios.tcgetattr(sys.__stdin__ or 0)
    except termios.error:
        return True
    return False


class WhileThere:
    """As much of a file as the driver uses."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._is_there = True

    def write(self, text: str) -> None:
        self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def _try(self, use: Callable[[], object]) -> None:
        if self._is_there:
            try:
                use()
            except OSError as error:
                if error.errno not in GONE:
                    raise
                self._is_there = False


class TerminalDriver(LinuxDriver):
    """Textual's own, which writes only while there is a terminal, and reads only while it is the app's."""

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)  # pyright: ignore[reportUnknownMemberType]  # Textual leaves a type open
        self._file = cast("Any", WhileThere(cast("IO[str]", self._file)))
        self._is_ours = False

    def start_application_mode(self) -> None:
        self._is_ours = True
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        super().stop_application_mode()
        self._is_ours = False

    def disable_input(self) -> None:
        if self._is_ours:
            super().disable_input()
