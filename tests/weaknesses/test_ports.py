"""The redirect address in a request is the one that was registered, and two logins never want the same port."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

from authority import Authority, FormBrowser, StartAuthority
from handstamp.demo.visitor import visit
from handstamp.protocol.client_document import LISTED_PORTS
from weaknesses.machine import Machine, Person, call

DOCUMENT = "https://client.example/handstamp.json"


def registered(site: Authority) -> list[str]:
    """The redirect addresses, in the order of their registrations."""
    return [seen.json["redirect_uris"][0] for seen in site.requests_to("/register")]


def requested(site: Authority) -> list[str]:
    return [seen.query["redirect_uri"] for seen in site.requests_to("/authorize")]


def exchanged(site: Authority) -> list[str]:
    return [form["redirect_uri"] for form in site.token_requests]


def occupy(redirect_uri: str) -> socket.socket:
    """Another program has the port now."""
    return socket.create_server(("127.0.0.1", urlsplit(redirect_uri).port or 0))


def test_a_registration_is_used_again_with_its_own_port(machine: Machine, authority: StartAuthority) -> None:
    """W10."""
    site = authority()

    machine.sign_in(site)
    machine.sign_in(site, again=True)

    assert len(registered(site)) == 1
    assert requested(site) == exchanged(site) == registered(site) * 2


def test_where_the_registered_port_is_taken_another_is_registered(machine: Machine, authority: StartAuthority) -> None:
    """A-77, W10: the reference sent the old client's id with a port that it had never registered."""
    site = authority()
    machine.sign_in(site)

    with occupy(registered(site)[0]):
        machine.sign_in(site, again=True)

    assert len(set(registered(site))) == 2
    assert requested(site) == exchanged(site) == registered(site)


def test_the_grant_of_the_earlier_registration_is_renewed_with_it_all_the_same(
    machine: Machine, authority: StartAuthority
) -> None:
    """W10: a new registration for a second account takes nothing from the first."""
    site = authority()
    first = machine.sign_in(site)

    with occupy(registered(site)[0]):
        machine.vault().sync.login(site.server_url, account="work")
    site.expire_access_tokens()

    assert call(first, site.server_url) == 200
    clients = [form["client_id"] for form in site.token_requests]
    assert clients[2] == clients[0] != clients[1]


def test_two_logins_in_one_process_stand_side_by_side(machine: Machine, authority: StartAuthority) -> None:
    """W11: at the reference the second could not bind."""
    sites = [authority(), authority()]
    vault, both_ask = machine.vault(), threading.Barrier(2)

    def login(site: Authority) -> object:
        return vault.sync.login(site.server_url, presenter=Person(before=lambda: both_ask.wait(20)), browser=FormBrowser())

    with ThreadPoolExecutor(2) as threads:
        grants = list(threads.map(login, sites))

    assert all(grants)
    assert len({urlsplit(requested(site)[0]).port for site in sites}) == 2


def test_two_logins_to_one_authorization_server_stand_side_by_side(machine: Machine, authority: StartAuthority) -> None:
    """W11, W10: they would share a stored registration, and with it a port."""
    site = authority()
    machine.sign_in(site)
    vault, both_ask = machine.vault(), threading.Barrier(2)

    def login(account: str) -> object:
        person = Person(before=lambda: both_ask.wait(20))
        return vault.sync.login(site.server_url, account=account, presenter=person, browser=FormBrowser())

    with ThreadPoolExecutor(2) as threads:
        grants = list(threads.map(login, ["work", "home"]))

    assert all(grants)
    assert len(registered(site)) == 2
    assert sorted(requested(site)) == sorted(exchanged(site))
    assert set(requested(site)) == set(registered(site))


def test_two_logins_with_a_client_id_metadata_document_take_two_of_its_ports(machine: Machine, authority: StartAuthority) -> None:
    """A-39, W11: the document lists its ports, so the second takes the next one."""
    sites = [authority(), authority()]
    for site in sites:
        site.turn(client_id_metadata_document_supported=True)
    machine.home.write_settings(
        "".join(
            f'[servers.s{number}]\nurl = "{site.server_url}"\nclient_id_url = "{DOCUMENT}"\n' for number, site in enumerate(sites)
        )
    )
    vault, both_ask = machine.vault(), threading.Barrier(2)

    def login(name: str) -> object:
        return vault.sync.login(name, presenter=Person(before=lambda: both_ask.wait(20)), browser=FormBrowser())

    with ThreadPoolExecutor(2) as threads:
        grants = list(threads.map(login, ["s0", "s1"]))

    ports = {urlsplit(requested(site)[0]).port for site in sites}
    assert all(grants)
    assert len(ports) == 2
    assert ports <= set(LISTED_PORTS)
    assert not any(registered(site) for site in sites)


def test_two_logins_in_two_processes_stand_side_by_side(machine: Machine, authority: StartAuthority) -> None:
    """W11, with the real command."""
    site = authority()
    accounts = ["work", "home"]

    with (
        machine.home.start("login", site.server_url, "--no-browser", "--account", accounts[0]) as first,
        machine.home.start("login", site.server_url, "--no-browser", "--account", accounts[1]) as second,
    ):
        links = [running.wait_for(f"{site.issuer}/authorize") for running in (first, second)]
        pages = [visit(link) for link in links]
        codes = [running.finish().exit_code for running in (first, second)]

    assert codes == [0, 0]
    assert [page.status for page in pages] == [200, 200]
    assert len({parse_qs(urlsplit(link).query)["redirect_uri"][0] for link in links}) == 2
    assert sorted(grant.key.account for grant in machine.vault().grants()) == sorted(accounts)


def test_a_configured_port_that_is_taken_is_an_error_and_no_other_is_used(machine: Machine, authority: StartAuthority) -> None:
    """A-77, W10: the client that the person registered knows this port and no other."""
    site = authority()
    site.turn(clients={"mine": ""})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        machine.home.name("mine", site.server_url, client_id="mine", callback_port=port)

        ran = machine.home.fail("login", "mine", code=2)

    assert f"port {port}" in ran.error
    assert "callback_port in servers.toml" in ran.error
    assert requested(site) == []
