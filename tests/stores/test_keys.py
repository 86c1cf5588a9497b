"""Where the key comes from."""

import base64
import stat
import sys
from pathlib import Path

import keyring.errors
import pytest
from keyring.backend import KeyringBackend

from handstamp.errors import KeyUnavailable
from handstamp.ports import KeyProvider
from handstamp.stores.keys import StandardProviders
from handstamp.stores.keys.environment import EnvironmentKey
from handstamp.stores.keys.file import FileKey
from handstamp.stores.keys.keychain import KeychainKey
from handstamp.stores.keys.systemd import SystemdKey
from handstamp.stores.sqlite import SqliteStore
from stores.keyrings import (
    CHOSEN,
    FailingKeychain,
    ForgetfulKeychain,
    NoKeychain,
    NullKeychain,
    PlainTextKeychain,
    UnwritableKeychain,
    WorkingKeychain,
)
from stores.processes import finish, start
from stores.samples import GRANT, KEY

STANDARD = base64.b64encode(bytes([251, 255] * 16)).decode()
KEY_OF_STANDARD = bytes([251, 255] * 16)

WRONG_TEXTS = [
    "",
    "   ",
    "not base64!",
    base64.b64encode(bytes(31)).decode(),
    base64.b64encode(bytes(33)).decode(),
    "AAAAA",
    "ü" * 43,
]


@pytest.fixture(autouse=True)
def keychain(monkeypatch: pytest.MonkeyPatch) -> WorkingKeychain:
    working = WorkingKeychain()
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "stores.keyrings.CHOSEN")
    CHOSEN.backend = working
    return working


class TestEnvironment:
    @pytest.mark.parametrize(
        "text", [STANDARD, STANDARD.rstrip("="), STANDARD.translate(str.maketrans("+/", "-_")), f" {STANDARD}\n"]
    )
    def test_both_alphabets_are_read_padded_or_not(self, text: str) -> None:
        provider = EnvironmentKey({"HANDSTAMP_KEY": text})

        assert provider.is_available()
        assert provider.load() == KEY_OF_STANDARD

    @pytest.mark.parametrize("text", WRONG_TEXTS)
    def test_a_wrong_value_is_named_and_not_shown(self, text: str) -> None:
        provider = EnvironmentKey({"HANDSTAMP_KEY": text})

        assert provider.is_available()
        with pytest.raises(KeyUnavailable, match="HANDSTAMP_KEY") as caught:
            provider.load()

        assert not text.strip() or text not in str(caught.value)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    def test_an_unset_variable_is_no_key_and_none_can_be_made(self) -> None:
        provider = EnvironmentKey({})

        assert not provider.is_available()
        assert provider.load() is None
        with pytest.raises(KeyUnavailable, match="HANDSTAMP_KEY is not set"):
            provider.create()


class TestSystemd:
    def test_a_credential_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "handstamp.key").write_text(STANDARD + "\n")
        provider = SystemdKey({"CREDENTIALS_DIRECTORY": str(tmp_path)})

        assert provider.is_available()
        assert provider.load() == KEY_OF_STANDARD

    @pytest.mark.parametrize("set_up", [True, False])
    def test_a_unit_without_our_credential_is_not_set_up(self, tmp_path: Path, set_up: bool) -> None:
        provider = SystemdKey({"CREDENTIALS_DIRECTORY": str(tmp_path)} if set_up else {})

        assert not provider.is_available()
        assert provider.load() is None
        with pytest.raises(KeyUnavailable, match=r"handstamp\.key"):
            provider.create()

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"AAAA"])
    def test_a_wrong_credential_is_named(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "handstamp.key").write_bytes(content)
        provider = SystemdKey({"CREDENTIALS_DIRECTORY": str(tmp_path)})

        assert provider.is_available()
        with pytest.raises(KeyUnavailable, match=r"handstamp\.key"):
            provider.load()

    def test_a_credential_that_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "handstamp.key").mkdir()
        provider = SystemdKey({"CREDENTIALS_DIRECTORY": str(tmp_path)})

        with pytest.raises(KeyUnavailable, match="cannot be read"):
            provider.load()


class TestKeychain:
    def test_a_key_is_made_once_and_found_again(self, keychain: WorkingKeychain, tmp_path: Path) -> None:
        provider = KeychainKey(tmp_path)
        assert provider.is_available()
        assert provider.load() is None

        key = provider.create()

        assert len(key) == 32
        assert KeychainKey(tmp_path).load() == key
        assert [service for service, _ in keychain.items] == ["handstamp"]

    def test_an_item_is_never_rewritten(self, keychain: WorkingKeychain, tmp_path: Path) -> None:
        key = KeychainKey(tmp_path).create()

        assert KeychainKey(tmp_path).create() == key
        assert keychain.writes == 1

    def test_a_foreign_item_under_our_name_is_an_error_and_stays(self, keychain: WorkingKeychain, tmp_path: Path) -> None:
        KeychainKey(tmp_path).create()
        (place,) = keychain.items
        keychain.items[place] = "something else"

        with pytest.raises(KeyUnavailable, match="is not base64"):
            KeychainKey(tmp_path).create()

        assert keychain.items[place] == "something else"

    def test_two_vaults_do_not_share_an_item(self, tmp_path: Path) -> None:
        assert KeychainKey(tmp_path / "one").create() != KeychainKey(tmp_path / "two").create()

    @pytest.mark.parametrize(
        "backend",
        [
            NoKeychain(),
            NullKeychain(),
            PlainTextKeychain(),
            FailingKeychain(keyring.errors.NoKeyringError()),
        ],
        ids=["fail", "null", "plain text", "none behind it"],
    )
    def test_no_keychain_is_told_apart_from_one_that_fails(self, tmp_path: Path, backend: KeyringBackend) -> None:
        CHOSEN.backend = backend
        provider = KeychainKey(tmp_path)

        assert not provider.is_available()
        with pytest.raises(KeyUnavailable, match="no system keychain"):
            provider.load()

    def test_a_keychain_that_keeps_nothing_is_an_error(self, tmp_path: Path) -> None:
        CHOSEN.backend = ForgetfulKeychain()

        with pytest.raises(KeyUnavailable, match="does not give it back"):
            KeychainKey(tmp_path).create()

    def test_a_write_that_fails_does_not_show_the_key(self, tmp_path: Path) -> None:
        CHOSEN.backend = UnwritableKeychain()

        with pytest.raises(KeyUnavailable, match="PasswordSetError") as caught:
            KeychainKey(tmp_path).create()

        assert "cannot store" not in str(caught.value)


