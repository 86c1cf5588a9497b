"""
The key in a real keychain: gnome-keyring, on a session bus of the test's own.

Needs Linux, `dbus-run-session` and `gnome-keyring-daemon`. No display: a keychain that is locked cannot ask anybody.
"""

import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from commands import Home
from handstamp.stores.keys import StandardProviders
from handstamp.stores.sqlite import SqliteStore
from requires import missing, require
from stores.processes import finish, start
from stores.samples import GRANT, KEY

if sys.platform != "linux":
    missing("the Secret Service is Linux's")

SESSION = """
printf 'the login password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \\
    string:org.freedesktop.secrets | grep -q true; do :; done
echo "$DBUS_SESSION_BUS_ADDRESS"
read -r line
"""
"""Tells where the bus is as soon as the keychain answers there. Both end with it, when its stdin does."""

READ = """
import os, sys
from pathlib import Path
from handstamp.stores.keys import StandardProviders
from handstamp.stores.sqlite import SqliteStore
from stores.samples import KEY
directory = Path(sys.argv[1])
store = SqliteStore(directory, StandardProviders(directory, {}))
grant = store.find_grant(KEY.owner, KEY.server, KEY.account)
print(store.describe_key(), grant is not None)
store.close()
"""


class Desktop:
    """A session with a keychain that the person has unlocked, and their vault."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def open(self) -> SqliteStore:
        return SqliteStore(self.home.state, StandardProviders(self.home.state, {}))

    @property
    def items(self) -> list[str]:
        """The names of ours in the keychain."""
        with self._collection() as collection:
            return sorted(item.get_attributes()["username"] for item in collection.search_items({"service": "handstamp"}))

    def lock(self) -> None:
        with self._collection() as collection:
            collection.lock()
            assert collection.is_locked()

    @contextmanager
    def _collection(self) -> Generator[Any]:
        import secretstorage

        with closing(secretstorage.dbus_init()) as connection:
            yield secretstorage.get_default_collection(connection)


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    session, _ = require("dbus-run-session"), require("gnome-keyring-daemon")
    home = Home(tmp_path)
    runtime = tmp_path / "run"
    runtime.mkdir(0o700)
    for name in ("HANDSTAMP_KEY", "PYTHON_KEYRING_BACKEND"):
        home.environ.pop(name)
        monkeypatch.delenv(name, raising=False)
    home.environ |= {"XDG_RUNTIME_DIR": str(runtime), "XDG_DATA_HOME": str(tmp_path / "data")}
    # keyring leaves its connection to the bus open where the keychain is locked.
    home.environ["PYTHONWARNINGS"] = "error,ignore::ResourceWarning"
    running = subprocess.Popen(
        [session, "--", "sh", "-c", SESSION],
        env={**home.environ, "DBUS_SESSION_BUS_ADDRESS": "", "DISPLAY": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        address = running.stdout.readline().strip()
        assert address, "expected a session bus with a keychain"
        for name, value in {"DBUS_SESSION_BUS_ADDRESS": address, "XDG_CONFIG_HOME": str(home.config)}.items():
            home.environ[name] = value
            monkeypatch.setenv(name, value)
        yield Desktop(home)
    finally:
        running.communicate()


def test_a_vault_lives_with_its_key_in_the_secret_service_and_gets_a_new_one_there(desktop: Desktop) -> None:
    """TG11, TG12."""
    with closing(desktop.open()) as store:
        saved = store.save_grant(GRANT)
        assert finish(start(READ, desktop.home.state)) == "the system keychain True\n"
        (first,) = desktop.items

        store.rekey()

        (second,) = desktop.items
        assert second.startswith(f"{first}-")
        assert store.find_grant(KEY.owner, KEY.server, KEY.account) == saved
    assert finish(start(READ, desktop.home.state)) == "the system keychain True\n"
    assert not list(desktop.home.state.glob("*.key"))


def test_a_locked_one_and_none_at_all_are_errors_in_time_and_the_vault_is_unharmed(desktop: Desktop) -> None:
    """TG11, TG20: never another provider."""
    with closing(desktop.open()) as store:
        store.save_grant(GRANT)
    before = (desktop.home.state / "vault.db").read_bytes()
    desktop.lock()
    began = monotonic()

    locked = desktop.home.fail("status", code=5)
    refused = desktop.home.fail("vault", "rekey", "--to", "file", "--yes", code=5)
    gone = desktop.home.fail("status", code=5, environ={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"})

    assert monotonic() - began < 20
    assert "is locked" in locked.error
    assert "is locked" in refused.error
    assert "keychain" in gone.error
    assert (desktop.home.state / "vault.db").read_bytes() == before
    assert not list(desktop.home.state.glob("*.key"))
