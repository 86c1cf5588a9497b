"""Servers that are not there, not MCP servers, or wrong: one error, one command that helps, the exit code of the design."""

import json
import shlex
import socket

import pytest

from authority import Knobs, StartAuthority
from bad_input.sites import HTML, PlainSite
from commands import Home

METADATA = "/.well-known/oauth-protected-resource/mcp"
BROWSER_OPENED = "Open this link"


def test_an_ordinary_web_site_is_no_mcp_server(home: Home, authority: StartAuthority) -> None:
    site = authority(Knobs(html_at_mcp=True))

    login = home.fail("login", site.server_url, code=1)
    tools = home.fail("tools", site.server_url, code=1)

    assert login.error == f"Expected an MCP server at {site.server_url}, got HTTP 200 with text/html."
    assert "text/html" in tools.error
    assert login.hint == tools.hint == f"handstamp doctor {site.server_url}"


def test_a_url_where_nothing_is_is_no_mcp_server(home: Home) -> None:
    with PlainSite() as site:
        ran = home.fail("login", f"{site.origin}/nowhere", code=1)

    assert "got HTTP 404" in ran.error


def test_an_open_server_says_so_and_works_without_signing_in(home: Home, authority: StartAuthority) -> None:
    """A-01, 4.14."""
    site = authority(Knobs(open_server=True))

    login = home.run("login", site.server_url)
    tools = home.run("tools", site.server_url)
    call = home.run("call", site.server_url, "add", '{"a": 20, "b": 22}')

    assert (login.exit_code, login.stdout) == (0, "")
    assert "works without signing in" in login.stderr
    assert (tools.exit_code, tools.stderr) == (0, "")
    assert "whoami" in tools.stdout
    assert (call.exit_code, call.stdout, call.stderr) == (0, "42\n", "")
    assert not (home.state / "vault.db").exists()


def test_a_web_page_in_place_of_the_server_s_metadata(home: Home) -> None:
    with PlainSite() as site:
        site.challenge = f'Bearer resource_metadata="{site.origin}{METADATA}"'
        site.pages[METADATA] = HTML

        ran = home.fail("login", site.url, code=1)

    assert "protected resource metadata" in ran.error


def test_a_web_page_in_place_of_the_authorization_server_s_metadata(home: Home) -> None:
    with PlainSite() as site:
        site.challenge = f'Bearer resource_metadata="{site.origin}{METADATA}"'
        site.pages[METADATA] = {"resource": site.url, "authorization_servers": [site.origin]}
        site.pages["/.well-known/oauth-authorization-server"] = HTML
        site.pages["/.well-known/openid-configuration"] = HTML

        ran = home.fail("login", site.url, code=1)

    assert f"authorization server metadata for {site.origin}" in ran.error


@pytest.mark.parametrize("command", ["login", "tools"])
def test_a_port_where_nobody_listens(command: str, home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"

    ran = home.fail(command, url, code=3)

    assert "nothing" in ran.error
    assert ran.hint == f"handstamp doctor {url}"


@pytest.mark.parametrize("command", ["login", "tools"])
def test_a_host_that_does_not_exist(command: str, home: Home) -> None:
    """RFC 6761 §6.4: .invalid never resolves."""
    ran = home.fail(command, "https://mcp.invalid/mcp", code=3)

    assert "mcp.invalid" in ran.error


@pytest.mark.parametrize(
    "url", ["linear", "ftp://mcp.example/mcp", "https://", "https://user:pw@mcp.example/mcp", "http://mcp.example"]
)
def test_what_is_no_url_of_a_server(url: str, home: Home) -> None:
    ran = home.run("login", url)

    assert ran.exit_code in (1, 2)
    assert ran.error
    assert ran.hint
    assert "pw" not in ran.error


def test_metadata_of_another_issuer(home: Home, authority: StartAuthority) -> None:
    """4.2."""
    site = authority(Knobs(issuer_in_metadata="https://other.example"))

    ran = home.fail("login", site.server_url, code=1)

    assert site.issuer in ran.error
    assert "https://other.example" in ran.error


def test_metadata_of_another_resource(home: Home, authority: StartAuthority) -> None:
    """4.1."""
    site = authority(Knobs(resource_in_metadata="https://other.example/mcp"))

    ran = home.fail("login", site.server_url, code=1)

    assert site.server_url in ran.error
    assert "https://other.example/mcp" in ran.error


@pytest.mark.parametrize(
    "knobs",
    [
        Knobs(registration_error="invalid_client_metadata"),
        Knobs(registration_status=403),
        Knobs(no_registration_endpoint=True),
    ],
    ids=["refused with a reason", "refused without one", "not offered"],
)
def test_where_no_registration_can_be_had_the_hint_names_client_id(knobs: Knobs, home: Home, authority: StartAuthority) -> None:
    """A-38."""
    site = authority(knobs)
    home.name("work", site.server_url)

    ran = home.fail("login", "work", code=1)

    assert shlex.split(ran.hint) == ["handstamp", "add", "work", site.server_url, "--client-id", "CLIENT_ID"]
    assert not any(seen.path == "/authorize" for seen in site.log)


def test_the_hint_gives_a_name_to_a_server_that_has_none(home: Home, authority: StartAuthority) -> None:
    """A URL is no name: `handstamp add` would refuse it."""
    site = authority(Knobs(no_registration_endpoint=True))

    ran = home.fail("login", site.server_url, code=1)

    assert shlex.split(ran.hint)[2:4] == ["127.0.0.1", site.server_url]


def test_a_registration_endpoint_that_is_out_of_order_is_no_refusal(home: Home, authority: StartAuthority) -> None:
    """Decision 10."""
    site = authority(Knobs(registration_status=503))

    ran = home.fail("login", site.server_url, code=3)

    assert "--client-id" not in ran.hint


def test_a_login_that_is_denied_says_who_said_no(home: Home, authority: StartAuthority) -> None:
    site = authority(Knobs(deny=True))

    ran = home.fail("login", site.server_url, code=1)

    assert "access_denied" in ran.error
    assert BROWSER_OPENED in ran.stderr


def test_json_has_the_same_error_as_one_object_on_stderr(home: Home, authority: StartAuthority) -> None:
    site = authority(Knobs(no_registration_endpoint=True))

    ran = home.run("--json", "login", site.server_url)

    assert (ran.exit_code, ran.stdout) == (1, "")
    error = json.loads(ran.stderr.splitlines()[-1])["error"]
    assert error["code"] == "registration_rejected"
    assert error["next_step"] == error["hint"]
