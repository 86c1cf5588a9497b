"""
Files and directories that only you can read: made that way, and refused where somebody else could read or have made them.

A check by name and a later open by name are two moments. Between them nobody but you can swap the file, because the directory
is yours and no one else may write to it; so the directory is checked first, always.

On Windows the profile's access lists do this work, and only the kind of file is checked.
"""

import os
import stat
import sys
from pathlib import Path

from handstamp.errors import StoreUnreachable, hint

__all__ = ["check_directory", "check_file", "create_private", "open_private", "prepare_directory", "sync_directory"]

if sys.platform == "win32":
    _GUARDS = os.O_BINARY | os.O_NOINHERIT
else:
    # O_NONBLOCK: a FIFO under our file's name must not hold us up before fstat can tell what it is.
    _GUARDS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def prepare_directory(path: Path) -> None:
    """Makes the directory and the missing ones above it, 0700 whatever the umask, and checks it."""
    try:
        for missing in _missing(path):
            missing.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unreachable(path, error) from error
    check_directory(path)


def check_directory(path: Path) -> None:
    """Raises StoreUnreachable unless the directory is yours and nobody else can put files there or replace it (TG1)."""
    found = _stat(path)
    if not stat.S_ISDIR(found.st_mode):
        raise StoreUnreachable(f"{path} is not a directory.")
    if sys.platform == "win32":
        return
    _refuse_foreign(path, found)
    if found.st_mode & 0o022:
        raise StoreUnreachable(
            f"{path} may be written by others (mode {found.st_mode & 0o777:o}): expected 700.",
            hint=hint("chmod", mode="700", path=str(path)),
        )
    parent = path.resolve().parent
    above = _stat(parent).st_mode
    if above & 0o002 and not above & stat.S_ISVTX:
        raise StoreUnreachable(
            f"{parent} may be written by everybody and has no sticky bit: anyone could replace {path}.",
            hint=hint("chmod", mode="o-w", path=str(parent)),
        )


def check_file(path: Path) -> bool:
    """
    False where there is none; raises StoreUnreachable unless it is a plain file of yours alone.

    Never opens it: closing any descriptor of a database file drops the locks that SQLite holds on it in this process.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unreachable(path, error) from error
    _refuse_unless_private(path, found)
    return True


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file that is yours alone, judged after opening. Raises FileNotFoundError without O_CREAT."""
    try:
        descriptor = os.open(path, flags | _GUARDS, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreachable(path, error) from error
    try:
        _refuse_unless_private(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def create_private(path: Path, content: bytes = b"") -> None:
    """A new 0600 file, on disk when this returns. Raises StoreUnreachable where anything has that name already."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _GUARDS, 0o600)
        try:
            os.write(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreachable(path, error) from error


def sync_directory(path: Path) -> None:
    """Puts a rename on disk. Windows has no such call, and does it by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing(path: Path) -> list[Path]:
    """The directories to make, outermost first. `mkdir(parents=True)` would give all but the last the umask's mode (TG3)."""
    if path.exists():
        return []
    return [*(parent for parent in reversed(path.parents) if not parent.exists()), path]


def _refuse_unless_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnreachable(f"{path} is {_kind(found.st_mode)}: expected a plain file.")
    if found.st_nlink > 1:
        raise StoreUnreachable(f"{path} has {found.st_nlink} names (hard links): expected one.")
    if sys.platform == "win32":
        return
    _refuse_foreign(path, found)
    if found.st_mode & 0o077:
        raise StoreUnreachable(
            f"{path} is open to others (mode {found.st_mode & 0o777:o}): expected 600.",
            hint=hint("chmod", mode="600", path=str(path)),
        )


def _refuse_foreign(path: Path, found: os.stat_result) -> None:
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise StoreUnreachable(f"{path} belongs to user {found.st_uid}: expected yours, {os.geteuid()}.")


def _kind(mode: int) -> str:
    kinds = {stat.S_IFLNK: "a symbolic link", stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise _unreachable(path, error) from error


def _unreachable(path: Path, error: OSError) -> StoreUnreachable:
    return StoreUnreachable(f"{path} cannot be used: {error.strerror or type(error).__name__}.")
