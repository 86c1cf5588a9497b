"""
Whom we connect to: the address guard (4.13, TA1 to TA12, TA20 to TA22).

Servers tell us where to go next: to metadata, an authorization server, its endpoints. Whoever writes those addresses could send
us to a cloud's credentials, a router, a program on this machine. So a person's word counts and a server's does not:

    what was named                     what may be connected to
    a public server                    public addresses
    a server in a private network      public and private ones
    a server on this machine           public and private ones, and this machine
    an issuer, where it is configured  besides, that one host, wherever it is
    a proxy, where it is configured    besides, that one
    nothing but `public_only`          public addresses, at the ports of https

Nobody gets to what is `Zone.NOWHERE`. How far inside the named server lies is settled by its first look-up and only ever
narrowed, and a login begins with a verified connection to it, so that a name that changes its address afterwards gains nothing
(TA7). A refresh and a revocation go to endpoints that such a login has found.

A proxy looks names up itself. Addresses are judged all the same, and names that mean something only inside of a network count as
private; what a public name leads to there, only the proxy can know.
"""

import re
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import httpcore2
import httpx2

from handstamp.errors import ForbiddenAddress, InsecureUrl
from handstamp.http.addresses import Address, Zone, find_zone, parse_address
from handstamp.http.dial import Connector, ProxyConnector, Resolve, resolve
from handstamp.http.trust import trust
from handstamp.model import Named, Secret
from handstamp.protocol.urls import host as url_host

__all__ = ["Guard"]

LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
LINK_LOCAL = IPv6Network("fe80::/10")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
PUBLIC_PORTS = frozenset((443, 8443))
INNER_SUFFIXES = ("local", "internal", "intranet", "private", "corp", "lan", "home", "home.arpa", "localdomain")
METADATA_NAMES = frozenset(
    ("metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal")
)

MAX_CONNECTIONS = 10
# Below the five seconds after which common servers close, so that a token request never meets a connection that just died.
KEEPALIVE_SECONDS = 2.0


class Guard:
    """
    Opens transports that connect only where `named` allows it. One for a login, or for a refresh; safe to share by tasks.

    `proxy` is an address, with a password if it needs one. `ca_file` names certificates to trust besides the machine's own; there
    is no way to trust none. Environment variables have no say (TA21).
    """

    def __init__(
        self,
        named: Named,
        *,
        proxy: Secret | None = None,
        ca_file: str | None = None,
        public_only: bool = False,
        resolve: Resolve = resolve,
    ) -> None:
        self._server = _canonical(url_host(named.server))
        self._issuer = None if named.issuer is None else _canonical(url_host(named.issuer))
        self._proxy = proxy
        self._ca_file = ca_file
        self._public_only = public_only
        self._resolve = resolve
        self._reach: Zone | None = None
        self._innermost: Zone | None = None

    def open_transport(self, *, max_connections: int = MAX_CONNECTIONS) -> httpx2.AsyncBaseTransport:
        """For one exchange, or one client. Follows no redirects, keeps no cookies."""
        direct = _Pool(self._open_pool(Connector(self.admit), max_connections))
        if self._proxy is None:
            return _GuardedTransport(self, direct, None)
        connector = ProxyConnector(self._admit_proxy)
        return _GuardedTransport(self, direct, _Pool(self._open_pool(connector, max_connections, self._build_proxy(self._proxy))))

    async def admit(self, host: str, port: int) -> Sequence[Address]:
        """The addresses of `host`, which we dial ourselves. Raises ForbiddenAddress where one of them is none for us (TA8)."""
        addresses = await self._find(host)
        await self._judge(_canonical(host), port, [find_zone(address) for address in addresses])
        return addresses

    async def admit_unresolved(self, host: str, port: int) -> None:
        """Judges a host that a proxy will look up. Raises ForbiddenAddress."""
        await self._judge(_canonical(host), port, [_zone_by_name(host)])

    async def _admit_proxy(self, host: str, port: int) -> Sequence[Address]:
        addresses = await self._find(host)
        if any(find_zone(address) is Zone.NOWHERE for address in addresses):
            raise _nowhere(host)
        return addresses

    async def _find(self, host: str) -> Sequence[Address]:
        if _is_localhost(host):
            # RFC 6761 §6.3: whatever a hosts file or a resolver says (TD12).
            return LOOPBACK
        literal = parse_address(host)
        return [literal] if literal is not None else _without_link_local(await self._resolve(host))

    async def _judge(self, host: str, port: int, zones: Sequence[Zone]) -> None:
        zone = max(zones)
        if zone is Zone.NOWHERE:
            raise _nowhere(host)
        if self._public_only:
            _require_public(host, port, zone)
        if host == self._server:
            self._settle(zones)
        if zone is Zone.LOOPBACK and min(zones) is not zone:
            raise ForbiddenAddress(f"Expected one machine behind {host}, got this machine together with others.")
        if zone is Zone.PUBLIC or host in (self._server, self._issuer):
            return
        if zone > await self._find_reach():
            raise ForbiddenAddress(
                f"Expected a public address for {host}, got one inside: a server outside may point into your network only to an "
                "issuer that you configured."
            )

    async def _find_reach(self) -> Zone:
        """How far inside the named server lies."""
        if self._reach is None:
            is_remote = self._proxy is not None and not _is_loopback(self._server)
            zones = [_zone_by_name(self._server)] if is_remote else [find_zone(each) for each in await self._find(self._server)]
            self._settle(zones)
        assert self._reach is not None
        return self._reach

    def _settle(self, zones: Sequence[Zone]) -> None:
        if self._innermost is not None and max(zones) > self._innermost:
            raise ForbiddenAddress(f"Expected {self._server} where it was a moment ago, outside, got an address inside.")
        self._innermost = max(zones)
        # With an address outside it counts as outside: whoever runs a public name could add one inside, and be let in (TA8).
        reach = min(zones)
        self._reach = reach if self._reach is None else min(reach, self._reach)

    def _open_pool(
        self, connector: Connector, max_connections: int, proxy: httpcore2.Proxy | None = None
    ) -> httpcore2.AsyncConnectionPool:
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls,
            proxy=proxy,
            max_connections=max_connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            http1=True,
            http2=False,
            network_backend=connector,
        )

    def _build_proxy(self, address: Secret) -> httpcore2.Proxy:
        proxy = httpx2.Proxy(address.reveal())
        tls = self._tls if proxy.url.scheme == "https" else None
        url = httpcore2.URL(scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path)
        return httpcore2.Proxy(url, auth=proxy.raw_auth, ssl_context=tls)

    @property
    def _tls(self) -> ssl.SSLContext:
        return trust(self._ca_file)


