"""Start-up is a feature: what must not be loaded is not loaded (decision 12 of the design)."""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

import pytest

from fakes import make_grant
from handstamp.vault import Vault

HEAVY = {"mcp", "psycopg", "rich", "textual"}
"""Never on the way to a token, a header or the bridge."""

NETWORK = {"anyio", "asyncio", "h11", "httpcore", "httpcore2", "httpx", "httpx2", "ssl", "trio", "urllib.request"}

TREE = {
    "handstamp.cli",
    "handstamp.demo",
    "handstamp.http",
    "handstamp.login",
    "handstamp.stores",
    "handstamp.vault",
    "handstamp.wiring",
}

REPORT = """
import json, sys
{body}
sys.__stderr__.flush()
with open(sys.argv[-1], "w") as file:
    json.dump(sorted(sys.modules), file)
"""

RUN_COMMAND = """
from handstamp.cli import main
report = sys.argv.pop()
sys.argv[0] = "handstamp"
try:
    main()
except SystemExit as end:
    assert end.code in ({exit_codes}), end.code
sys.argv.append(report)
"""


def loaded_by(body: str, *arguments: str, home: Path) -> set[str]:
    """The modules of a fresh process that ran `body`, with a home directory of its own."""
    report = home / "modules.json"
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "HANDSTAMP_", "COVERAGE"))}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    subprocess.run(
        [sys.executable, "-c", REPORT.format(body=body), *arguments, str(report)],
        check=True,
        env=environment,
        cwd=home,
        capture_output=True,
        timeout=30,
    )
    return set(json.loads(report.read_text()))


def test_importing_handstamp_loads_neither_its_shells_nor_a_client_nor_a_database(tmp_path: Path) -> None:
    loaded = loaded_by("import handstamp", home=tmp_path)

    assert "handstamp" in loaded
    assert not loaded & (HEAVY | NETWORK | TREE | {"click", "cryptography", "keyring", "logging", "sqlite3", "tomlkit"})


def test_importing_the_errors_loads_nothing_but_themselves(tmp_path: Path) -> None:
    """Whoever only catches our errors pays nothing for it."""
    loaded = loaded_by("import handstamp.errors", home=tmp_path)

    assert {name for name in loaded if name.startswith("handstamp")} == {"handstamp", "handstamp.errors"}


def test_importing_the_command_line_loads_no_client_and_no_sdk(tmp_path: Path) -> None:
    loaded = loaded_by("import handstamp.cli", home=tmp_path)

    assert not loaded & (HEAVY | NETWORK | {"cryptography", "keyring", "logging", "sqlite3", "tomlkit"})


@pytest.mark.parametrize("command", ["token", "headers"])
def test_asking_for_a_token_that_is_not_there_loads_no_client_and_no_sdk(command: str, tmp_path: Path) -> None:
    """`token` and `headers` run in hooks, before each connection of an agent."""
    run = RUN_COMMAND.format(exit_codes="2, 4")

    loaded = loaded_by(run, command, "nowhere", home=tmp_path)

    assert not loaded & (HEAVY | NETWORK | {"handstamp.protocol.exchange", "handstamp.protocol.registration"})


def test_printing_a_fresh_token_loads_no_client_no_keychain_and_no_click(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What hooks run before each connection: the store, one decryption, one line. Who listens to events has nothing to hear."""
    monkeypatch.setenv("HANDSTAMP_KEY", b64encode(b"k" * 32).decode())
    grant = make_grant(obtained_at=time.time())
    with Vault.open(state=tmp_path / "state", config=tmp_path / "config") as vault:
        vault._parts.store.save_grant(grant)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "servers.toml").write_text('[events]\ncommand = ["true"]\nwebhook = "https://hooks.example"\n')
    body = f"import os; os.environ.update({key_and_home(tmp_path)!r})" + RUN_COMMAND.format(exit_codes="0,")

    loaded = loaded_by(body, "token", grant.key.server, home=tmp_path)

    assert "handstamp.stores.sqlite" in loaded
    assert not loaded & (HEAVY | NETWORK | {"click", "jwt", "keyring", "logging", "platformdirs", "tomlkit"})
    assert not loaded & {"handstamp.flight", "handstamp.listeners", "subprocess"}


def key_and_home(home: Path) -> dict[str, str]:
    names = {"HANDSTAMP_STATE_DIR": "state", "HANDSTAMP_CONFIG_DIR": "config"}
    return {"HANDSTAMP_KEY": os.environ["HANDSTAMP_KEY"]} | {name: str(home / place) for name, place in names.items()}


def test_a_request_with_a_bearer_token_loads_nothing_that_signs(tmp_path: Path) -> None:
    body = """
import httpx2
from fakes import SERVER, HandMovedClock, make_grant, no_credentials
from handstamp.http.auth import Auth
from handstamp.source import SourceSettings, TokenSource
from handstamp.stores.memory import MemoryStore

store = MemoryStore()
store.save_grant(make_grant())
settings = SourceSettings("local", SERVER, "default", "example")
source = TokenSource(settings, store=store, http=None, read_credentials=no_credentials, clock=HandMovedClock())
answer = httpx2.MockTransport(lambda request: httpx2.Response(200, json=dict(request.headers)))
with httpx2.Client(transport=answer, auth=Auth(source, server=SERVER, name="example")) as client:
    assert client.get(SERVER).json()["authorization"] == "Bearer at-0"
"""

    loaded = loaded_by(f"sys.path[:0] = {sys.path!r}{body}", home=tmp_path)

    assert "handstamp.http.auth" in loaded
    assert not loaded & {"cryptography", "handstamp.http.proofs", "handstamp.protocol.jwt", "jwt"}


def test_help_loads_no_client_and_no_sdk(tmp_path: Path) -> None:
    loaded = loaded_by(RUN_COMMAND.format(exit_codes="0, None"), "--help", home=tmp_path)

    assert not loaded & (HEAVY | NETWORK)
