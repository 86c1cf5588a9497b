"""
The command line: `handstamp COMMAND …`.

One place turns whatever went wrong into one `error:` line, one `hint:` line and an exit code: `run`. A command raises; it never
prints an error and never exits by itself.

    0 done · 1 failed · 2 usage or settings · 3 network · 4 sign-in needed · 5 vault · 130 interrupted
"""

import os
import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import NoReturn

from handstamp.cli.app import is_installed, open_app, wants_app
from handstamp.cli.plain import run_plainly
from handstamp.cli.session import Session
from handstamp.errors import HandstampError, SettingsError, UsageError, VaultError, chain, find_error, hint
from handstamp.output import Output

__all__ = ["COMPLETION_VARIABLE", "main", "run"]

COMPLETION_VARIABLE = "_HANDSTAMP_COMPLETE"
INTERRUPTED = 130
PIPE_CLOSED = 141
"""What a shell reports of a program that wrote where nobody reads any more: 128 and SIGPIPE."""


def main() -> NoReturn:
    """The program `handstamp`."""
    _leave_no_core()
    _end_in_order()
    code = run(sys.argv[1:])
    _hear_no_more()
    sys.exit(code)


def _leave_no_core() -> None:
    """
    A core dump would hold tokens and the vault's key in the clear (TG13). A program that uses the library decides for itself.
    """
    if sys.platform == "win32":
        return
    import resource
    from contextlib import suppress

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    with suppress(OSError):  # a sandbox may forbid even this
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def _end_in_order() -> None:
    """SIGTERM and SIGHUP end the program as an exit does: a refresh that is under way is carried through first (decision 13)."""
    import signal

    def leave(number: int, frame: object) -> NoReturn:
        _hear_no_more()
        sys.exit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # Who was started by nohup is to outlive the terminal.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def _hear_no_more() -> None:
    """The program is ending. No second signal may cut off a refresh that is under way, and that ends by itself in seconds."""
    import signal

    # Not SIG_IGN: of a signal that came just before, Python would complain that it is ignored now.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _do_nothing)


def _do_nothing(number: int, frame: object) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Runs one command line. Gives its exit code; everything that it says has been said."""
    session = Session(Output())
    try:
        return _dispatch(session, arguments)
    except KeyboardInterrupt:
        session.output.say()
        return INTERRUPTED
    except BrokenPipeError:
        session.output.abandon()
        return PIPE_CLOSED
    except Exception as error:
        if (ending := _find_ending(error)) is not None:
            return ending
        # Where the command line itself could not be read, its options have not been either.
        session.output.json = session.output.json or "--json" in takewhile(lambda each: each != "--", arguments)
        return _report(session, find_error(error) or error)


def _dispatch(session: Session, arguments: Sequence[str]) -> int:
    is_completion = COMPLETION_VARIABLE in os.environ
    if not is_completion and run_plainly(session, arguments):
        return 0
    if not (is_completion or arguments) and wants_app(session) and is_installed():
        return open_app(session)  # before anything is loaded that reads arguments
    from handstamp.cli.commands import complete, invoke

    return complete(COMPLETION_VARIABLE) if is_completion else invoke(session, arguments)


def _find_ending(error: Exception) -> int | None:
    """
    The exit code, where it was a signal that interrupted us.

    One that comes while Python's own locks are at work makes another error of it ("release unlocked lock").
    """
    for each in chain(error):
        match each:
            case KeyboardInterrupt():
                return INTERRUPTED
            case SystemExit(code=int(code)):
                return code
            case _:
                pass
    return None


def _report(session: Session, error: Exception) -> int:
    if not isinstance(error, HandstampError):
        if session.verbose:
            session.output.traceback(error)
        # Only the class is named: the text of an error that nobody foresaw may hold anything.
        error = HandstampError(f"Handstamp itself failed: {type(error).__name__} (-v shows where).")
    if error.hint is None:
        error.hint = _find_hint(error, session.command)
    session.output.problem(error)
    return error.exit_code


def _find_hint(error: HandstampError, command: str | None) -> str:
    """Where nobody nearer to the failure knew of a command: what can be configured, what can be asked, or how things are."""
    match error:
        case SettingsError():
            return hint("help_command", command="add")
        case UsageError():
            return hint("help") if command is None else hint("help_command", command=command)
        case VaultError():
            return hint("vault_check")
        case _:
            return hint("status")
