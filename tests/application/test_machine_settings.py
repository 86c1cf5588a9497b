"""What `servers.toml` says of a program's credentials: read, refused with the place, and kept by an edit."""

from dataclasses import replace
from pathlib import Path

import pytest

from handstamp.errors import SettingsError
from handstamp.model import ClientSettings, GrantType, IdentityProvider
from handstamp.settings import ServerSettings, load_settings
from handstamp.settings_file import add_server, merge_server, render_server

CI = """\
# of the build
[servers.ci]
url = "https://mcp.example/mcp"
client_id = "ci"
private_key_from = "file:~/ci.pem"   # rotated in spring
signing_algorithm = "PS256"
assertion_audience = "token_endpoint"
issuer = "https://login.example"
grant_type = "client_credentials"
scopes = ["read"]
"""
WORK = """\
[servers.work]
url = "https://mcp.example/mcp"
client_id = "handstamp"
client_secret_from = "env:WORK_SECRET"
issuer = "https://login.example"
grant_type = "id_jag"

[servers.work.identity_provider]
issuer = "https://acme.idp.example"
client_id = "desktop"
subject_token_from = "file:~/.acme/id-token"
"""
POD = """\
[servers.pod]
url = "https://mcp.example/mcp"
issuer = "https://login.example"
grant_type = "jwt_bearer"
assertion_from = "file:/var/run/secrets/mcp/token"
"""


def read(directory: Path, text: str) -> ServerSettings:
    (directory / "servers.toml").write_text(text)
    (server,) = load_settings(directory).servers.values()
    return server


def test_every_setting_is_read(tmp_path: Path) -> None:
    """A-137, A-140, A-141, A-146, A-162."""
    assert read(tmp_path, CI).client == ClientSettings(
        client_id="ci",
        issuer="https://login.example",
        grant_type=GrantType.CLIENT_CREDENTIALS,
        private_key_from="file:~/ci.pem",
        signing_algorithm="PS256",
        assertion_audience="token_endpoint",
    )
    assert read(tmp_path, POD).client.assertion_from == "file:/var/run/secrets/mcp/token"
    assert read(tmp_path, WORK).client.identity_provider == IdentityProvider(
        "https://acme.idp.example", "desktop", "file:~/.acme/id-token"
    )


@pytest.mark.parametrize("text", [CI, WORK, POD])
def test_the_lines_to_paste_say_the_same(text: str, tmp_path: Path) -> None:
    server = read(tmp_path, text)

    assert read(tmp_path, render_server(server)) == server


def test_an_edit_keeps_what_it_does_not_change(tmp_path: Path) -> None:
    """Comments and order too."""
    for text, client in ((CI, ClientSettings(client_id="ci2")), (WORK, ClientSettings(client_id="other"))):
        server = read(tmp_path, text)
        settings = load_settings(tmp_path)

        add_server(settings, ServerSettings(server.name, server.url, client))

        assert (tmp_path / "servers.toml").read_text() == text.replace(f'"{server.client.client_id}"', f'"{client.client_id}"')


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ClientSettings(client_secret_from="env:S"), {"client_secret_from": "env:S", "private_key_from": None}),
        (ClientSettings(private_key_from="env:K"), {"private_key_from": "env:K", "signing_algorithm": "PS256"}),
        (ClientSettings(issuer="https://b.example"), {"issuer": "https://b.example", "private_key_from": "file:~/ci.pem"}),
    ],
)
def test_one_proof_takes_the_place_of_the_other(given: ClientSettings, expected: dict[str, object], tmp_path: Path) -> None:
    server = read(tmp_path, CI)

    merged = merge_server(load_settings(tmp_path), replace(server, client=given)).client

    assert {name: getattr(merged, name) for name in expected} == expected
    assert merged.grant_type is GrantType.CLIENT_CREDENTIALS


@pytest.mark.parametrize(
    ("text", "old", "new", "place"),
    [
        (CI, "client_credentials", "password", "[servers.ci] grant_type"),
        (CI, "PS256", "HS256", "[servers.ci] signing_algorithm"),
        (CI, "PS256", "none", "[servers.ci] signing_algorithm"),
        (CI, '"token_endpoint"', '"https://elsewhere.example"', "[servers.ci] assertion_audience"),
        (CI, "file:~/ci.pem", "-----BEGIN", "[servers.ci]: Expected private_key_from to be env:NAME or file:PATH"),
        (CI, "file:~/ci.pem", "vault", "[servers.ci]: Expected private_key_from to be env:NAME or file:PATH"),
        (CI, 'issuer = "https://login.example"', "", "[servers.ci]: Expected issuer"),
        (CI, "https://login.example", "discovered", "[servers.ci]: Expected an https URL as issuer"),
        (CI, "https://login.example", "http://login.example", "[servers.ci]: Expected https for issuer"),
        (CI, 'client_id = "ci"', "", "[servers.ci]: Expected client_id"),
        (POD, 'assertion_from = "file:/var/run/secrets/mcp/token"', "", "[servers.pod]: Expected assertion_from"),
        (POD, "file:/var/run", "/var/run", "[servers.pod]: Expected assertion_from to be"),
        (WORK, 'subject_token_from = "file:~/.acme/id-token"', "", "[servers.work.identity_provider] subject_token_from"),
        (WORK, "file:~/.acme/id-token", "eyJhbGciOi", "[servers.work]: Expected subject_token_from to be"),
        (WORK, 'client_id = "desktop"', "colour = 1", "[servers.work.identity_provider] colour"),
        (WORK, 'client_id = "desktop"', "client_id = 1", "[servers.work.identity_provider] client_id"),
        (WORK, 'client_id = "desktop"', 'client_id = "d"\nsubject_token_type = "jwt"', "identity_provider] subject_token_type"),
        (WORK, "https://acme.idp.example", "http://acme.idp.example", "issuer of identity_provider"),
        (WORK, '"id_jag"', '"authorization_code"', "identity_provider only with"),
    ],
)
def test_what_is_wrong_names_the_file_the_table_and_the_key(text: str, old: str, new: str, place: str, tmp_path: Path) -> None:
    """A-144, 4.6; nothing of what may be a secret is repeated."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text.replace(old, new))

    assert str(tmp_path / "servers.toml") in caught.value.message
    assert place in caught.value.message
    assert "eyJ" not in caught.value.message
