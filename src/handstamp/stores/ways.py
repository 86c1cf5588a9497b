"""
The way to a file: every directory and every symbolic link between the root and it.

Whoever may write to a directory can swap what has a name in it, and with it all that lies below. So on the whole way nobody may
but you and root: each directory and each link is yours or root's, and where everybody may write, the sticky bit keeps what is
yours yours, or the mount is read-only (TG1). The walk goes down from the root, so that each step stands on what was judged before
it.

After the walk a name is as good as an open file: only you and root can make it mean something else. SQLite opens its files by
name, and this is what makes that safe (TG4).

What a group may write to, a directory or a file, is the decision of whoever gave it to the group, and not judged. On Windows
the profile's access lists do this work.
"""

import os
import stat
import sys
from pathlib import Path

from handstamp.errors import StoreUnreachable, hint

__all__ = ["find_way", "is_trusted", "maps_root", "unreachable"]

MAX_LINKS = 40
"""As many as the kernel follows."""

NOBODY = 65534
"""Whom the kernel shows as the owner of what belongs to nobody in a user namespace."""

ELSEWHERE = "HANDSTAMP_STATE_DIR and HANDSTAMP_CONFIG_DIR name other places."

SYSTEM = {0, 1000} if hasattr(sys, "getandroidapilevel") else {0}
"""Root; on Android also `system`, which owns the directories above an app's own."""


def find_way(path: Path) -> Path:
    """
    Where `path` is, without links; its end need not exist.

    Raises StoreUnreachable where somebody else could make it mean another place.
    """
    left = list(reversed(path.absolute().parts[1:]))
    here, links = Path(path.absolute().anchor), 0
    while left:
        _judge_directory(here)
        name = left.pop()
        step = here.parent if name == ".." else here / name
        found = _look(step)
        if found is None:
            return step.joinpath(*reversed(left))
        if stat.S_ISLNK(found.st_mode):
            links += 1
            here = _follow(here, step, found, left, links)
        else:
            here = step
    return here


def is_trusted(owner: int) -> bool:
    """Yours or root's, who can do as they like in any case."""
    return sys.platform == "win32" or owner in SYSTEM or owner == os.geteuid() or (owner == NOBODY and _is_root_hidden())


def maps_root(uid_map: str) -> bool:
    """Whether root of the machine, or of a container, is somebody in a user namespace with this `/proc/self/uid_map`."""
    return any(line.split()[:1] == ["0"] for line in uid_map.splitlines())


def unreachable(path: Path, error: OSError) -> StoreUnreachable:
    """In our own words."""
    return StoreUnreachable(f"{path} cannot be used: {error.strerror or type(error).__name__}.")


def _follow(here: Path, link: Path, found: os.stat_result, left: list[str], links: int) -> Path:
    if not is_trusted(found.st_uid):
        raise StoreUnreachable(f"{link} is a symbolic link of user {found.st_uid}: expected one of yours or of root's.")
    if links > MAX_LINKS:
        raise StoreUnreachable(f"{link} leads in a circle of symbolic links.")
    try:
        target = link.readlink()
    except OSError as error:
        raise unreachable(link, error) from error
    left.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    return Path(target.anchor) if target.is_absolute() else here


def _judge_directory(path: Path) -> None:
    found = _look(path)
    if found is None:
        raise StoreUnreachable(f"{path} is gone: it was there a moment ago.")
    if not is_trusted(found.st_uid):
        raise StoreUnreachable(
            f"{path} belongs to user {found.st_uid}, who could replace what is below it: expected you or root. {ELSEWHERE}"
        )
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX and not _is_read_only(path):
        problem = f"{path} may be written by everybody and has no sticky bit: anyone could replace what is below it."
        if not _is_yours(found):
            raise StoreUnreachable(f"{problem} {ELSEWHERE}")
        raise StoreUnreachable(problem, hint=hint("chmod", mode="o-w", path=str(path)))


def _is_yours(found: os.stat_result) -> bool:
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def _is_read_only(path: Path) -> bool:
    """As a Kubernetes ConfigMap is: its directories are 0777, and not even root writes to them."""
    try:
        return sys.platform != "win32" and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError as error:
        raise unreachable(path, error) from error


def _look(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreachable(path, error) from error


def _is_root_hidden() -> bool:
    """In a user namespace that has no root (a sandbox), what is root's shows as nobody's and cannot be told from it."""
    try:
        return not maps_root(Path("/proc/self/uid_map").read_text("ascii"))
    except OSError:
        return False
