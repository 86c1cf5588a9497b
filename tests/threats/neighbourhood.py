"""
A program: real sign-ins in a network of its own, whose servers have public, private, cloud and loopback addresses.

`neighbourhood.py FOLDER SCENARIO` prints as JSON what came of it; `test_ta_inside.py` judges. Everything is the real thing: the
vault, the guard, the resolver (by a hosts file), TLS by an authority that `ca_file` names.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import httpx2

from authority import Authority, FormBrowser, Knobs, Place
from certificates import Signer
from handstamp.errors import HandstampError
from handstamp.protocol.exchange import Purpose, Request, Response
from handstamp.vault import Vault
from loopback import Answer, LoopbackSite

HOSTS = {
    "mcp.example": "93.184.216.34",
    "auth.example": "93.184.216.35",
    "mcp.corp.example": "10.1.2.3",
    "auth.corp.example": "10.1.2.4",
    "private.example": "192.168.7.7",
    "carrier.example": "100.64.0.7",
    "unique-local.example": "fd12:3456::7",
    "link-local.example": "169.254.169.254",
    "alibaba.example": "100.100.100.200",
    "aws.example": "fd00:ec2::254",
    "loopback.example": "127.0.0.7",
    "mapped.example": "::ffff:192.168.7.7",
}
TRAPS = [name for name in HOSTS if name.count(".") == 1 and name not in ("mcp.example", "auth.example", "mapped.example")]
PUBLIC = (Place(HOSTS["auth.example"], 443, "auth.example"), Place(HOSTS["mcp.example"], 443, "mcp.example"))
PRIVATE = (Place(HOSTS["auth.corp.example"], 443, "auth.corp.example"), Place(HOSTS["mcp.corp.example"], 443, "mcp.corp.example"))

Observe = Callable[[Request, Response | HandstampError], None]
Leg = Literal["resource_metadata", "issuer", "registration", "token", "revocation"]


@dataclass
class Neighbourhood:
    """Addresses, names, and an authority for their certificates."""

    folder: Path
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        # In memory: what is written here need not outlast a power cut.
        run("mount", "-t", "tmpfs", "neighbourhood", str(self.folder))
        self.signer = Signer(self.folder)
        run("ip", "link", "set", "lo", "up")
        for address in HOSTS.values():
            if not address.startswith(("127.", "::ffff:")):
                run("ip", "address", "add", f"{address}/{128 if ':' in address else 32}", "dev", "lo", *nodad(address))
        self.name(HOSTS)
        run("mount", "--bind", str(self.folder / "hosts"), "/etc/hosts")

    def name(self, hosts: dict[str, str]) -> None:
        """Who is where, from the next look-up on."""
        text = "".join(f"{address} {name}\n" for name, address in hosts.items())
        (self.folder / "hosts").write_text(text, "utf-8")

    def vault(self, *lines: str, network: Literal["public"] | None = None, observe: Observe | None = None) -> Vault:
        """A new one, which trusts the authority; `lines` of its `servers.toml` besides."""
        home = self.folder / f"home-{len(list(self.folder.iterdir()))}"
        home.mkdir()
        text = "\n".join([f'ca_file = "{self.signer.ca_file}"', *lines])
        (home / "servers.toml").write_text(text, "utf-8")
        return Vault.open(state=home / "state", config=home, network=network, observe=observe)

    def browser(self) -> FormBrowser:
        return FormBrowser(tls=self.signer.client_context())

    @contextmanager
    def authority(self, places: tuple[Place, Place], knobs: Knobs | None = None) -> Generator[Authority]:
        names = [place.name or place.address for place in places]
        with Authority(knobs, places=places, tls=self.signer.certify(*names)) as started:
            yield started

    @contextmanager
    def traps(self) -> Generator[dict[str, LoopbackSite]]:
        """Somebody at every inner address, with a certificate that is good: what a careless client would talk to."""
        with ExitStack() as stack:
            sites = {
                name: stack.enter_context(LoopbackSite(tls=self.signer.tls(name), address=HOSTS[name], port=443))
                for name in TRAPS
            }
            plain = LoopbackSite(address=HOSTS["link-local.example"], port=80)
            sites["plain"] = stack.enter_context(plain)
            yield sites


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def nodad(address: str) -> tuple[str, ...]:
    # Else an IPv6 address cannot be bound for a second.
    return ("nodad",) if ":" in address else ()


def outcome(work: Callable[[], object]) -> str:
    """`ok`, or the error's code."""
    try:
        work()
    except HandstampError as error:
        return error.code
    return "ok"


# The scenarios


def whole_life(place: Neighbourhood, where: tuple[Place, Place]) -> dict[str, object]:
    """Sign in, refresh, call, sign out."""
    with place.authority(where) as authority, place.vault() as vault:
        grant = vault.sync.login(authority.server_url, browser=place.browser())
        authority.expire_access_tokens()
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        with httpx2.Client(auth=vault.auth(authority.server_url), verify=place.signer.client_context(), trust_env=False) as http:
            called = http.post(authority.server_url, json=ping).status_code
        reports = vault.sync.logout(authority.server_url)
    return {
        "issuer": grant and grant.key.issuer,
        "called": called,
        "refreshes": authority.refreshes,
        "revoked": [report.revoked for report in reports],
    }


