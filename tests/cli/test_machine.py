"""A program's credentials at the command line: given once, tried, and used with nobody there."""

from collections.abc import Mapping
from typing import Any

import pytest

from application.machines import SECRET
from authority import Authority, Knobs, StartAuthority
from cli.commandline import CommandLine

EXTENSION = "io.modelcontextprotocol/oauth-client-credentials"


@pytest.fixture
def site(authority: StartAuthority) -> Authority:
    return authority(Knobs(clients={"ci": SECRET}, auth_methods=("client_secret_basic",)))


@pytest.fixture
def build(cli: CommandLine, site: Authority) -> CommandLine:
    """The job of a build, whose secret is in its environment."""
    cli.environment |= {"CI_SECRET": SECRET, "CI": "true"}
    added = cli("add", "ci", site.server_url, *given(site))
    assert added.code == 0, added.stderr
    return cli


def given(site: Authority) -> list[str]:
    options = ["--grant-type", "client_credentials", "--client-id", "ci", "--client-secret-from", "env:CI_SECRET"]
    return [*options, "--issuer", site.issuer, "--scope", "read"]


def test_a_build_gets_a_token_with_one_command(build: CommandLine, site: Authority) -> None:
    before = build("status")
    token = build("token", "ci")
    again = build("headers", "ci")

    assert "handstamp login" not in before.stderr
    assert (token.code, token.stderr.splitlines()) == (0, ["New vault: its key is in the environment variable HANDSTAMP_KEY."])
    assert again.json == {"Authorization": f"Bearer {token.stdout.strip()}"}
    assert site.counts["token_requests"] == {"client_credentials": 1}


def test_programs_that_start_together_share_one_token(build: CommandLine, site: Authority) -> None:
    """A-142: the first holds the lock until its token is stored, and the others find that."""
    site.turn(token_status="hang")
    running = [build.start("token", "ci") for _ in range(3)]
    assert site.token_request_arrived.wait(20)
    site.turn(token_status=None)
    site.release()

    tokens = {process.communicate(timeout=20)[0] for process in running}

    assert len(tokens) == 1
    assert [process.returncode for process in running] == [0] * 3
    assert site.counts["token_requests"] == {"client_credentials": 1}


def test_login_says_what_it_got_and_for_whom(build: CommandLine) -> None:
    """It opens no browser, and asks anew each time: whether the credentials work is what a person wants to know."""
    said = build("login", "ci")
    told = build("login", "ci", "--json")
    status = build("status", "--json").json["servers"][0]

    assert said.code == 0
    assert "✓ ci needs no sign-in: a token for the client itself at 127.0.0.1\n  Allowed: read.\n" in said.stderr
    assert "Renews by itself" in said.stderr
    assert (told.json["status"], told.json["grant_type"], told.json["client"]) == (
        "signed_in",
        "client_credentials",
        "pre_registered",
    )
    assert (status["status"], status["grant_type"]) == ("signed_in", "client_credentials")


def test_a_call_declares_the_extension_that_the_server_is_used_by(build: CommandLine, site: Authority) -> None:
    """A-145, A-161: in the capabilities of the client."""
    called = build("call", "ci", "whoami")

    assert called.stdout == "ci, allowed to read\n"
    declared = [find_extensions(seen.json) for seen in site.requests_to("/mcp") if seen.bearer]
    assert declared
    assert all(EXTENSION in extensions for extensions in declared if extensions is not None)
    assert any(extensions is not None for extensions in declared)


def find_extensions(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """By both lifecycles: in `_meta` of each request, or in what `initialize` brings. None where neither is there."""
    params = message.get("params", {})
    meta = params.get("_meta", {}).get("io.modelcontextprotocol/clientCapabilities")
    capabilities = meta if meta is not None else params.get("capabilities")
    return None if capabilities is None else capabilities.get("extensions") or {}


def test_without_an_issuer_nothing_is_written(cli: CommandLine, site: Authority) -> None:
    """A-144."""
    options = given(site)
    place = options.index("--issuer")

    added = cli("add", "ci", site.server_url, *options[:place], *options[place + 2 :])

    assert added.code == 2
    assert "Expected issuer, the authorization server that may get the client's credentials" in added.stderr
    assert not cli.servers_toml.exists()