class TestFile:
    def test_a_key_is_made_private_and_found_again(self, tmp_path: Path) -> None:
        directory = tmp_path / "state"
        provider = FileKey(directory)
        assert provider.is_available()
        assert provider.load() is None

        key = provider.create()

        assert FileKey(directory).load() == key
        assert [path.name for path in directory.iterdir()] == ["vault.key"]
        if sys.platform != "win32":
            assert stat.S_IMODE((directory / "vault.key").stat().st_mode) == 0o600

    def test_a_key_is_never_overwritten(self, tmp_path: Path) -> None:
        provider = FileKey(tmp_path / "state")
        key = provider.create()

        with pytest.raises(KeyUnavailable, match="never overwritten"):
            provider.create()

        assert provider.load() == key

    def test_what_a_crash_left_is_swept_away(self, tmp_path: Path) -> None:
        draft = tmp_path / "vault.key.new"
        draft.write_bytes(b"half")

        key = FileKey(tmp_path).create()

        assert FileKey(tmp_path).load() == key
        assert not draft.exists()

    @pytest.mark.parametrize("text", ["", "not base64!", "AAAA"])
    def test_a_wrong_file_is_named(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "vault.key"
        path.touch(0o600)
        path.write_text(text)

        with pytest.raises(KeyUnavailable, match=r"vault\.key"):
            FileKey(tmp_path).load()

    def test_it_is_described_for_what_it_is(self, tmp_path: Path) -> None:
        assert FileKey(tmp_path).describe() == (
            "vault.key, a file that only you can read: it protects backups, not against programs of yours"
        )


class TestOrder:
    def test_the_order_is_environment_systemd_passphrase_keychain_file(self, tmp_path: Path) -> None:
        providers: list[KeyProvider] = list(StandardProviders(tmp_path, {}))

        assert [provider.name for provider in providers] == ["environment", "systemd", "passphrase", "keychain", "file"]

    def test_a_machine_with_a_keychain_uses_it(self, tmp_path: Path) -> None:
        directory = tmp_path / "state"
        lines: list[str] = []
        store = SqliteStore(directory, StandardProviders(directory, {}), announce=lines.append)

        store.save_grant(GRANT)
        store.close()

        assert lines == ["New vault: its key is in the system keychain."]
        assert not (directory / "vault.key").exists()

    def test_a_machine_without_a_keychain_takes_the_file_and_says_so(self, tmp_path: Path) -> None:
        directory = tmp_path / "state"
        CHOSEN.backend = NoKeychain()
        lines: list[str] = []
        store = SqliteStore(directory, StandardProviders(directory, {}), announce=lines.append)

        saved = store.save_grant(GRANT)
        store.close()

        assert lines == [f"New vault: its key is in {FileKey(directory).describe()}."]
        again = SqliteStore(directory, StandardProviders(directory, {}))
        assert again.find_grant(KEY.owner, KEY.server, KEY.account) == saved
        again.close()

    def test_with_the_key_in_the_environment_nothing_else_is_imported(self, tmp_path: Path) -> None:
        program = """
import os, sys
from pathlib import Path
from handstamp.stores.keys import StandardProviders
from handstamp.stores.sqlite import SqliteStore
directory = Path(sys.argv[1])
store = SqliteStore(directory, StandardProviders(directory, os.environ))
store.prepare()
store.find_grant("alice", "https://mcp.example", "default")
unwanted = ("asyncio", "anyio", "click", "httpx2", "keyring", "logging", "email", "urllib.request", "concurrent", "tempfile")
keys = "handstamp.stores.keys."
print(*(name for name in sys.modules if name.split(".")[0] in unwanted or name in unwanted))
print(*(name for name in sys.modules if name.startswith(keys)))
"""

        said = finish(start(program, tmp_path / "state", environ={"HANDSTAMP_KEY": STANDARD}))

        unwanted, keys = said.splitlines()
        assert unwanted == ""
        assert set(keys.split()) == {f"handstamp.stores.keys.{name}" for name in ("encoding", "environment", "places")}


@pytest.mark.parametrize("chosen", ["no_such_package.Keyring", "keyring.backends.fail.Keyrings", "Keyring", ""])
def test_a_choice_of_a_keychain_that_is_none_names_the_variable(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", chosen)

    with pytest.raises(KeyUnavailable, match="PYTHON_KEYRING_BACKEND"):
        KeychainKey(tmp_path).load()
