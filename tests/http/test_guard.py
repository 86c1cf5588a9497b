"""Proxies, and what else the guard is asked besides the attacks of `tests/threats/test_ta.py`."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx2
import pytest

from asking import driver, fetch, metadata, token_request
from certificates import Signer
from fakes import FakeDns
from handstamp.errors import ConnectFailed, ForbiddenAddress, InsecureUrl, SettingsError, TlsFailed
from handstamp.http.drive import Driver
from handstamp.http.guard import Guard
from handstamp.model import Named, Network, Secret
from handstamp.protocol.exchange import Request, Response
from handstamp.settings import load_settings
from handstamp.wiring import build_guard
from loopback import LoopbackProxy, LoopbackServer, answer, closed_port

NAMED = Named("https://mcp.test/mcp")
PASSWORD = "s3cret-of-the-proxy"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ask(signer: Signer) -> Callable[[Request, Secret | None], Response]:
    """Sends a request as in a login to `mcp.test`, which no resolver knows, by way of a proxy."""

    def send(request: Request, proxy: Secret | None) -> Response:
        guard = Guard(NAMED, proxy=proxy, ca_file=str(signer.ca_file), resolve=FakeDns({}))
        return Driver(guard.open_transport).run_blocking(fetch(request), deadline=10)

    return send


Ask = Callable[[Request, Secret | None], Response]


def test_a_proxy_is_told_the_name_and_tunnels_to_it(ask: Ask, signer: Signer) -> None:
    """It looks the name up; what is said inside of the tunnel is the server's alone. A-122."""
    with (
        LoopbackServer(answer(), tls=signer.tls("auth.test")) as server,
        LoopbackProxy({"auth.test:443": server.port}) as proxy,
    ):
        response = ask(token_request("https://auth.test/token"), Secret(proxy.origin))

    assert response.status == 200
    assert proxy.asked == ["CONNECT auth.test:443"]
    assert server.requests[0].startswith(b"POST /token ")
    assert b"refresh_token" not in b"".join(proxy.requests)


def test_a_certificate_is_verified_through_the_tunnel_as_well(ask: Ask, signer: Signer) -> None:
    with (
        LoopbackServer(answer(), tls=signer.tls("other.test")) as server,
        LoopbackProxy({"auth.test:443": server.port}) as proxy,
        pytest.raises(TlsFailed, match="not valid for"),
    ):
        ask(token_request("https://auth.test/token"), Secret(proxy.origin))

    assert server.requests == []


def test_a_proxy_over_tls_is_verified_too(ask: Ask, signer: Signer) -> None:
    with (
        LoopbackServer(answer(), tls=signer.tls("auth.test")) as server,
        LoopbackProxy({"auth.test:443": server.port}, tls=signer.tls("127.0.0.1")) as proxy,
        LoopbackProxy({}, tls=signer.tls("proxy.test")) as impostor,
    ):
        response = ask(metadata("https://auth.test/"), Secret(proxy.origin))
        with pytest.raises(TlsFailed, match="not valid for"):
            ask(metadata("https://auth.test/"), Secret(impostor.origin))

    assert response.status == 200
    assert impostor.requests == []


def test_a_proxys_password_goes_to_the_proxy_and_nowhere_else(ask: Ask, signer: Signer) -> None:
    with (
        LoopbackServer(answer(), tls=signer.tls("auth.test")) as server,
        LoopbackProxy({"auth.test:443": server.port}, credentials=f"ada:{PASSWORD}") as proxy,
    ):
        response = ask(metadata("https://auth.test/"), Secret(proxy.origin.replace("//", f"//ada:{PASSWORD}@")))
        with pytest.raises(ConnectFailed) as caught:
            ask(metadata("https://auth.test/"), Secret(proxy.origin.replace("//", "//ada:wrong@")))

    assert response.status == 200
    assert b"proxy-authorization" not in server.requests[0].lower()
    assert b64encode(f"ada:{PASSWORD}".encode()) not in server.requests[0]
    assert "wrong" not in str(caught.value)


def test_a_proxy_that_refuses_or_is_away_is_a_failed_connection(ask: Ask) -> None:
    with LoopbackProxy({}) as proxy, closed_port() as away:
        for origin in (proxy.origin, away):
            with pytest.raises(ConnectFailed, match=r"auth\.test"):
                ask(metadata("https://auth.test/"), Secret(origin))


def test_this_machine_is_reached_without_the_proxy() -> None:
    with LoopbackServer(answer(), answer()) as server, LoopbackProxy({}) as proxy:
        guard = Guard(Named(server.origin), proxy=Secret(proxy.origin))
        response = Driver(guard.open_transport).run_blocking(fetch(metadata(server.named("localhost"))), deadline=10)

    assert response.status == 200
    assert proxy.connections == 0


