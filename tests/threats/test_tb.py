"""TB: metadata, mix-up, binding."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from authority import Authority, FormBrowser, Knobs, StartAuthority
from handstamp.demo.visitor import visit
from handstamp.errors import (
    DiscoveryFailed,
    InsecureUrl,
    InvalidClient,
    IssuerMismatch,
    LoginRequired,
    MalformedResponse,
    PkceUnsupported,
    ResourceMismatch,
    ServerBrokeProtocol,
    UsageError,
)
from handstamp.model import Grant, LoginPrompt
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.client_document import build_document, redirect_uris
from handstamp.protocol.document_check import check_document, find_faults
from handstamp.protocol.registration import register_client
from handstamp.protocol.resource import find_protected_resource
from handstamp.protocol.server import find_authorization_server
from handstamp.vault import Vault
from protocol.wire import ISSUER, REDIRECT, SERVER, Wire, a_server, answer, json_response
from weaknesses.machine import Machine, Person, call, reveal

DOCUMENT = "https://client.example/handstamp.json"
SECRET = "a secret of the client's"
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "Expires": "Thu, 31 Dec 2099 23:59:59 GMT"}


class Reader(Person):
    """Reads all that is shown, and how many browsers were open then; says yes or no to what is asked."""

    def __init__(self, browser: FormBrowser | None = None, *, agrees: bool = True) -> None:
        super().__init__()
        self.questions: list[str] = []
        self.prompts: list[LoginPrompt] = []
        self.open_at_prompt: list[int] = []
        self._browser = browser or FormBrowser()
        self._agrees = agrees

    async def confirm(self, question: str) -> bool:
        self.questions.append(question)
        return self._agrees

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self.prompts.append(prompt)
        self.open_at_prompt.append(len(self._browser.opened))
        return True


class Impostor(FormBrowser):
    """Another program of the same person: brings us a code of its own, and tries ours before we do."""

    def __init__(self, site: Authority) -> None:
        super().__init__()
        self.brought = 0
        self.tried: dict[str, str] = {}
        self._site = site

    def _walk(self, url: str) -> None:
        ours = query_of(url)
        redirect_uri = ours["redirect_uri"]
        self.brought = visit(f"{redirect_uri}?code=of-its-own&state=of-its-own&iss={self._site.issuer}").status
        caught = visit(url, stop_before=redirect_uri).url
        form = {
            "grant_type": "authorization_code",
            "code": query_of(caught)["code"],
            "client_id": ours["client_id"],
            "redirect_uri": redirect_uri,
            "code_verifier": ours["code_challenge"],  # all that it knows
        }
        self.tried = httpx2.post(f"{self._site.issuer}/token", data=form, trust_env=False).json()
        super()._walk(caught)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def steps(site: Authority) -> list[str]:
    """What the authorization server was asked besides its metadata, in order."""
    return [seen.path.rpartition("/")[2] for seen in site.log if seen.at == "authority" and "/.well-known/" not in seen.path]


def was_asked(site: Authority) -> bool:
    """The authorization server, for anything at all."""
    return any(seen.at == "authority" for seen in site.log)


def on_another_origin(url: str) -> str:
    """The same server under another name."""
    return url.replace("127.0.0.1", "localhost")


def as_confidential(machine: Machine, site: Authority, monkeypatch: pytest.MonkeyPatch) -> str:
    """Names the server `work`, with a client of the person's own that has a secret."""
    monkeypatch.setenv("WORK_SECRET", SECRET)
    machine.home.name("work", site.server_url, client_id="mine", client_secret_from="env:WORK_SECRET")
    return "work"


