"""A vault that reads `servers.toml` again while it is open."""

import threading
from pathlib import Path

import pytest

from handstamp.errors import SettingsError, UsageError
from handstamp.settings import ServerSettings
from handstamp.vault import QuietPresenter, Vault
from happenings import needs_login

LINEAR = '[servers.linear]\nurl = "https://mcp.linear.app/mcp"\n'
NOTION = '[servers.notion]\nurl = "https://mcp.notion.com/mcp"\n'


def write(home: Path, text: str) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "servers.toml").write_text(text)


def open_vault(home: Path, **options: object) -> Vault:
    return Vault.open(state=home / "state", config=home / "config", **options)  # type: ignore[arg-type]


def source(vault: Vault, name: str) -> object:
    return vault._source(vault.settings.find(name), "local", "default")


def test_a_file_that_says_the_same_changes_nothing(home: Path) -> None:
    write(home, LINEAR)
    with open_vault(home) as vault:
        write(home, f"# in other words\n{LINEAR}")

        assert not vault.reload()


def test_a_server_that_was_added_is_found_and_one_that_was_removed_is_not(home: Path) -> None:
    write(home, LINEAR)
    with open_vault(home) as vault:
        write(home, NOTION)

        assert vault.reload()
        assert vault.settings.find("notion").url == "https://mcp.notion.com/mcp"
        with pytest.raises(UsageError):
            vault.settings.find("linear")


def test_only_the_servers_whose_settings_changed_begin_anew(home: Path) -> None:
    write(home, LINEAR + NOTION)
    with open_vault(home) as vault:
        linear, notion, nameless = source(vault, "linear"), source(vault, "notion"), source(vault, "https://x.example/mcp")
        write(home, LINEAR + NOTION + 'headers = { X-Team = "tools" }\n')

        vault.reload()

        assert source(vault, "linear") is linear
        assert source(vault, "notion") is not notion
        assert source(vault, "https://x.example/mcp") is nameless
        assert len(vault._sources) == 3


def test_a_sign_in_on_demand_goes_with_the_settings_that_it_was_made_for(home: Path) -> None:
    write(home, LINEAR + NOTION)
    presenter = QuietPresenter()
    with open_vault(home) as vault:
        vault.auth("linear", presenter=presenter)
        vault.auth("notion", presenter=presenter)
        write(home, LINEAR)

        vault.reload()

        assert [key[1].name for key in vault._logins] == ["linear"]


def test_a_document_for_all_servers_counts_as_a_change_of_each(home: Path) -> None:
    write(home, LINEAR)
    with open_vault(home) as vault:
        before = source(vault, "linear")
        write(home, 'client_id_url = "https://me.example/client.json"\n' + LINEAR)

        vault.reload()

        assert source(vault, "linear") is not before


def test_a_broken_file_is_told_and_changes_nothing(home: Path) -> None:
    write(home, LINEAR)
    with open_vault(home) as vault:
        before, known = vault.settings, source(vault, "linear")
        write(home, "[servers.linear\n")

        with pytest.raises(SettingsError, match=r"servers.toml"):
            vault.reload()

        assert vault.settings is before
        assert source(vault, "linear") is known


def test_what_was_given_to_open_stays(home: Path) -> None:
    mine = ServerSettings("mine", "https://mine.example/mcp")
    write(home, "")
    with open_vault(home, servers=[mine], network="public") as vault:
        write(home, LINEAR + '[servers.mine]\ncommand = ["mine"]\n')

        vault.reload()

        assert vault.settings.find("mine") == mine
        assert vault.settings.programs == {}
        assert vault.settings.network.public_only


def test_another_way_out_is_taken_from_then_on(home: Path) -> None:
    write(home, LINEAR)
    with open_vault(home) as vault:
        known = source(vault, "linear")
        write(home, 'ca_file = "certificates.pem"\n' + LINEAR)

        vault.reload()

        assert source(vault, "linear") is known
        with pytest.raises(SettingsError, match="certificates"):  # it has to be an absolute path
            vault._parts.http(vault.settings.find("linear").named)


def test_whom_the_settings_name_for_events_changes_with_them(home: Path) -> None:
    said: list[str] = []
    write(home, '[events]\ncommand = ["/nowhere/one"]\n')
    with open_vault(home, announce=said.append) as vault:
        write(home, '[events]\ncommand = ["/nowhere/other"]\n')
        vault.reload()

        vault._stream.emit(needs_login())
        vault._stream.flush()

    assert len(said) == 1
    assert "/nowhere/other" in said[0]


def test_many_threads_may_ask_while_the_settings_change(home: Path) -> None:
    write(home, LINEAR)
    problems: list[BaseException] = []
    over = threading.Event()

    def ask() -> None:
        try:
            while not over.is_set():
                vault.auth("linear")
        except BaseException as error:
            problems.append(error)

    with open_vault(home) as vault:
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(20):
            write(home, f"{LINEAR}callback_port = {8000 + number}\n")
            vault.reload()
        over.set()
        for thread in threads:
            thread.join()

    assert problems == []
    assert vault.settings.find("linear").callback_port == 8019
