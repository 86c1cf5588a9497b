"""
A real terminal: tmux, with a server of its own, which a test types into and reads the screen of.

What it shows is what a person would see, after every escape sequence was acted on; so it also tells what a program that has ended
has left behind.
"""

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["Terminal"]

T = TypeVar("T")

PATIENCE = 40.0
LOOK_AGAIN = 0.05
SETTINGS = (
    ("set", "-g", "default-terminal", "tmux-256color"),
    # Else a lone Esc waits for a second key.
    ("set", "-g", "escape-time", "0"),
    ("set", "-g", "status", "off"),
    # What a program copies (OSC 52) goes into a buffer that a test can read.
    ("set", "-g", "set-clipboard", "on"),
    ("set", "-g", "mouse", "on"),
)
PROMPT = "ready> "


class Terminal:
    """
    A context manager: a shell in a terminal of so many columns and rows, in which `type` and `press` work as hands do.

    Ends only the tmux server that it started.
    """

    def __init__(self, tmux: str, place: Path, environ: Mapping[str, str], *, columns: int = 80, rows: int = 24) -> None:
        self._command = [tmux, "-S", str(place / "tmux"), "-f", "/dev/null"]
        self._profile = place / "profile"
        self._environ = {**environ, "ENV": str(self._profile), "TERM": "xterm-256color"}
        self._size = columns, rows

    def __enter__(self) -> Self:
        self._profile.write_text(f"PS1='{PROMPT}'\n", "utf-8")
        columns, rows = self._size
        start = ("new-session", "-d", "-x", str(columns), "-y", str(rows), "/bin/sh")
        self._tmux(*_joined(("start-server",), *SETTINGS, start))
        try:
            self.wait_for(PROMPT.strip())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            error.add_note(f"The screen:\n{self.screen}")
        self._end()

    @property
    def screen(self) -> str:
        """What is to be seen, a line each, without the blanks at their ends."""
        return "\n".join(line.rstrip() for line in self._tmux("capture-pane", "-p").splitlines())

    @property
    def colours(self) -> str:
        """The same with the sequences that colour it."""
        return self._tmux("capture-pane", "-p", "-e")

    @property
    def copied(self) -> str:
        """What a program put on the clipboard last; empty where none did."""
        return self._tmux("show-buffer") if self._tmux("list-buffers") else ""

    def ask(self, flag: str) -> str:
        """One of tmux's own words on it: `alternate_on`, `cursor_flag`, `mouse_any_flag`, …"""
        return self._tmux("display-message", "-p", f"#{{{flag}}}").strip()

    def press(self, *keys: str) -> None:
        """By tmux's names: `Enter`, `Escape`, `Tab`, `Down`, `C-p`, or a character."""
        self._tmux("send-keys", "--", *keys)

    def move(self, key: str) -> None:
        """A key that moves the focus. Waits until something looks different: what is typed at once would go to the old place."""
        before = self.colours
        self.press(key)
        self.wait_until(lambda: True if self.colours != before else None, "another focus")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", "--", text)

    def paste(self, text: str) -> None:
        """As a terminal pastes: between its marks, where the program wants them."""
        self._tmux("set-buffer", "-b", "pasted", "--", text)
        self._tmux("paste-buffer", "-p", "-d", "-b", "pasted")

    def run(self, *command: str) -> None:
        """In the shell. Does not wait for its end."""
        self.type(shlex.join(command))
        self.press("Enter")

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, *words: str, without: Sequence[str] = ()) -> str:
        """The screen, once it shows all of them and nothing that it is to be `without`."""
        wanted = " and ".join([*map(repr, words), *(f"no {word!r}" for word in without)])

        def look() -> str | None:
            screen = self.screen
            shown = all(word in screen for word in words) and not any(word in screen for word in without)
            return screen if shown else None

        return self.wait_until(look, wanted)

    def wait_until(self, look: Callable[[], T | None], what: str) -> T:
        """What `look` gives, asked again until it gives something."""
        ends = time.monotonic() + PATIENCE
        while (found := look()) is None:
            assert time.monotonic() < ends, f"expected {what} within {PATIENCE:.0f} seconds; the screen:\n{self.screen}"
            time.sleep(LOOK_AGAIN)
        return found

    def program(self) -> int:
        """The process that the shell has started last. Linux only."""
        shell = self.ask("pane_pid")
        children = Path("/proc", shell, "task", shell, "children")
        return self.wait_until(lambda: next(map(int, reversed(children.read_text().split())), None), "a program in the shell")

    def _end(self) -> None:
        subprocess.run([*self._command, "kill-server"], check=False, capture_output=True)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._command, *arguments], env=self._environ, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, f"tmux {shlex.join(arguments)}: {done.stderr}"
        return done.stdout


def _joined(*commands: Sequence[str]) -> list[str]:
    """Several commands of tmux as one."""
    return [word for command in commands for word in (*command, ";")][:-1]
