"""
Enterprise-managed authorization: an organisation's identity provider says who somebody is, and the server's authorization
server takes its word.

What has ended is renewed from the one before it, and the last of them is a person (A-155):

    access token ← ID-JAG, while it is good ← ID token or SAML assertion ← refresh token ← a sign-in at the organisation

We start no such sign-in: whichever program does it leaves the ID token where the settings say. And nobody is ever sent to the
authorization server's own page instead (A-154). An ID-JAG is kept in memory alone.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeVar

from handstamp.errors import InvalidGrant, LoginRequired, ServerSaidNo, account_hint
from handstamp.model import IdentityProvider
from handstamp.ports import Clock, HttpRunner, SecretReader
from handstamp.protocol.client_auth import Credentials
from handstamp.protocol.id_jag import IdentityAssertion, SubjectToken, Wanted, ask_for_assertion, find_end, register_at_provider
from handstamp.protocol.urls import host

__all__ = ["Organisation"]

DISCOVERY_DEADLINE = 30.0
REQUEST_DEADLINE = 15.0
MARGIN = 10.0
"""Seconds before its end from which on an assertion is not sent any more."""
WORDS = {"id_token": "the ID token", "refresh_token": "the refresh token", "saml2": "the SAML assertion"}
CLIENT_SECRET = "the client secret for the identity provider"
STRONGER = "insufficient_user_authentication"

T = TypeVar("T")


class Organisation:
    """Gets assertions of one person from their organisation's identity provider. Blocks. One flight at a time uses it."""

    def __init__(
        self,
        provider: IdentityProvider,
        *,
        name: str,
        account: str,
        http: Callable[[], HttpRunner],
        read_secret: SecretReader,
        clock: Clock,
    ) -> None:
        """`name` is what the person calls the server that it is about."""
        self._provider = provider
        self._name = name
        self._account = account
        self._http = http
        self._read_secret = read_secret
        self._clock = clock
        self._held: IdentityAssertion | None = None

    def vouch(self, wanted: Wanted, use: Callable[[IdentityAssertion], T]) -> T:
        """
        What `use` makes of an assertion: of the one that it took before while that is good, else of a new one (A-155).

        Raises LoginRequired where only a sign-in at the organisation helps, and what the provider and `use` say.
        """
        held, self._held = self._held, None
        try:
            if held is not None and held.serves(wanted, self._clock() + MARGIN):
                with suppress(InvalidGrant):  # there are servers that take one once
                    return self._show(held, use)
            return self._show(self._ask(wanted), use)
        except ServerSaidNo as error:
            if error.error != STRONGER:
                raise
            raise self._login_required("it wants a stronger sign-in") from error

    def _show(self, assertion: IdentityAssertion, use: Callable[[IdentityAssertion], T]) -> T:
        result = use(assertion)
        self._held = assertion
        return result

    def _ask(self, wanted: Wanted) -> IdentityAssertion:
        http, provider, refusal = self._http(), self._provider, None
        endpoint, registration = http.run_blocking(register_at_provider(provider), deadline=DISCOVERY_DEADLINE)
        secret = None if provider.client_secret_from is None else self._read_secret(provider.client_secret_from, CLIENT_SECRET)
        for subject in self._subjects():
            step = ask_for_assertion(endpoint, registration, Credentials(secret), subject=subject, wanted=wanted)
            try:
                return http.run_blocking(step, deadline=REQUEST_DEADLINE)
            except InvalidGrant as error:
                refusal = error
        raise self._login_required(f"{WORDS[provider.subject_token_type]} has ended") from refusal

    def _subjects(self) -> Iterator[SubjectToken]:
        """In the order of trying, what has visibly ended left out."""
        provider = self._provider
        token = self._read_secret(provider.subject_token_from, WORDS[provider.subject_token_type])
        end = find_end(token)
        if end is None or self._clock() < end:
            yield SubjectToken(token, provider.subject_token_type)
        if provider.refresh_token_from is not None:
            yield SubjectToken(self._read_secret(provider.refresh_token_from, WORDS["refresh_token"]), "refresh_token")

    def _login_required(self, why: str) -> LoginRequired:
        where = host(self._provider.issuer)
        # The command asks for a token again: once the person has signed in there, it tells them that all is well.
        command = account_hint("login", server=self._name, account=self._account)
        return LoginRequired(f"{self._name} needs you to sign in at {where} again: {why}.", hint=command)
