"""The lock between threads and processes."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from handstamp.stores.locks import KernelLock
from stores.processes import finish, read_line, start

HOLD = """
import sys
from pathlib import Path
from handstamp.stores.locks import KernelLock
with KernelLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


if sys.platform == "win32":
    import msvcrt

    def try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_held(path: Path) -> bool:
    """Asks the kernel, without waiting; what it gives is let go at once."""
    with path.open("r+b") as file:
        try:
            try_lock(file.fileno())
        except OSError:
            return True
    return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "one.lock"


def test_a_lock_that_another_process_holds_is_not_had_until_it_lets_go(path: Path) -> None:
    holder = start(HOLD, path)
    assert read_line(holder) == "held"

    assert is_held(path)
    finish(holder, "let go\n")

    with KernelLock(path):
        assert is_held(path)
    assert not is_held(path)


def test_two_objects_of_one_process_exclude_each_other(path: Path) -> None:
    held: list[bool] = []

    def wait_for_it() -> None:
        with KernelLock(path):
            held.append(is_held(path))

    with KernelLock(path):
        waiter = Thread(target=wait_for_it)
        waiter.start()
        assert held == []
        assert is_held(path)
    waiter.join()

    assert held == [True]


def test_waiting_for_oneself_is_an_error_and_no_standstill(path: Path) -> None:
    lock = KernelLock(path)

    with lock, pytest.raises(RuntimeError, match="already held"):
        lock.acquire()


def test_releasing_what_is_not_held_does_nothing(path: Path) -> None:
    KernelLock(path).release()


def test_the_file_stays_and_is_private(path: Path) -> None:
    with KernelLock(path):
        pass

    assert path.exists()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")
def test_a_lock_on_a_file_that_was_removed_meanwhile_is_not_taken_for_the_new_one(path: Path) -> None:
    holder = start(HOLD, path)
    assert read_line(holder) == "held"
    waiter = start(HOLD, path)
    while not has_open(waiter.pid, path):
        os.sched_yield()
    path.unlink()
    second = KernelLock(path)
    second.acquire()

    holder.kill()
    holder.communicate()
    second.release()

    assert read_line(waiter) == "held"
    assert is_held(path)
    finish(waiter, "let go\n")


def has_open(process_id: int, path: Path) -> bool:
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            if link.readlink() == path:
                return True
    return False
