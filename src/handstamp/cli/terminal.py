"""
A login as a person at a terminal meets it.

What is typed is read without waiting for whole lines of the terminal's: macOS cuts those at 1024 characters, and an address with
an authorization code in it is often longer. So while we wait, the terminal gives us each key and echoes none; we assemble the
line and draw it. The terminal is put back on every way out: done, cancelled, Ctrl-C, SIGTERM.

    prompt ──Enter──→ waiting ──the browser's answer, or a pasted address──→ saving
       └──c──→ waiting, link copied and shown
    no browser here: no prompt; the link and how to bring the answer back
    no terminal:     no prompt; the link, once
"""

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio

from handstamp.errors import LoginCancelled
from handstamp.model import LoginPrompt
from handstamp.output import Output
from handstamp.ports import Browser
from handstamp.protocol.text import safe
from handstamp.without_browser import (
    OPEN_LINK,
    TUNNEL,
    describe_obstacle,
    find_browser_obstacle,
    find_tunnel,
    next_steps,
)
from handstamp.words import countdown, one_line

__all__ = ["TerminalPresenter"]

LINK_LIMIT = 20_000
LINE_LIMIT = 65_536
SCOPES_LIMIT = 8192
"""No list is cut: the address that carries it is at most that long, and nobody hides the last one behind an ellipsis (TB23)."""
TICK = 1.0
BACKSPACES = "\x7f\x08"
KILL_LINE = "\x15"


class TerminalPresenter:
    """
    A `Presenter` on stderr and, where both ends are a terminal, stdin.

    `obstacle` says why no browser is opened; `chosen` that the person wanted it so.
    """

    def __init__(self, output: Output, browser: Browser, *, obstacle: str | None, chosen: bool = False) -> None:
        self.was_asked = False
        self.notes: list[str] = []
        """What to say once it has been said that the person is signed in."""
        self._output = output
        self._browser = browser
        self._obstacle = obstacle
        self._chosen = chosen
        self._typed = _TypedLines(output)
        self._wants_copy = False
        self._is_shown = False
        self._opened = False
        self._began_at = 0.0

    async def confirm(self, question: str) -> bool:
        if not self._output.is_conversation:
            return False
        # On a line of its own: the line that is redrawn is cut to the terminal's width, and the hosts must be read whole.
        self._output.warn(one_line(question, 1000))
        answer = await self._typed.line(lambda: "  y and Enter to go on, Enter alone to stop")
        return answer is not None and answer.lower() in ("y", "yes")

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self.was_asked = True
        self._began_at = time.monotonic()
        output = self._output
        output.say(
            f"{one_line(prompt.server)} asks you to sign in at {output.styled(one_line(prompt.authorization_host), 'bold')}"
        )
        output.say(f"  access  {one_line(', '.join(prompt.scopes), SCOPES_LIMIT) or 'the server decides'}")
        for note in prompt.notes:
            output.warn(one_line(note, 1000))
        if self._obstacle is not None:
            return False
        return await self._ask() if output.is_conversation else True

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        url = safe(authorization_url, LINK_LIMIT)
        if not self._output.is_conversation:
            self._show_link_once(url)
            return None
        self._opened = opened
        if self._wants_copy:
            self._copy(url)
        elif not opened and not self._is_shown:
            self._show_steps(url)
        try:
            return await self._read_address(url, self._began_at + deadline)
        finally:
            self._output.clear_status()

    async def rejected(self, reason: str) -> None:
        self._output.clear_status()
        self._output.warn(one_line(reason))

    async def saving(self) -> None:
        self._output.clear_status()

    async def noted(self, note: str) -> None:
        self.notes.append(note)

    async def _ask(self) -> bool:
        question = "Press Enter to open your browser… (c copy link · ^C cancel)"
        while True:
            line = await self._typed.line(lambda: question)
            self._output.status(question)
            self._output.keep_status()
            match line:
                case "":
                    return True
                case "c":
                    self._wants_copy = True
                    return False
                case None:
                    raise LoginCancelled("The terminal was closed before you signed in.")
                case _:
                    self._output.warn("Expected Enter, or c and Enter.")

    async def _read_address(self, url: str, ends_at: float) -> str | None:
        while (line := await self._typed.line(lambda: self._waiting_line(ends_at))) is not None:
            match line:
                case "":
                    self._open_again(url)
                case "c":
                    self._copy(url)
                case address if address.startswith(("http://", "https://")):
                    return address
                case _:
                    self._output.warn("Expected Enter, c, or the address of the browser's last page.")
        return None

    def _waiting_line(self, ends_at: float) -> str:
        left = f"{countdown(ends_at - time.monotonic())} left"
        if self._opened:
            return f"Waiting for you in the browser… {left} (Enter opens it again · c copy link · ^C cancel)"
        return f"  › {left}; paste the address (c copy link · ^C cancel)"

    def _open_again(self, url: str) -> None:
        self._opened = self._obstacle is None and self._browser.open(url)
        if not self._opened:
            self._show_steps(url)

    def _copy(self, url: str) -> None:
        self._wants_copy = False
        self._is_shown = True
        self._output.copy(url)
        self._output.say("The link, copied where your terminal allows it:")
        self._output.say(f"  {url}")

    def _show_link_once(self, url: str) -> None:
        if not self._is_shown:
            self._is_shown = True
            self._output.say("Open this link to sign in:")
            self._output.say(f"  {url}")
            self._say_tunnel(url)

    def _show_steps(self, url: str) -> None:
        output = self._output
        self._is_shown = True
        if not self._chosen:
            output.warn(describe_obstacle(self._obstacle))
        output.say(f"  1  {OPEN_LINK}  {url}")
        second, third = next_steps(elsewhere=not self._chosen or find_browser_obstacle() is not None)
        output.say(f"  2  {second}")
        output.say(f"  3  {third}")
        self._say_tunnel(url)

    def _say_tunnel(self, url: str) -> None:
        tunnel = find_tunnel(url)
        if tunnel is not None:
            self._output.say(f"  {TUNNEL}")
            self._output.say(f"     {tunnel}")


