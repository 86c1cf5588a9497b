"""
The only module that prints: data to stdout, conversation to stderr.

A pipe gets the same bytes as a terminal, but for colour. What an encoding cannot show becomes ASCII. What somebody else wrote
goes through `handstamp.protocol.text.safe` where it is put into words: that bounds its length and keeps it on its line. This
module does not count on it: whatever is no letter, line end, tab or colour of our own, it writes out (TH1, TH2). And every secret
that of sixteen characters and more that the run has sent anywhere is masked here, on both streams: servers repeat what they were
sent, in results, errors and names (TF13).
"""

import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite
from time import monotonic
from typing import Literal, NamedTuple, TextIO, cast

from handstamp.errors import HandstampError, chain
from handstamp.model import Secret
from handstamp.protocol.text import columns, harmless, mask, safe

__all__ = ["ColorChoice", "Output", "Styled", "error_members"]

ColorChoice = Literal["auto", "always", "never"]

MESSAGE_LIMIT = 4000
GAP = "   "
SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
"""ECMA-48 §8.3.117."""
OURS = re.compile(r"(\n|\t|\x1b\[(?:0|" + "|".join(SGR.values()) + r")m)")
"""What `data` and `say` let through besides text: how lines and columns end, and our colours."""
VOCABULARY = re.compile("[a-z]+(?:_[a-z]+)+")
"""What the longer of our own names and codes in JSON look like, and no secret: a server cannot blot them out by sending one."""
ASCII = str.maketrans(
    {"✓": "OK", "✗": "X", "●": "*", "○": "o", "◐": "~", "…": "...", "·": "-", "–": "-", "—": "-", "›": ">", "→": ">", "←": "<"}
)


class Styled(NamedTuple):
    """Text and its colour, for a cell of a table."""

    text: str
    color: str


