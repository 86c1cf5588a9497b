"""Programs that tests of the disk start, each in a process of its own, and what a kernel would say."""

HOLD = """
import sys
from pathlib import Path
from handstamp.stores.locks import KernelLock
with KernelLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""
"""Holds a lock until it is told to let go."""

FORK_WITH_A_LOCK = """
import os, sys
from pathlib import Path
from handstamp.stores.locks import KernelLock
lock = KernelLock(Path(sys.argv[1]))
lock.acquire()
child = os.fork()
if child == 0:
    lock.release()
    print("alive", flush=True)
    sys.stdin.readline()
    os._exit(0)
os.waitpid(child, 0)
"""
"""A child outlives the fork, and then its parent."""

FORK_WITH_A_VAULT = """
import gc, os, sys
from pathlib import Path
from threading import Event, Thread
from stores.fakes import open_store
from stores.samples import GRANT
store = open_store(Path(sys.argv[1]))
store.save_grant(GRANT)
version = store.data_version()
opened, done = Event(), Event()
def hold():
    store.list_grants("alice")
    opened.set()
    done.wait()
other = Thread(target=hold)
other.start()
opened.wait()
def count_logs():
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()] if Path("/proc/self/fd").exists() else []
    return sum(os.readlink(link).endswith("-wal") for link in links)
inherited = count_logs()
child = os.fork()
if child == 0:
    assert store.data_version() != version
    gc.collect()
    assert count_logs() >= inherited, "a connection of the parent was closed"
    assert count_logs() > inherited or not inherited
    assert store.save_grant(GRANT).generation == 2
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert store.data_version() != version
assert store.save_grant(GRANT).generation == 3
done.set()
other.join()
"""
"""A child uses the vault that its parent and another thread of it have open."""

SWAP_AT_CONNECT = """
import os, sys
from pathlib import Path
from handstamp.errors import StoreUnreachable
from stores.fakes import open_store
directory, theirs, kind, left = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
def swap(event, arguments):
    global left
    if event == "sqlite3.connect" and "vault.db?" in str(arguments[0]):
        left -= 1
        if left == 0:
            (directory / "vault.db").unlink()
            if kind == "link":
                (directory / "vault.db").symlink_to(theirs)
            else:
                theirs.rename(directory / "vault.db")
sys.addaudithook(swap)
store = open_store(directory)
try:
    print(store.list_keys("alice"))
except StoreUnreachable as error:
    print("refused:", error.message)
store.close()
"""
"""Puts another vault in place at the moment at which SQLite is asked to open ours."""

SWAP_AT_OPEN = """
import sys
from pathlib import Path
from handstamp.errors import HandstampError
from handstamp.settings import load_settings
from handstamp.stores.keys.file import FileKey
from handstamp.stores.locks import KernelLock
ours, theirs = Path(sys.argv[1]), Path(sys.argv[2])
def swap(event, arguments):
    if event == "open" and arguments[0] == str(ours) and not ours.is_symlink():
        ours.unlink()
        ours.symlink_to(theirs)
sys.addaudithook(swap)
use = {
    "vault.key": lambda: FileKey(ours.parent).load(),
    "one.lock": lambda: KernelLock(ours).acquire(),
    "servers.toml": lambda: load_settings(ours.parent),
}[ours.name]
try:
    use()
    print("opened")
except HandstampError as error:
    print("refused:", error.message)
assert ours.is_symlink(), "nothing was swapped"
"""
"""Puts a link in place of a file at the moment at which it is opened."""

WATCH_OPENED = """
import os, sys
opened = []
def watch(event, arguments):
    if event in ("open", "sqlite3.connect", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes, os.PathLike)):
        opened.append(os.path.abspath(os.fsdecode(arguments[0]).removeprefix("file://")))
sys.addaudithook(watch)
from handstamp.cli import run
codes = [run(["status"]), run(["token", "https://mcp.example/mcp"]), run(["token", "s"])]
project = os.getcwd()
print([path for path in opened if path.startswith(project + os.sep)], *codes)
"""
"""Three commands; says which files below the current directory were opened, and the exit codes."""

KILL_AT_EACH_STEP = """
import os, signal, sys
from pathlib import Path
from handstamp.stores.keys.file import FileKey
from handstamp.stores.sqlite import SqliteStore
from stores.samples import GRANT
base = Path(sys.argv[1])
steps = ("open", "os.mkdir", "os.rename", "os.remove", "sqlite3.connect", "fcntl.flock")
for number in range(1, 1000):
    directory = base / str(number)
    child = os.fork()
    if child == 0:
        left = number
        def kill(event, arguments):
            global left
            if event in steps and (event == "fcntl.flock" or str(directory) in str(arguments[0])):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(kill)
        store = SqliteStore(directory, [FileKey(directory)])
        store.save_grant(GRANT)
        store.close()
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(number - 1)
        break
