"""Who `servers.toml` says is told of events: read, and told by whatever program found out."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handstamp.errors import SettingsError
from handstamp.events import KINDS
from handstamp.settings import EventSettings, load_settings
from handstamp.vault import Vault
from happenings import everything, needs_login, refreshed
from loopback import LoopbackServer, answer

CAT = 'import sys; open(sys.argv[1], "a").write(sys.stdin.read())'
NEEDS_LOGIN = "needs_login"


@pytest.fixture
def hooks() -> Iterator[LoopbackServer]:
    """A web server of the user's."""
    with LoopbackServer(answer(), answer()) as server:
        yield server


def write(home: Path, text: str) -> None:
    config = home / "config"
    config.mkdir(exist_ok=True)
    (config / "servers.toml").write_text(text)


def read(home: Path, text: str) -> EventSettings | None:
    write(home, text)
    return load_settings(home / "config").events


def open_vault(home: Path, *, listeners: bool = True, said: list[str] | None = None) -> Vault:
    announce = pytest.fail if said is None else said.append
    return Vault.open(state=home / "state", config=home / "config", announce=announce, listeners=listeners)


def command(home: Path) -> str:
    """For `[events]`: a program that writes what it is told into a file."""
    return f"command = {json.dumps([sys.executable, '-c', CAT, str(home / 'told')])}\n"


def told(home: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (home / "told").read_text().splitlines()]


def test_a_file_that_says_nothing_of_events_has_nobody_told(home: Path) -> None:
    assert read(home, "") is None


def test_who_names_no_kinds_is_told_what_only_a_person_can_mend(home: Path) -> None:
    assert read(home, '[events]\ncommand = ["notify-send", "Handstamp"]\n') == EventSettings(("notify-send", "Handstamp"))
    assert EventSettings().kinds == (NEEDS_LOGIN,)


def test_every_kind_can_be_asked_for(home: Path) -> None:
    kinds = [kind.kind for kind in KINDS]

    settings = read(home, f'[events]\nwebhook = "https://hooks.example/x"\nkinds = {json.dumps(kinds)}\n')

    assert settings is not None
    assert settings.kinds == tuple(kinds)


@pytest.mark.parametrize("webhook", ["https://hooks.example/x?y=z", "http://127.0.0.1:8080/x", "env:HOOK", "file:~/hook"])
def test_a_webhook_is_https_or_on_this_machine_or_stands_elsewhere(home: Path, webhook: str) -> None:
    settings = read(home, f'[events]\nwebhook = "{webhook}"\nwebhook_headers = {{ Authorization = "env:HOOK_TOKEN" }}\n')

    assert settings is not None
    assert (settings.webhook, settings.webhook_headers) == (webhook, (("Authorization", "env:HOOK_TOKEN"),))


def test_an_address_with_a_password_is_refused_and_not_repeated(home: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(home, '[events]\nwebhook = "https://me:hunter2@hooks.example/x"\n')

    assert "hunter2" not in caught.value.message


def test_command_and_webhook_hear_the_kinds_that_were_asked_for(
    home: Path, hooks: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK", f"{hooks.origin}/T0K3N")
    monkeypatch.setenv("HOOK_TOKEN", "Bearer of-the-user")
    headers = 'webhook_headers = { Authorization = "env:HOOK_TOKEN" }\n'
    write(home, f'[events]\n{command(home)}webhook = "env:HOOK"\n{headers}kinds = ["failed", "needs_login"]\n')

    with open_vault(home) as vault:
        for event in everything():
            vault._stream.emit(event)

    assert told(home) == ["failed", "needs_login"]
    assert hooks.asked == ["POST /T0K3N", "POST /T0K3N"]
    assert all(b"authorization: Bearer of-the-user" in request for request in hooks.requests)


def test_a_vault_that_was_opened_without_listeners_tells_its_own_alone(home: Path) -> None:
    write(home, f"[events]\n{command(home)}")
    heard: list[object] = []

    with open_vault(home, listeners=False) as vault:
        vault.subscribe(heard.append)
        vault._stream.emit(needs_login())

    assert heard == [needs_login()]
    assert not (home / "told").exists()


def test_inside_of_a_command_none_is_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one that asks for a token, which fails, would be run again by its own failure."""
    write(home, f"[events]\n{command(home)}")
    monkeypatch.setenv("HANDSTAMP_EVENT", "failed")

    with open_vault(home) as vault:
        vault._stream.emit(needs_login())

    assert not (home / "told").exists()


def test_what_shows_requests_shows_none_to_a_webhook(
    home: Path, hooks: LoopbackServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-v` would show the address, and many hold a secret in their path."""
    monkeypatch.setenv("HOOK", f"{hooks.origin}/T0K3N")
    write(home, '[events]\nwebhook = "env:HOOK"\n')
    seen: list[object] = []

    with Vault.open(state=home / "state", config=home / "config", observe=lambda *each: seen.append(each)) as vault:
        vault._stream.emit(needs_login())

    assert (len(hooks.requests), seen) == (1, [])
    assert "T0K3N" not in capsys.readouterr().out


def test_a_webhook_lies_where_the_settings_allow_any_server_to_be(home: Path, hooks: LoopbackServer) -> None:
    """TA1: the guard of the requests to servers is the guard of these."""
    write(home, f'network = "public"\n[events]\nwebhook = "{hooks.origin}/hook"\n')
    said: list[str] = []

    with open_vault(home, said=said) as vault:
        vault._stream.emit(needs_login())

    (line,) = said
    assert "Expected a public address" in line
    assert hooks.requests == []


def test_an_address_that_is_not_where_it_should_be_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    write(home, '[events]\nwebhook = "env:HOOK"\n')
    said: list[str] = []

    with open_vault(home, said=said) as vault:
        vault._stream.emit(needs_login())

    assert said == ["Expected the address of the webhook in the environment variable HOOK, got nothing."]


def test_an_address_from_a_variable_is_judged_too_and_not_repeated(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "http://hooks.example/T0K3N")
    write(home, '[events]\nwebhook = "env:HOOK"\n')
    said: list[str] = []

    with open_vault(home, said=said) as vault:
        vault._stream.emit(needs_login())

    (line,) = said
    assert "Expected https" in line
    assert "T0K3N" not in line


def test_a_library_says_what_went_wrong_in_its_log(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "handstamp.output", raising=False)
    write(home, '[events]\ncommand = ["no-such-program-anywhere"]\nkinds = ["refreshed"]\n')

    with caplog.at_level(logging.WARNING, "handstamp"), Vault.open(state=home / "state", config=home / "config") as vault:
        vault._stream.emit(refreshed())

    assert caplog.messages == [
        "Expected the command no-such-program-anywhere to take the event refreshed, got: there is no such program."
    ]
