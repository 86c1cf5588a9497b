"""TI: bridge, fleet, tenants."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authority import FormBrowser, StartAuthority
from commands import KEY
from fakes import SERVER, ScriptedHttp, make_grant
from handstamp.errors import LoginRequired
from handstamp.model import Grant, Secret
from handstamp.ports import GrantStore
from handstamp.protocol.exchange import Request, Response
from handstamp.settings import Settings
from handstamp.stores.keys.environment import EnvironmentKey
from handstamp.stores.memory import MemoryStore
from handstamp.stores.sqlite import SqliteStore
from handstamp.vault import Vault
from handstamp.wiring import Parts
from stores.samples import REGISTRATION
from weaknesses.machine import WHOAMI, Person

NOW = 1_000_000.0

ALMOST_ALIKE = (
    "",
    " ",
    "local",
    "alice",
    "Alice",
    "alice ",
    "alice\x00",
    "alice\x00bob",
    "alice' OR '1'='1",
    "al%",
    "al_ce",
    "al*",
    "../alice",
    "\u00e9",
    "e\u0301",
    "\ufb01",
    "fi",
    "a" * 1000,
)
"""What a database, a file system or a normal form could take for one another."""

PEOPLE = (*ALMOST_ALIKE, *(f"person-{number}" for number in range(1000 - len(ALMOST_ALIKE))))


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GrantStore]:
    opened = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path, [EnvironmentKey({"HANDSTAMP_KEY": KEY})])
    yield opened
    opened.close()


def vault_over(store: GrantStore, http: ScriptedHttp | None = None) -> Vault:
    """A platform's: one for all its people."""

    def nothing(*_: object) -> NoReturn:
        pytest.fail("a browser, a listener or a request was wanted")

    parts = Parts(store, http=lambda _: http or nothing(), browser=nothing, open_callback=nothing, clock=lambda: NOW)
    return Vault(parts, Settings(Path("servers.toml"), {}))


def mark(owner: str) -> str:
    """What tells one person's tokens from another's, as a header can carry it."""
    return sha256(owner.encode()).hexdigest()


def grant_of(owner: str, *, lifetime: float = 3600.0) -> Grant:
    grant = make_grant(access=f"at-{mark(owner)}", refresh=f"rt-{mark(owner)}", obtained_at=NOW - 100, lifetime=lifetime)
    return replace(grant, key=replace(grant.key, owner=owner))


async def send_for_all(vault: Vault) -> dict[str, str]:
    """What went out for each, where one client serves a thousand at once."""
    sent: dict[str, str] = {}

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent[request.headers["x-person"]] = request.headers["authorization"]
        return httpx2.Response(200)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client, anyio.create_task_group() as group:
        for owner in PEOPLE:
            send = partial(client.post, SERVER, headers={"x-person": mark(owner)}, auth=vault.auth(SERVER, owner=owner))
            group.start_soon(send)
    return sent


def test_ti1_of_a_thousand_people_each_sends_the_token_that_is_theirs(store: GrantStore) -> None:
    """
    One person's request goes out with another's token.

    The owner is part of every key, in memory and in the vault, and is compared byte for byte.
    """
    for owner in PEOPLE:
        store.save_grant(grant_of(owner))

    sent = anyio.run(send_for_all, vault_over(store))

    assert sent == {mark(owner): f"Bearer at-{mark(owner)}" for owner in PEOPLE}


def test_ti1_of_many_people_each_gets_the_renewed_token_that_is_theirs(store: GrantStore) -> None:
    def renew(request: Request) -> Response:
        sent = dict(request.form or ())["refresh_token"]
        assert isinstance(sent, Secret)
        body = {"access_token": f"new-{sent.reveal()}", "refresh_token": sent.reveal(), "token_type": "Bearer", "expires_in": 60}
        return Response(200, (("content-type", "application/json"),), json.dumps(body).encode(), request.url, sent_at=NOW)

    many = PEOPLE[:200]
    for owner in many:
        store.save_grant(grant_of(owner, lifetime=50))
    vault = vault_over(store, ScriptedHttp(renew))

    with ThreadPoolExecutor(2) as pool:  # more of them would try how long SQLite lets one writer wait
        tokens = list(pool.map(lambda owner: vault.sync.token(SERVER, owner=owner), many))

    renewed = [Secret(f"new-rt-{mark(owner)}") for owner in many]
    assert [token.access_token for token in tokens] == renewed
    assert [grant.token.access_token for owner in many for grant in vault.grants(owner=owner)] == renewed


def test_ti1_nobody_sees_or_forgets_what_is_anothers(store: GrantStore) -> None:
    """For any two names."""
    names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(ALMOST_ALIKE)

    @settings(max_examples=40, deadline=None, database=None)
    @given(names, names)
    def holds(mine: str, theirs: str) -> None:
        if mine == theirs:
            return
        kept = store.save_grant(grant_of(mine))
        store.save_registration(mine, REGISTRATION)
        store.save_client_secret(mine, SERVER, "client", Secret(mark(mine)))
        vault = vault_over(store)

        assert (vault.grants(owner=theirs), vault.grant_keys(owner=theirs), vault.grant(SERVER, owner=theirs)) == ([], [], None)
        assert store.find_registration(theirs, REGISTRATION.issuer) is None
        assert store.find_client_secret(theirs, SERVER, "client") is None

        store.forget_grant(replace(kept.key, owner=theirs))
        store.forget_registration(theirs, REGISTRATION.issuer)
        store.forget_client_secrets(theirs, SERVER)

        assert vault.grants(owner=mine) == [kept]
        assert store.find_registration(mine, REGISTRATION.issuer) == REGISTRATION
        assert store.find_client_secret(mine, SERVER, "client") == Secret(mark(mine))

        store.forget_grant(kept.key)
        store.forget_registration(mine, REGISTRATION.issuer)
        store.forget_client_secrets(mine, SERVER)

    holds()


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form_browser: FormBrowser) -> Iterator[Vault]:
    monkeypatch.setenv("HANDSTAMP_KEY", KEY)
    with Vault.open(state=tmp_path / "state", config=tmp_path / "config") as vault:
        vault._parts.browser = lambda: form_browser
        yield vault


def test_ti1_the_sign_in_of_one_person_signs_in_and_out_nobody_else(platform: Vault, authority: StartAuthority) -> None:
    site, person = authority(), Person()

    def send(owner: str) -> int:
        auth = platform.auth(site.server_url, owner=owner, presenter=person)
        with httpx2.Client(auth=auth, trust_env=False) as client:
            return client.post(site.server_url, json=WHOAMI).status_code

    statuses = [send("alice"), send("bob"), send("alice"), send("bob")]
    with pytest.raises(LoginRequired):
        platform.sync.token(site.server_url, owner="carol")
    platform.sync.logout(site.server_url, owner="bob")

    assert (statuses, person.asked) == ([200] * 4, 2)
    alice, bob, alice_again, bob_again = [seen.bearer for seen in site.log if seen.bearer]
    assert (alice, bob) == (alice_again, bob_again)
    assert alice != bob
    assert len(site.requests_to("/register")) == 2
    assert platform.sync.token(site.server_url, owner="alice").access_token == Secret(alice or "")