"""
"""Makes a vault again and again, killed at the first, second, third … touch of the disk. Says how often."""

KILL_AMID_A_WRITE = """
import os, signal, sys
from pathlib import Path
from stores.fakes import open_store
from stores.samples import GRANT, with_access_token
store = open_store(Path(sys.argv[1]))
saved = store.save_grant(GRANT)
with store.writing() as (connection, rows):
    rows.write_grant(connection, with_access_token(saved, "half-written"), saved.generation + 1)
    connection.execute("PRAGMA cache_spill = 1")
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""Is killed between a write and its commit."""

OLD_PROGRAM = """
import sys
from pathlib import Path
from handstamp.errors import VaultError
from stores.fakes import open_store
from stores.samples import GRANT, KEY
store = open_store(Path(sys.argv[1]))
saved = store.save_grant(GRANT)
print("saved", saved.generation, flush=True)
sys.stdin.readline()
for use in (
    lambda: store.find_grant(KEY.owner, KEY.server, KEY.account),
    lambda: store.list_grants("alice"),
    lambda: store.replace_grant(saved),
    lambda: store.forget_grant(KEY),
):
    try:
        use()
    except VaultError as error:
        print(type(error).__name__)
"""
"""Goes on after a newer program has changed the vault."""

NEWER_PROGRAM = """
import os, signal, sys
from pathlib import Path
from handstamp.stores.migrations import MIGRATIONS
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import HeldKey
from stores.samples import GRANT, KEY
def add_colour(connection):
    connection.execute("ALTER TABLE grants ADD COLUMN colour TEXT")
    if len(sys.argv) > 2:
        connection.execute("PRAGMA cache_spill = 1")
        os.kill(os.getpid(), signal.SIGKILL)
store = SqliteStore(Path(sys.argv[1]), [HeldKey()], migrations=[*MIGRATIONS, add_colour])
grant = store.find_grant(KEY.owner, KEY.server, KEY.account)
print("read", grant.generation)
print("saved", store.replace_grant(grant).generation)
"""
"""Knows one migration more."""

KILL_AMID_A_MIGRATION = "import sys; sys.argv.append('kill')\n" + NEWER_PROGRAM
"""The same, killed before that is committed."""

OLD_REFRESH = """
import sys
from pathlib import Path
from stores.fakes import open_store
from stores.samples import GRANT, KEY, with_access_token
store = open_store(Path(sys.argv[1]))
saved = store.save_grant(GRANT)
with store.lock(KEY):
    print("sent", flush=True)
    sys.stdin.readline()
    print("stored", store.replace_grant(with_access_token(saved, "the only copy")).generation)
"""
"""Has sent a refresh token when a newer program comes."""

KILL_AT_RENAME = """
import os, signal, sys
from handstamp.cli import run
def kill(event, arguments):
    if event == "os.rename" and "servers.toml" in str(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
run(["add", "new", "https://new.example/mcp", "--header", "X-Key: a-secret-header"])
"""
"""`handstamp add`, killed when it is about to put the new file in place."""

MOUNTINFO = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 27 0:26 / /home rw,relatime shared:5 - nfs4 server:/home rw,vers=4.2
31 30 0:27 / /home/me/local rw,relatime shared:6 - btrfs /dev/sdb rw,subvol=/local
32 27 0:28 / /mnt/old rw - nfs server:/old rw,vers=3
33 27 0:29 / /mnt/share rw shared:7 master:1 - cifs //server/share rw,vers=3.1.1
34 27 0:30 / /mnt/windows rw - smb3 //server/share rw
35 27 0:31 / /mnt/far\040away rw,nosuid - fuse.sshfs me@far: rw,user_id=1000
36 27 0:32 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync,aname=drvfs;path=C:\;uid=1000;gid=1000,mmap,access=client,trans=fd
37 27 0:33 / /mnt/d rw,noatime - 9p drvfs rw,dirsync,trans=virtio
38 27 0:34 / /mnt/e rw,noatime - virtiofs drvfsaE rw
39 27 0:35 / /mnt/f rw,noatime - drvfs F: rw
40 27 0:36 / /shared rw - 9p host rw,trans=virtio,version=9p2000.L
41 27 0:37 / /container rw - overlay overlay rw,lowerdir=/a,upperdir=/b
42 27 0:38 / /volume rw - virtiofs volume rw
43 27 0:39 / /covered rw - nfs4 server:/covered rw
44 43 0:40 / /covered rw - tmpfs tmpfs rw
45 27 0:41 / /run/user/1000 rw - tmpfs tmpfs rw
a line that is none
""".lstrip()
"""As the kernel tells what is mounted where."""
