"""`client_id_url`: one setting for a person, a server, or by the environment, used wherever a server takes it."""

from pathlib import Path

import pytest

from authority import Authority, Knobs, StartAuthority
from handstamp.errors import SettingsError
from handstamp.model import RegistrationKind
from handstamp.settings import Chosen, load_settings
from weaknesses.conftest import machine
from weaknesses.machine import Machine

__all__ = ["machine"]

PERSON = "https://person.example/client.json"
SERVER = "https://server.example/client.json"
SHELL = "https://shell.example/client.json"
SERVERS = f"""\
client_id_url = "{PERSON}"

[servers.plain]
url = "https://plain.example/mcp"

[servers.own]
url = "https://own.example/mcp"
client_id_url = "{SERVER}"

[servers.registered]
url = "https://registered.example/mcp"
client_id = "abc"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "servers.toml").write_text(SERVERS)
    return tmp_path


def test_the_nearest_place_counts_and_is_known(folder: Path) -> None:
    settings = load_settings(folder)

    assert settings.find_client_id_url("plain") == Chosen(PERSON, str(folder / "servers.toml"))
    assert settings.find_client_id_url("https://nobody.example/mcp") == settings.find_client_id_url("plain")
    assert settings.find_client_id_url("own") == Chosen(SERVER, f"[servers.own] in {folder / 'servers.toml'}")
    assert settings.find("plain").client.client_id_url == PERSON
    assert settings.find("https://own.example/mcp").client.client_id_url == SERVER


def test_the_environment_goes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDSTAMP_CLIENT_ID_URL", SHELL)

    settings = load_settings(folder)

    assert {settings.find_client_id_url(name) for name in ("plain", "own")} == {Chosen(SHELL, "HANDSTAMP_CLIENT_ID_URL")}
    assert settings.find("own").client.client_id_url == SHELL


def test_an_empty_variable_says_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDSTAMP_CLIENT_ID_URL", "")

    assert load_settings(folder).find("plain").client.client_id_url == PERSON


def test_a_client_id_of_the_servers_own_goes_before_any_document(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A-38."""
    monkeypatch.setenv("HANDSTAMP_CLIENT_ID_URL", SHELL)

    found = load_settings(folder).find("registered").client

    assert (found.client_id, found.client_id_url) == ("abc", None)


def test_what_the_file_says_of_a_server_stays_apart_from_what_counts_for_it(folder: Path) -> None:
    """Else `handstamp add` would write into one table what stands at the top."""
    assert load_settings(folder).servers["plain"].client.client_id_url is None


@pytest.mark.parametrize("value", ["http://x.example/c.json", "https://x.example", "javascript:alert(1)", "https://x.example/#a"])
def test_what_is_no_address_of_a_document_is_an_error_that_names_its_place(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-44, A-45: before any server is asked."""
    path = tmp_path / "servers.toml"
    table = '[servers.work]\nurl = "https://x.example/mcp"\n'
    for text in (f'client_id_url = "{value}"\n{table}', f'{table}client_id_url = "{value}"\n'):
        path.write_text(text)
        with pytest.raises(SettingsError, match=r"servers\.toml.*client ID"):
            load_settings(tmp_path)
    path.write_text(table)
    monkeypatch.setenv("HANDSTAMP_CLIENT_ID_URL", value)
    with pytest.raises(SettingsError, match=r"HANDSTAMP_CLIENT_ID_URL.*client ID"):
        load_settings(tmp_path)


def used_at(site: Authority, machine: Machine) -> tuple[str, str]:
    grant = machine.vault().sync.login(site.server_url)
    assert grant is not None
    return grant.registration.kind.value, grant.registration.client_id


def test_it_is_used_where_the_server_takes_it_and_else_the_next_way(machine: Machine, authority: StartAuthority) -> None:
    """A-38, A-40, A-53: without a word, and one client ID at two authorization servers."""
    machine.home.write_settings(f'client_id_url = "{PERSON}"\n')
    takers = [authority(Knobs(client_id_metadata_document_supported=True)) for _ in range(2)]
    other = authority()

    assert [used_at(site, machine) for site in takers] == [("metadata_document", PERSON)] * 2
    assert used_at(other, machine)[0] == RegistrationKind.DYNAMIC.value
    assert not any(site.requests_to("/register") for site in takers)


def test_status_says_which_one_counts_and_where_it_was_set(machine: Machine) -> None:
    path = machine.home.write_settings(SERVERS)

    said = machine.home.run("status", "plain").stdout
    by_shell = machine.home.run("status", "plain", environ={"HANDSTAMP_CLIENT_ID_URL": SHELL}).stdout

    assert f"{PERSON}, from {path}" in said
    assert f"{SHELL}, from HANDSTAMP_CLIENT_ID_URL" in by_shell
