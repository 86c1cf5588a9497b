"""More access for a request, from the 403 to the request's success, against a real authorization server on loopback."""

from pathlib import Path

import anyio
import httpx2
import pytest

from authority import Authority, FormBrowser, Knobs, StartAuthority
from handstamp.errors import AccessDenied, InvalidScope, LoginRequired, StepUpRequired
from handstamp.model import Grant, LoginPrompt
from handstamp.ports import Presenter
from handstamp.vault import Vault
from weaknesses.machine import Person, TravellingClock


class Reader(Person):
    """Remembers what they were shown."""

    def __init__(self) -> None:
        super().__init__()
        self.prompts: list[LoginPrompt] = []

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self.prompts.append(prompt)
        return await super().prompt(prompt)


@pytest.fixture
def clock() -> TravellingClock:
    return TravellingClock()


@pytest.fixture
def vault(vault: Vault, form_browser: FormBrowser, clock: TravellingClock) -> Vault:
    vault._parts.browser = lambda: form_browser
    vault._parts.clock = clock
    return vault


@pytest.fixture
def site(authority: StartAuthority, vault: Vault) -> Authority:
    """Signed in to, with `read`."""
    started = authority(Knobs(challenge_scope="read", insufficient_scope="write", scopes_supported=("read", "write")))
    vault.sync.login(started.server_url)
    return started


@pytest.fixture
def person() -> Reader:
    return Reader()


def message(tool: str) -> dict[str, object]:
    arguments = {"text": "x", "a": 1, "b": 2}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def call(vault: Vault, site: Authority, presenter: Presenter | None = None, tool: str = "stamp") -> httpx2.Response:
    with httpx2.Client(auth=vault.auth(site.server_url, presenter=presenter), trust_env=False) as client:
        return client.post(site.server_url, json=message(tool))


def stored(vault: Vault, site: Authority) -> Grant:
    grant = vault.grant(site.server_url)
    assert grant is not None
    return grant


def requested(site: Authority) -> list[str]:
    """The scopes of all authorization requests."""
    return [seen.query.get("scope", "") for seen in site.requests_to("/authorize")]


def test_a_person_is_asked_for_the_union_and_the_request_succeeds(vault: Vault, site: Authority, person: Reader) -> None:
    """A-109, A-111, A-112, A-114: the grant has a refresh token, which is not used."""
    before = stored(vault, site)

    response = call(vault, site, person)

    assert response.json()["result"]["content"][0]["text"] == "[x]"
    assert requested(site) == ["read", "read write"]
    assert site.refreshes == 0
    assert person.prompts[0].notes == ("More access than before: write.",)
    after = stored(vault, site)
    assert (after.scopes, after.requested_scopes, after.refused_scopes) == (("read", "write"), ("read", "write"), ())
    assert after.token.access_token != before.token.access_token
    assert vault.sync.token(site.server_url) == after.token


def test_a_task_s_request_gets_more_access_too(vault: Vault, site: Authority, person: Reader) -> None:
    """A-111, A-112."""

    async def ask() -> int:
        async with httpx2.AsyncClient(auth=vault.auth(site.server_url, presenter=person), trust_env=False) as client:
            return (await client.post(site.server_url, json=message("stamp"))).status_code

    assert anyio.run(ask) == 200
    assert requested(site) == ["read", "read write"]


def paths(site: Authority, since: int = 0) -> list[str]:
    return [seen.path.removesuffix("/mcp") or "/mcp" for seen in site.log[since:]]


RESOURCE = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"


def test_a_login_that_a_request_begins_costs_no_request_more_than_it_needs(
    vault: Vault, authority: StartAuthority, person: Reader
) -> None:
    """A-07, A-09, A-72: what the server answered to the request is where the login starts from."""
    site = authority(Knobs(challenge_scope="read"))

    call(vault, site, person, "whoami")

    assert paths(site) == ["/mcp", RESOURCE, SERVER, "/register", "/authorize", "/token", "/mcp"]
    assert requested(site) == ["read offline_access"]


def test_a_step_up_costs_no_request_more_than_it_needs(vault: Vault, site: Authority, person: Reader) -> None:
    """A-15: the resource's metadata is read again. The registration was for less, so there is another one."""
    begun = len(site.log)

    call(vault, site, person)

    assert paths(site, begun) == ["/mcp", RESOURCE, SERVER, "/register", "/authorize", "/token", "/mcp"]


def test_a_403_names_its_own_metadata(vault: Vault, site: Authority, person: Reader) -> None:
    """A-09, A-15: the address of the challenge, and not of the one before."""
    place = site.server_url.replace("/mcp", "/nowhere")
    site.turn(insufficient_challenge=f'Bearer error="insufficient_scope", scope="write", resource_metadata="{place}"')

    begun = len(site.log)

    call(vault, site, person)

    assert [seen.path for seen in site.log[begun:]][1:3] == ["/nowhere", f"{RESOURCE}/mcp"]


def test_a_server_that_holds_clients_to_their_registrations_gives_more_access_too(
    vault: Vault, authority: StartAuthority, person: Reader
) -> None:
    site = authority(Knobs(challenge_scope="read", insufficient_scope="write", registered_scopes_only=True))
    vault.sync.login(site.server_url)

    assert call(vault, site, person).status_code == 200
    assert [seen.json["scope"] for seen in site.requests_to("/register")] == ["read offline_access", "read offline_access write"]


