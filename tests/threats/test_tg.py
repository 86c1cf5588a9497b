"""TG: on disk."""

import ast
import asyncio
import base64
import hashlib
import inspect
import json
import os
import pickle
import shlex
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from types import SimpleNamespace

import click
import keyring.errors
import pytest

from authority import Authority, FormBrowser, Knobs, StartAuthority
from bad_input.keychains import FILE_VARIABLE
from commands import KEY as VAULT_KEY
from commands import Home, Running, command_line
from handstamp.errors import (
    KeyUnavailable,
    LoginRequired,
    SettingsError,
    StoreUnreachable,
    TimedOut,
    VaultCorrupt,
    VaultError,
    VaultLocked,
    account_hint,
)
from handstamp.model import Grant, GrantKey
from handstamp.ports import KeyProvider
from handstamp.settings import ServerSettings, load_settings
from handstamp.settings_file import add_server
from handstamp.stores.backups import back_up, read_backup
from handstamp.stores.checking import check_vault
from handstamp.stores.keys import StandardProviders
from handstamp.stores.keys.file import FileKey
from handstamp.stores.keys.keychain import KeychainKey
from handstamp.stores.keys.passphrase import Cost, PassphraseKey
from handstamp.stores.locks import KernelLock
from handstamp.stores.mounts import find_file_system, is_on_network
from handstamp.stores.restoring import restore
from handstamp.stores.sealing import bind, seal
from handstamp.stores.sqlite import SqliteStore
from handstamp.stores.ways import find_way, maps_root
from source_tree import calls, dotted_name, modules, names_of
from stores.fakes import KEY_A, KEY_B, HeldKey, SilentKey, open_store
from stores.keyrings import CHOSEN, Chosen, FailingKeychain, HangingKeychain, NoKeychain, WorkingKeychain
from stores.processes import finish, read_line, start
from stores.samples import ACCESS_TOKEN, GRANT, KEY, REGISTRATION, SECRETS, grant_for, with_access_token
from threats.disk_programs import (
    FORK_WITH_A_LOCK,
    FORK_WITH_A_VAULT,
    HOLD,
    KILL_AMID_A_MIGRATION,
    KILL_AMID_A_WRITE,
    KILL_AT_EACH_STEP,
    KILL_AT_RENAME,
    MOUNTINFO,
    NEWER_PROGRAM,
    OLD_PROGRAM,
    OLD_REFRESH,
    SWAP_AT_CONNECT,
    SWAP_AT_OPEN,
    WATCH_OPENED,
)
from weaknesses.machine import Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes, links and forks")
resource = pytest.importorskip("resource", reason="Windows has no such limits")
needs_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root may give files away and make devices")
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc")

SOMEBODY_ELSE = 12345
OPENED_BROWSER = "Open this link"
OK = '[servers.s]\nurl = "https://mcp.example/mcp"\n'
"""Settings that are good."""
KEYCHAIN_LIMIT = 15.0
"""Seconds for a keychain that hangs: its time box is three, the rest is the machine's."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Its person signs in and allows; its vault's key is in the environment, of this process too."""
    monkeypatch.setenv("HANDSTAMP_KEY", VAULT_KEY)
    made = Home(tmp_path)
    made.use_browser()
    return made


@pytest.fixture
def machine(home: Home, form_browser: FormBrowser) -> Iterator[Machine]:
    built = Machine(home, form_browser)
    yield built
    built.close()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(directory: Path) -> Iterator[SqliteStore]:
    with closing(open_store(directory)) as opened:
        yield opened


@pytest.fixture
def keychain(monkeypatch: pytest.MonkeyPatch) -> Chosen:
    """That of the machine, whichever a test puts in."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "stores.keyrings.CHOSEN")
    CHOSEN.backend = WorkingKeychain()
    return CHOSEN


@contextmanager
def umask(mask: int) -> Generator[None]:
    """Of this process and of those that it starts."""
    previous = os.umask(mask)
    try:
        yield
    finally:
        os.umask(previous)


def find(store: SqliteStore, key: GrantKey = KEY) -> Grant | None:
    return store.find_grant(key.owner, key.server, key.account, key.issuer)


def change(directory: Path, statement: str, *values: object) -> None:
    """What another program with the same rights can do to the file."""
    with closing(sqlite3.connect(directory / "vault.db")) as connection:
        connection.execute(statement, values)
        connection.commit()


def ask(directory: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(directory / "vault.db")) as connection:
        return connection.execute(question).fetchall()


def fingerprint(*paths: Path) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def contents(directory: Path) -> bytes:
    """All bytes of all files below."""
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def sign_in(home: Home, site: Authority) -> None:
    assert home.run("login", site.server_url).exit_code == 0


def private_file(path: Path, content: bytes = b"") -> Path:
    path.touch(0o600)
    path.write_bytes(content)
    return path


# TG1: the directory and the way to it


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_tg1_a_directory_that_others_may_write_to_is_refused_and_the_hint_mends_it(
    mode: int, home: Home, authority: StartAuthority
) -> None:
    """
    The vault's directory, or one on the way to it, is somebody else's or open to all, so that they could exchange what is in it.

    Refuses, with the command that mends it. Each directory and each link from the root down has to be yours or root's.
    """
    site = authority()
    home.state.mkdir()
    home.state.chmod(mode)

    ran = home.fail("login", site.server_url, code=5)

    assert shlex.split(ran.hint) == ["chmod", "700", str(home.state)]
    assert OPENED_BROWSER not in ran.stderr
    subprocess.run(shlex.split(ran.hint), check=True)
    sign_in(home, site)


def test_tg1_a_directory_that_was_opened_to_others_later_is_not_read_either(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    store.close()
    directory.chmod(0o770)

    with pytest.raises(StoreUnreachable, match="may be written by others"):
        find(store)


@pytest.mark.parametrize("above", ["one", "one/two", "one/two/three"])
def test_tg1_a_directory_anywhere_above_that_everybody_may_write_to_is_refused_without_the_sticky_bit(
    above: str, tmp_path: Path
) -> None:
    directory = tmp_path / "one" / "two" / "three" / "state"
    with closing(open_store(directory)) as store:
        store.prepare()
        store.close()
        (tmp_path / above).chmod(0o777)

        with pytest.raises(StoreUnreachable, match="no sticky bit") as caught:
            find(store)
        assert caught.value.hint == f"chmod o-w {tmp_path / above}"

        (tmp_path / above).chmod(0o1777)
        assert store.save_grant(GRANT).generation == 1


def test_tg1_where_nobody_writes_because_the_mount_is_read_only_the_mode_does_not_matter(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ConfigMap of Kubernetes: 0777, and mounted read-only."""
    home.write_settings(OK)
    home.config.chmod(0o777)
    mounted = os.statvfs(home.config)

    def read_only(path: Path) -> SimpleNamespace:
        return SimpleNamespace(f_flag=mounted.f_flag | (os.ST_RDONLY if path == home.config else 0))

    monkeypatch.setattr(os, "statvfs", read_only)

    assert list(load_settings(home.config).servers) == ["s"]


@needs_root
def test_tg1_a_directory_of_roots_that_everybody_may_write_to_is_refused_and_nobody_is_told_to_mend_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emptyDir of Kubernetes: 0777 and root's. A chmod of yours would fail, another place helps."""
    tmp_path.chmod(0o777)
    for each in (tmp_path, *tmp_path.parents):
        assert each.stat().st_uid == 0
    monkeypatch.setattr(os, "geteuid", lambda: SOMEBODY_ELSE)

    with pytest.raises(StoreUnreachable, match=r"no sticky bit.*HANDSTAMP_STATE_DIR") as caught:
        find_way(tmp_path / "state")

    assert caught.value.hint is None


def test_tg1_a_link_that_is_gone_as_it_is_followed_is_told_in_our_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("elsewhere")

    def gone(path: Path) -> Path:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(Path, "readlink", gone)

    with pytest.raises(StoreUnreachable, match="link cannot be used: No such file"):
        find_way(tmp_path / "link" / "state")


@needs_root
@pytest.mark.parametrize("name", ["state", ".", "state/vault.db", "state/locks"])
def test_tg1_what_belongs_to_somebody_else_is_refused(name: str, store: SqliteStore, tmp_path: Path) -> None:
    store.save_grant(GRANT)
    store.close()
    os.chown(tmp_path / name, SOMEBODY_ELSE, -1)

    with pytest.raises(StoreUnreachable, match=f"belongs to user {SOMEBODY_ELSE}"):
        store.lock(KEY).__enter__() if name.endswith("locks") else find(store)


def test_tg1_a_link_of_yours_may_lead_to_the_directory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")

    with closing(open_store(tmp_path / "link" / "state")) as store:
        store.save_grant(GRANT)

    assert (tmp_path / "elsewhere" / "state" / "vault.db").exists()


@needs_root
def test_tg1_a_link_of_somebody_else_is_not_followed(tmp_path: Path) -> None:
    """As anybody may lay one in /tmp."""
    (tmp_path / "elsewhere").mkdir(0o700)
    (tmp_path / "link").symlink_to("elsewhere")
    os.chown(tmp_path / "link", SOMEBODY_ELSE, -1, follow_symlinks=False)

    with (
        pytest.raises(StoreUnreachable, match="symbolic link of user"),
        closing(open_store(tmp_path / "link" / "state")) as store,
    ):
        store.save_grant(GRANT)

    assert list((tmp_path / "elsewhere" / "state").glob("vault*")) == []


