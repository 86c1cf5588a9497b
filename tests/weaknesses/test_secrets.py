"""A client secret that the person keeps elsewhere stays there."""

import json
import sqlite3
from base64 import b64decode
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from authority import StartAuthority
from commands import KEY, Home
from handstamp.model import Registration, RegistrationKind, Secret
from handstamp.stores.sealing import bind, unseal
from weaknesses.machine import Machine, call

SECRET = "s3cr:t+/& of the person's"
COLUMNS = "owner, server, account, issuer, generation"


def unsealed(home: Home) -> list[bytes]:
    """All that the vault holds, as whoever has the key could read it."""
    with closing(sqlite3.connect(home.state / "vault.db")) as connection:
        grants = connection.execute(f"SELECT {COLUMNS}, sealed FROM grants").fetchall()
        kept = connection.execute("SELECT count(*) FROM client_secrets").fetchall()
    assert kept == [(0,)]
    return [unseal(b64decode(KEY), bind("grants", *row[:5]), row[5]) for row in grants]


def written(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "a secret"}


@pytest.mark.parametrize("kind", ["env", "file"])
def test_a_secret_from_elsewhere_is_used_and_written_nowhere(
    kind: str, machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W12: the reference wrote what `$(op read …)` gave it into its configuration, in plain text."""
    site = authority()
    site.turn(clients={"mine": SECRET}, auth_methods=("client_secret_post",), expires_in=60)
    file = machine.home.root / "a secret"
    file.write_text(SECRET)
    monkeypatch.setenv("MY_SECRET", SECRET)
    place = {"env": "env:MY_SECRET", "file": f"file:{file}"}[kind]
    options = ("--client-id", "mine", "--client-secret-from", place, "--issuer", site.issuer)
    added = machine.home.run("add", "mine", site.server_url, *options)
    arguments = machine.home.use_browser()

    signed_in = machine.home.run("login", "mine", environ={"MY_SECRET": SECRET})
    site.expire_access_tokens()
    status = call(machine.vault(), site.server_url)

    assert (added.exit_code, signed_in.exit_code, status) == (0, 0, 200)
    assert [form["client_secret"] for form in site.token_requests] == [SECRET, SECRET]
    contents = [*written(machine.home.root).values(), *unsealed(machine.home), arguments.read_bytes()]
    assert len(contents) > 4
    assert not any(SECRET.encode() in content or json.dumps(SECRET).encode() in content for content in contents)
    assert SECRET not in "".join([added.stdout, added.stderr, signed_in.stdout, signed_in.stderr])


def test_a_secret_can_not_be_given_on_the_command_line_nor_stand_in_the_settings(machine: Machine) -> None:
    """W12: and the refusal does not repeat it, for it may be one."""
    url = "https://mcp.example/mcp"

    on_the_line = machine.home.fail("add", "mine", url, "--client-id", "mine", "--client-secret-from", SECRET, code=2)
    machine.home.name("mine", url, client_id="mine", client_secret_from=SECRET)
    in_the_file = machine.home.fail("status", code=2)

    assert SECRET not in on_the_line.stderr + in_the_file.stderr


def test_a_grant_that_bears_a_configured_secret_is_stored_without_it(machine: Machine, authority: StartAuthority) -> None:
    """W12: the store's own guard, whoever hands it what."""
    site = authority()
    vault = machine.sign_in(site)
    grant = machine.stored(site)
    registration = Registration(
        grant.key.issuer,
        RegistrationKind.PRE_REGISTERED,
        "mine",
        grant.registration.redirect_uri,
        client_secret=Secret(SECRET),
        client_secret_from="env:MY_SECRET",
    )

    vault._parts.store.save_grant(replace(grant, registration=registration))

    assert machine.stored(site).registration.client_secret is None
    assert not any(SECRET.encode() in content for content in unsealed(machine.home))
