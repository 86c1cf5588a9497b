"""
A rekey that is killed before the first, second, third … line of what does it: one vault, again and again, beside a program that
has it open all the while. Whatever the moment, both that program and one that starts then read everything.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from handstamp.stores.keys.file import FileKey
from handstamp.stores.sqlite import SqliteStore
from stores.processes import finish, read_line, start
from stores.samples import GRANT

__all__ = ["Rekeys", "kill_at_lines"]

PROGRAM = """
import os, signal, sys
from pathlib import Path
import handstamp.stores.rekeying
from handstamp.stores.keys.file import FileKey
from handstamp.stores.sqlite import SqliteStore
directory, every = Path(sys.argv[1]), int(sys.argv[2])
watched = ("stores/rekeying.py", "stores/keys/file.py")
for number in range(1, 1000, every):
    child = os.fork()
    if child == 0:
        lines = set()
        def line(frame, event, argument):
            lines.add((frame.f_code.co_name, frame.f_lineno))
            if len(lines) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return line
        def call(frame, event, argument):
            return line if frame.f_code.co_filename.replace(os.sep, "/").endswith(watched) else None
        store = SqliteStore(directory, [FileKey(directory)])
        store.prepare()
        sys.settrace(call)
        store.rekey()
        sys.settrace(None)
        store.close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print("done" if status == 0 else "killed", flush=True)
    if status == 0:
        break
    sys.stdin.readline()
"""
"""Waits after each kill. The last rekey, of which nothing is left to kill, is done."""


@dataclass(frozen=True, slots=True)
class Rekeys:
    """What became of the vault."""

    kills: int
    keys: int
    """That it had, one after the other."""
    unread: tuple[int, ...]
    """The kills after which somebody did not read what was stored."""
    left: tuple[str, ...]
    """Files in its directory at the end that a vault with one key does not have."""


def kill_at_lines(directory: Path, *, every: int) -> Rekeys:
    """In a new vault in `directory`; `every` first, second, third … line of those that run."""
    keys: set[str] = set()
    unread: list[int] = []
    kills = 0
    with closing(open_store(directory)) as running:
        saved = running.save_grant(GRANT)
        killer = start(PROGRAM, directory, every)
        assert killer.stdin is not None
        while read_line(killer) == "killed":
            kills += 1
            with closing(open_store(directory)) as late:
                if [*running.list_grants(GRANT.key.owner), *late.list_grants(GRANT.key.owner)] != [saved, saved]:
                    unread.append(kills)
            keys.add(running.describe_key())
            killer.stdin.write("on\n")
            killer.stdin.flush()
        finish(killer)
        key, _, _ = running.describe_key().partition(",")
    expected = {"CACHEDIR.TAG", "locks", "vault.db", key}
    left = sorted(path.name for path in directory.iterdir() if path.name not in expected)
    return Rekeys(kills, len(keys), tuple(unread), tuple(left))


def open_store(directory: Path) -> SqliteStore:
    return SqliteStore(directory, [FileKey(directory)])