def signed_in(vault: Vault, server: str, **options: object) -> Grant:
    grant = vault.sync.login(server, again=True, **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert grant is not None
    return grant


def test_tb1_a_document_of_another_issuer_is_refused(machine: Machine, authority: StartAuthority) -> None:
    """
    A document claims another's issuer.

    Compares it with the issuer that was asked, and refuses.
    """
    #
    site = authority(Knobs(issuer_in_metadata="https://honest.example"))

    with pytest.raises(IssuerMismatch, match=r'"https://honest\.example"'):
        machine.vault().sync.login(site.server_url)

    assert steps(site) == []
    assert machine.browser.opened == []


@pytest.mark.parametrize(
    "respell",
    [
        lambda issuer: f"{issuer}/",
        lambda issuer: issuer.replace("tenant1", "Tenant1"),
        lambda issuer: issuer.replace("http:", "HTTP:"),
        lambda issuer: issuer.replace("tenant1", "%74enant1"),
    ],
    ids=["slash", "case of the path", "case of the scheme", "escape"],
)
def test_tb2_an_issuer_that_is_spelled_otherwise_is_another(
    respell: Callable[[str], str], machine: Machine, authority: StartAuthority
) -> None:
    """
    The issuers differ in a slash, a capital, a port, an escape.

    Compares them as strings, so that each of these is a difference, and refuses.
    """
    site = authority(Knobs(metadata_path_issuer="/tenant1"))
    site.turn(issuer_in_metadata=respell(site.issuer))

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(site.server_url)

    assert steps(site) == []


@pytest.mark.parametrize(
    "named",
    [
        f"{ISSUER}/",
        f"{ISSUER}/tenant1",
        "https://AUTH.example",
        "https://auth.example:443",
        "https://auth%2eexample",
        "HTTPS://auth.example",
    ],
)
def test_tb2_the_error_names_both_spellings(named: str) -> None:
    """A-26: conformance auth/metadata-issuer-mismatch."""
    document = {"issuer": named, "authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/token"}
    places = ("oauth-authorization-server", "openid-configuration")

    with pytest.raises(IssuerMismatch) as raised:
        answer(
            find_authorization_server(ISSUER, near=SERVER),
            {f"{ISSUER}/.well-known/{place}": json_response(document) for place in places},
        )

    assert f'"{ISSUER}"' in raised.value.message
    assert f'"{named}"' in raised.value.message


@pytest.mark.parametrize(
    "claim",
    [
        lambda url: "https://honest.example/mcp",
        lambda url: url.replace("http:", "https:"),
        lambda url: url.replace("127.0.0.1", "localhost"),
        lambda url: url.replace("127.0.0.1:", "127.0.0.1:1"),
        lambda url: url.replace("127.0.0.1", "honest.example@127.0.0.1"),
    ],
    ids=["host", "scheme", "name", "port", "userinfo"],
)
def test_tb3_resource_metadata_of_another_origin_is_refused(
    claim: Callable[[str], str], machine: Machine, authority: StartAuthority
) -> None:
    """
    Resource metadata speaks for another origin.

    Refuses it, before the authorization server that it names is asked for anything.
    """
    #
    site = authority()
    site.turn(resource_in_metadata=claim(site.server_url))

    with pytest.raises(ResourceMismatch):
        machine.vault().sync.login(site.server_url)

    assert not was_asked(site)


@pytest.mark.parametrize(
    "path", ["/mcp-evil", "/mc", "/other", "/mcp/deeper", "/MCP", "/mcp/../admin", "/mcp/%2e%2e", "/mcp//", ""]
)
def test_tb4_resource_metadata_of_another_path_is_refused(path: str, machine: Machine, authority: StartAuthority) -> None:
    """
    It speaks for a neighbouring path, or one that only begins alike, or climbs by dots.

    Cuts paths at slashes, takes no dot segments, and refuses. What lies above the server counts only from its own well-known
    address.
    """
    site = authority()
    site.turn(resource_in_metadata=site.server_url.removesuffix("/mcp") + (path or "/"))

    with pytest.raises(ResourceMismatch):
        machine.vault().sync.login(site.server_url)

    assert not was_asked(site)


@pytest.mark.parametrize(
    ("resource", "address"),
    [
        ("/mc", "https://mcp.example/.well-known/oauth-protected-resource/mc"),
        ("/other", "https://mcp.example/.well-known/oauth-protected-resource/other"),
        ("/mcp/deeper", "https://mcp.example/.well-known/oauth-protected-resource/mcp/deeper"),
        ("", "https://mcp.example/.well-known/oauth-protected-resource/mcp"),
        ("", "https://elsewhere.example/.well-known/oauth-protected-resource"),
    ],
)
def test_tb4_a_neighbours_own_address_vouches_for_the_neighbour_alone(resource: str, address: str) -> None:
    """A-13, 4.1: conformance auth/resource-mismatch."""
    document = json_response({"resource": f"https://mcp.example{resource}", "authorization_servers": [ISSUER]})
    challenge = Challenge("bearer", {"resource_metadata": address})

    with pytest.raises(ResourceMismatch):
        answer(find_protected_resource(SERVER, challenge), {address: document})


@pytest.mark.parametrize(
    "members",
    [
        {"resource": None},
        {"resource": ["https://mcp.example/mcp"]},
        {"resource": ""},
        {"authorization_servers": None},
        {"authorization_servers": []},
        {"authorization_servers": "https://auth.example"},
        {"authorization_servers": [7]},
    ],
)
def test_tb5_resource_metadata_without_its_members_is_refused(
    members: Mapping[str, object], machine: Machine, authority: StartAuthority
) -> None:
    """
    It lacks `resource` or `authorization_servers`.

    Refuses it; nothing takes the place of what is missing.
    """
    site = authority(Knobs(resource_metadata=members))

    with pytest.raises(DiscoveryFailed) as raised:
        machine.vault().sync.login(site.server_url)

    assert not raised.value.absent
    assert not was_asked(site)


def borrow_sign_in_page(authority: StartAuthority, **honest: object) -> tuple[Authority, Authority]:
    """A famous server, and one that shows its page and takes the codes itself."""
    famous, trap = authority(Knobs(clients={"mine": ""})), authority(Knobs(clients={"mine": ""}))
    famous.turn(**honest)
    trap.turn(authorization_endpoint=f"{famous.issuer}/authorize")
    return famous, trap


def test_tb6_a_famous_sign_in_page_before_a_foreign_token_endpoint_is_asked_about(
    machine: Machine, authority: StartAuthority
) -> None:
    """
    The sign-in page is a famous one's, the token endpoint the attacker's.

    Shows the hosts and asks you before anything is registered or opened. Where nobody can be asked, it refuses.
    """
    famous, trap = borrow_sign_in_page(authority)
    person = Reader(agrees=False)

    with pytest.raises(ServerBrokeProtocol):
        machine.vault().sync.login(trap.server_url, presenter=person)

    [question] = person.questions
    assert urlsplit(famous.issuer).netloc in question
    assert urlsplit(trap.issuer).netloc in question
    assert (steps(trap), steps(famous), machine.browser.opened) == ([], [], [])


def test_tb6_where_nobody_can_be_asked_it_is_refused(machine: Machine, authority: StartAuthority) -> None:
    """4.3: by the library without a presenter, and by the program without a terminal."""
    famous, trap = borrow_sign_in_page(authority)
    machine.home.use_browser()

    with pytest.raises(ServerBrokeProtocol):
        machine.vault().sync.login(trap.server_url)
    machine.home.fail("login", trap.server_url, code=1)

    assert (steps(trap), steps(famous), machine.browser.opened) == ([], [], [])


def test_tb6_the_famous_servers_own_name_gives_the_trap_away_even_after_a_yes(
    machine: Machine, authority: StartAuthority
) -> None:
    """RFC 9207: its answer says who gave the code, and that is not who is to get it."""
    famous, trap = borrow_sign_in_page(authority)
    machine.home.name("work", trap.server_url, client_id="mine")

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login("work", presenter=Reader())

    assert steps(famous) == ["authorize"]
    assert trap.token_requests == []


@pytest.mark.parametrize("no_iss_advertised", [False, True], ids=["promised", "not promised"])
@pytest.mark.parametrize("iss", ["wrong", "trailing slash"])
def test_tb7_an_answer_of_another_authorization_server_is_refused(
    iss: str, no_iss_advertised: bool, machine: Machine, authority: StartAuthority
) -> None:
    """
    The answer's `iss` is of another authorization server.

    Stops before any token request, whether or not the metadata promised an `iss`.
    """
    #
    site = authority()
    site.turn(iss=iss, no_iss_advertised=no_iss_advertised)

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(site.server_url)

    assert site.token_requests == []


def test_tb8_a_promised_iss_that_is_missing_is_refused(machine: Machine, authority: StartAuthority) -> None:
    """
    `iss` was promised and is missing.

    Stops before any token request.
    """
    #
    site = authority(Knobs(iss="missing"))

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(site.server_url)

    assert site.token_requests == []


def test_tb9_each_issuer_has_a_redirect_address_of_its_own(machine: Machine, authority: StartAuthority) -> None:
    """
    `iss` was neither promised nor sent.

    Goes on. Where the redirect address is ours to choose, each issuer gets one of its own, so that an answer cannot be taken for
    another's.
    """
    #
    sites = [authority(Knobs(iss="missing", no_iss_advertised=True)) for _ in range(2)]

    for site in sites:
        signed_in(machine.vault(), site.server_url)

    paths = [urlsplit(seen.query["redirect_uri"]).path for site in sites for seen in site.requests_to("/authorize")]
    assert len(set(paths)) == 2
    assert [site.counts["registrations"] for site in sites] == [1, 1]


def test_tb10_nothing_of_a_strangers_error_is_shown(machine: Machine, authority: StartAuthority) -> None:
    """
    A wrong `iss` comes with a text for you to read.

    Shows none of it, neither in the terminal nor in the browser, and acts on none of it.
    """
    #
    site = authority(Knobs(iss="wrong", deny=True))
    machine.home.use_browser()

    with pytest.raises(IssuerMismatch) as raised:
        machine.vault().sync.login(site.server_url)
    page = machine.browser.wait().body
    ran = machine.home.fail("login", site.server_url, code=1)

    shown = raised.value.message + page + ran.stderr
    assert "attacker.example" in shown
    assert "pressed Deny" not in shown
    assert "access_denied" not in shown


def test_tb11_what_belongs_to_the_old_issuer_stays_there(machine: Machine, authority: StartAuthority) -> None:
    """
    After a while the server names another authorization server.

    Files grants and clients by issuer: nothing old goes to the new one, and a secret of yours to none that you have not named or
    confirmed. A new sign-in names the new issuer and the old.
    """
    #
    site, evil = authority(), authority()
    old = signed_in(machine.vault(), site.server_url)
    machine.expire(site)
    site.turn(authorization_servers=(evil.issuer,))

    status, asked = call(machine.vault(), site.server_url), was_asked(evil)
    person = Reader()
    new = signed_in(machine.vault(), site.server_url, presenter=person)

    assert (status, site.refreshes, asked) == (200, 1, False)
    [note] = person.prompts[0].notes
    assert site.issuer in note
    assert evil.issuer in note
    assert new.registration.client_id != old.registration.client_id
    secrets = [reveal(old.token.refresh_token), reveal(old.token.access_token), old.registration.client_id]
    assert not any(str(secret).encode() in seen.body for seen in evil.log for secret in secrets)
    assert {grant.key.issuer for grant in machine.vault().grants()} == {site.issuer, evil.issuer}


def test_tb11_a_client_of_your_own_is_not_shown_to_another_issuer(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-62: neither its name nor its secret."""
    knobs = Knobs(clients={"mine": SECRET}, auth_methods=("client_secret_post",))
    site, evil = authority(knobs), authority(knobs)
    name = as_confidential(machine, site, monkeypatch)
    signed_in(machine.vault(), name, presenter=Person())
    site.turn(authorization_servers=(evil.issuer,))

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login(name, again=True)

    assert steps(evil) == []
    assert [grant.key.issuer for grant in machine.vault().grants()] == [site.issuer]


def test_tb11_a_secret_goes_to_no_issuer_that_nobody_has_named(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4.6: the server itself says whom the secret of your client goes to, from the first sign-in on."""
    site = authority(Knobs(clients={"mine": SECRET}, auth_methods=("client_secret_post",)))
    name = as_confidential(machine, site, monkeypatch)
    person = Reader()

    with pytest.raises(UsageError):
        machine.vault().sync.login(name)
    ran = machine.home.fail("login", name, code=2)
    before = steps(site)
    for _ in range(2):
        signed_in(machine.vault(), name, presenter=person)

    assert ran.hint == f"handstamp add work {site.server_url} --issuer ISSUER"
    assert before == []
    [question] = person.questions
    assert urlsplit(site.issuer).netloc in question


def test_tb12_a_refresh_goes_where_the_sign_in_went(machine: Machine, authority: StartAuthority) -> None:
    """
    The token endpoint moves to another origin under the same issuer.

    A refresh goes to the endpoint of the sign-in and to no other. A new sign-in shows the old and the new host and asks you;
    where nobody can be asked, it refuses.
    """
    #
    site, evil = authority(), authority()
    signed_in(machine.vault(), site.server_url)
    machine.expire(site)
    site.turn(token_endpoint=f"{evil.issuer}/token")

    status = call(machine.vault(), site.server_url)

    assert (status, site.refreshes) == (200, 1)
    assert not was_asked(evil)


@pytest.mark.parametrize("presenter", [None, Reader(agrees=False)], ids=["nobody to ask", "a no"])
def test_tb12_a_sign_in_does_not_follow_the_token_endpoint_without_a_yes(
    presenter: Person | None, machine: Machine, authority: StartAuthority
) -> None:
    site, evil = authority(), authority()
    signed_in(machine.vault(), site.server_url)
    before, taken = machine.stored(site), steps(site)
    site.turn(token_endpoint=f"{evil.issuer}/token")

    with pytest.raises(ServerBrokeProtocol, match=f"got {urlsplit(evil.issuer).netloc}"):
        machine.vault().sync.login(site.server_url, presenter=presenter, again=True)

    assert machine.stored(site) == before
    assert steps(site) == taken
    assert not was_asked(evil)


def test_tb12_a_yes_is_asked_for_once(machine: Machine, authority: StartAuthority) -> None:
    site = authority()
    signed_in(machine.vault(), site.server_url)
    moved = on_another_origin(f"{site.issuer}/token")
    site.turn(token_endpoint=moved)
    person = Reader()

    grants = [signed_in(machine.vault(), site.server_url, presenter=person) for _ in range(2)]

    [question] = person.questions
    assert urlsplit(site.issuer).netloc in question
    assert urlsplit(moved).netloc in question
    assert [grant.token_endpoint for grant in grants] == [moved, moved]


def test_tb12_another_server_of_the_issuer_is_no_way_around(machine: Machine, authority: StartAuthority) -> None:
    """The registration, and with it the client's secret, is the issuer's and not the server's."""
    site, neighbour = authority(Knobs(auth_methods=("client_secret_basic",))), authority()
    signed_in(machine.vault(), site.server_url)
    neighbour.turn(authorization_servers=(site.issuer,))
    site.turn(token_endpoint=on_another_origin(f"{site.issuer}/token"))

    with pytest.raises(ServerBrokeProtocol):
        machine.vault().sync.login(neighbour.server_url)

    assert len(site.token_requests) == 1


@pytest.mark.parametrize(
    "knobs",
    [
        Knobs(no_code_challenge_methods=True),
        Knobs(no_code_challenge_methods=True, metadata_at="openid"),
        Knobs(no_s256=True),
    ],
    ids=["not offered", "not offered by OpenID", "only plain"],
)
def test_tb13_a_server_without_pkce_is_refused(knobs: Knobs, machine: Machine, authority: StartAuthority) -> None:
    """
    PKCE is not offered, or only `plain`.

    Refuses, before anything is registered or opened.
    """
    #
    site = authority(knobs)

    with pytest.raises(PkceUnsupported):
        machine.vault().sync.login(site.server_url)

    assert steps(site) == []
    assert machine.browser.opened == []


def test_tb14_a_client_keeps_the_method_that_it_was_registered_with(machine: Machine, authority: StartAuthority) -> None:
    """
    The list of methods pushes a client to a weaker way of proving itself.

    Uses the method that was registered, and no other. A client with a secret is never used without it.
    """
    site = authority(Knobs(auth_methods=("client_secret_basic",)))
    signed_in(machine.vault(), site.server_url)
    site.turn(auth_methods=("none", "client_secret_post", "client_secret_basic"))

    signed_in(machine.vault(), site.server_url)
    site.expire_access_tokens()
    status = call(machine.vault(), site.server_url)

    sent = site.requests_to("/token")
    assert (status, len(sent), site.counts["registrations"]) == (200, 3, 1)
    assert all(seen.headers.get("authorization", "").startswith("Basic ") for seen in sent)
    assert not any("client_secret" in seen.form for seen in sent)


def test_tb14_none_is_no_method_for_a_client_with_a_secret(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = authority(Knobs(clients={"mine": SECRET}, auth_methods=("none",)))
    name = as_confidential(machine, site, monkeypatch)

    with pytest.raises(InvalidClient):
        machine.vault().sync.login(name, presenter=Person())

    [sent] = site.requests_to("/token")
    assert sent.headers["authorization"].startswith("Basic ")


def test_tb14_a_public_client_shows_nothing_where_only_secrets_are_listed(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(clients={"mine": ""}, auth_methods=("client_secret_basic",)))
    machine.home.name("work", site.server_url, client_id="mine")

    signed_in(machine.vault(), "work")

    [sent] = site.requests_to("/token")
    assert "authorization" not in sent.headers
    assert "client_secret" not in sent.form


@pytest.mark.parametrize(
    "members",
    [
        {"client_id": None},
        {"client_id": ""},
        {"client_id": 7},
        {"client_id": "a" * 5000},
        {"client_id": "a" * 1_000_000},
        {"client_id": "a\r\nX-Evil: 1"},
        {"client_id": "a\x1bb"},
        {"client_id": "ä"},
        {"token_endpoint_auth_method": "client_secret_post", "client_secret": "a\r\nb"},
        {"token_endpoint_auth_method": "client_secret_post", "client_secret": 7},
        {"token_endpoint_auth_method": "client_secret_post", "client_secret": "a" * 5000},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "client_secret_basic", "client_secret": ""},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": ["none"]},
        {"redirect_uris": []},
        {"redirect_uris": ["https://evil.example/callback"]},
        {"redirect_uris": "https://evil.example/callback"},
        {"grant_types": ["client_credentials"]},
        {"grant_types": "authorization_code"},
        {"grant_types": []},
        {"response_types": ["token"]},
        {"response_types": {"code": True}},
    ],
    ids=lambda members: " ".join(f"{name}={value!r:.30}" for name, value in members.items()),
)
def test_tb15_an_altered_or_hostile_registration_is_refused(
    members: Mapping[str, object], machine: Machine, authority: StartAuthority
) -> None:
    """
    The registration's answer alters what was asked for, is huge, or carries control characters.

    Refuses other redirect addresses, a registration that leaves out the code flow, and names and secrets that are too long or
    not plain ASCII. Members that it does not use it does not read.
    """
    #
    site = authority(Knobs(registration=members))

    with pytest.raises(MalformedResponse) as raised:
        machine.vault().sync.login(site.server_url)

    assert raised.value.message.isprintable()
    assert steps(site) == ["register"]
    assert machine.browser.opened == []


@pytest.mark.parametrize(
    "registered", [[REDIRECT, "https://evil.example/callback"], [f"{REDIRECT}/"], [REDIRECT.upper()], REDIRECT]
)
def test_tb15_only_our_redirect_address_may_be_registered_and_to_the_letter(registered: object) -> None:
    wire = Wire({f"{ISSUER}/register": json_response({"client_id": "client-1", "redirect_uris": registered}, 201)})

    with pytest.raises(MalformedResponse):
        wire.run(register_client(a_server(), redirect_uri=REDIRECT, scopes=()))


def test_tb15_members_that_nobody_uses_change_nothing(machine: Machine, authority: StartAuthority) -> None:
    hostile = {
        "client_name": "\x1b]0;Bank\x07",
        "scope": "admin " * 1000,
        "application_type": 7,
        "logo_uri": "javascript:alert(1)",
    }
    site = authority(Knobs(registration={**hostile, "grant_types": ["authorization_code", "password"]}))
    machine.home.use_browser()

    ran = machine.home.run("login", site.server_url)

    [asked] = site.requests_to("/authorize")
    assert ran.exit_code == 0
    assert asked.query["scope"] == "read write offline_access"
    assert "Bank" not in ran.stderr


def test_tb15_a_client_id_that_we_have_elsewhere_brings_nothing_from_there(machine: Machine, authority: StartAuthority) -> None:
    """An id is no key: two servers may give out the same, and one of them on purpose. A-19."""
    honest, evil = authority(Knobs(auth_methods=("client_secret_post",))), authority()
    before = signed_in(machine.vault(), honest.server_url)
    client_id, secret = before.registration.client_id, reveal(before.registration.client_secret)
    evil.turn(registration={"client_id": client_id}, clients={client_id: ""})

    after = signed_in(machine.vault(), evil.server_url)

    assert after.registration.client_id == client_id
    assert secret
    assert not any(secret.encode() in seen.body for seen in evil.log)
    assert after.registration.redirect_uri != before.registration.redirect_uri
    assert machine.stored(honest) == before
    signed_in(machine.vault(), honest.server_url)
    assert honest.counts["registrations"] == 1


def test_tb16_the_address_for_managing_the_registration_is_never_called(machine: Machine, authority: StartAuthority) -> None:
    """
    It names an inner address for managing the registration.

    Never calls it and does not keep it, nor the token for it.
    """
    site = authority()
    inner = f"{site.issuer}/manage"
    site.turn(registration={"registration_client_uri": inner, "registration_access_token": "a-management-token"})

    signed_in(machine.vault(), site.server_url)
    site.expire_access_tokens()
    call(machine.vault(), site.server_url)
    kept = repr(machine.stored(site)) + repr(machine.vault()._parts.store.find_registration("local", site.issuer))
    machine.vault().sync.logout(site.server_url)

    assert steps(site) == ["register", "authorize", "token", "token", "revoke"]
    assert inner not in kept
    assert "a-management-token" not in kept


def test_tb17_servers_that_share_an_authorization_server_share_no_token(machine: Machine, authority: StartAuthority) -> None:
    """
    Two MCP servers share an authorization server, and one gets the other's token.

    Files tokens by server and asks for each with its own `resource`; they never cross.
    """
    #
    one, other = authority(), authority()
    other.turn(authorization_servers=(one.issuer,))
    first = signed_in(machine.vault(), one.server_url)

    with pytest.raises(LoginRequired):
        machine.vault().sync.token(other.server_url)
    with pytest.raises(LoginRequired):
        call(machine.vault(), other.server_url)
    second = signed_in(machine.vault(), other.server_url)
    other.turn(open_server=True)  # its own books do not know the tokens of the shared authority
    statuses = [call(machine.vault(), site.server_url) for site in (one, other)]

    assert statuses == [200, 200]
    assert [form["resource"] for form in one.token_requests] == [one.server_url, other.server_url]
    sent = [{seen.bearer for seen in site.requests_to("/mcp")} - {None} for site in (one, other)]
    assert sent == [{reveal(first.token.access_token)}, {reveal(second.token.access_token)}]


def test_tb18_a_server_in_the_middle_gets_no_code_of_the_honest_one(machine: Machine, authority: StartAuthority) -> None:
    """
    A server in the middle uses our shared `client_id` for a sign-in of its own at an honest one.

    Shows the server and the host that will ask before the browser opens, and compares `iss`: a code of the honest server's is
    not taken to the one in the middle.
    """
    #
    honest = authority(Knobs(client_id_metadata_document_supported=True))
    middle = authority(Knobs(client_id_metadata_document_supported=True, sends_on_to=f"{honest.issuer}/authorize"))
    machine.home.name("work", middle.server_url, client_id_url=DOCUMENT)
    person = Reader(machine.browser)

    with pytest.raises(IssuerMismatch):
        machine.vault().sync.login("work", presenter=person)

    [prompt] = person.prompts
    assert (prompt.server, prompt.authorization_host, person.open_at_prompt) == ("work", "127.0.0.1", [0])
    assert [seen.query["client_id"] for seen in honest.requests_to("/authorize")] == [DOCUMENT]
    assert middle.token_requests == []


def test_tb18_the_terminal_names_server_and_host(machine: Machine, authority: StartAuthority) -> None:
    """A-135."""
    site = authority()
    machine.home.name("work", site.server_url)
    machine.home.use_browser()

    ran = machine.home.run("login", "work")

    assert ran.exit_code == 0
    assert "work asks you to sign in at 127.0.0.1\n" in ran.stderr


def test_tb19_a_code_is_worth_nothing_to_another_program(machine: Machine, authority: StartAuthority) -> None:
    """
    Another local program poses as us, with our document and a loopback address.

    No client can prevent that. State and PKCE bind a code to the sign-in that asked for it: caught on its way it is worth
    nothing, and a code that the other program brings is not taken.
    """
    site = authority(Knobs(client_id_metadata_document_supported=True))
    machine.home.name("work", site.server_url, client_id_url=DOCUMENT)
    impostor = Impostor(site)

    grant = machine.vault(impostor).sync.login("work")

    assert grant is not None
    assert impostor.brought == 400
    assert impostor.tried == {"error": "invalid_grant"}
    assert [form["client_id"] for form in site.token_requests] == [DOCUMENT, DOCUMENT]


@pytest.mark.parametrize(
    "altered",
    [
        {"client_id": f"{DOCUMENT}/"},
        {"redirect_uris": ["http://127.0.0.1:41187/callback"]},
        {"redirect_uris": [*redirect_uris(), "http://elsewhere.example/callback"]},
        {"client_secret": "known to the world"},
    ],
    ids=["a slash more", "ports of last year", "a way out", "a secret"],
)
def test_tb20_a_check_finds_what_is_wrong_with_our_own_document(altered: dict[str, object]) -> None:
    """
    Our own document was altered or is out of date.

    `handstamp client-id check` asks for it as an authorization server does and names all that one would refuse. What such a
    server refuses ends the sign-in; nothing is registered in its place unless you take the document's setting away.
    """
    wire = Wire({DOCUMENT: json_response(build_document(DOCUMENT) | altered)})

    faults = find_faults(wire.run(check_document(DOCUMENT)))

    assert [fault.subject for fault in faults] == list(altered)


def test_tb20_nothing_is_registered_in_place_of_a_document_that_is_refused(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(client_id_metadata_document_supported=True, code_error="invalid_client"))
    machine.home.name("work", site.server_url, client_id_url=DOCUMENT)

    with pytest.raises(InvalidClient):
        machine.vault().sync.login("work")

    assert steps(site) == ["authorize", "token"]


def test_tb21_every_sign_in_asks_for_the_metadata_anew(machine: Machine, authority: StartAuthority) -> None:
    """
    Bad metadata asks to be cached forever.

    Keeps none: every sign-in asks for it anew, whatever the answer says about caching, so that nothing bad outlives the
    server that said it.
    """
    #
    site = authority(Knobs(no_s256=True, scopes_supported=("admin",), metadata_headers=FOREVER))
    vault = machine.vault()
    with pytest.raises(PkceUnsupported):
        vault.sync.login(site.server_url)

    site.turn(no_s256=False)
    grants = [signed_in(vault, site.server_url) for _ in range(2)]

    assert len(grants) == 2
    for suffix in ("oauth-protected-resource/mcp", "oauth-authorization-server"):
        assert len(site.requests_to(f"/.well-known/{suffix}")) == 3


@pytest.mark.parametrize(
    "dress",
    [
        lambda issuer: f"{issuer}?tenant=1",
        lambda issuer: f"{issuer}?",
        lambda issuer: f"{issuer}#fragment",
        lambda issuer: issuer.replace("://", "://honest.example@"),
    ],
    ids=["query", "empty query", "fragment", "userinfo"],
)
def test_tb22_an_issuer_is_a_plain_url(dress: Callable[[str], str], machine: Machine, authority: StartAuthority) -> None:
    """
    An issuer has a query, a fragment or userinfo.

    Refuses it without asking it anything.
    """
    #
    site = authority()
    site.turn(authorization_servers=(dress(site.issuer),), issuer_in_metadata=dress(site.issuer))

    with pytest.raises(InsecureUrl):
        machine.vault().sync.login(site.server_url)

    assert not was_asked(site)


def test_tb23_a_list_of_scopes_is_bounded_and_cleaned(machine: Machine, authority: StartAuthority) -> None:
    """
    The list of scopes has ten thousand entries, or control characters.

    Takes at most a hundred, by the grammar of scopes only, and shows you every one that it asks for. Where the server's
    challenge asks for less, less is asked for.
    """
    hostile = ("a\x1b[2Jb", "a\nb", "offline_access admin:*", 'quo"te', "ä", "", "x" * 201)
    site = authority(Knobs(challenge_scope=None, resource_scopes=hostile + tuple(f"scope-{n}" for n in range(10_000))))
    person = Reader()

    signed_in(machine.vault(), site.server_url, presenter=person)

    [asked] = site.requests_to("/authorize")
    wanted = (*(f"scope-{n}" for n in range(100)), "offline_access")
    assert tuple(asked.query["scope"].split(" ")) == wanted
    assert [prompt.scopes for prompt in person.prompts] == [wanted]


def test_tb23_no_scope_hides_behind_the_others(machine: Machine, authority: StartAuthority) -> None:
    scopes = (*(f"harmless-scope-number-{n}" for n in range(99)), "admin:everything")
    site = authority(Knobs(challenge_scope=" ".join(scopes)))
    machine.home.use_browser()

    ran = machine.home.run("login", site.server_url)

    assert ran.exit_code == 0
    assert "admin:everything" in ran.stderr


def test_tb23_what_is_supported_is_not_asked_for_where_less_is_wanted(machine: Machine, authority: StartAuthority) -> None:
    site = authority(Knobs(challenge_scope="read", resource_scopes=("read", "write", "admin:*")))

    signed_in(machine.vault(), site.server_url)

    [asked] = site.requests_to("/authorize")
    assert asked.query["scope"] == "read offline_access"
