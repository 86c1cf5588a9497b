"""The way to a server and to who guards it, and all other steps after that, in their order."""

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.errors import (
    ConnectFailed,
    ForbiddenAddress,
    HandstampError,
    MalformedResponse,
    TemporarilyUnavailable,
    TimedOut,
    TlsFailed,
)
from handstamp.examination.findings import Findings
from handstamp.examination.rehearsal import rehearse
from handstamp.examination.search import Search
from handstamp.examination.stored import Stored, look_up, show_token
from handstamp.login import DISCOVERY_DEADLINE, REQUEST_DEADLINE, Login
from handstamp.model import GrantType, Secret
from handstamp.ports import Clock, HttpRunner
from handstamp.protocol.discovery import Discovered, Probe, ask_server, discover, judge_probe
from handstamp.protocol.urls import host

__all__ = ["Examination"]

UNREACHED: dict[type[HandstampError], str] = {
    ConnectFailed: "It cannot be reached",
    TlsFailed: "No secure connection comes about",
    TimedOut: "It does not answer in time",
    ForbiddenAddress: "It is at an address that is not connected to",
}


class Examination:
    """Of one server. `run` takes all the steps; `findings` tells of each."""

    def __init__(self, findings: Findings, login: Login, stored: Stored, *, http: HttpRunner, clock: Clock) -> None:
        self._findings = findings
        self._login = login
        self._request = login.request
        self._stored = stored
        self._http = http
        self._clock = clock
        self._status = 0
        findings.hide(value for _, value in login.request.headers if isinstance(value, Secret))

    async def run(self) -> Diagnosis:
        """Every step; one that fails ends those alone that need it."""
        findings, now = self._findings, self._clock()
        probe = await self._reach()
        discovered = probe if isinstance(probe, HandstampError) else await self._discover(probe)
        if isinstance(discovered, Discovered):
            rehearse(findings, self._login, self._stored, discovered)
        grant = look_up(findings, self._request, self._stored, now, discovered)
        if grant is not None and isinstance(probe, Probe):
            await show_token(findings, self._request, self._stored, self._http, grant, now)
        return findings.conclude(now)

    async def _reach(self) -> Probe | HandstampError:
        """What the server says to somebody without a token; or why that is of no use."""
        url, findings = self._request.url, self._findings
        try:
            response = await self._http.run(ask_server(url, self._request.headers), deadline=REQUEST_DEADLINE)
        except HandstampError as error:
            findings.failed("connection", UNREACHED.get(type(error), "It gives no usable answer"), error, url=url)
            return error
        way = "over TLS" if url.startswith("https:") else "on this machine, without TLS"
        findings.good("connection", f"{host(url)} answers, {way}")
        self._status = response.status
        try:
            return judge_probe(url, response)
        except (TemporarilyUnavailable, MalformedResponse) as error:
            title = "It is out of order" if isinstance(error, TemporarilyUnavailable) else "It sends elsewhere"
            findings.failed("challenge", title, error, url=url, status=response.status)
            return error

    async def _discover(self, probe: Probe) -> Discovered | HandstampError | None:
        """Who guards it, None where nobody does; or why a sign-in would not find out."""
        request, search = self._request, Search(self._findings, probe.challenge)
        opening = _describe(probe, request.url, self._status)
        if probe.asks or probe.is_mcp:
            self._findings.add(opening)
        else:
            # Whether it is in the way shows only in what comes of the search.
            search.opening = opening
        step = discover(
            request.url,
            headers=request.headers,
            issuer=request.client.authorization_server,
            probe=probe,
            older=request.client.grant_type is GrantType.AUTHORIZATION_CODE,
            tell=search.tell,
        )
        try:
            discovered = await self._http.run(step, deadline=DISCOVERY_DEADLINE)
        except HandstampError as error:
            search.fail(error)
            return error
        search.end()
        return discovered


def _describe(probe: Probe, url: str, status: int) -> Finding:
    """The answer to somebody without a token."""
    if not probe.asks and probe.is_mcp:
        return Finding("challenge", Verdict.GOOD, "It works without signing in", url, status)
    if not probe.asks:
        expected = "HTTP 401 with WWW-Authenticate, or the answer of an MCP server"
        return Finding("challenge", Verdict.ODD, "It answers like no MCP server", url, status, expected, probe.seen)
    title, challenge = "It asks for a sign-in", probe.challenge
    if challenge is None:
        expected = "a WWW-Authenticate header with Bearer (RFC 6750 §3)"
        return Finding("challenge", Verdict.ODD, f"{title}, and does not say how", url, status, expected, "none that can be read")
    parameters = [f'{name}="{value}"' for name, value in challenge.parameters.items()]
    said = f"{challenge.scheme.capitalize()} {', '.join(parameters)}".strip()
    if challenge.resource_metadata is None:
        said += " (without resource_metadata, so the well-known addresses are asked)"
    return Finding("challenge", Verdict.GOOD, title, url, status, actual=said)
