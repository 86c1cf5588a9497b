"""Events to a program of the user's: run once for each, the event in JSON on its stdin."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which

from handstamp.events import Event
from handstamp.listeners.words import members

__all__ = ["INSIDE", "Command"]

DEADLINE = 10.0
"""Seconds; then it is killed."""
INSIDE = "HANDSTAMP_EVENT"
"""The kind of the event, for the program. Where it is set, programs of ours run none: a command that fails would run itself."""

PASSED = frozenset(
    (
        "APPDATA",
        "COMSPEC",
        "DBUS_SESSION_BUS_ADDRESS",
        "DISPLAY",
        "HANDSTAMP_CONFIG_DIR",
        "HANDSTAMP_STATE_DIR",
        "HOME",
        "LANG",
        "LOCALAPPDATA",
        "LOGNAME",
        "PATH",
        "PATHEXT",
        "SHELL",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "USERNAME",
        "USERPROFILE",
        "WAYLAND_DISPLAY",
        "WINDIR",
    )
)
"""The rest of the environment holds the vault's key, client secrets, and an agent's own keys."""
PASSED_BEGINNINGS = ("LC_", "XDG_")


class Command:
    """
    A listener. `arguments` are the program and what it takes, with no shell in between and nothing of the event among them.

    It runs in `directory`, says nothing to our stdout and stderr, and has ten seconds. `complain` hears of what went wrong.
    """

    def __init__(
        self,
        arguments: tuple[str, ...],
        *,
        directory: Path,
        complain: Callable[[str], None],
        environ: Mapping[str, str] | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._arguments = arguments
        self._directory = directory
        self._complain = complain
        self._environ = os.environ if environ is None else environ
        self._deadline = deadline

    def __call__(self, event: Event) -> None:
        got = self._run(event)
        if got is not None:
            self._complain(f"Expected the command {self._arguments[0]} to take the event {event.kind}, got: {got}.")

    def _run(self, event: Event) -> str | None:
        """None, or what went wrong."""
        program = find_program(self._arguments[0], self._environ.get("PATH", os.defpath))
        if program is None:
            return "there is no such program"
        text = json.dumps(members(event)) + "\n"
        try:
            process = subprocess.Popen(
                [program, *self._arguments[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._directory,
                env=_reduced(self._environ) | {INSIDE: event.kind},
                start_new_session=True,
            )
        except OSError as error:
            return error.strerror or "it cannot be run"
        with process:
            try:
                process.communicate(text.encode(), self._deadline)
            except subprocess.TimeoutExpired:
                _kill(process)
                return f"it was not done in {self._deadline:.0f} seconds"
        return None if process.returncode == 0 else f"it ended with {process.returncode}"


def find_program(name: str, path: str) -> str | None:
    """The whole path. A relative entry of PATH would run whatever lies in the current directory."""
    found = which(str(Path(name).expanduser()), path=path)
    return found if found and Path(found).is_absolute() else None


def _reduced(environ: Mapping[str, str]) -> dict[str, str]:
    passed = {name: value for name, value in environ.items() if name.upper() in PASSED}
    return passed | {name: value for name, value in environ.items() if name.startswith(PASSED_BEGINNINGS)}


if sys.platform == "win32":

    def _kill(process: "subprocess.Popen[bytes]") -> None:
        process.kill()

else:

    def _kill(process: "subprocess.Popen[bytes]") -> None:
        """With all that it has started, which is in a session of its own."""
        import signal
        from contextlib import suppress

        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