def test_tg1_the_way_to_where_a_link_leads_is_judged_too(tmp_path: Path) -> None:
    (tmp_path / "open" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "open" / "inner")
    (tmp_path / "open").chmod(0o777)

    with pytest.raises(StoreUnreachable) as caught, closing(open_store(tmp_path / "link" / "state")) as store:
        store.save_grant(GRANT)

    assert caught.value.hint == f"chmod o-w {tmp_path / 'open'}"


def test_tg1_a_way_goes_up_and_down_and_never_in_circles(tmp_path: Path) -> None:
    (tmp_path / "real" / "below").mkdir(parents=True)
    (tmp_path / "up").symlink_to("real/below/..")
    (tmp_path / "circle").symlink_to("circle")

    assert find_way(tmp_path / "up" / "below" / "new" / "file") == (tmp_path / "real" / "below" / "new" / "file").resolve()
    with pytest.raises(StoreUnreachable, match="circle"):
        find_way(tmp_path / "circle" / "state")


@pytest.mark.parametrize(
    ("uid_map", "has_root"),
    [
        ("         0          0 4294967295\n", True),
        ("         0     100000      65536\n", True),
        ("      1000       1000          1\n", False),
        ("      1000          0          1\n         0     100000      65536\n", True),
        ("", False),
    ],
    ids=["machine", "container", "sandbox", "rootless", "nothing mapped"],
)
def test_tg1_a_sandbox_in_which_root_shows_as_nobody_is_told_by_its_map(uid_map: str, has_root: bool) -> None:
    """Only where root cannot be seen as root, what belongs to nobody passes for root's."""
    assert maps_root(uid_map) is has_root


# TG2: what is no plain file of yours


def plant(path: Path, kind: str, victim: Path) -> None:
    """Puts something at `path` that is not what it should be; `victim` is what it would make us read or write."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private_file(victim, b"victim")
    match kind:
        case "symbolic link":
            path.symlink_to(victim)
        case "dangling link":
            path.symlink_to(victim.with_name("nowhere"))
        case "second name":
            path.hardlink_to(victim)
        case "FIFO":
            os.mkfifo(path, 0o600)
        case "socket":
            os.mknod(path, 0o600 | stat.S_IFSOCK)
        case "directory":
            path.mkdir(0o700)
        case _:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


PLANTED = [
    "symbolic link",
    "dangling link",
    "second name",
    "FIFO",
    "socket",
    "directory",
    pytest.param("device", marks=needs_root),
]
REFUSED = "expected a plain file|expected one|cannot be used: (Too many levels|Is a directory|No such device)"
"""By us, or by the kernel because we asked it to; not because of what SQLite found there."""

OUR_FILES = ["vault.db", "vault.db-wal", "vault.db-shm", "vault.db-journal", "vault.key", "locks/vault.lock", "locks/GRANT"]


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize("name", OUR_FILES)
def test_tg2_what_was_planted_under_a_name_of_ours_is_refused_and_its_target_stays_as_it_was(
    name: str, kind: str, tmp_path: Path
) -> None:
    """
    Under the name of a file of ours lies a link, a second name of another file, a pipe, a device or a directory.

    Refuses all but a plain file with one name that is yours alone. `servers.toml` may be a link, but nobody else may own it, or
    write to it unless through a group that you gave it to.
    """
    directory, victim = tmp_path / "state", tmp_path / "victim"
    with closing(SqliteStore(directory, [FileKey(directory)])) as store:
        path = store.lock_path(KEY)
        plant(path if name == "locks/GRANT" else directory / name, kind, victim)

        with pytest.raises(VaultError, match=REFUSED):
            KernelLock(path).acquire() if name == "locks/GRANT" else store.save_grant(GRANT)

    assert victim.read_bytes() == b"victim"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("kind", ["symbolic link", "second name"])
def test_tg2_a_good_key_under_a_planted_name_is_refused_too(kind: str, tmp_path: Path) -> None:
    FileKey(tmp_path / "theirs").create()
    FileKey(tmp_path / "ours").create()
    ours, theirs = tmp_path / "ours" / "vault.key", tmp_path / "theirs" / "vault.key"
    ours.unlink()
    ours.symlink_to(theirs) if kind == "symbolic link" else ours.hardlink_to(theirs)

    with pytest.raises(KeyUnavailable):
        FileKey(tmp_path / "ours").load()


@pytest.mark.parametrize("name", ["vault.db", "vault.key"])
def test_tg2_a_file_that_others_may_read_is_refused_with_the_command_that_mends_it(name: str, directory: Path) -> None:
    with closing(SqliteStore(directory, [FileKey(directory)])) as store:
        store.save_grant(GRANT)
    (directory / name).chmod(0o644)

    with closing(SqliteStore(directory, [FileKey(directory)])) as store, pytest.raises(VaultError) as caught:
        find(store)

    assert caught.value.hint == f"chmod 600 {directory / name}"


def write_settings(home: Home) -> Path:
    return home.write_settings(OK)


def test_tg2_settings_that_everybody_may_write_to_are_refused_and_the_hint_mends_it(home: Home) -> None:
    path = write_settings(home)
    path.chmod(0o666)

    ran = home.fail("status", code=2)

    assert str(path) in ran.error
    subprocess.run(shlex.split(ran.hint), check=True)
    assert home.run("status").exit_code == 0


def test_tg2_settings_may_be_written_by_a_group_that_you_gave_them_to(home: Home) -> None:
    """With a umask of 002, as many systems have it, every file of yours may be."""
    write_settings(home).chmod(0o664)

    assert home.run("status").exit_code == 0


def test_tg2_settings_in_a_directory_that_everybody_may_write_to_are_refused(home: Home) -> None:
    write_settings(home)
    home.config.chmod(0o777)

    ran = home.fail("status", code=2)

    assert ran.hint == f"chmod o-w {home.config}"


def test_tg2_settings_that_are_not_there_need_no_safe_place_and_are_not_written_into_an_unsafe_one(home: Home) -> None:
    """In a container HOME may be somebody else's, and who keeps no settings there can do without."""
    home.config.mkdir()
    home.config.chmod(0o777)

    assert home.run("status").exit_code == 0
    ran = home.run("add", "s", "https://mcp.example/mcp")

    assert f"{home.config} may be written by everybody" in ran.stderr
    assert list(home.config.iterdir()) == []


@needs_root
@pytest.mark.parametrize("name", ["servers.toml", "."])
def test_tg2_settings_of_somebody_else_are_refused(name: str, home: Home) -> None:
    write_settings(home)
    os.chown(home.config / name, SOMEBODY_ELSE, -1)

    with pytest.raises(SettingsError, match=f"belongs to user {SOMEBODY_ELSE}"):
        load_settings(home.config)


@pytest.mark.parametrize("kind", ["FIFO", "directory", "socket", pytest.param("device", marks=needs_root)])
def test_tg2_settings_that_are_no_plain_file_are_refused(kind: str, tmp_path: Path) -> None:
    """A FIFO would keep us waiting, a device give without end."""
    plant(tmp_path / "c" / "servers.toml", kind, tmp_path / "victim")

    with pytest.raises(SettingsError, match=r"servers\.toml"):
        load_settings(tmp_path / "c")


def test_tg2_settings_may_be_a_link_to_your_dotfiles(home: Home) -> None:
    path = write_settings(home)
    dotfiles = home.root / "dotfiles"
    dotfiles.mkdir()
    path.rename(dotfiles / "servers.toml")
    path.symlink_to(dotfiles / "servers.toml")

    assert list(load_settings(home.config).servers) == ["s"]


@needs_root
@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o666), lambda path: os.chown(path, SOMEBODY_ELSE, -1)])
def test_tg2_certificates_that_somebody_else_could_have_written_are_not_trusted(
    spoil: Callable[[Path], None], home: Home
) -> None:
    file = private_file(home.root / "ca.pem")
    home.write_settings(f'ca_file = "{file}"\n{OK}')
    spoil(file)

    ran = home.fail("login", "s", code=2)

    assert f"Expected to read {file}" in ran.error


# TG3: modes


def test_tg3_everything_is_private_whatever_the_umask(home: Home, authority: StartAuthority) -> None:
    """
    The umask lets everybody read and write what a program makes.

    Makes files with mode 0600 and directories with 0700 whatever it is, those above, the log and the locks too.
    """
    #
    site = authority()
    use_no_keychain(home)
    home.environ |= {"HANDSTAMP_STATE_DIR": str(home.root / "a" / "b"), "HANDSTAMP_CONFIG_DIR": str(home.root / "c" / "d")}
    with umask(0):
        assert home.run("add", "site", site.server_url).exit_code == 0
        assert home.run("login", "site").exit_code == 0

    made = [path for place in ("a", "c") for path in (home.root / place, *(home.root / place).rglob("*"))]
    assert {"vault.db", "vault.key", "servers.toml", "locks"} <= {path.name for path in made}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()} == {0o600}