class _TypedLines:
    """Lines from the terminal, assembled and drawn here, so that a second's tick can redraw what stands there meanwhile."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._buffer = ""
        self._is_over = False

    async def line(self, describe: Callable[[], str]) -> str | None:
        """
        The next line without its blanks; None once the terminal is gone.

        `describe` gives what to show while nothing is typed. Cancelling it leaves the terminal as it was.
        """
        shown = ""
        with _unbuffered_keys(self._output.is_live):
            while "\n" not in self._buffer:
                if self._is_over:
                    return None
                shown = self._draw(describe(), shown)
                with anyio.move_on_after(TICK if self._output.is_live else None):
                    self._take(await _read_chunk())
        line, _, self._buffer = self._buffer.partition("\n")
        self._output.clear_status()
        return line.strip()

    def _draw(self, description: str, shown: str) -> str:
        typed = f"  › {safe(self._buffer[-40:])}" if self._buffer else description
        # Where no line can be redrawn, it is said once and the terminal echoes by itself.
        if typed != shown and (self._output.is_live or not shown):
            self._output.status(typed)
        return typed if self._output.is_live else typed or shown

    def _take(self, chunk: str) -> None:
        self._is_over = not chunk
        for character in chunk.replace("\x1b[200~", "").replace("\x1b[201~", "").replace("\r", "\n"):
            if character in BACKSPACES:
                self._buffer = self._buffer[:-1]
            elif character == KILL_LINE:
                self._buffer = ""
            elif character == "\n" or (character.isprintable() and len(self._buffer) < LINE_LIMIT):
                self._buffer += character


if sys.platform == "win32":

    @contextmanager
    def _unbuffered_keys(live: bool) -> Generator[None]:
        yield  # the console edits the line itself, at any length

    async def _read_chunk() -> str:
        from handstamp.flight import Flight

        # A daemon thread: the console cannot be waited for, and an answer from the browser must not wait for the Enter key.
        reader = Flight(lambda _: os.read(sys.stdin.fileno(), 4096), name="handstamp-keys").start()
        return (await reader.join_async(86_400.0)).decode("utf-8", "replace")

else:
    import signal
    import termios
    from types import FrameType

    @contextmanager
    def _unbuffered_keys(live: bool) -> Generator[None]:
        if not live:
            yield
            return
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)

        def restore() -> None:
            # TCSANOW: what was typed meanwhile stays, and a stopped terminal cannot hold us.
            termios.tcsetattr(descriptor, termios.TCSANOW, before)

        def restore_and_die(number: int, frame: FrameType | None) -> None:
            restore()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

        keys = termios.tcgetattr(descriptor)
        keys[3] &= ~(termios.ICANON | termios.ECHO)
        keys[6][termios.VMIN], keys[6][termios.VTIME] = 1, 0
        handler_before = signal.signal(signal.SIGTERM, restore_and_die)
        termios.tcsetattr(descriptor, termios.TCSANOW, keys)
        try:
            yield
        finally:
            restore()
            signal.signal(signal.SIGTERM, handler_before)

    async def _read_chunk() -> str:
        descriptor = sys.stdin.fileno()
        await anyio.wait_readable(descriptor)
        try:
            return os.read(descriptor, 65_536).decode("utf-8", "replace")
        except OSError:  # EIO: the terminal was closed
            return ""