@pytest.mark.anyio
async def test_any_client_may_use_the_guards_transport() -> None:
    """As `handstamp tools` does: for the SDK's client, on either event loop."""
    with LoopbackServer(answer(b"hello")) as server:
        guard = Guard(Named(server.origin))
        async with httpx2.AsyncClient(transport=guard.open_transport(), trust_env=False) as client:
            response = await client.get(server.origin)
            with pytest.raises(ForbiddenAddress):
                await client.get("https://169.254.169.254/")

    assert response.text == "hello"


@pytest.mark.anyio
async def test_a_server_whose_name_only_a_proxy_knows_may_have_neighbours_of_its_kind() -> None:
    """Behind a proxy names are all that can be judged."""
    inner = Guard(Named("https://mcp.corp/mcp"), proxy=Secret("http://127.0.0.1:9"), resolve=FakeDns({}))
    outer = Guard(Named("https://mcp.example/mcp"), proxy=Secret("http://127.0.0.1:9"), resolve=FakeDns({}))

    await inner.admit_unresolved("auth.corp", 443)
    await outer.admit_unresolved("auth.example", 443)
    for guard, host in ((outer, "auth.corp"), (inner, "metadata.google.internal"), (inner, "127.0.0.1"), (outer, "10.0.0.1")):
        with pytest.raises(ForbiddenAddress):
            await guard.admit_unresolved(host, 443)


@pytest.mark.anyio
async def test_localhost_is_this_machine_whatever_a_resolver_says() -> None:
    """TD12, RFC 6761 §6.3."""
    names = FakeDns({"localhost": "93.184.216.34"})
    guard = Guard(Named("http://localhost:8000/mcp"), resolve=names)

    found = await guard.admit("localhost", 8000)

    assert [str(address) for address in found] == ["127.0.0.1", "::1"]
    assert names.asked == []


@pytest.mark.anyio
async def test_two_tasks_share_a_guard() -> None:
    guard = Guard(Named("https://mcp.example/mcp"), resolve=FakeDns({"mcp.example": "10.0.0.1", "auth.example": "10.0.0.2"}))

    async with anyio.create_task_group() as tasks:
        for host in ("auth.example", "mcp.example", "auth.example"):
            tasks.start_soon(guard.admit, host, 443)


# As it is configured


def settings_with(folder: Path, text: str) -> Network:
    (folder / "servers.toml").write_text(text, "utf-8")
    return load_settings(folder).network


