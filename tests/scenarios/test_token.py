"""Token endpoints that speak in their own way, clients with odd names, and where a token goes."""

import time
from base64 import b64decode
from urllib.parse import unquote_plus

import httpx2
import pytest

from authority import Knobs, StartAuthority
from scenarios.wire_log import asked, forms, steps
from weaknesses.machine import WHOAMI, Machine, Person, call

CLIENT = "my app:1+1=2&ü%41"
SECRET = "a+b c:d/e?f=g&h%20é~"


def test_a_client_and_a_secret_of_reserved_characters_arrive_whole(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-95: the authorization server cuts at the colon and decodes, for the code and for the refresh token."""
    site = authority(Knobs(clients={CLIENT: SECRET}, auth_methods=("client_secret_basic",)))
    monkeypatch.setenv("APP_SECRET", SECRET)
    machine.home.name("app", site.server_url, client_id=CLIENT, client_secret_from="env:APP_SECRET", issuer=site.issuer)

    vault = machine.vault()
    assert vault.sync.login("app", presenter=Person()) is not None
    site.expire_access_tokens()
    status = call(vault, site.server_url)

    sent = [b64decode(seen.headers["authorization"].removeprefix("Basic ")).decode() for seen in site.requests_to("/token")]
    assert status == 200
    assert [tuple(map(unquote_plus, pair.split(":"))) for pair in sent] == [(CLIENT, SECRET)] * 2
    assert not any("client_secret" in form for form in site.token_requests)


def test_an_answer_as_github_gives_it_is_a_token(machine: Machine, authority: StartAuthority) -> None:
    """A-96: a form, its type in lower case and its lifetime in text; what nobody knows is ignored."""
    site = authority(Knobs(form_encoded_tokens=True, token_type="bearer"))
    vault = machine.sign_in(site)

    first = call(vault, site.server_url)
    site.expire_access_tokens()
    second = call(vault, site.server_url)

    token = machine.stored(site).token
    used = [seen.headers["authorization"].split()[0] for seen in site.requests_to("/mcp") if seen.bearer]
    assert (first, second, site.refreshes) == (200, 200, 1)
    assert token.expires_at == token.obtained_at + 3600
    assert set(used) == {"Bearer"}


def test_a_secret_that_has_ended_is_not_used_for_the_next_sign_in(machine: Machine, authority: StartAuthority) -> None:
    """A-58: nobody waits until the authorization server refuses it."""
    ended = {"client_secret_expires_at": int(time.time()) - 60}
    site = authority(Knobs(auth_methods=("client_secret_post",), registration=ended))
    machine.sign_in(site)

    machine.sign_in(site, again=True)

    clients = [form["client_id"] for form in forms(site, "authorization_code")]
    assert steps(site) == ["register", "authorize", "token"] * 2
    assert clients[0] != clients[1]


def test_the_token_goes_with_every_request_in_its_header(machine: Machine, authority: StartAuthority) -> None:
    """A-97, A-98, A-133: of every method, and a session id takes its place for none of them."""
    site = authority()
    vault = machine.sign_in(site)
    token = vault.sync.token(site.server_url).access_token.reveal()
    before = len(site.log)

    with httpx2.Client(auth=vault.auth(site.server_url), trust_env=False, headers={"Mcp-Session-Id": "a-session"}) as client:
        client.post(site.server_url, json=WHOAMI)
        client.get(site.server_url)
        client.delete(site.server_url)
        client.post(site.server_url, json=WHOAMI)

    seen = site.log[before:]
    assert [each.method for each in seen] == ["POST", "GET", "DELETE", "POST"]
    assert [each.bearer for each in seen] == [token] * 4
    assert not any(each.query for each in seen)


def test_a_header_of_the_persons_own_starts_no_sign_in(machine: Machine, authority: StartAuthority) -> None:
    """A-05: as long as the server takes it, it goes out as it is, and nobody is asked who guards the server."""
    site = authority(Knobs(open_server=True))

    with httpx2.Client(
        auth=machine.vault().auth(site.server_url), trust_env=False, headers={"Authorization": "Key mine"}
    ) as http:
        status = http.post(site.server_url, json=WHOAMI).status_code

    assert status == 200
    assert asked(site) == ["server POST /mcp"]
    assert site.log[0].headers["authorization"] == "Key mine"