def test_tg3_the_files_of_an_open_vault_are_private_too(store: SqliteStore, directory: Path) -> None:
    with umask(0):
        store.save_grant(GRANT)
        with store.lock(KEY):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.rglob("*") if path.is_file()}

    assert {"vault.db", "vault.db-wal", "vault.db-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}


# TG4: swapped between the look and the opening


@pytest.mark.parametrize("connection", [1, 2])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_tg4_a_vault_that_is_swapped_while_it_is_opened_is_let_go(kind: str, connection: int, tmp_path: Path) -> None:
    """
    Between the look at a file and its opening another is put in its place, perhaps by a link.

    Nobody but you and root can do that. What was opened is compared with what was looked at all the same, and let go unread.
    """
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for place, owner in ((ours, "alice"), (theirs, "mallory")):
        with closing(open_store(place)) as store:
            store.save_grant(grant_for(owner=owner))
    before = fingerprint(theirs / "vault.db")

    said = finish(start(SWAP_AT_CONNECT, ours, theirs / "vault.db", kind, connection))

    assert said.startswith("refused:")
    assert fingerprint(theirs / "vault.db" if kind == "link" else ours / "vault.db") == before
    assert list(theirs.glob("vault.db-*")) == []


@pytest.mark.parametrize("name", ["vault.key", "one.lock", "servers.toml"])
def test_tg4_a_link_that_is_put_in_place_of_a_file_as_it_is_opened_is_not_followed(name: str, tmp_path: Path) -> None:
    content = {"vault.key": base64.b64encode(KEY_A), "one.lock": b"", "servers.toml": b""}[name]
    (tmp_path / "ours").mkdir(0o700)
    ours, theirs = private_file(tmp_path / "ours" / name, content), private_file(tmp_path / "theirs", content)

    said = finish(start(SWAP_AT_OPEN, ours.resolve(), theirs))

    assert said.startswith("refused:")


# TG5: rows in other places


@pytest.mark.parametrize(
    "other",
    [
        grant_for(owner="mallory"),
        grant_for(server="https://evil.example/mcp"),
        grant_for(account="work"),
        grant_for(issuer="https://evil-issuer.example"),
    ],
    ids=["owner", "server", "account", "issuer"],
)
def test_tg5_a_row_that_was_copied_to_another_place_does_not_open(store: SqliteStore, directory: Path, other: Grant) -> None:
    """
    A sealed row is copied to another person, server, account or issuer, or an older one is put back.

    What is sealed is bound to its row and does not open elsewhere, nor under a newer number. A whole row that is put back opens:
    where its refresh token is spent, the server refuses it once, and you are asked to sign in.
    """
    store.save_grant(GRANT)
    saved = store.save_grant(other)
    change(directory, "UPDATE grants SET sealed = (SELECT sealed FROM grants WHERE rowid = 1)")

    with pytest.raises(VaultCorrupt) as caught:
        find(store, saved.key)

    assert caught.value.hint == account_hint("logout", server=other.key.server, account=other.key.account)
    assert store.forget_grant(saved.key) is True


def test_tg5_a_row_under_another_name_does_not_open(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    change(directory, "UPDATE grants SET owner = 'mallory'")

    with pytest.raises(VaultCorrupt):
        store.find_grant("mallory", KEY.server, KEY.account)
    assert store.list_grants("mallory") == []


def test_tg5_an_older_generation_under_a_newer_number_does_not_open(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    ((old,),) = ask(directory, "SELECT sealed FROM grants")
    store.save_grant(GRANT)
    change(directory, "UPDATE grants SET sealed = ?", old)

    with pytest.raises(VaultCorrupt):
        find(store)


@pytest.mark.parametrize(
    "statement", ["UPDATE registrations SET owner = 'mallory'", "UPDATE client_secrets SET owner = 'mallory'"]
)
def test_tg5_a_registration_or_a_secret_of_one_person_does_not_open_for_another(
    statement: str, store: SqliteStore, directory: Path
) -> None:
    assert REGISTRATION.client_secret is not None
    store.save_registration("alice", REGISTRATION)
    store.save_client_secret("alice", KEY.server, "client-1", REGISTRATION.client_secret)
    change(directory, statement)

    found = []
    for look in (
        lambda: store.find_registration("mallory", KEY.issuer),
        lambda: store.find_client_secret("mallory", KEY.server, "client-1"),
    ):
        with suppress(VaultCorrupt):
            found.append(look())

    assert found == [None], "one is where it was, the other does not open"


def test_tg5_a_grant_of_the_real_vault_does_not_open_for_another_server(home: Home, authority: StartAuthority) -> None:
    honest, evil = authority(), authority()
    sign_in(home, honest)
    sign_in(home, evil)
    statement = (
        "UPDATE grants SET (generation, sealed) = (SELECT generation, sealed FROM grants WHERE server = ?) WHERE server = ?"
    )
    change(home.state, statement, honest.server_url, evil.server_url)

    ran = home.fail("token", evil.server_url, code=5)

    assert "is not what was written there" in ran.error
    assert home.run("token", honest.server_url).exit_code == 0


def test_tg5_a_whole_row_that_is_put_back_is_refused_by_its_server_once_and_asks_for_a_login(
    machine: Machine, authority: StartAuthority
) -> None:
    """As TE15, where the file was put back by hand."""
    site = authority()
    machine.sign_in(site)
    ((generation, sealed),) = ask(machine.home.state, "SELECT generation, sealed FROM grants")
    machine.clock.move(7200)
    machine.vault().sync.token(site.server_url)
    change(machine.home.state, "UPDATE grants SET generation = ?, sealed = ?", generation, sealed)
    before = site.refreshes

    for _ in range(3):
        with pytest.raises(LoginRequired):
            machine.vault().sync.token(site.server_url)

    assert site.refreshes == before + 1


# TG6: damage


def another_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE grants (owner, server)")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "no database": lambda _: b"no database at all" * 400,
    "cut short": lambda intact: intact[:5000],
    "random": lambda intact: intact[:16] + os.urandom(len(intact) - 16),
    "zeros": lambda intact: bytes(len(intact)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_tg6_a_damaged_vault_is_told_left_as_it_is_and_the_hint_clears_the_way(
    damage: str, home: Home, authority: StartAuthority
) -> None:
    """
    The vault is damaged, cut short, or another program's.

    One error names it, and the command that moves it aside. Nothing is overwritten; a damaged row does not hide its neighbours.
    """
    site = authority()
    sign_in(home, site)
    vault = home.state / "vault.db"
    broken = DAMAGES[damage](vault.read_bytes())
    vault.write_bytes(broken)

    for command in ("token", "login", "logout"):
        ran = home.fail(command, site.server_url, code=5)

    assert vault.read_bytes() == broken
    assert shlex.split(ran.hint) == ["mv", str(vault), f"{vault}.broken"]
    subprocess.run(shlex.split(ran.hint), check=True)
    sign_in(home, site)


def test_tg6_a_flipped_bit_anywhere_is_told_or_changes_nothing(store: SqliteStore, directory: Path) -> None:
    """Never another token, never another error than ours; and no byte of the file is written."""
    saved = store.save_grant(GRANT)
    store.close()
    path = directory / "vault.db"
    intact, told = path.read_bytes(), 0
    for at in range(0, len(intact), 61):
        broken = bytearray(intact)
        broken[at] ^= 1 << at % 8
        path.write_bytes(broken)

        with closing(open_store(directory)) as reopened:
            try:
                assert find(reopened) in (saved, None), at
            except VaultError:
                told += 1

        assert path.read_bytes() == broken, at

    assert told > 10


def test_tg6_another_programs_database_is_refused_and_left_alone(store: SqliteStore, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    path = private_file(directory / "vault.db")
    another_database(path)
    before = fingerprint(path)

    with pytest.raises(VaultCorrupt, match="not a vault of Handstamp"):
        store.save_grant(GRANT)

    assert fingerprint(path) == before


# TG7: a database that brings code along

BURGLARIES = {
    "trigger": "CREATE TRIGGER steal AFTER UPDATE ON grants BEGIN INSERT INTO migrations VALUES (99, 'stolen'); END",
    "view": "CREATE VIEW everything AS SELECT * FROM grants",
    "index": "CREATE INDEX costly ON grants (hex(sealed))",
    "table": "CREATE TABLE loot (sealed)",
    "generated column": "ALTER TABLE grants ADD COLUMN loot AS (hex(sealed))",
    "check": "ALTER TABLE grants ADD COLUMN loot CHECK (length(loot) < 9)",
}

REWORDED = "UPDATE sqlite_master SET sql = 'CREATE TABLE sqlite_stat1(tbl,idx,stat AS (hex(tbl)))' WHERE name = 'sqlite_stat1'"
"""With the name of what SQLite notes for itself, and not its words."""


def steal(directory: Path, *statements: str) -> None:
    """As whoever hands over a vault can prepare it."""
    with closing(sqlite3.connect(directory / "vault.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def attempts(store: SqliteStore) -> list[Callable[[], object]]:
    return [
        lambda: find(store),
        lambda: store.save_grant(GRANT),
        lambda: store.forget_grant(KEY),
        lambda: store.list_keys("alice"),
        store.data_version,
    ]


@pytest.mark.parametrize("kind", BURGLARIES)
def test_tg7_a_vault_that_brings_code_or_anything_else_along_is_not_believed_nor_written_to(
    kind: str, store: SqliteStore, directory: Path
) -> None:
    """
    A database with triggers, views, computed columns or rows without end lies where the vault should, or was handed over as one.

    Opens it for reading first, trusts no function of its schema, and takes only a schema that is ours to the word, SQLite's own
    statistics aside. Anything else is refused, and not a byte of it changed.
    """
    store.save_grant(GRANT)
    store.close()
    steal(directory, BURGLARIES[kind])
    path = directory / "vault.db"
    before = fingerprint(path)

    for attempt in attempts(store):
        with pytest.raises(VaultCorrupt) as caught:
            attempt()
        assert caught.value.hint == f"mv {path} {path}.broken"

    assert fingerprint(path) == before


@pytest.mark.parametrize("statement", ["ANALYZE", "PRAGMA optimize = 0x10002"])
def test_tg7_what_sqlite_notes_for_itself_is_no_damage(statement: str, store: SqliteStore, directory: Path) -> None:
    """A tool that a person opened the vault with may have had it analyzed."""
    saved = store.save_grant(GRANT)
    store.close()
    steal(directory, statement)

    assert find(store) == saved


def test_tg7_nothing_else_passes_under_the_name_of_sqlites_notes(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    store.close()
    steal(directory, "ANALYZE", "PRAGMA writable_schema = ON", REWORDED)

    with pytest.raises(VaultCorrupt, match="sqlite_stat1"):
        find(store)


def test_tg7_a_view_in_the_place_of_a_table_is_not_asked(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    store.close()
    # An attacker's would count without end, and nothing stops SQLite amid a row.
    costly = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) SELECT count(*) - 999 AS schema FROM n"
    steal(directory, "DROP TABLE header", f"CREATE VIEW header AS {costly}")

    with pytest.raises(VaultCorrupt, match="no header"):
        find(store)


def test_tg7_what_stands_in_a_log_beside_the_file_is_judged_too_and_not_folded_in(store: SqliteStore, directory: Path) -> None:
    """A log that was left is part of the database; the last one to close it would write it into the file."""
    origin = directory.with_name("origin")
    with closing(open_store(origin)) as prepared:
        prepared.save_grant(GRANT)
        with closing(sqlite3.connect(origin / "vault.db")) as connection:
            connection.execute(BURGLARIES["trigger"])
            directory.mkdir(0o700)
            for name in ("vault.db", "vault.db-wal"):
                private_file(directory / name, (origin / name).read_bytes())
    files = (directory / "vault.db", directory / "vault.db-wal")
    before = fingerprint(*files)

    for attempt in attempts(store):
        with pytest.raises(VaultCorrupt, match="trigger 'steal'"):
            attempt()
    store.close()

    assert fingerprint(*files) == before


def test_tg7_a_value_that_would_fill_the_memory_is_not_read(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    change(directory, "UPDATE grants SET sealed = zeroblob(8000000)")

    with pytest.raises(VaultCorrupt, match="too big"):
        find(store)


def test_tg7_the_largest_pages_do_no_harm(store: SqliteStore, directory: Path) -> None:
    saved = store.save_grant(GRANT)
    store.close()
    steal(directory, "PRAGMA journal_mode = DELETE", "PRAGMA page_size = 65536", "VACUUM")

    assert find(store) == saved


# TG8: hostile settings

HOSTILE = {
    "a script as the server": '[servers.s]\nurl = "javascript:alert(1)"\n',
    "a file as the server": '[servers.s]\nurl = "file:///etc/passwd"\n',
    "a script as the issuer": f'{OK}issuer = "javascript:alert(1)"\n',
    "a script as the client": f'{OK}client_id_url = "javascript:alert(1)"\n',
    "plain http": f'{OK}issuer = "http://auth.example"\n',
    "a name that climbs": '[servers."../../x"]\nurl = "https://mcp.example/mcp"\n',
    "a name without end": f'[servers.{"s" * 300}]\nurl = "https://mcp.example/mcp"\n',
    "a variable in the address": '[servers.s]\nurl = "https://${env:HANDSTAMP_KEY}.evil.example/"\n',
    "a variable as a secret": f'{OK}client_secret_from = "${{env:HANDSTAMP_KEY}}"\n',
    "a command as a secret": f'{OK}client_secret_from = "$(touch MARKER)"\n',
    "a command": f'{OK}command = "touch"\nargs = ["MARKER"]\n',
    "a header that ends": f'{OK}headers = {{ X = "a\\r\\nAuthorization: b" }}\n',
    "a header of ours": f'{OK}headers = {{ authorization = "Bearer x" }}\n',
    "YAML": "servers:\n  s: !!python/object/apply:os.system ['touch MARKER']\n",
    "JSON": '{"mcpServers": {"s": {"command": "touch", "args": ["MARKER"]}}}',
    "nesting without end": "a = " + "[" * 100_000,
    "tables without end": "a = " + "{a = " * 50_000,
    "a number without end": "a = " + "1" * 5000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_tg8_hostile_settings_are_refused_with_one_error_and_run_nothing(kind: str, home: Home) -> None:
    """
    Settings that somebody else wrote run a command, climb out of a directory, expand a variable, or never end.

    Takes names, https addresses and a fixed list of keys from TOML of at most 256 KiB; runs nothing and expands nothing. There is
    no import of other programs' files yet.
    """
    marker = home.root / "marker"
    path = home.write_settings(HOSTILE[kind].replace("MARKER", str(marker)))

    ran = home.fail("status", code=2)

    assert str(path) in ran.error
    assert len(ran.stderr) < 2000
    assert VAULT_KEY not in ran.stderr
    assert not marker.exists()


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 20_000 + " = 1",
        '"a"' + '."\\u0061"' * 9000 + " = 1",
        "[a" + " . 'a'" * 9000 + "]",
        "x = {" + "a." * 20_000 + "a = 1}",
        'x = {a = """b""""", ' + "a." * 20_000 + 'a = "b"}',
        "x = {a = '''b''''', " + "a." * 20_000 + "a = 'b'}",
        'x = "#"\r\n' + "a." * 20_000 + "a = 1",
    ],
    ids=["bare", "quoted", "table", "inline", "after a text", "after a literal text", "after no comment"],
)
def test_tg8_a_key_without_end_is_refused_before_it_is_read(text: str, home: Home) -> None:
    """Its parser takes the square of a key's length: these would keep it for seconds."""
    home.write_settings(text)

    line = text.count("\n") + 1
    assert f"got one of more than 16 in line {line}." in home.fail("status", code=2).error


@pytest.mark.parametrize(
    "line",
    [
        "# oid {}",
        'scopes = ["{}"]',
        "scopes = [ # {}\n]",
        'client_id = """\n\\"{}"""',
        "client_id = '''\n'{}'''",
        "client_id = '{}'",
    ],
)
def test_tg8_what_looks_like_a_long_key_in_a_comment_or_a_text_is_none(line: str, tmp_path: Path) -> None:
    private_file(tmp_path / "servers.toml", (OK + line.format("1.3.6.1.4.1.311.21.8.1.2.3.4.5.6.7.8.9")).encode())

    assert list(load_settings(tmp_path).servers) == ["s"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ['"', "'", '\\"', "\\'", '"""\\', "'''", '"a".', "a ", "a. ", '""', '"""\\"\n', "'\n", "#", "a.'"]
)
def test_tg8_the_search_for_long_keys_reads_the_largest_file_at_once(piece: str, tmp_path: Path) -> None:
    private_file(tmp_path / "servers.toml", b"x = 1 = " + piece.encode() * (200_000 // len(piece)))
    began = monotonic()

    with pytest.raises(SettingsError):
        load_settings(tmp_path)

    assert monotonic() - began < 5


def test_tg8_a_file_of_a_hundred_megabytes_is_refused_before_it_is_read(home: Home) -> None:
    path = home.write_settings("# ")
    os.truncate(path, 100_000_000)
    program = """
import resource, sys
from handstamp.cli import run
most = 100_000_000 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
code = run(["status"])
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < most
sys.exit(code)
"""

    with home.start_python(program) as running:
        ran = running.finish()

    assert ran.exit_code == 2, ran.stderr
    assert "larger than 256 KiB" in ran.error


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.marker,)


def test_tg8_a_pickle_is_no_settings_file(home: Home) -> None:
    path = home.write_settings("")
    path.write_bytes(pickle.dumps(Bomb(home.root / "marker")))

    home.fail("status", code=2)

    assert not (home.root / "marker").exists()


def test_tg8_a_header_is_sent_as_it_stands_and_expands_nothing(home: Home, authority: StartAuthority) -> None:
    site = authority(Knobs(open_server=True))
    home.write_settings(f'[servers.s]\nurl = "{site.server_url}"\nheaders = {{ X-A = "${{env:HANDSTAMP_KEY}} $HOME `id`" }}\n')

    assert home.run("tools", "s").exit_code in (0, 1)  # without the SDK the tools cannot be listed; the server is asked first

    asked = [seen.headers.get("x-a") for seen in site.log if seen.at == "server"]
    assert asked
    assert set(asked) <= {"${env:HANDSTAMP_KEY} $HOME `id`", None}
    assert VAULT_KEY not in str(site.log)


# TG9: a project's files

PROJECT_FILES = [
    "servers.toml",
    ".handstamp.toml",
    "handstamp.toml",
    "handstamp/servers.toml",
    ".config/handstamp/servers.toml",
    ".mcp.json",
    ".env",
    "pyproject.toml",
    "vault.db",
    "vault.key",
]


def run_in_project(home: Home, project: Path) -> str:
    """What the program says of the project's files that it opened, and three exit codes."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", WATCH_OPENED],
        cwd=project,
        env=home.environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    return done.stdout.splitlines()[-1]


@pytest.fixture
def project(home: Home) -> Path:
    """A directory that somebody else filled, in which you work."""
    directory = home.root / "project"
    for name in PROJECT_FILES:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        private_file(path, b'[servers.s]\nurl = "https://evil.example/mcp"\nissuer = "https://evil.example"\n')
    return directory


def test_tg9_no_file_of_a_project_is_opened(home: Home, project: Path) -> None:
    """
    The files of a project that you work in name other servers, issuers, proxies or keys.

    No file of the current directory is opened: settings come from your own directory, or from one that you named by an absolute
    path.
    """
    assert run_in_project(home, project) == "[] 0 4 2"


@pytest.mark.parametrize(
    "variables",
    [{"XDG_CONFIG_HOME": ".config", "XDG_STATE_HOME": "."}, {"XDG_CONFIG_HOME": "../project", "XDG_STATE_HOME": "../project"}],
)
def test_tg9_a_variable_that_leads_into_the_project_is_passed_over(variables: dict[str, str], home: Home, project: Path) -> None:
    del home.environ["HANDSTAMP_CONFIG_DIR"], home.environ["HANDSTAMP_STATE_DIR"]
    home.environ |= variables

    assert run_in_project(home, project) == "[] 0 4 2"


@pytest.mark.parametrize("variable", ["HANDSTAMP_CONFIG_DIR", "HANDSTAMP_STATE_DIR"])
@pytest.mark.parametrize("value", [".", "handstamp", "../project"])
def test_tg9_a_variable_of_ours_that_is_no_absolute_path_is_refused(variable: str, value: str, home: Home, project: Path) -> None:
    home.environ[variable] = value

    assert run_in_project(home, project).split("] ")[1] == "2 2 2"


@pytest.mark.parametrize(
    "line",
    [
        'ca_file = "ca.pem"',
        'proxy = "file:proxy"',
        f'{OK}headers = {{ X-A = "file:secret" }}',
        'ca_file = "~nobody-at-all/ca.pem"',
    ],
)
def test_tg9_no_file_of_the_current_directory_is_meant_by_your_settings(line: str, home: Home) -> None:
    """A relative path would be another file in each project."""
    home.write_settings(line if line.startswith(OK) else f"{line}\n{OK}")

    ran = home.fail("login", "s", code=2)

    assert "absolute path" in ran.error or "the home of nobody" in ran.error


@pytest.mark.parametrize(
    "line",
    [
        'command = ["./files"]',
        'command = ["bin/files"]',
        "command = ['.\\files.exe']",
        'command = ["files"]\ncwd = "notes"',
        'command = ["files"]\ncwd = ""',
    ],
)
def test_tg9_a_program_of_yours_is_the_same_in_every_directory_and_runs_in_the_same(line: str, home: Home) -> None:
    home.write_settings(f"[servers.files]\n{line}\n")

    ran = home.here("status")

    assert ran.exit_code == 2
    assert "an absolute path, or one from ~" in ran.error


# TG10: nothing stored is code

MODULES = modules()
EVALUATORS = {"compile", "eval", "exec", "__import__"}
UNPICKLERS = {"dill", "marshal", "pickle", "shelve", "yaml"}


def test_tg10_nothing_is_evaluated_or_unpickled() -> None:
    """
    Something that was stored is code when it is read.

    Nothing is unpickled or evaluated anywhere: what is stored is JSON and TOML, and a test looks through every module.
    """
    found: dict[str, list[str]] = {}
    for module, path in zip(MODULES, names_of(MODULES), strict=True):
        names = {
            name.partition(".")[0] for node in ast.walk(module.tree) if isinstance(node, ast.Import) for name in imported(node)
        }
        names |= {(node.module or "").partition(".")[0] for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom)}
        bad = sorted(names & UNPICKLERS) + [
            dotted_name(call.func) for call in calls(module.tree) if dotted_name(call.func) in EVALUATORS
        ]
        if bad:
            found[path] = bad

    assert found == {}


def imported(node: ast.Import) -> list[str]:
    return [alias.name for alias in node.names]


def test_tg10_a_sealed_row_that_is_code_is_not_run(store: SqliteStore, directory: Path, tmp_path: Path) -> None:
    """Sealed with the right key, for its very place: even then it is only read as JSON."""
    saved, marker = store.save_grant(GRANT), tmp_path / "marker"
    place = bind("grants", KEY.owner, KEY.server, KEY.account, KEY.issuer, saved.generation)
    for code in (pickle.dumps(Bomb(marker)), f"__import__('os').mkdir({str(marker)!r})".encode()):
        change(directory, "UPDATE grants SET sealed = ?", seal(KEY_A, place, code))

        with pytest.raises(VaultCorrupt):
            find(store)

        assert not marker.exists()


# TG11: the keychain


def use_keychain(home: Home, name: str) -> None:
    home.environ.pop("HANDSTAMP_KEY", None)
    home.environ["PYTHON_KEYRING_BACKEND"] = f"bad_input.keychains.{name}"
    home.environ[FILE_VARIABLE] = str(home.root / "keychain")


def use_no_keychain(home: Home) -> None:
    home.environ.pop("HANDSTAMP_KEY", None)
    home.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


@pytest.mark.parametrize(("kind", "words"), [("Locked", "is locked"), ("Hanging", "did not answer")])
def test_tg11_a_keychain_that_does_not_open_ends_the_login_before_the_browser_does(
    kind: str, words: str, home: Home, authority: StartAuthority
) -> None:
    """
    The keychain is locked, or hangs, or is gone.

    Waits three seconds and says so. It never falls back to another place for the key in silence; a new vault on a machine that
    has no keychain takes a file that only you can read, and says that.
    """
    site = authority()
    use_keychain(home, kind)
    began = monotonic()

    ran = home.fail("login", site.server_url, code=5)

    assert words in ran.error
    assert monotonic() - began < KEYCHAIN_LIMIT
    assert OPENED_BROWSER not in ran.stderr
    assert not (home.state / "vault.key").exists()
    assert site.requests_to("/authorize") == []


def test_tg11_without_a_keychain_a_new_vault_takes_the_key_file_and_says_so(home: Home, authority: StartAuthority) -> None:
    site = authority()
    use_no_keychain(home)

    ran = home.run("login", site.server_url)

    assert ran.exit_code == 0
    announced = [line for line in ran.stderr.splitlines() if line.startswith("New vault:")]
    assert len(announced) == 1
    assert "vault.key, a file that only you can read" in announced[0]
    assert home.run("token", site.server_url).exit_code == 0


def test_tg11_a_keychain_that_hangs_is_an_error_after_its_time(keychain: Chosen, tmp_path: Path) -> None:
    hanging = HangingKeychain()
    keychain.backend = hanging
    provider = KeychainKey(tmp_path, limit=0.01)

    for use in (provider.is_available, provider.load, provider.create):
        with pytest.raises(KeyUnavailable, match=r"did not answer within 0\.01 seconds"):
            use()

    hanging.person_came.set()
    assert inspect.signature(KeychainKey).parameters["limit"].default == 3.0


def test_tg11_a_new_vault_makes_no_key_file_where_its_keychain_hangs(keychain: Chosen, directory: Path) -> None:
    hanging = HangingKeychain()
    keychain.backend = hanging

    with pytest.raises(KeyUnavailable):
        SqliteStore(directory, [KeychainKey(directory, limit=0.01), FileKey(directory)]).save_grant(GRANT)

    assert not (directory / "vault.key").exists()
    assert not (directory / "vault.db").exists()
    hanging.person_came.set()


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (keyring.errors.KeyringLocked("secret text"), "is locked"),
        (keyring.errors.InitError("secret text"), "InitError"),
        (RuntimeError("secret text"), "RuntimeError"),
    ],
)
def test_tg11_a_keychain_that_fails_is_an_error_and_no_absence(
    failure: Exception, told: str, keychain: Chosen, tmp_path: Path
) -> None:
    keychain.backend = FailingKeychain(failure)
    provider = KeychainKey(tmp_path)

    for use in (provider.is_available, provider.load, provider.create):
        with pytest.raises(KeyUnavailable, match=told) as caught:
            use()
        assert "secret text" not in str(caught.value)


# TG12: what the keychain holds


def test_tg12_a_token_of_any_length_is_kept_and_the_keychain_holds_the_key_alone(home: Home, authority: StartAuthority) -> None:
    """
    A token is longer than an item of the keychain may be: on Windows 2560 bytes.

    The keychain holds the vault's key and nothing else, 44 characters, whatever is stored.
    """
    token = "a" * 20_000
    answer = {"access_token": token, "refresh_token": "r" * 20_000, "token_type": "Bearer", "expires_in": 3600}
    site = authority(Knobs(token_body=json.dumps(answer).encode()))
    use_keychain(home, "Working")

    sign_in(home, site)

    assert home.run("token", site.server_url).stdout == token + "\n"
    (item,) = json.loads((home.root / "keychain").read_text()).values()
    assert len(base64.b64decode(item)) == 32
    assert b"aaaaaaaa" not in contents(home.state)


# TG13: copies


@needs_proc
def test_tg13_the_program_leaves_no_core_dump(home: Home, authority: StartAuthority) -> None:
    """
    Copies are made of what is on disk or in memory: backups, core dumps, the environment of a child.

    What is on disk is sealed in every copy, and a new directory tells backup programs to leave it out. `handstamp` leaves no core
    dump, and a browser that it starts gets no `HANDSTAMP_…` variable. Memory that is swapped out is not guarded.
    """
    site = authority()
    with core_dumps(), waiting_login(home, site) as running:
        limits = Path(f"/proc/{running.process.pid}/limits").read_text().splitlines()

    (core,) = [line.split() for line in limits if line.startswith("Max core file size")]
    assert core[4] == "0"


@contextmanager
def core_dumps() -> Generator[None]:
    """Allowed to this process and to those that it starts."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] == 0:
        pytest.skip("no program may leave a core dump here")
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def test_tg13_the_library_leaves_a_programs_limits_alone(home: Home, authority: StartAuthority) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)

    with home.vault() as vault:
        vault.sync.login(authority().server_url, browser=FormBrowser())

    assert resource.getrlimit(resource.RLIMIT_CORE) == before


def test_tg13_the_browser_gets_no_secret_in_its_arguments_or_its_environment(home: Home, authority: StartAuthority) -> None:
    site = authority()
    seen, browser = home.root / "seen", home.root / "curious"
    visitor = f'{shlex.quote(sys.executable)} -m handstamp.demo.visitor "$@"'
    browser.write_text(f'#!/bin/sh\n{{ env; printf "%s\\n" "$@"; }} > {shlex.quote(str(seen))}\nexec {visitor}\n')
    browser.chmod(0o755)
    home.environ["BROWSER"] = str(browser)

    sign_in(home, site)

    said = seen.read_text()
    assert VAULT_KEY not in said
    assert "HANDSTAMP_" not in said
    assert "code_verifier" not in said
    assert not [secret for secret in secrets_of(site) if secret in said]


def secrets_of(site: Authority) -> set[str]:
    """The code and its verifier, and the tokens that were sent back; those that were only given are in the answers."""
    forms = site.token_requests
    return {form[name] for form in forms for name in ("code", "code_verifier", "refresh_token") if name in form}


def test_tg13_backup_programs_are_told_to_leave_a_new_directory_out(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)

    assert (directory / "CACHEDIR.TAG").read_bytes().startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


def test_tg13_a_directory_that_was_there_before_is_backed_up_as_before(store: SqliteStore, directory: Path) -> None:
    """It may hold other things."""
    directory.mkdir(0o700)
    (directory / "other").touch()

    store.save_grant(GRANT)

    assert not (directory / "CACHEDIR.TAG").exists()


# TG14: arguments, environments, histories

PLACES = ("client_secret_from", "private_key_from", "assertion_from")
SECRETIVE = ("secret", "token", "password", "key", "code", "verifier", "assertion")


def test_tg14_no_argument_of_any_command_takes_a_secret() -> None:
    """
    A secret shows in the list of processes, in an environment, or in a shell's history.

    No argument is made for one: a secret comes from a prompt, a file or a variable that you name, and one that was typed in the
    place of that name is refused and not repeated.
    """
    group = command_line()
    with click.Context(group) as context:
        parameters = {
            f"{name} {parameter.name}"
            for name in group.list_commands(context)
            if (command := group.get_command(context, name)) is not None
            for parameter in getattr(command, "load", lambda found=command: found)().params
        }

    assert len(parameters) > 20
    secretive = {each for each in parameters if any(word in each.partition(" ")[2] for word in SECRETIVE)}
    assert secretive == {f"add {option}" for option in PLACES}, "each needs a test that what is no place is refused"


@pytest.mark.parametrize("option", PLACES)
@pytest.mark.parametrize("typed", ["hunter2", "env:", "file:", "vault", "env", "prompt:hunter2", ""])
def test_tg14_a_secret_that_is_typed_in_the_place_of_its_place_is_refused_and_not_repeated(
    typed: str, option: str, home: Home
) -> None:
    named = f"--{option.replace('_', '-')}"
    ran = home.fail("add", "s", "https://mcp.example/mcp", "--client-id", "me", named, typed, code=2)

    assert "hunter2" not in ran.stderr
    assert not home.config.exists()


def test_tg14_a_secret_that_stands_in_the_settings_in_the_place_of_its_place_is_not_repeated(home: Home) -> None:
    home.write_settings(f'{OK}client_id = "x"\nclient_secret_from = "hunter2"\n')

    ran = home.fail("status", code=2)

    assert "hunter2" not in ran.stderr


@contextmanager
def waiting_login(home: Home, site: Authority) -> Generator[Running]:
    """A login that waits for its person."""
    with home.start("login", site.server_url, "--no-browser") as running:
        running.wait_for("http")
        yield running


@needs_proc
def test_tg14_nobody_reads_a_secret_in_the_list_of_processes(home: Home, authority: StartAuthority) -> None:
    """While a login waits, with a client secret from a file and the vault's key in another."""
    site = authority(Knobs(clients={"mine": "a-client-secret"}, auth_methods=("client_secret_post",)))
    secret = private_file(home.root / "secret", b"a-client-secret")
    home.name("s", site.server_url, client_id="mine", client_secret_from=f"file:{secret}", issuer=site.issuer)
    use_no_keychain(home)
    with home.start("login", "s", "--no-browser") as running:
        link = running.wait_for("code_challenge=")
        place = Path(f"/proc/{running.process.pid}")
        shown = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        FormBrowser().open(link.split()[-1])
        ran = running.finish()

    assert ran.exit_code == 0, ran.stderr
    key = (home.state / "vault.key").read_bytes().strip()
    (form,) = site.token_requests
    assert form["client_secret"] == "a-client-secret"
    for hidden in (b"a-client-secret", key, form["code"].encode(), form["code_verifier"].encode()):
        assert hidden not in shown


# TG15: leftovers


def test_tg15_a_vault_whose_making_was_killed_at_any_step_is_made_by_the_next_program_and_nothing_is_left(tmp_path: Path) -> None:
    """
    A program is killed while it writes, and leaves half of a file, or a copy of a token.

    What is whole replaces what was before in one step; the next program takes up or sweeps away what a killed one left. No file
    outside of the vault ever holds a token.
    """
    killed = int(finish(start(KILL_AT_EACH_STEP, tmp_path)))

    assert killed > 10
    for number in range(1, killed + 1):
        directory = tmp_path / str(number)
        with closing(SqliteStore(directory, [FileKey(directory)])) as store:
            store.save_grant(GRANT)
            assert find(store) is not None, number
        left = {path.name for path in directory.iterdir()}
        assert left - {"CACHEDIR.TAG"} == {"vault.db", "vault.key", "locks"}, number
        assert not [secret for secret in SECRETS if secret.encode() in contents(directory)]


def test_tg15_a_program_that_is_killed_amid_a_write_leaves_what_was_before_it(store: SqliteStore, directory: Path) -> None:
    process = start(KILL_AMID_A_WRITE, directory)
    process.communicate()
    assert process.returncode == -signal.SIGKILL

    found = find(store)
    store.close()

    assert found is not None
    assert (found.generation, found.token.access_token.reveal()) == (1, ACCESS_TOKEN)
    assert {path.name for path in directory.iterdir()} == {"CACHEDIR.TAG", "vault.db", "locks"}


def test_tg15_an_edit_of_the_settings_that_is_killed_changes_nothing_and_is_swept_away_later(home: Home) -> None:
    path = write_settings(home)
    path.chmod(0o600)
    before = path.read_bytes()
    with home.start_python(KILL_AT_RENAME) as running:
        assert running.finish().exit_code == -signal.SIGKILL
    (draft,) = home.config.glob(".servers.toml.*")
    yours = private_file(home.config / ".servers.toml.swp")  # an editor's

    assert path.read_bytes() == before
    assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    for each in (draft, yours):
        os.utime(each, (0, 0))
    assert home.run("add", "other", "https://other.example/mcp").exit_code == 0
    assert {each.name for each in home.config.iterdir()} == {"servers.toml", ".servers.toml.swp"}


def test_tg15_another_edits_draft_that_goes_while_we_sweep_is_no_failure(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.config.mkdir()
    draft, look = private_file(home.config / ".servers.toml.1"), Path.lstat

    def end_the_other_edit(path: Path) -> os.stat_result:
        if path == draft:
            path.unlink()
        return look(path)

    monkeypatch.setattr(Path, "lstat", end_the_other_edit)

    add_server(load_settings(home.config), ServerSettings("s", "https://mcp.example/mcp"))

    assert [each.name for each in home.config.iterdir()] == ["servers.toml"]


def test_tg15_a_draft_is_never_written_through_a_link(home: Home) -> None:
    """Whoever guesses its name cannot have it written elsewhere."""
    write_settings(home)
    victim = private_file(home.root / "victim", b"victim")
    program = f"""
import os
from pathlib import Path
draft = Path({str(home.config)!r}, f".servers.toml.{{os.getpid()}}")
draft.symlink_to({str(victim)!r})
from handstamp.cli import run
print(run(["add", "new", "https://new.example/mcp"]))
"""

    with home.start_python(program) as running:
        ran = running.finish()

    assert ran.stdout == "0\n"
    assert victim.read_bytes() == b"victim"
    assert not (home.config / "servers.toml").is_symlink()


# TG16: forgetting


def pieces(sealed: object) -> list[bytes]:
    assert isinstance(sealed, bytes)
    return [sealed[at : at + 16] for at in range(0, len(sealed) - 16, 16)]


def test_tg16_no_byte_of_a_sign_in_is_left_in_any_file_after_logout(home: Home, authority: StartAuthority) -> None:
    """
    After you sign out, the grant is still in the file, or in its log.

    Tells the server to revoke it, overwrites it and empties the log: no byte of it is left in any file. Copies that were made
    before are beyond reach, and sealed.
    """
    site = authority()
    sign_in(home, site)
    assert home.run("token", site.server_url).exit_code == 0
    ((sealed,),) = ask(home.state, "SELECT sealed FROM grants")
    assert pieces(sealed)[0] in contents(home.state)

    assert home.run("logout", site.server_url).exit_code == 0

    left = contents(home.state)
    assert not [piece for piece in pieces(sealed) if piece in left]
    assert site.server_url.encode() not in left
    assert len(site.requests_to("/revoke")) == 1


def test_tg16_nor_of_what_was_there_before_a_refresh(store: SqliteStore, directory: Path) -> None:
    """A-105."""
    saved = store.save_grant(GRANT)
    ((first,),) = ask(directory, "SELECT sealed FROM grants")
    assert store.replace_grant(with_access_token(saved, "renewed")) is not None
    ((second,),) = ask(directory, "SELECT sealed FROM grants")

    store.forget_grant(KEY)

    left = contents(directory)
    assert not [piece for piece in pieces(first) + pieces(second) if piece in left]
    assert (directory / "vault.db-wal").stat().st_size == 0


def test_tg16_nor_of_a_client_secret_and_a_registration(store: SqliteStore, directory: Path) -> None:
    assert REGISTRATION.client_secret is not None
    store.save_client_secret("alice", KEY.server, "client-1", REGISTRATION.client_secret)
    store.save_registration("alice", REGISTRATION)
    rows = ask(directory, "SELECT sealed FROM client_secrets UNION SELECT sealed FROM registrations")

    store.forget_client_secrets("alice", KEY.server)
    store.forget_registration("alice", KEY.issuer)

    left = contents(directory)
    assert len(rows) == 2
    assert not [piece for (sealed,) in rows for piece in pieces(sealed) if piece in left]


def test_tg16_nor_in_the_clear_after_a_restore_and_sealed_only_in_what_was_kept(
    store: SqliteStore, directory: Path, tmp_path: Path
) -> None:
    store.save_grant(GRANT)
    back_up(store.database, tmp_path / "one.db", lambda done, total: None)
    store.save_grant(with_access_token(GRANT, "the-former-access-token"))
    store.save_grant(grant_for(account="former"))
    former = [piece for (sealed,) in ask(directory, "SELECT sealed FROM grants") for piece in pieces(sealed)]

    contents_of_backup = read_backup(tmp_path / "one.db", [HeldKey()], lambda done, total: None)
    kept = restore(store, contents_of_backup, now=time(), progress=lambda done, total: None)

    assert kept is not None
    kept_content = kept.read_bytes()
    kept.unlink()
    left = contents(directory)
    assert all(piece in kept_content for piece in former)
    assert not [piece for piece in former if piece in left]
    assert not [secret for secret in (*SECRETS, "the-former-access-token") if secret.encode() in left + kept_content]


def test_tg16_nor_after_a_sign_out_and_a_check(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    ((sealed,),) = ask(directory, "SELECT sealed FROM grants")
    list(check_vault(directory, [HeldKey()], lambda done, total: None))
    store.forget_grant(KEY)

    list(check_vault(directory, [HeldKey()], lambda done, total: None))

    left = contents(directory)
    assert not [piece for piece in pieces(sealed) if piece in left]
    assert not [secret for secret in SECRETS if secret.encode() in left]


def test_tg16_a_reader_in_the_way_is_told_and_a_repeat_finishes(store: SqliteStore, directory: Path) -> None:
    store.save_grant(GRANT)
    impatient = open_store(directory, patience=0.001)
    with closing(sqlite3.connect(directory / "vault.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM grants").fetchall()

        with pytest.raises(VaultLocked) as caught:
            impatient.forget_grant(KEY)

        assert caught.value.hint == f"handstamp logout {KEY.server}"
        assert find(impatient) is None

    assert impatient.forget_grant(KEY) is False
    assert (directory / "vault.db-wal").stat().st_size == 0
    impatient.close()


# TG17: locks and forks


def is_held(path: Path) -> bool:
    """Asks the kernel, without waiting; what it gives is let go at once."""
    import fcntl

    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_tg17_a_waiter_gets_the_lock_when_its_holder_is_killed(tmp_path: Path) -> None:
    """
    A lock outlives its holder, a process number is used again, a program forks while the vault is open.

    Locks are the kernel's and die with their holder; what stands in a lock file means nothing. A forked program opens the vault
    anew, and neither uses nor closes what is its parent's.
    """
    path = tmp_path / "locks" / "one.lock"
    holder = start(HOLD, path)
    assert read_line(holder) == "held"
    waiter = start('print("waiting", flush=True)\n' + HOLD, path)
    assert read_line(waiter) == "waiting"

    holder.kill()
    holder.communicate()

    assert read_line(waiter) == "held"
    finish(waiter, "let go\n")


def test_tg17_a_lock_file_that_was_left_with_a_process_number_in_it_means_nothing(store: SqliteStore, directory: Path) -> None:
    path = store.lock_path(KEY)
    path.parent.mkdir(mode=0o700, parents=True)
    private_file(path, f"{os.getpid()}\n".encode())

    with store.lock(KEY):
        assert is_held(path)


def test_tg17_a_forked_child_does_not_keep_its_dead_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one.lock"
    parent = start(FORK_WITH_A_LOCK, path)
    assert read_line(parent) == "alive"
    assert is_held(path)

    parent.kill()
    parent.wait()

    assert not is_held(path)
    parent.communicate("end\n")


def test_tg17_a_forked_child_opens_its_own_connection_and_leaves_the_parents(store: SqliteStore, directory: Path) -> None:
    finish(start(FORK_WITH_A_VAULT, directory))

    found = find(store)
    assert found is not None
    assert found.generation == 3
    assert ask(directory, "PRAGMA integrity_check") == [("ok",)]


# TG18: file systems of the network


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/.local/state/handstamp", "nfs4"),
        ("/home/me/local/state", "btrfs"),
        ("/homes/me", "ext4"),
        ("/mnt/old/state", "nfs"),
        ("/mnt/share/state", "cifs"),
        ("/mnt/windows", "smb3"),
        ("/mnt/far away/state", "fuse.sshfs"),
        ("/mnt/c/Users/me/state", "drvfs"),
        ("/mnt/d/state", "drvfs"),
        ("/mnt/e/state", "drvfs"),
        ("/mnt/f/state", "drvfs"),
        ("/shared/state", "9p"),
        ("/container/state", "overlay"),
        ("/volume/state", "virtiofs"),
        ("/covered/state", "tmpfs"),
        ("/run/user/1000/state", "tmpfs"),
        ("/srv/ada/.local/state/handstamp", "ext4"),
    ],
)
def test_tg18_the_file_system_of_a_directory_is_found(path: str, kind: str) -> None:
    """
    The directory is on a network, or on one of Windows' own disks below Linux, where locks hold for one machine alone.

    On Linux the type of the mount tells, and the vault is refused there; the error names HANDSTAMP_STATE_DIR. Containers' own
    kinds of disks are taken.
    """
    found = find_file_system(MOUNTINFO, path)

    assert found == kind
    assert is_on_network(found) == (kind in ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "drvfs"))


def test_tg18_where_nothing_tells_nothing_is_refused() -> None:
    assert not is_on_network(find_file_system("", "/home/me"))


UNSHARED = 'mount --bind "$1" /proc/$$/mountinfo || exit 77; shift; exec "$@"'
"""Runs a program in a mount namespace in which the kernel's list of mounts says what a file says."""


@pytest.mark.skipif(sys.platform != "linux", reason="mount namespaces are Linux's")
@pytest.mark.parametrize(("kind", "code"), [("nfs4", 5), ("fuse.sshfs", 5), ("ext4", 0)])
def test_tg18_a_vault_on_a_network_is_refused_by_the_real_command(
    kind: str, code: int, home: Home, authority: StartAuthority
) -> None:
    site = authority()
    lie = private_file(
        home.root / "mountinfo", f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {home.root} rw - {kind} x rw\n".encode()
    )
    program = [sys.executable, "-m", "handstamp", "login", site.server_url]
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]

    done = subprocess.run(
        [*unshare, "sh", "-c", UNSHARED, "sh", str(lie), *program],
        env=home.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    if done.returncode in (1, 77) or not shutil.which("unshare"):
        pytest.skip(f"no mount namespaces here: {done.stderr.strip()}")
    assert done.returncode == code, done.stderr
    assert ("HANDSTAMP_STATE_DIR" in done.stderr) == (code == 5)
    assert (home.state / "vault.db").exists() == (code == 0)


# TG19: versions


def test_tg19_a_vault_of_a_newer_version_is_refused_and_nothing_is_written(home: Home, authority: StartAuthority) -> None:
    """
    An older version runs beside a newer one that has changed the vault.

    The vault's header tells its schema. An older program refuses before it writes anything, also one that was running when the
    newer one came; the newer one brings an older vault forward in one step.
    """
    site = authority()
    sign_in(home, site)
    steal(
        home.state, "UPDATE header SET schema = 99", "CREATE TABLE of_the_future (x)", "CREATE INDEX later ON of_the_future (x)"
    )
    before = fingerprint(home.state / "vault.db")

    for command in ("token", "login", "logout", "headers"):
        ran = home.fail(command, site.server_url, code=5)
        assert "has schema 99" in ran.error

    assert fingerprint(home.state / "vault.db") == before


def test_tg19_a_program_that_was_running_does_not_write_into_a_vault_that_was_changed(
    store: SqliteStore, directory: Path
) -> None:
    saved = store.save_grant(GRANT)
    change(directory, "UPDATE header SET schema = 99")
    before = fingerprint(directory / "vault.db")

    for use in (lambda: find(store), lambda: store.list_grants("alice"), lambda: store.replace_grant(saved)):
        with pytest.raises(VaultError, match="has schema 99"):
            use()

    assert fingerprint(directory / "vault.db") == before


def test_tg19_an_old_program_beside_a_newer_one_is_refused_and_neither_loses_anything(directory: Path) -> None:
    old = start(OLD_PROGRAM, directory)
    assert read_line(old) == "saved 1"

    newer = finish(start(NEWER_PROGRAM, directory))
    said = finish(old, "\n")

    assert newer == "read 1\nsaved 2\n"
    assert said.splitlines() == ["VaultError", "VaultError", "VaultError", "VaultError"]
    assert ask(directory, "SELECT generation, colour FROM grants") == [(2, None)]


def test_tg19_a_refresh_that_is_under_way_in_an_old_program_is_stored_before_a_newer_one_changes_the_vault(
    directory: Path,
) -> None:
    """Its refresh token is spent: nobody else knows the new one."""
    old = start(OLD_REFRESH, directory)
    assert read_line(old) == "sent"
    newer = start('print("here", flush=True)\n' + NEWER_PROGRAM, directory)
    assert read_line(newer) == "here"
    with pytest.raises(subprocess.TimeoutExpired):
        newer.wait(0.3)
    assert ask(directory, "SELECT schema FROM header") == [(1,)]

    assert finish(old, "answer\n") == "stored 2\n"

    assert finish(newer) == "read 2\nsaved 3\n"


def test_tg19_a_newer_program_that_is_killed_amid_its_change_leaves_the_vault_to_both(
    store: SqliteStore, directory: Path
) -> None:
    saved = store.save_grant(GRANT)
    killed = start(KILL_AMID_A_MIGRATION, directory)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL

    assert find(store) == saved
    assert ask(directory, "PRAGMA integrity_check") == [("ok",)]
    assert finish(start(NEWER_PROGRAM, directory)) == "read 1\nsaved 2\n"


# TG20: the key's provider


def test_tg20_another_provider_or_key_is_refused_and_the_vault_stays_as_it_is(home: Home, authority: StartAuthority) -> None:
    """
    Somebody exchanges the vault's key, or the place where it comes from.

    The vault's header names the provider and which of its places, with a check that only the right key opens. That provider alone
    is asked; anything else is an error, and the vault stays as it is. Only `handstamp vault rekey` gives it another key.
    """
    site = authority()
    sign_in(home, site)
    before = fingerprint(home.state / "vault.db")
    private_file(home.state / "vault.key", base64.b64encode(KEY_B))

    for environ in ({"HANDSTAMP_KEY": base64.b64encode(KEY_B).decode()}, {}):
        if not environ:
            use_no_keychain(home)
        for command in ("token", "login", "logout"):
            ran = home.fail(command, site.server_url, code=5, environ=environ)
            assert "environment" in ran.error

    assert fingerprint(home.state / "vault.db") == before
    assert home.run("token", site.server_url, environ={"HANDSTAMP_KEY": VAULT_KEY}).exit_code == 0


def test_tg20_a_header_that_names_another_provider_does_not_pass(home: Home, authority: StartAuthority) -> None:
    """Not even where that provider gives the very same key."""
    site = authority()
    sign_in(home, site)
    private_file(home.state / "vault.key", VAULT_KEY.encode())
    change(home.state, "UPDATE header SET key_provider = 'file'")

    ran = home.fail("token", site.server_url, code=5)

    assert "another key" in ran.error


@pytest.mark.parametrize(
    ("provider", "what_came"),
    [
        (HeldKey(None, name="keychain"), "PYTHON_KEYRING_BACKEND names that"),
        (HeldKey(KEY_B, name="keychain"), "gives another key"),
        (SilentKey(), "did not answer within 3 seconds"),
        (HeldKey(KEY_A, name="environment"), "not set up in this program"),
    ],
    ids=["missing", "wrong", "hanging", "unknown"],
)
def test_tg20_a_provider_that_fails_is_named_and_no_other_is_asked(
    directory: Path, provider: HeldKey | SilentKey, what_came: str
) -> None:
    with closing(SqliteStore(directory, [HeldKey(name="keychain")])) as store:
        store.save_grant(GRANT)
    others = HeldKey(KEY_A, name="file")
    before = fingerprint(directory / "vault.db")
    reopened = SqliteStore(directory, [others, provider])

    with pytest.raises(KeyUnavailable, match="keychain") as read:
        find(reopened)
    with pytest.raises(KeyUnavailable, match="keychain") as written:
        reopened.save_grant(GRANT)

    assert what_came in read.value.message
    assert what_came in written.value.message

    assert others.loads == 0
    assert fingerprint(directory / "vault.db") == before


@pytest.mark.parametrize("pinned", ["environment", "systemd", "passphrase", "keychain", "file"])
@pytest.mark.parametrize("rekeyed", [False, True])
def test_tg20_a_vault_whose_provider_vanishes_is_opened_with_no_other(
    pinned: str, rekeyed: bool, keychain: Chosen, directory: Path, tmp_path: Path
) -> None:
    keys = {"handstamp.key": KEY_A, "handstamp.new-key": KEY_B, "HANDSTAMP_KEY": KEY_A, "HANDSTAMP_NEW_KEY": KEY_B}
    texts = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    for name in ("handstamp.key", "handstamp.new-key"):
        private_file(tmp_path / name, texts[name].encode())
    everything = {
        "environment": {name: texts[name] for name in ("HANDSTAMP_KEY", "HANDSTAMP_NEW_KEY")},
        "systemd": {"CREDENTIALS_DIRECTORY": str(tmp_path)},
        "passphrase": {"HANDSTAMP_PASSPHRASE": "correct horse", "HANDSTAMP_NEW_PASSPHRASE": "battery staple"},
    }
    with closing(SqliteStore(directory, provider_of(pinned, directory, everything))) as store:
        store.save_grant(GRANT)
        if rekeyed:
            store.rekey()
    others = {name: value for place, environ in everything.items() if place != pinned for name, value in environ.items()}
    if pinned == "keychain":
        keychain.backend = NoKeychain()
    for path in directory.glob("vault*.key"):
        path.unlink()
    before = fingerprint(directory / "vault.db")

    with closing(SqliteStore(directory, StandardProviders(directory, others))) as bereft:
        for use in (lambda: find(bereft), lambda: bereft.save_grant(GRANT), lambda: bereft.rekey("file")):
            with pytest.raises(KeyUnavailable, match=f"key provider, {pinned}"):
                use()

    assert fingerprint(directory / "vault.db") == before
    assert not list(directory.glob("vault*.key"))


def provider_of(name: str, directory: Path, everything: dict[str, dict[str, str]]) -> list[KeyProvider]:
    environ = {key: value for environ in everything.values() for key, value in environ.items()}
    cheap = PassphraseKey(environ, None, costs=(Cost(14, 1),))
    return [each for each in (cheap, *StandardProviders(directory, environ)) if each.name == name][:1]


@pytest.mark.usefixtures("keychain")
def test_tg20_a_variable_that_is_set_later_does_not_replace_the_keychain(directory: Path) -> None:
    with closing(SqliteStore(directory, StandardProviders(directory, {}))) as store:
        saved = store.save_grant(GRANT)
    environ = {"HANDSTAMP_KEY": base64.b64encode(KEY_A).decode()}

    with closing(SqliteStore(directory, StandardProviders(directory, environ))) as again:
        assert find(again) == saved


# TG21: names that climb

NAMES = ["../../x", "/etc/passwd", "nul\0byte", "CON", "a" * 300, "..", "", "~", "ü\u202e", "a\nb"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["owner", "server", "account", "issuer"])
def test_tg21_no_name_becomes_the_name_of_a_file(part: str, name: str, store: SqliteStore, directory: Path) -> None:
    """
    The name of a server, a person or an account climbs through directories, or is none that a file can have.

    Files that belong to a name are called by its hash.
    """
    grant = replace(GRANT, key=replace(KEY, **{part: name}))

    with store.lock(grant.key):
        saved = store.save_grant(grant)

    assert find(store, saved.key) == saved
    files = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}
    hashed = {file for file in files if len(Path(file).stem) == 64 and set(Path(file).stem) <= set("0123456789abcdef")}
    assert len(hashed) == 1
    assert files - hashed <= {
        "vault.db",
        "vault.db-wal",
        "vault.db-shm",
        "CACHEDIR.TAG",
        "locks/gate.lock",
        "locks/vault.lock",
        "locks/whole.lock",
    }


def test_tg21_an_account_that_climbs_works_by_the_real_command(home: Home, authority: StartAuthority) -> None:
    site = authority()

    assert home.run("login", site.server_url, "--account", "../../../climbed").exit_code == 0

    assert home.run("token", site.server_url, "--account", "../../../climbed").exit_code == 0
    assert not list(home.root.parent.rglob("*climbed*"))


@pytest.mark.parametrize("name", ["../../x", "..", "a/b", "a" * 65, "", "-x", "ü"])
def test_tg21_no_server_is_given_such_a_name(name: str, home: Home) -> None:
    home.fail("add", "--", name, "https://mcp.example/mcp", code=2)


# TG22: a lock that is never let go


class PatientLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock a test moves."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


@contextmanager
def holder_of(path: Path) -> Generator[None]:
    """Another program of yours that holds the lock and does nothing."""
    holder = start(HOLD, path)
    try:
        assert read_line(holder) == "held"
        yield
    finally:
        finish(holder, "let go\n")


def lock_of(machine: Machine, site: Authority) -> Path:
    store = machine.vault()._parts.store
    assert isinstance(store, SqliteStore)
    return store.lock_path(machine.stored(site).key)


def test_tg22_a_good_token_is_handed_out_while_somebody_holds_the_lock(machine: Machine, authority: StartAuthority) -> None:
    """
    Another program of yours takes the lock of a grant, or stops while it has it, and never lets go.

    Reading needs no lock: a good token is handed out. Whoever needs a new one waits for a minute and gets an error.
    """
    site = authority()
    machine.sign_in(site)

    with holder_of(lock_of(machine, site)):
        assert machine.home.run("token", site.server_url).exit_code == 0
        assert machine.home.run("status").exit_code == 0


def test_tg22_whoever_needs_a_new_one_gets_an_error_at_the_deadline(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    machine.sign_in(site)
    machine.clock.move(7200)
    vault, loop = machine.vault(), PatientLoop()

    async def wait_in_vain() -> None:
        task = asyncio.ensure_future(vault.token(site.server_url))
        for seconds in (0, 59):
            loop.ahead = seconds
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not task.done()
        loop.ahead = 61
        with pytest.raises(TimedOut):
            await task

    with holder_of(lock_of(machine, site)), asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(wait_in_vain())

    assert site.refreshes == 0