@pytest.mark.parametrize("scheme", ["env", "file"])
def test_a_proxy_with_a_password_is_read_where_the_settings_say(
    scheme: str, tmp_path: Path, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "proxy"
    with (
        LoopbackServer(answer(), tls=signer.tls("mcp.test")) as server,
        LoopbackProxy({"mcp.test:443": server.port}, credentials=f"ada:{PASSWORD}") as proxy,
    ):
        address = proxy.origin.replace("//", f"//ada:{PASSWORD}@")
        monkeypatch.setenv("OUR_PROXY", address)
        kept.write_text(f"{address}\n", "utf-8")
        place = "env:OUR_PROXY" if scheme == "env" else f"file:{kept}"
        network = settings_with(tmp_path, f'proxy = "{place}"\nca_file = "{signer.ca_file}"\n')
        response = Driver(build_guard(NAMED, network).open_transport).run_blocking(fetch(metadata(NAMED.server)), deadline=10)

    assert response.status == 200
    assert proxy.asked == ["CONNECT mcp.test:443"]


@pytest.mark.parametrize("value", ["socks5://ada:s3cret@proxy.example", "http://ada@proxy.example", "proxy.example:3128", ""])
def test_a_proxy_that_cannot_be_used_is_named_by_its_place_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_PROXY", value)

    with pytest.raises(SettingsError, match="OUR_PROXY") as caught:
        build_guard(NAMED, Network(proxy="env:OUR_PROXY"))

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "address", [f"http://ada:{PASSWORD}@proxy.example:3128", "socks5://proxy.example", "https://proxy.example/x"]
)
def test_a_proxy_in_the_settings_bears_no_password(address: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Expected proxy to be like") as caught:
        settings_with(tmp_path, f'proxy = "{address}"\n')

    assert PASSWORD not in str(caught.value)


def test_a_file_without_certificates_is_an_error_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")

    with pytest.raises(SettingsError, match=r"ca\.pem"):
        driver(ca_file=str(path)).run_blocking(fetch(metadata("https://auth.example/")), deadline=10)


def test_a_platform_reaches_its_own_proxy_and_nothing_else_inside(signer: Signer) -> None:
    with (
        LoopbackServer(answer(), tls=signer.tls("mcp.test")) as server,
        LoopbackProxy({"mcp.test:443": server.port}) as proxy,
    ):
        guard = Guard(NAMED, proxy=Secret(proxy.origin), ca_file=str(signer.ca_file), public_only=True)
        guarded = Driver(guard.open_transport)
        response = guarded.run_blocking(fetch(metadata(NAMED.server)), deadline=10)
        for url in (proxy.origin, "https://10.0.0.1/", "https://localhost/", "https://mcp.corp/", "https://mcp.test:22/"):
            with pytest.raises(ForbiddenAddress):
                guarded.run_blocking(fetch(metadata(url)), deadline=10)

    assert response.status == 200
    assert proxy.connections == 1


# What a second reading found


@pytest.mark.anyio
async def test_the_reach_of_a_server_is_never_widened() -> None:
    """TA8: an address inside, beside one outside at first and alone later, opens nothing that was closed."""
    names = FakeDns({"mcp.test": ["93.184.216.34 10.0.0.1", "10.0.0.1"], "aux.test": "10.0.0.9"})
    guard = Guard(NAMED, resolve=names)
    await guard.admit("mcp.test", 443)
    await guard.admit("mcp.test", 443)

    with pytest.raises(ForbiddenAddress):
        await guard.admit("aux.test", 443)


@pytest.mark.anyio
async def test_a_public_address_needs_no_look_at_the_server() -> None:
    """A refresh goes on where the MCP server's own name does not resolve."""
    names = FakeDns({"auth.test": "93.184.216.34"})

    await Guard(NAMED, resolve=names).admit("auth.test", 443)

    assert names.asked == ["auth.test"]


@pytest.mark.anyio
async def test_an_address_of_the_link_beside_a_usual_one_is_passed_over() -> None:
    """As `.local` names have them. Alone it stays refused (TA2)."""
    guard = Guard(Named("https://nas.local/mcp"), resolve=FakeDns({"nas.local": ["fe80::1%eth0 192.168.1.5", "fe80::1%eth0"]}))

    assert [str(address) for address in await guard.admit("nas.local", 443)] == ["192.168.1.5"]
    with pytest.raises(ForbiddenAddress):
        await guard.admit("nas.local", 443)


@pytest.mark.anyio
async def test_a_configured_issuer_is_known_in_every_spelling() -> None:
    guard = Guard(Named("https://mcp.test/mcp", issuer="https://[FD00:0::1]/"), resolve=FakeDns({"mcp.test": "93.184.216.34"}))

    assert len(await guard.admit("fd00:0:0::1", 443)) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["127.1", "127.0.0.1.", "0x7f.0.0.1", "0177.0.0.1", "169.254.43518"])
async def test_a_proxy_is_asked_for_no_address_in_disguise(host: str) -> None:
    """TA5: the proxy would look it up."""
    guard = Guard(Named("https://mcp.test/mcp"), proxy=Secret("http://proxy.test:3128"), public_only=True, resolve=FakeDns({}))

    with pytest.raises(ForbiddenAddress):
        await guard.admit_unresolved(host, 443)


@pytest.mark.anyio
@pytest.mark.parametrize("proxy", [None, Secret("http://proxy.test:3128")], ids=["direct", "by proxy"])
async def test_a_lent_transport_speaks_plain_http_to_this_machine_alone(proxy: Secret | None) -> None:
    names = FakeDns({"mcp.test": "93.184.216.34"})
    async with Guard(NAMED, proxy=proxy, resolve=names).open_transport() as transport:
        with pytest.raises(InsecureUrl):
            await transport.handle_async_request(httpx2.Request("GET", "http://mcp.test/mcp"))

    assert names.asked == []


def test_a_proxy_that_refuses_is_named_with_its_answer(ask: Ask) -> None:
    with (
        LoopbackProxy({}, credentials="ada:other") as proxy,
        pytest.raises(ConnectFailed, match=r"proxy .* it answered HTTP 407"),
    ):
        ask(metadata("https://auth.test/"), Secret(proxy.origin))


def test_a_proxy_that_is_away_is_named(ask: Ask) -> None:
    with closed_port() as closed, pytest.raises(ConnectFailed, match="the proxy itself cannot be reached"):
        ask(metadata("https://auth.test/"), Secret(closed))


def test_why_no_connection_came_about_is_told_while_another_error_is_handled() -> None:
    """As in the command line, which looks for an event loop first and finds none."""
    try:
        int("none")
    except ValueError:
        with closed_port() as closed, pytest.raises(ConnectFailed, match="nothing listens there"):
            driver().run_blocking(fetch(metadata(closed.replace("127.0.0.1", "localhost"))), deadline=10)
        with pytest.raises(ConnectFailed, match="the name does not resolve"):
            driver().run_blocking(fetch(metadata("https://nowhere.invalid/")), deadline=10)
