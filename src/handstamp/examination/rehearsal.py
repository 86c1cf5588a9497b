"""What a sign-in would do with what was discovered, judged by its own code, and nothing of it done."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from handstamp.confirmations import doubt_endpoints
from handstamp.errors import HandstampError
from handstamp.examination.findings import Findings
from handstamp.examination.stored import Stored
from handstamp.login import Login
from handstamp.model import GrantType, Registration, RegistrationKind
from handstamp.protocol.discovery import Discovered
from handstamp.protocol.id_jag import require_profile
from handstamp.protocol.machine_grants import register_machine
from handstamp.protocol.registration import build_registration, choose_registration_kind
from handstamp.protocol.server import require_pkce
from handstamp.protocol.urls import host, origin

__all__ = ["rehearse"]

LOOPBACK = "http://127.0.0.1/callback"
"""A redirect address such as a sign-in would have: nothing listens there."""


def rehearse(findings: Findings, login: Login, stored: Stored, discovered: Discovered) -> None:
    """Tells each judgement. One that is bad ends none of the others."""
    rehearsal = _Rehearsal(findings, login, stored, discovered)
    is_person = login.request.client.grant_type is GrantType.AUTHORIZATION_CODE
    for_people = (rehearsal.age, rehearsal.issuer, rehearsal.endpoints, rehearsal.pkce, rehearsal.iss, rehearsal.scopes)
    steps: tuple[tuple[str, Callable[[], None]], ...] = tuple((each.__name__, each) for each in (for_people if is_person else ()))
    register = rehearsal.registration if is_person else rehearsal.machine
    for step, judge in (*steps, ("dpop", rehearsal.dpop), ("registration", register)):
        try:
            judge()
        except HandstampError as error:
            findings.failed(step, TITLES[step], error)


TITLES = {
    "age": "Its age cannot be told",
    "issuer": "Its authorization server cannot be used",
    "endpoints": "Its endpoints cannot be used",
    "pkce": "A stolen code would be as good as a token: no PKCE",
    "iss": "Answers cannot be told apart",
    "scopes": "What to ask for cannot be told",
    "dpop": "Tokens cannot be bound to a key",
    "registration": "No client ID can be had",
}


class _Rehearsal:
    def __init__(self, findings: Findings, login: Login, stored: Stored, discovered: Discovered) -> None:
        self._findings = findings
        self._login = login
        self._stored = stored
        self._discovered = discovered
        self._server = discovered.server

    def age(self) -> None:
        """4.5."""
        if not self._discovered.is_older:
            return
        if self._login.is_expected(self._discovered):
            self._findings.good("older", "It signs people in itself, as servers of MCP 2025-03-26 do")
            return
        self._findings.odd(
            "older",
            "It seems to be a server of MCP 2025-03-26",
            "protected resource metadata, which names its authorization server",
            "nothing: a sign-in there asks you first",
            next_step=self._findings.add_command("add_revision"),
        )

    def issuer(self) -> None:
        """TB11, A-62."""
        grant, now = self._stored.grant(), self._server.issuer
        if grant is not None and grant.key.issuer != now:
            self._findings.odd(
                "issuer",
                "It names another authorization server now",
                f"{grant.key.issuer}, where you last signed in",
                now,
                next_step=self._findings.command("login"),
            )
        self._login.check_pin(now)

    def endpoints(self) -> None:
        """TB6, TB12."""
        server = self._server
        doubts = list(doubt_endpoints(server, self._login.token_origins(server.issuer)))
        for doubt in doubts:
            expected, actual = doubt.refusal.removeprefix("Expected ").removesuffix(".").split(", got ", 1)
            self._findings.odd("endpoints", "A sign-in there asks you first", expected, actual)
        if not doubts:
            places = f"sign-in at {origin(server.authorization_endpoint)}, tokens at {origin(server.token_endpoint)}"
            self._findings.good("endpoints", "All endpoints are secure", places)

    def pkce(self) -> None:
        stated = self._login.request.code_challenge_methods_supported
        require_pkce(self._server, stated)
        if self._server.code_challenge_methods_supported is None:
            said = "nothing; your settings say it in its place"
            self._findings.odd("pkce", "It does not say that it does PKCE", "S256 in its metadata", said)
        else:
            self._findings.good("pkce", "It does PKCE with S256")

    def iss(self) -> None:
        promised = self._server.authorization_response_iss_parameter_supported
        if promised:
            self._findings.good("iss", "Its answers name it (RFC 9207)")
        else:
            self._findings.skipped("iss", "It does not promise that its answers name it (RFC 9207)")

    def scopes(self) -> None:
        scopes = self._login.choose_scopes(self._discovered)
        unknown = [each for each in scopes if self._server.scopes_supported and each not in self._server.scopes_supported]
        if unknown and self._login.request.scopes:
            listed = ", ".join(self._server.scopes_supported[:20])
            title = f"Your settings ask for what it does not list: {', '.join(unknown)}"
            self._findings.odd("scopes", title, f"some of {listed}", ", ".join(scopes))
            return
        self._findings.good("scopes", "What a sign-in would ask for", ", ".join(scopes) or "nothing in particular")

    def dpop(self) -> None:
        if self._discovered.uses_dpop:
            self._findings.good("dpop", "Tokens would be bound to a key (DPoP)")

    def registration(self) -> None:
        server, client = self._server, self._login.request.client
        kind = choose_registration_kind(server, client)
        if kind is RegistrationKind.DYNAMIC:
            self._tell_dynamic()
            return
        registration = build_registration(kind, server, client, LOOPBACK)
        why = (
            "your settings name the client"
            if kind is RegistrationKind.PRE_REGISTERED
            else "the server takes client ID metadata documents, and your settings name one"
        )
        method = registration.token_endpoint_auth_method
        self._findings.good("registration", "A client ID is at hand", f"{registration.client_id} ({method}): {why}")
        self._check_credentials(registration)
        self._doubt_issuer(registration)

    def _tell_dynamic(self) -> None:
        if self._login.stored_registration(self._server.issuer) is not None:
            self._findings.good("registration", "Handstamp is registered there", "by an earlier sign-in")
            return
        endpoint = self._server.registration_endpoint
        if self._server.client_id_metadata_document_supported:
            why = "no client ID is configured, nor a metadata document of yours, which it would take too"
        else:
            why = "no client ID is configured"
        self._findings.good("registration", "A sign-in would register Handstamp there", why, url=endpoint)

    def machine(self) -> None:
        client = self._login.request.client
        registration = register_machine(self._server, client)
        if client.grant_type is GrantType.ID_JAG:
            require_profile(self._server)
        kind = client.grant_type.value.replace("_", " ")
        self._findings.good("registration", "Nobody has to sign in", f"{kind}, as {registration.client_id or 'a workload'}")
        self._check_credentials(registration)

    def _check_credentials(self, registration: Registration) -> None:
        place = registration.client_secret_from or registration.private_key_from
        if place is None:
            return
        with self._telling("credentials", "What proves the client is not where your settings say"):
            self._stored.read_credentials(registration)
            self._findings.good("credentials", "What proves the client is where your settings say", place)

    def _doubt_issuer(self, registration: Registration) -> None:
        """4.6."""
        if self._login.has_unplaced_secret(self._discovered):
            self._findings.odd(
                "credentials",
                "A sign-in asks you first whether the client is registered there",
                f"the issuer of client {registration.client_id} in your settings",
                f"none, and its secret would go to {host(self._server.token_endpoint)}",
                next_step=self._findings.add_command("add_issuer"),
            )

    @contextmanager
    def _telling(self, step: str, title: str) -> Generator[None]:
        try:
            yield
        except HandstampError as error:
            self._findings.failed(step, title, error)
