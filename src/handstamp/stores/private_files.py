"""
Files and directories that only you can read: made that way, and refused where somebody else could read or have made them.

A check by name and a later open by name are two moments. Between them nobody but you can swap the file, because the directory
is yours, no one else may write to it, and the way to it is safe (`handstamp.stores.ways`); so the directory is checked first,
always. What we open ourselves is judged by what was opened, and not by its name.

On Windows the profile's access lists do this work, and only the kind of file is checked.
"""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from handstamp.errors import StoreUnreachable, hint
from handstamp.stores.ways import find_way, is_trusted, unreachable

__all__ = [
    "check_directory",
    "check_trusted",
    "create_private",
    "find_file",
    "make_directory",
    "open_private",
    "prepare_directory",
    "read_trusted",
    "sync_directory",
]

if sys.platform == "win32":
    _GUARDS = os.O_BINARY | os.O_NOINHERIT
else:
    # O_NONBLOCK: a FIFO under our file's name must not hold us up before fstat can tell what it is.
    _GUARDS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def prepare_directory(path: Path) -> bool:
    """Makes the directory and the missing ones above it, and checks it. True if it was made here."""
    made = make_directory(path)
    check_directory(path)
    return made


def make_directory(path: Path) -> bool:
    """The same without a judgement: 0700 whatever the umask, the missing ones above it too (TG3)."""
    try:
        missing = _missing(path)
        for each in missing:
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise unreachable(path, error) from error
    return bool(missing)


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
    find_way(path)


def find_file(path: Path) -> os.stat_result | None:
    """
    None where there is none; raises StoreUnreachable unless it is a plain file of yours alone.

    Never opens it: closing any descriptor of a database file drops the locks that SQLite holds on it in this process.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreachable(path, error) from error
    _refuse_unless_private(path, found)
    return found


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file that is yours alone, judged after opening. Raises FileNotFoundError without O_CREAT."""
    return _open(path, path, flags, _refuse_unless_private)


def create_private(path: Path, content: bytes = b"") -> None:
    """A new 0600 file, on disk when this returns. Raises StoreUnreachable where anything has that name already."""
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _GUARDS, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unreachable(path, error) from error


def read_trusted(path: Path, limit: int) -> bytes:
    """
    The content of a file that nobody but you, root or a group that you gave it to can have written, up to `limit` bytes.

    Others may read it, and links may lead to it, as to dotfiles: they are followed where nobody else could have laid them. Raises
    FileNotFoundError, and StoreUnreachable for all that is not so.
    """
    try:
        with os.fdopen(_open_trusted(path), "rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreachable(path, error) from error
    if len(content) > limit:
        raise StoreUnreachable(f"{path} is larger than {limit // 1024} KiB.")
    return content


def check_trusted(path: Path) -> None:
    """The same without reading it, for who opens it by its name. Raises FileNotFoundError and StoreUnreachable."""
    os.close(_open_trusted(path))


def sync_directory(path: Path) -> None:
    """Puts a rename on disk. Windows has no such call, and does it by itself."""
    if sys.platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_trusted(path: Path) -> int:
    try:
        # Where there is no file, nobody is trusted and the way is nobody's concern: HOME may be another's in a container.
        path.stat()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreachable(path, error) from error
    place = path if sys.platform == "win32" else find_way(path)
    return _open(path, place, os.O_RDONLY, _refuse_untrusted)


def _open(path: Path, place: Path, flags: int, judge: Callable[[Path, os.stat_result], None]) -> int:
    """A descriptor of what is at `place`, once `judge` has seen what was opened. `path` is what a person calls it."""
    try:
        descriptor = os.open(place, flags | _GUARDS, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreachable(path, error) from error
    try:
        judge(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _missing(path: Path) -> list[Path]:
    """The directories to make, outermost first. `mkdir(parents=True)` would give all but the last the umask's mode (TG3)."""
    if path.exists():
        return []
    return [*(parent for parent in reversed(path.parents) if not parent.exists()), path]


def _refuse_unless_private(path: Path, found: os.stat_result) -> None:
    _refuse_unless_plain(path, found)
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


def _refuse_untrusted(path: Path, found: os.stat_result) -> None:
    _refuse_unless_plain(path, found)
    if not is_trusted(found.st_uid):
        raise StoreUnreachable(f"{path} belongs to user {found.st_uid}: expected you or root.")
    if sys.platform != "win32" and found.st_mode & stat.S_IWOTH:
        raise StoreUnreachable(
            f"{path} may be written by everybody (mode {found.st_mode & 0o777:o}).",
            hint=hint("chmod", mode="o-w", path=str(path)),
        )


def _refuse_unless_plain(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StoreUnreachable(f"{path} is {_kind(found.st_mode)}: expected a plain file.")


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
        raise unreachable(path, error) from error