@pytest.mark.parametrize(
    ("knobs", "error"), [({"deny": True}, AccessDenied), ({"unknown_scope": "write"}, InvalidScope)], ids=["denied", "unknown"]
)
def test_a_denied_step_up_loses_nothing_and_is_not_begun_again(
    knobs: dict[str, object], error: type[Exception], vault: Vault, home: Path, site: Authority, person: Reader
) -> None:
    """A-117: neither now nor by another process."""
    before = stored(vault, site)
    site.turn(**knobs)

    with pytest.raises(error):
        call(vault, site, person)
    with pytest.raises(StepUpRequired, match="asked for and refused: write"):
        call(vault, site, person)
    with Vault.open(state=home / "state", config=home / "config") as sibling, pytest.raises(StepUpRequired) as caught:
        call(sibling, site)

    assert person.asked == 1
    assert (caught.value.scopes, caught.value.hint) == ((), "handstamp status")
    after = stored(vault, site)
    assert (after.token, after.scopes, after.refused_scopes) == (before.token, before.scopes, ("write",))
    assert call(vault, site, person, "whoami").status_code == 200


def test_a_scope_that_the_answer_leaves_out_is_refused_as_well(vault: Vault, site: Authority, person: Reader) -> None:
    """A-117, A-96: the person unticked it."""
    site.turn(granted_scopes=("read",))

    with pytest.raises(StepUpRequired, match="asked for and refused: write"):
        call(vault, site, person)

    assert person.asked == 1
    assert stored(vault, site).refused_scopes == ("write",)


def test_a_person_asks_for_a_refused_scope_all_the_same_and_success_forgets_the_refusal(
    vault: Vault, site: Authority, person: Reader
) -> None:
    """A-117: `handstamp login NAME --scope write`."""
    site.turn(deny=True)
    with pytest.raises(AccessDenied):
        vault.sync.login(site.server_url, scopes=("read", "write"))
    assert stored(vault, site).refused_scopes == ("write",)
    site.turn(deny=False)

    vault.sync.login(site.server_url, scopes=("read", "write"))

    assert stored(vault, site).refused_scopes == ()
    assert call(vault, site).status_code == 200


def test_a_login_that_begins_by_itself_leaves_out_what_was_refused(
    vault: Vault, site: Authority, person: Reader, clock: TravellingClock
) -> None:
    """A-117, 4.9: the sign-in has ended, and the server wants all of it for the next one."""
    site.turn(deny=True)
    with pytest.raises(AccessDenied):
        vault.sync.login(site.server_url, scopes=("write",))
    site.turn(deny=False, challenge_scope="read write")
    site.revoke_everything()
    clock.move(120)

    call(vault, site, person, "whoami")

    assert requested(site)[-1] == "read"
    assert stored(vault, site).refused_scopes == ("write",)


def test_a_denied_login_of_no_new_scopes_refuses_none(vault: Vault, site: Authority) -> None:
    site.turn(deny=True)

    with pytest.raises(AccessDenied):
        vault.sync.login(site.server_url, again=True)

    assert stored(vault, site).refused_scopes == ()


def test_unattended_the_error_names_what_to_ask_for_and_a_sibling_s_login_helps(
    vault: Vault, home: Path, site: Authority
) -> None:
    """A-111: nobody is there. Another program's sign-in is found without a restart, and the old token is given to nobody."""
    with pytest.raises(StepUpRequired) as caught:
        call(vault, site)
    with Vault.open(state=home / "state", config=home / "config") as sibling:
        sibling._parts.browser = FormBrowser
        sibling.sync.login(site.server_url, scopes=caught.value.scopes)

    assert caught.value.scopes == ("read", "write")
    assert call(vault, site).status_code == 200
    assert vault.sync.token(site.server_url) == stored(vault, site).token


def test_a_403_of_another_kind_is_the_caller_s(vault: Vault, site: Authority, person: Reader) -> None:
    """W5."""
    site.turn(insufficient_challenge='Bearer error="invalid_token", scope="write"')

    assert call(vault, site, person).status_code == 403
    assert person.asked == 0


@pytest.fixture
def both(site: Authority) -> Authority:
    """Two tools, each of which wants a scope of its own."""
    site.turn(tool_scopes={"add": "sum"})
    return site


def test_two_requests_that_want_different_scopes_at_once_both_end_well(vault: Vault, both: Authority, person: Reader) -> None:
    """And what the first one got is kept."""
    statuses: list[int] = []

    async def ask(client: httpx2.AsyncClient, tool: str) -> None:
        statuses.append((await client.post(both.server_url, json=message(tool))).status_code)

    async def run() -> None:
        async with (
            httpx2.AsyncClient(auth=vault.auth(both.server_url, presenter=person), trust_env=False) as client,
            anyio.create_task_group() as group,
        ):
            group.start_soon(ask, client, "stamp")
            group.start_soon(ask, client, "add")

    anyio.run(run)

    assert statuses == [200, 200]
    assert person.asked == 2
    assert set(stored(vault, both).scopes) == {"read", "write", "sum"}


def test_a_server_that_ends_the_new_token_at_once_needs_a_person(vault: Vault, site: Authority, person: Reader) -> None:
    """TF7."""

    async def end(note: str = "") -> None:
        site.turn(always_401=True)

    person.saving = end  # type: ignore[method-assign]

    with pytest.raises(LoginRequired, match="answers 401 to a token that it has just given"):
        call(vault, site, person)

    assert person.asked == 1
