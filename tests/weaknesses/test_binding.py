"""A grant belongs to a server's URL, an account, an issuer and a client; whoever takes over the name gets none of it."""

import httpx2
import pytest

from authority import StartAuthority
from handstamp.errors import LoginRequired
from weaknesses.machine import Machine, NoBrowser, call, reveal


def test_a_name_that_is_given_to_another_url_gets_no_token_of_the_old_one(machine: Machine, authority: StartAuthority) -> None:
    """W13: at the reference a project's configuration could redefine a name and was sent the old server's bearer."""
    old, new = authority(), authority()
    machine.home.name("linear", old.server_url)
    assert machine.vault().sync.login("linear") is not None

    machine.home.name("linear", new.server_url)
    vault = machine.vault()
    with pytest.raises(LoginRequired):
        call(vault, vault.settings.find("linear").url)
    with pytest.raises(LoginRequired):
        vault.sync.token("linear")
    ran = machine.home.fail("token", "linear", code=4)

    assert ran.hint == "handstamp login linear"
    assert {seen.bearer for seen in new.requests_to("/mcp")} == {None}
    assert machine.stored(old) is not None


def test_an_auth_object_that_was_made_for_one_server_sends_nothing_to_another(
    machine: Machine, authority: StartAuthority
) -> None:
    """A-100, W13: bound to the URL, and not to whatever the client asks."""
    ours, other = authority(), authority()
    vault = machine.sign_in(ours)

    with httpx2.Client(auth=vault.auth(ours.server_url), trust_env=False) as client:
        client.post(other.server_url, json={})

    assert [seen.bearer for seen in other.requests_to("/mcp")] == [None]


def test_another_account_gets_nothing_of_the_first(machine: Machine, authority: StartAuthority) -> None:
    """W13, W19."""
    site = authority()
    vault = machine.sign_in(site)

    with pytest.raises(LoginRequired):
        vault.sync.token(site.server_url, account="work")


def test_credentials_do_not_follow_a_server_to_another_issuer(machine: Machine, authority: StartAuthority) -> None:
    """A-18, A-59, A-61, W13: it has another authorization server now; refresh token and client stay with the old one."""
    old, new = authority(), authority()
    vault = machine.sign_in(old)
    kept = machine.stored(old)
    old.turn(authorization_servers=(new.issuer,))
    old.expire_access_tokens()

    status = call(vault, old.server_url)
    sent_before_login = list(new.log)
    moved = machine.vault().sync.login(old.server_url, again=True)

    assert status == 200
    assert (old.refreshes, sent_before_login) == (1, [])
    assert moved is not None
    assert moved.key.issuer == new.issuer
    assert moved.registration.client_id != kept.registration.client_id
    ours = {reveal(kept.token.refresh_token), reveal(kept.token.access_token), kept.registration.client_id}
    assert not any(str(value).encode() in seen.body for seen in new.log for value in ours)


def test_a_changed_client_id_renews_with_the_client_that_the_grant_was_given_to_and_signs_in_with_the_new_one(
    machine: Machine, authority: StartAuthority
) -> None:
    """
    W13: a refresh token is good for the client that got it and no other (RFC 6749 §6), so the grant keeps its registration. The
    next `login` is the new client's, without `--again`. A-110.
    """
    site = authority()
    site.turn(clients={"first": "", "second": ""})
    machine.home.name("mine", site.server_url, client_id="first")
    assert machine.vault().sync.login("mine") is not None

    machine.home.name("mine", site.server_url, client_id="second")
    site.expire_access_tokens()
    status = call(machine.vault(), site.server_url)
    signed_in = machine.vault().sync.login("mine")
    untouched = machine.vault(NoBrowser()).sync.login("mine")

    assert status == 200
    assert [form["client_id"] for form in site.token_requests] == ["first", "first", "second"]
    assert signed_in is not None
    assert signed_in.registration.client_id == "second"
    assert untouched == signed_in


def test_a_token_that_was_signed_out_is_handed_out_no_more(machine: Machine, authority: StartAuthority) -> None:
    """W13: not even from memory, not even for a second."""
    site = authority()
    vault = machine.sign_in(site)
    auth_before = vault.sync.token(site.server_url)

    vault.sync.logout(site.server_url)

    assert auth_before
    with pytest.raises(LoginRequired):
        vault.sync.token(site.server_url)
    with pytest.raises(LoginRequired):
        call(vault, site.server_url)
