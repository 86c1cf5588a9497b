"""A client ID metadata document made, served and used by the real commands, at other people's authorization servers."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from handstamp.demo.visitor import Visitor
from handstamp.model import ClientSettings, Grant, RegistrationKind
from handstamp.protocol.jwt import generate_key
from handstamp.settings import ServerSettings
from interop.home import NAME, Home
from interop.servers import BetterAuthSite, OidcSite, better_auth, oidc

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("client documents")]

DocumentSite = OidcSite | BetterAuthSite
SITES: Mapping[str, Callable[[Path], AbstractContextManager[DocumentSite]]] = {
    "oidc, any port": lambda ca_file: oidc(documents=ca_file, registration=False),
    "oidc, exact addresses": lambda ca_file: oidc(documents=ca_file, registration=False, strict=True),
    "better-auth": lambda ca_file: better_auth(documents=ca_file),
}


@dataclass(frozen=True, slots=True)
class Hosting:
    """`client-id serve` under the name of a host that only these tests' servers find."""

    folder: Path
    url: str
    ca_file: Path

    @property
    def file(self) -> Path:
        return self.folder / "client.json"


@pytest.fixture
def hosting(tmp_path: Path) -> Iterator[Hosting]:
    command = ["client-id", "serve", str(tmp_path / "client.json"), "--host", "client.example", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "handstamp", *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            about = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            yield Hosting(tmp_path, about["url"], Path(about["ca_file"]))
        finally:
            process.terminate()


both_servers = pytest.mark.parametrize("site", ["oidc, exact addresses", "better-auth"], indirect=True)


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, hosting: Hosting) -> Iterator[DocumentSite]:
    with SITES[request.param](hosting.ca_file) as started:
        yield started


@pytest.fixture
def home(site: DocumentSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Nobody has signed in yet."""
    made = Home(tmp_path, site.server_url)
    monkeypatch.setenv("HANDSTAMP_KEY", made.environment["HANDSTAMP_KEY"])
    return made


def use(home: Home, hosting: Hosting) -> None:
    """One setting, for all servers."""
    path = home.path / "config" / "servers.toml"
    path.write_text(f'client_id_url = "{hosting.url}"\n\n{path.read_text()}')


def grant_of(home: Home) -> Grant:
    with home.vault() as vault:
        grant = vault.grant(NAME)
    assert grant is not None
    return grant


def end_token(home: Home) -> None:
    """By the clock: the next use has to renew it."""
    with home.vault() as vault:
        grant = vault.grant(NAME)
        assert grant is not None
        token = replace(grant.token, obtained_at=0.0, expires_at=3600.0, obtained_uptime=None)
        vault._parts.store.save_grant(replace(grant, token=token))


def test_a_document_that_was_made_and_served_here_signs_in_and_renews(site: DocumentSite, hosting: Hosting, home: Home) -> None:
    """A-38 to A-40, A-43 to A-47, A-50, A-51, A-53: neither server registers anybody."""
    made = home.run("client-id", "create", hosting.url, "--out", str(hosting.file))
    checked = home.run("client-id", "check", str(hosting.file))
    use(home, hosting)

    home.log_in()
    caller = home.who_am_i()
    end_token(home)
    renewed = home.who_am_i()

    grant = grant_of(home)
    assert (made.code, checked.code) == (0, 0), made.shown + checked.shown
    assert grant.registration.kind is RegistrationKind.METADATA_DOCUMENT
    assert grant.registration.client_id == hosting.url
    assert caller["client_id"] == renewed["client_id"] == hosting.url
    assert (site.counts().codes, site.counts().refreshes, site.counts().refused) == (1, 1, ())


@both_servers
def test_a_document_with_a_key_signs_every_call(site: DocumentSite, hosting: Hosting, home: Home) -> None:
    """A-49: the code and the refresh are asked for with an assertion, which these servers verify by the document."""
    key = hosting.folder / "key.pem"
    key.write_text(generate_key(lambda count: bytes(range(count))).reveal())
    made = home.run("client-id", "create", hosting.url, "--key", str(key), "--out", str(hosting.file))
    client = ClientSettings(client_id_url=hosting.url, private_key_from=f"file:{key}")
    server = ServerSettings(NAME, site.server_url, client=client)

    with home.vault() as vault:
        vault.settings = replace(vault.settings, servers={NAME: server})
        grant = vault.sync.login(NAME, browser=Visitor(user="alice"))
        end_token(home)
        token = vault.sync.token(NAME)

    assert made.code == 0, made.shown
    assert grant is not None
    assert grant.registration.token_endpoint_auth_method == "private_key_jwt"
    assert token != grant.token
    assert (site.counts().codes, site.counts().refreshes, site.counts().refused) == (1, 1, ())


BROKEN: Mapping[str, Callable[[dict[str, object]], object]] = {
    "another client_id": lambda document: document.update(client_id="https://client.example/other.json"),
    "a secret": lambda document: document.update(client_secret="hush-hush", token_endpoint_auth_method="client_secret_post"),
}


@both_servers
@pytest.mark.parametrize("broken", BROKEN)
def test_what_the_check_refuses_these_servers_refuse_too(broken: str, hosting: Hosting, home: Home) -> None:
    """A-47, A-48: the check is no stricter and no softer than they are."""
    home.run("client-id", "create", hosting.url, "--out", str(hosting.file))
    document = json.loads(hosting.file.read_text())
    BROKEN[broken](document)
    hosting.file.write_text(json.dumps(document))
    use(home, hosting)

    checked = home.run("client-id", "check", str(hosting.file), "--url", hosting.url)
    refused = home.run("login", NAME, "--timeout", "3")

    assert checked.code == 1
    assert refused.code == 1
    with home.vault() as vault:
        assert vault.grant(NAME) is None
