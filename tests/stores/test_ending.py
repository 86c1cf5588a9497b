"""What becomes of open connections when nobody closes the store: under `-W error`, as Python 3.13 tells of what was left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="forks")
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks into /proc")

BEGIN = """
import gc, os, sys, threading
from pathlib import Path
from stores.fakes import open_store
from stores.samples import GRANT
directory = Path(sys.argv[1])
store = open_store(directory)
store.save_grant(GRANT)
store.data_version()

def is_open():
    return any(link.readlink() == directory / "vault.db" for link in list(Path("/proc/self/fd").iterdir()) if link.is_symlink())
"""


def run(program: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(part for part in sys.path if part)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + program, directory],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_program_that_just_ends_leaves_nothing_open(directory: Path) -> None:
    ended = run("", directory)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (directory / "vault.db-wal").exists()


def test_a_program_that_ends_closes_what_its_other_threads_opened(directory: Path) -> None:
    program = """
ready = threading.Event()
def look():
    store.list_grants("alice")
    ready.set()
    threading.Event().wait()
threading.Thread(target=look, daemon=True).start()
ready.wait()
"""

    ended = run(program, directory)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (directory / "vault.db-wal").exists()


def test_a_program_that_fails_leaves_nothing_open(directory: Path) -> None:
    ended = run("sys.exit('on purpose')", directory)

    assert (ended.returncode, ended.stderr) == (1, "on purpose\n")
    assert not (directory / "vault.db-wal").exists()


def test_the_vault_still_works_in_a_hook_at_the_end_of_a_program(directory: Path) -> None:
    ended = run("import atexit; atexit.register(lambda: print(len(store.list_grants('alice'))))", directory)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")


@needs_proc
def test_a_store_that_nobody_holds_any_more_closes_its_files(directory: Path) -> None:
    ended = run("assert is_open(); del store; gc.collect(); assert not is_open()", directory)

    assert (ended.returncode, ended.stderr) == (0, "")


@needs_proc
def test_a_store_that_is_collected_in_another_thread_closes_its_files(directory: Path) -> None:
    program = """
def collect():
    global store
    store.list_grants("alice")
    del store
    gc.collect()
    assert not is_open()
thread = threading.Thread(target=collect)
thread.start()
thread.join()
"""

    ended = run(program, directory)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_store_that_is_collected_amid_a_transaction_stops_nobody(directory: Path) -> None:
    """A finalizer that waited for the lock of the abandoned transaction would wait for itself."""
    program = """
store.transaction = store.database.writing()
store.transaction.__enter__()
del store
gc.collect()
assert len(open_store(directory).list_grants("alice")) == 1
"""

    ended = run(program, directory)

    assert (ended.returncode, ended.stderr) == (0, "")


@needs_posix
def test_a_forked_child_that_ends_closes_its_own_and_not_its_parents(directory: Path) -> None:
    """TG17."""
    program = """
child = os.fork()
if child == 0:
    store.list_grants("alice")
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert len(store.list_grants("alice")) == 1
"""

    ended = run(program, directory)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert not (directory / "vault.db-wal").exists()


@needs_posix
@pytest.mark.parametrize("end", ["", "del store; gc.collect()", "store.data_version()"])
def test_a_child_that_outlives_its_parent_does_not_fold_in_the_parents_log(directory: Path, end: str) -> None:
    """TG17: closing the last connection empties the log; a connection of the parent's is not the child's to close."""
    program = f"""
told, tell = os.pipe()
if os.fork():
    os._exit(0)
os.close(tell)
os.read(told, 1)
{end}
"""

    ended = run(program, directory)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert end == "store.data_version()" or (directory / "vault.db-wal").stat().st_size
