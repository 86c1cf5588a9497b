"""Keys and files that cannot be used: exit code 5, nothing is overwritten, and no other place is taken in silence."""

import os
import sys
from base64 import b64encode

import pytest

from authority import Authority, StartAuthority
from bad_input.keychains import FILE_VARIABLE
from commands import Home

OPENED_BROWSER = "Open this link"


def use_keychain(home: Home, name: str) -> None:
    home.environ.pop("HANDSTAMP_KEY", None)
    home.environ["PYTHON_KEYRING_BACKEND"] = f"bad_input.keychains.{name}"
    home.environ[FILE_VARIABLE] = str(home.root / "keychain")


def use_no_keychain(home: Home) -> None:
    home.environ.pop("HANDSTAMP_KEY", None)
    home.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


def sign_in(home: Home, site: Authority) -> None:
    assert home.run("login", site.server_url).exit_code == 0


@pytest.mark.parametrize("keychain", ["Locked", "Hanging", None])
def test_a_vault_whose_keychain_is_gone_stays_shut_until_it_is_back(
    keychain: str | None, home: Home, authority: StartAuthority
) -> None:
    """Decision 5: never another provider in silence."""
    site = authority()
    use_keychain(home, "Working")
    sign_in(home, site)

    if keychain is None:
        use_no_keychain(home)
    else:
        use_keychain(home, keychain)
    token = home.fail("token", site.server_url, code=5)

    assert "keychain" in token.error
    assert not (home.state / "vault.key").exists()
    use_keychain(home, "Working")
    assert home.run("token", site.server_url).exit_code == 0


@pytest.mark.parametrize("key", ["", "AAAA", b64encode(bytes(33)).decode(), "not base64!"])
def test_a_key_of_the_wrong_form_ends_the_login_before_the_browser_opens(key: str, home: Home, authority: StartAuthority) -> None:
    site = authority()

    ran = home.fail("login", site.server_url, code=5, environ={"HANDSTAMP_KEY": key})

    assert "HANDSTAMP_KEY" in ran.error
    assert OPENED_BROWSER not in ran.stderr
    assert not (home.state / "vault.db").exists()


def test_a_wrong_key_opens_nothing_and_spoils_nothing(home: Home, authority: StartAuthority) -> None:
    site = authority()
    sign_in(home, site)
    wrong = {"HANDSTAMP_KEY": b64encode(b"another key of thirty-two bytes!").decode()}

    for command in ("token", "login", "logout"):
        ran = home.fail(command, site.server_url, code=5, environ=wrong)
        assert "another key" in ran.error
        assert wrong["HANDSTAMP_KEY"] not in ran.stderr
    missing = home.environ.pop("HANDSTAMP_KEY")
    home.fail("token", site.server_url, code=5)

    home.environ["HANDSTAMP_KEY"] = missing
    assert home.run("token", site.server_url).exit_code == 0


def test_a_file_in_place_of_the_state_directory(home: Home, authority: StartAuthority) -> None:
    site = authority()
    home.state.write_text("in the way")

    login = home.fail("login", site.server_url, code=5)
    token = home.fail("token", site.server_url, code=5)

    assert str(home.state) in login.error
    assert str(home.state) in token.error
    assert OPENED_BROWSER not in login.stderr


def test_a_state_directory_that_cannot_be_made(home: Home, authority: StartAuthority) -> None:
    """Below a file, where not even root makes a directory."""
    site = authority()
    (home.root / "file").write_text("")

    ran = home.fail("login", site.server_url, code=5, environ={"HANDSTAMP_STATE_DIR": str(home.root / "file" / "state")})

    assert str(home.root / "file") in ran.error
    assert OPENED_BROWSER not in ran.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_read_only_state_directory(home: Home, authority: StartAuthority) -> None:
    """Root may write everywhere but where the kernel itself refuses."""
    site = authority()
    home.state.mkdir(mode=0o500)
    state = "/sys/handstamp" if os.geteuid() == 0 else str(home.state)

    ran = home.fail("login", site.server_url, code=5, environ={"HANDSTAMP_STATE_DIR": state})

    assert state in ran.error
    assert OPENED_BROWSER not in ran.stderr