class _Pool(httpx2.AsyncHTTPTransport):
    """httpx2's transport over a pool of ours, which alone can be handed a connector."""

    def __init__(self, pool: httpcore2.AsyncConnectionPool) -> None:
        self._pool = pool


class _GuardedTransport(httpx2.AsyncBaseTransport):
    """By way of the proxy where there is one, but to this machine directly, and elsewhere with TLS alone."""

    def __init__(self, guard: Guard, direct: httpx2.AsyncBaseTransport, proxied: httpx2.AsyncBaseTransport | None) -> None:
        self._guard = guard
        self._direct = direct
        self._proxied = proxied

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # As it is dialled: `url.host` is for people and undoes the xn-- form.
        host = request.url.raw_host.decode("ascii")
        if _is_loopback(host):
            return await self._direct.handle_async_request(request)
        if request.url.scheme != "https":
            raise InsecureUrl(f"Expected https for {host[:200]}, got {request.url.scheme}: plain http is for this machine only.")
        if self._proxied is None:
            return await self._direct.handle_async_request(request)
        await self._guard.admit_unresolved(host, request.url.port or 443)
        return await self._proxied.handle_async_request(request)

    async def aclose(self) -> None:
        try:
            await self._direct.aclose()
        finally:
            if self._proxied is not None:
                await self._proxied.aclose()


def _canonical(host: str) -> str:
    """One spelling for each host: addresses have many."""
    address = parse_address(host)
    return host.lower().removesuffix(".") if address is None else str(address)


def _without_link_local(addresses: Sequence[Address]) -> Sequence[Address]:
    """Names of the local network (.local) often have such an address beside a usual one. Alone it is refused."""
    return [address for address in addresses if address not in LINK_LOCAL] or addresses


def _require_public(host: str, port: int, zone: Zone) -> None:
    if zone is not Zone.PUBLIC:
        raise ForbiddenAddress(f"Expected a public address for {host}, got one inside, and only public servers are allowed here.")
    if port not in PUBLIC_PORTS:
        raise ForbiddenAddress(f"Expected port 443 or 8443 of {host}, got {port}, and only those are allowed here.")


def _nowhere(host: str) -> ForbiddenAddress:
    return ForbiddenAddress(f"Expected an address for {host} at which a server can be, got a reserved one.")


def _zone_by_name(host: str) -> Zone:
    name = _canonical(host)
    literal = parse_address(name)
    if literal is not None:
        return find_zone(literal)
    # What ends in a number is an address in disguise to whoever looks it up (TA5).
    if name in METADATA_NAMES or NUMBER.fullmatch(name.rpartition(".")[2]):
        return Zone.NOWHERE
    if _is_localhost(name):
        return Zone.LOOPBACK
    is_inner = "." not in name or name.endswith(tuple(f".{suffix}" for suffix in INNER_SUFFIXES))
    return Zone.PRIVATE if is_inner else Zone.PUBLIC


def _is_loopback(host: str) -> bool:
    return _zone_by_name(host) is Zone.LOOPBACK


def _is_localhost(host: str) -> bool:
    name = host.removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")
