"""`handstamp vault rekey`, and the passphrase, as a person meets them."""

import base64
import sys
from contextlib import closing

import pytest

from cli.commandline import CommandLine
from handstamp.stores.sqlite import SqliteStore
from stores.fakes import HeldKey
from stores.samples import GRANT

PASSPHRASE = "correct horse battery"
OTHER = "staple in another horse"
NEW_KEY = base64.b64encode(b"n" * 32).decode()

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")


@pytest.fixture
def home(cli: CommandLine) -> CommandLine:
    """Its vault's key is in the environment; there is no keychain."""
    with_key = base64.b64decode(cli.environment["HANDSTAMP_KEY"])
    cli.environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    with closing(SqliteStore(cli.state, [HeldKey(with_key)])) as store:
        store.save_grant(GRANT)
    return cli


def test_the_key_moves_from_the_environment_into_a_file_only_with_a_yes(home: CommandLine) -> None:
    refused = home("vault", "rekey", "--to", "file", "--json")
    assert refused.code == 2
    assert refused.error["hint"] == "handstamp vault rekey --to file --yes"
    assert not list(home.state.glob("*.key"))

    done = home("vault", "rekey", "--to", "file", "--yes")

    assert done.code == 0
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    (file,) = home.state.glob("vault.*.key")
    assert first.startswith(f"✓ The vault has a new key, in {file.name}, a file that only you can read")
    assert second == "  HANDSTAMP_KEY is not needed any more."
    del home.environment["HANDSTAMP_KEY"]
    assert home("status").code == 0


def test_at_a_terminal_the_yes_is_typed_and_the_passphrase_too(home: CommandLine) -> None:
    with home.terminal("vault", "rekey", "--to", "passphrase") as terminal:
        terminal.until("New passphrase of the vault: ")
        assert not terminal.echoes
        terminal.press(f"{PASSPHRASE}\n")
        terminal.until("The new passphrase again: ")
        terminal.press(f"{PASSPHRASE}\n")
        assert terminal.end().code == 0
    del home.environment["HANDSTAMP_KEY"]
    with home.terminal("vault", "rekey", "--to", "file") as terminal:
        terminal.until("Passphrase of the vault: ")
        terminal.press(f"{PASSPHRASE}\n")
        terminal.until("Go on?")
        terminal.press("\n")
        said_no = terminal.end()

    assert said_no.code == 1
    assert "You said no: the vault keeps its key." in terminal.screen
    assert PASSPHRASE not in terminal.screen
    without = home("status")
    assert without.code == 5
    assert "HANDSTAMP_PASSPHRASE_FILE" in without.stderr
    assert home("status", environment={"HANDSTAMP_PASSPHRASE": PASSPHRASE}).code == 0
    wrong = home("status", environment={"HANDSTAMP_PASSPHRASE": OTHER})
    assert wrong.code == 5
    assert "another passphrase than the vault's" in wrong.stderr


def test_the_environment_gets_the_key_that_a_person_made_and_none_is_shown(home: CommandLine) -> None:
    unready = home("vault", "rekey")
    assert unready.code == 5
    assert unready.stderr.splitlines()[-1] == "hint: openssl rand -base64 32"

    done = home("vault", "rekey", environment={"HANDSTAMP_NEW_KEY": NEW_KEY})

    assert done.code == 0
    assert NEW_KEY not in done.stderr + done.stdout
    assert "put it into HANDSTAMP_KEY now" in done.stderr
    assert home("status", environment={"HANDSTAMP_KEY": NEW_KEY}).code == 0
    assert home("status").code == 5