def public(place: Neighbourhood) -> dict[str, object]:
    return whole_life(place, PUBLIC)


def private(place: Neighbourhood) -> dict[str, object]:
    return whole_life(place, PRIVATE)


def one_leg(place: Neighbourhood, leg: Leg, where: tuple[Place, Place] = PUBLIC) -> dict[str, object]:
    """One leg of a sign-in led to each of the inner servers; and how many connections those saw."""
    with place.traps() as traps, place.authority(where) as authority:
        origins = [f"https://{name}" for name in ("mapped.example", *TRAPS)] + [f"http://{HOSTS['link-local.example']}"]
        outcomes = {origin: lead(place, authority, leg, origin) for origin in origins}
        connections = {name: site.connections for name, site in traps.items() if site.connections}
    return {"outcomes": outcomes, "connections": connections}


def one_leg_from_private(place: Neighbourhood, leg: Leg) -> dict[str, object]:
    return one_leg(place, leg, PRIVATE)


def lead(place: Neighbourhood, authority: Authority, leg: Leg, origin: str) -> str:
    """What came of a sign-in and a sign-out where one leg leads to `origin`."""
    match leg:
        case "resource_metadata":
            authority.turn(challenge=f'Bearer resource_metadata="{origin}/prm"', resource_metadata_at="nowhere")
        case "issuer":
            authority.turn(authorization_servers=(origin,))
        case _:
            authority.turn(server_metadata={f"{leg}_endpoint": f"{origin}/{leg}"})
    with place.vault() as vault:
        browser = place.browser()
        came = outcome(partial(vault.sync.login, authority.server_url, browser=browser))
        if browser.opened:
            browser.wait()
        if came != "ok":
            return came
        (report,) = vault.sync.logout(authority.server_url)
    return "revoked" if report.revoked else str(report.reason)


def configured(place: Neighbourhood) -> dict[str, object]:
    """A public server whose issuer is in a private network: as such, configured, and for a platform."""
    where = (PRIVATE[0], PUBLIC[1])
    with place.authority(where) as authority:
        url, issuer = authority.server_url, authority.issuer
        lines = ("[servers.demo]", f'url = "{url}"', f'issuer = "{issuer}"')
        results: dict[str, object] = {}
        for name, vault in (
            ("as such", place.vault()),
            ("configured", place.vault(*lines)),
            ("configured on a platform", place.vault(*lines, network="public")),
            ("configured on a platform's own account", place.vault('network = "public"', *lines)),
        ):
            with vault:
                asked = len(authority.log)
                results[name] = outcome(partial(vault.sync.login, url, browser=place.browser()))
                seen = {seen.at for seen in authority.log[asked:]}
                results[f"{name}: seen by"] = sorted(seen)
    return results


def platform(place: Neighbourhood) -> dict[str, object]:
    """`network = "public"`: who may be named, and who sees a connection."""
    servers = [f"https://{name}/mcp" for name in ("mcp.corp.example", "mcp.example", "mcp.example:8444", *TRAPS)]
    servers += ["http://127.0.0.1:8000/mcp", "https://localhost/mcp", "https://[::1]/mcp", "https://10.1.2.3/mcp"]
    with (
        place.traps() as traps,
        place.authority(PRIVATE) as inner,
        place.authority(PUBLIC),
        place.vault(network="public") as vault,
    ):
        results = {url: outcome(partial(vault.sync.login, url, browser=place.browser())) for url in servers}
        seen = {name: site.connections for name, site in traps.items() if site.connections}
        return {"outcomes": results, "connections": seen, "inner": len(inner.log)}


def rebinding(place: Neighbourhood) -> dict[str, object]:
    """The name of a public server moves, after it has answered once, to a private network and to this machine."""
    results: dict[str, object] = {}
    for target in ("private.example", "loopback.example", "link-local.example"):
        place.name(HOSTS)
        moved = HOSTS | {"mcp.example": HOSTS[target]}

        def move(request: Request, _: Response | HandstampError, moved: dict[str, str] = moved) -> None:
            if request.purpose is Purpose.SERVER:
                place.name(moved)

        # A careless client would take the inner server for the public one: it even has its certificate.
        tls = place.signer.tls("mcp.example")
        challenge = Answer("401 Unauthorized", headers=("WWW-Authenticate: Bearer", "Connection: close"))
        with (
            LoopbackSite({"/mcp": challenge}, tls=tls, address=HOSTS["mcp.example"], port=443) as site,
            LoopbackSite(tls=tls, address=HOSTS[target], port=443) as trap,
            place.vault(observe=move) as vault,
        ):
            came = outcome(partial(vault.sync.login, "https://mcp.example/mcp", browser=place.browser()))
            results[target] = {"outcome": came, "outside": site.connections, "inside": trap.connections}
    return results


SCENARIOS: dict[str, Callable[..., dict[str, object]]] = {
    each.__name__: each for each in (public, private, one_leg, one_leg_from_private, configured, platform, rebinding)
}

if __name__ == "__main__":
    folder, scenario, *arguments = sys.argv[1:]
    sys.stdout.write(json.dumps(SCENARIOS[scenario](Neighbourhood(Path(folder)), *arguments)))