class Output:
    """What one run of the program says. `json` and `color` are set once the command line has been read."""

    def __init__(self) -> None:
        self.json = False
        self.color: ColorChoice = "auto"
        self._secrets: frozenset[Secret] = frozenset()

    def hide(self, secrets: Iterable[Secret]) -> None:
        """From now on masks these wherever they would be shown. Safe to call from any thread."""
        self._secrets = self._secrets.union(secrets)

    @property
    def is_live(self) -> bool:
        """True where a line of the conversation can be redrawn in place."""
        return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def is_conversation(self) -> bool:
        """True where somebody can read a question and type an answer."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def data(self, text: str) -> None:
        """What was asked for."""
        _write(sys.stdout, _show(self._masked(text)) + "\n")

    def document(self, value: Mapping[str, object]) -> None:
        """What was asked for, as JSON."""
        # Masked before it becomes text: a secret that reads `true` breaks nothing, and one with a quotation mark is found.
        self._document(cast("Mapping[str, object]", self._masked_value({"version": 1, **value})))

    def json_value(self, value: object) -> None:
        """The same where it is somebody else's, and need not be an object."""
        self._document(self._masked_value(value))

    def secret(self, secret: Secret) -> None:
        """What was asked for, and is a secret: of `handstamp token` alone."""
        _write(sys.stdout, _show(secret.reveal()) + "\n")

    def secret_document(self, value: Mapping[str, object]) -> None:
        """What was asked for, as JSON that bears secrets: of `handstamp token` and `handstamp headers` alone."""
        self._document(value)

    def _document(self, value: object) -> None:
        import json

        # ASCII only: a lone surrogate or an encoding of the terminal's cannot break it.
        _write(sys.stdout, _show(json.dumps(_as_json(value), indent=2, allow_nan=False)) + "\n")

    def table(self, rows: Sequence[Sequence[str | Styled]], *, headings: bool = True) -> None:
        """Columns that line up, wide letters and all; the first row is their headings, or there are none."""
        widths = [max(columns(self._text(cell)) for cell in column) for column in zip(*rows, strict=True)]
        for number, row in enumerate(rows):
            is_heading = headings and number == 0
            cells = [self._cell(cell, width, heading=is_heading) for cell, width in zip(row, widths, strict=True)]
            self.data(GAP.join(cells).rstrip())

    def fields(self, rows: Sequence[tuple[str, str | Styled]]) -> None:
        """A name and a value a line."""
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.data(f"{self._styled(sys.stdout, name.ljust(width), 'dim')}{GAP}{self._cell(value, 0)}")

    def say(self, text: str = "") -> None:
        """A line of the conversation."""
        _write(sys.stderr, _show(self._masked(text)) + "\n")

    def done(self, text: str) -> None:
        """Something worked."""
        self.say(f"{self.styled('✓', 'green')} {text}")

    def warn(self, text: str) -> None:
        """Something to know about; nothing failed."""
        self.say(f"{self.styled('!', 'yellow')} {text}")

    def hint(self, command: str) -> None:
        """What to run next."""
        self.say(f"{self.styled('hint:', 'cyan')} {command}")

    def styled(self, text: str, color: str) -> str:
        """`text` in a colour, or bold or dim, where the conversation has colours."""
        return self._styled(sys.stderr, text, color)

    def styled_data(self, text: str, color: str) -> str:
        """The same for what was asked for."""
        return self._styled(sys.stdout, text, color)

    def problem(self, error: HandstampError) -> None:
        """An error and the command that helps; with `json` as an object on one line."""
        if self.json:
            self._problem_as_json(error)
            return
        self.say(f"{self.styled('error:', 'red')} {safe(error.message, MESSAGE_LIMIT)}")
        if error.hint is not None:
            self.hint(safe(error.hint, MESSAGE_LIMIT))

    def status(self, text: str) -> None:
        """Draws the line that is redrawn in place; where none can be, a line like any other. Cut to the terminal's width."""
        if not self.is_live:
            self.say(text)
            return
        _write(sys.stderr, f"\r\x1b[K{_fit(_show(self._masked(text)), _line_width() - 1)}")

    def clear_status(self) -> None:
        """Takes the redrawn line away."""
        if self.is_live:
            _write(sys.stderr, "\r\x1b[K")

    def keep_status(self) -> None:
        """Leaves the redrawn line where it stands and goes on below it."""
        if self.is_live:
            _write(sys.stderr, "\n")

    @contextmanager
    def progress(self, what: str) -> Generator[Callable[[int, int], None]]:
        """
        Hears, as often as anybody likes, how much is done and of how much, and tells it where the work is long: at a terminal on
        the line that is redrawn, and gone when the block ends, however it ends; elsewhere every few seconds. Nothing where the
        answer is JSON.
        """
        pause = 0.1 if self.is_live else 5.0
        due = monotonic() + max(pause, 0.3)
        is_told = False

        def tell(done: int, total: int) -> None:
            nonlocal due, is_told
            if not self.json and monotonic() >= due:
                due = monotonic() + pause
                is_told = True
                self.status(f"{what}… {100 * done // max(total, 1)} %")

        try:
            yield tell
        finally:
            if is_told:
                self.clear_status()

    def copy(self, text: str) -> None:
        """To the clipboard of the person's own terminal, over SSH too (OSC 52); a terminal that cannot ignores it."""
        from base64 import b64encode

        if self.is_live:
            _write(sys.stderr, f"\x1b]52;c;{b64encode(text.encode()).decode()}\x07")

    def ask_yes(self, question: str) -> bool:
        """What only a person can decide; only where `is_conversation`."""
        _write(sys.stderr, f"{_show(question)} (y and Enter to go on, Enter alone to stop) ")
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def ask_secret(self, question: str) -> Secret:
        """What a person types without echo; only where `is_conversation`."""
        from getpass import getpass

        return Secret(getpass(f"{question}: ", stream=sys.stderr))

    def traceback(self, error: BaseException) -> None:
        """
        For whoever mends Handstamp: where it happened, and the class of each error. Not its text, in which a library may quote
        what it was given (TH5), and no variables (TH6).
        """
        from traceback import format_tb

        for number, each in enumerate(chain(error)):
            self.say("Caused by:" if number else "Traceback (most recent call last):")
            self.say("".join(format_tb(each.__traceback__)) + type(each).__qualname__)

    def abandon(self) -> None:
        """For a pipe that nobody reads any more: the null device takes what the interpreter flushes at its exit."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)

    def _problem_as_json(self, error: HandstampError) -> None:
        import json

        # Not through `say`: the finished text may hold by chance what somebody made a secret, and would be JSON no more.
        _write(sys.stderr, _show(json.dumps(self._masked_value({"version": 1, "error": error_members(error)}))) + "\n")

    def _masked(self, text: str) -> str:
        return mask(text, self._secrets)

    def _masked_value(self, value: object) -> object:
        match value:
            case str():
                return value if VOCABULARY.fullmatch(value) else self._masked(value)
            case dict():
                members = cast("dict[str, object]", value)
                return {cast("str", self._masked_value(name)): self._masked_value(member) for name, member in members.items()}
            case list() | tuple():
                return [self._masked_value(entry) for entry in cast("Sequence[object]", value)]
            case _:
                return value

    def _cell(self, cell: str | Styled, width: int, *, heading: bool = False) -> str:
        text = self._text(cell)
        text += " " * (width - columns(text))
        if heading:
            return self._styled(sys.stdout, text, "dim")
        return self._styled(sys.stdout, text, cell.color) if isinstance(cell, Styled) else text

    def _text(self, cell: str | Styled) -> str:
        # As it will be shown: its width is measured.
        return harmless(self._masked(cell.text if isinstance(cell, Styled) else cell))

    def _styled(self, stream: TextIO, text: str, color: str) -> str:
        if not self._has_color(stream):
            return text
        return f"\x1b[{SGR[color]}m{text}\x1b[0m"

    def _has_color(self, stream: TextIO) -> bool:
        if self.color != "auto":
            return self.color == "always"
        return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def error_members(error: HandstampError) -> dict[str, object]:
    """An error as JSON shows it."""
    return {"code": error.code, "message": error.message, "hint": error.hint, "next_step": error.hint}


def _as_json(value: object) -> object:
    """`value` with null for each number that JSON cannot write: a server's 1e999 must not spoil the document for its reader."""
    match value:
        case dict():
            return {name: _as_json(member) for name, member in cast("dict[str, object]", value).items()}
        case list() | tuple():
            return [_as_json(member) for member in cast("list[object]", value)]
        case float() if not isfinite(value):
            return None
        case _:
            return value


def _show(text: str) -> str:
    """`text` with its line ends and our colours, and nothing else that a terminal would act on."""
    # With a group in it, split gives by turns what stands between its matches and a match.
    return "".join(piece if number % 2 else harmless(piece) for number, piece in enumerate(OURS.split(text)))


def _fit(text: str, room: int) -> str:
    """As much of `text` as a line of the terminal takes."""
    if columns(text) <= room:
        return text
    while columns(text) >= room:
        text = text[:-1]
    return text + "…"


def _line_width() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _write(stream: TextIO, text: str) -> None:
    stream.write(_encodable(stream, text))
    stream.flush()


def _encodable(stream: TextIO, text: str) -> str:
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text
