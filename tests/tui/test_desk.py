"""The desk over a real vault and a real file: what others change is seen, what is done is written."""

from pathlib import Path

import pytest

from application.conftest import home
from handstamp.errors import SettingsError, UsageError
from handstamp.hosts.state import ConnectionStatus
from handstamp.hosts.target import target_key
from handstamp.model import Secret
from handstamp.settings import ProgramSettings, ServerSettings, load_settings
from handstamp.tui.desk import Desk
from handstamp.tui.followed import find_followed
from handstamp.vault import Vault
from tui.app_rows import a_sign_in, url_of
from tui.fake_app import FakeFleet
from tui.fake_hosts import NOON, FakeHost

__all__ = ["home"]

pytestmark = pytest.mark.anyio

LINEAR = f'[servers.linear]\nurl = "{url_of("linear")}"\n'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def open_vault(home: Path, text: str = LINEAR) -> Vault:
    (home / "config").mkdir(mode=0o700, exist_ok=True)
    (home / "config" / "servers.toml").write_text(text)
    return Vault.open(state=home / "state", config=home / "config", announce=lambda _: None)


def a_desk(vault: Vault, *hosts: FakeHost) -> tuple[Desk, FakeFleet]:
    fleet = FakeFleet(hosts)
    return Desk(vault, fleet, lambda vault: find_followed(vault, lambda _: None), clock=lambda: NOON), fleet


def keys(desk: Desk) -> list[str]:
    return [row.key for row in desk.rows]


async def test_each_server_has_a_row_before_anything_is_connected(home: Path) -> None:
    with open_vault(home, LINEAR + '[servers.files]\ncommand = ["npx"]\nenabled = false\n') as vault:
        desk, fleet = a_desk(vault)

        assert await desk.look()

        states = {row.key: row.state.status for row in desk.rows}
        assert states == {"linear": ConnectionStatus.STARTING, "files": ConnectionStatus.DISABLED}
        assert [target_key(each) for each in fleet.followed[-1]] == ["linear", "files"]


async def test_nothing_is_read_again_where_nobody_has_changed_anything(home: Path) -> None:
    with open_vault(home) as vault:
        desk, fleet = a_desk(vault)
        await desk.look()

        assert not await desk.look()
        assert len(fleet.followed) == 1


async def test_a_change_of_the_file_is_followed(home: Path) -> None:
    with open_vault(home) as vault:
        desk, fleet = a_desk(vault)
        await desk.look()
        vault.settings.path.write_text(LINEAR + f'[servers.notion]\nurl = "{url_of("notion")}"\n')

        await desk.look()

        assert keys(desk) == ["linear", "notion"]
        assert len(fleet.followed[-1]) == 2


async def test_a_broken_file_is_told_and_changes_nothing_until_it_is_mended(home: Path) -> None:
    with open_vault(home) as vault:
        desk, _ = a_desk(vault)
        await desk.look()
        vault.settings.path.write_text("[servers.linear\n")
        await desk.look()

        assert isinstance(desk.problem, SettingsError)
        assert keys(desk) == ["linear"]

        vault.settings.path.write_text(LINEAR)
        await desk.look()
        assert desk.problem is None


async def test_a_sign_in_of_another_process_wakes_the_connection_that_waits_for_it(home: Path) -> None:
    waiting, working = FakeHost("linear", ConnectionStatus.NEEDS_LOGIN), FakeHost("notion")
    text = LINEAR + f'[servers.notion]\nurl = "{url_of("notion")}"\n'
    with open_vault(home, text) as vault, open_vault(home, text) as other:
        desk, _ = a_desk(vault, waiting, working)
        await desk.look()
        for name in ("linear", "notion"):
            other._parts.store.save_grant(a_sign_in(name))

        await desk.look()

        assert (waiting.retries, working.retries) == (1, 0)
        assert [row.account_words() for row in desk.rows] == ["me@linear.example", "me@notion.example"]


async def test_what_was_signed_in_to_by_its_bare_url_is_there_too(home: Path) -> None:
    with open_vault(home) as vault:
        vault._parts.store.save_grant(a_sign_in("notion"))
        desk, _ = a_desk(vault)

        await desk.look()

        assert [(row.key, row.is_configured) for row in desk.rows] == [("linear", True), (url_of("notion"), False)]


async def test_accounts_at_one_server_know_of_each_other(home: Path) -> None:
    with open_vault(home) as vault:
        for account in ("default", "work"):
            vault._parts.store.save_grant(a_sign_in("linear", account))
        desk, _ = a_desk(vault)

        await desk.look()

        assert keys(desk) == ["linear", "linear (work)"]
        assert [[each.account for each in row.others] for row in desk.rows] == [["work"], ["default"]]


async def test_a_server_is_added_changed_switched_off_and_removed(home: Path) -> None:
    with open_vault(home) as vault:
        desk, _ = a_desk(vault)
        await desk.add(ProgramSettings("files", ("npx", "files")))
        await desk.change("linear", lambda _: ServerSettings("linear", url_of("linear"), scopes=("read",)))
        await desk.look()
        await desk.set_enabled(desk.rows[0], enabled=False)
        await desk.remove(desk.rows[1])

        written = load_settings(home / "config")
        assert written.servers == {"linear": ServerSettings("linear", url_of("linear"), scopes=("read",), enabled=False)}
        assert written.programs == {}


async def test_a_name_that_is_taken_is_not_overwritten(home: Path) -> None:
    with open_vault(home) as vault:
        desk, _ = a_desk(vault)

        with pytest.raises(UsageError, match="got linear, which is there already"):
            await desk.add(ServerSettings("linear", url_of("other")))


async def test_a_client_secret_that_was_typed_goes_with_its_server(home: Path) -> None:
    with open_vault(home, LINEAR + 'client_id = "me"\nclient_secret_from = "vault"\n') as vault:
        server = vault.settings.servers["linear"]
        vault.keep_client_secret(server, Secret("typed-client-secret"))
        desk, _ = a_desk(vault)
        await desk.look()

        await desk.remove(desk.rows[0])

        assert vault._parts.store.find_client_secret("local", server.url, "me") is None


async def test_what_is_wrong_with_the_vault_is_told_and_the_servers_are_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_vault(home) as vault:
        vault._parts.store.save_grant(a_sign_in("linear"))
    monkeypatch.delenv("HANDSTAMP_KEY")
    with open_vault(home) as vault:
        desk, _ = a_desk(vault)

        await desk.look()

        assert desk.problem is not None
        assert desk.problem.code == "key_unavailable"
        assert keys(desk) == ["linear"]
