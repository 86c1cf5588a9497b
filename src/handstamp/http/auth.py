"""
The auth object: puts the header on the caller's own request, and reacts to 401 and `insufficient_scope`.

It knows where tokens come from (a TokenSource) and nothing of how they are got. What it does with one request is written once, as
a conversation that yields either None, "send it now", to the caller's client, or a `Want`, to be fulfilled by blocking or by
awaiting; the two client protocols below only carry it. No lock is held while the request runs.

    not ours (other origin, other server's path)  → sent as it is, without our token, whatever the answer
    ours, and a redirect was followed elsewhere   → the answer is the caller's: it is nothing of our server's
    no grant                                      → sent bare; a 401 is LoginRequired, or a login if `interactive` was handed in,
                                                    or a token where the source needs nobody
    a grant that only a person can mend           → LoginRequired, or a login if `interactive` was handed in
    a token, answered with 401                    → one replacement, one more try; a second 401 is LoginRequired, or a login if
                                                    the server has moved to another issuer and `interactive` was handed in
    a token bound to a key, asked for a nonce     → once more with it; that costs no token (`http.proofs`)
    a token, 403 with insufficient_scope          → another token that a sibling has got for it; else StepUpRequired, with the
                                                    scopes to ask for, or a login for them if `interactive` was handed in
    any other answer, 403 too                     → the caller's

A login starts from the answer that made it necessary: the server is not asked a second time what it wants.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from handstamp.errors import LoginRequired, account_hint
from handstamp.http.coverage import Coverage
from handstamp.http.httpx_compat import auth_bases
from handstamp.model import Token
from handstamp.protocol.challenge import INSUFFICIENT_SCOPE, Challenge, find_challenge, parse_challenges
from handstamp.protocol.discovery import Probe
from handstamp.protocol.step_up import STEP_UPS, Refusal, find_operation, step_up_required
from handstamp.source import TokenSource

if TYPE_CHECKING:
    import httpx
    import httpx2

__all__ = ["Auth", "Interactive"]

SIGNED = "handstamp.signed"
"""Marks a request as bearing our header. httpx2 and httpx hand such marks on to the request that follows a redirect."""

if TYPE_CHECKING:

    class AuthBase(httpx.Auth, httpx2.Auth):  # type: ignore[misc]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both at once; their methods differ only in whose Request it is."""
else:
    AuthBase = type("AuthBase", auth_bases(), {})


class Interactive(Protocol):
    """A login for a request that needs one; all requests that need it at once share it. Each way is told what the need is."""

    def blocking(self, refusal: Refusal) -> Token: ...

    async def awaiting(self, refusal: Refusal) -> Token: ...


@dataclass(frozen=True, slots=True)
class Want:
    """A token, got by the first way from a thread and by the second from a task."""

    blocking: Callable[[], Token]
    awaiting: Callable[[], Awaitable[Token]]


class Auth(AuthBase):
    """
    Signs the requests of an `httpx2` or `httpx` client, sync or async, for one MCP server.

    Safe to share by many clients, tasks and threads.
    The token goes to the server's own origin and to no path there that belongs to another configured server; everything else is
    sent untouched. (A client that follows redirects by itself takes the header along within the origin, and a proof, which is of
    no use without the token, anywhere. One that asks us before each hop, as the MCP SDK does, takes neither: there they are taken
    out again.)
    Never opens a browser unless it was made with a presenter. Raises LoginRequired, StepUpRequired, and what `TokenSource`
    raises; inside the MCP SDK they arrive in an ExceptionGroup: `handstamp.find_error` finds them.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        server: str,
        name: str,
        account: str = "default",
        neighbours: tuple[str, ...] = (),
        interactive: Interactive | None = None,
    ) -> None:
        self._source = source
        self._server = server
        self._name = name
        self._account = account
        self._coverage = Coverage(server, neighbours)
        self._interactive = interactive

    def covers(self, url: str) -> bool:
        """Whether the token may go there."""
        return url in self._coverage

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """The client's side of a request from a thread."""
        request.read()  # a retry sends the same body again: a stream would be spent by then
        conversation = self._converse(request)
        try:
            step = next(conversation)
            while True:
                step = conversation.send(step.blocking() if isinstance(step, Want) else (yield request))
        except StopIteration:
            return

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """The client's side of a request from a task."""
        await request.aread()
        conversation = self._converse(request)
        try:
            step = next(conversation)
            while True:
                step = conversation.send(await step.awaiting() if isinstance(step, Want) else (yield request))
        except StopIteration:
            return

    def _converse(self, request: "httpx2.Request") -> "Generator[Want | None, Any, None]":
        """Yields a `Want` and is sent a Token, or yields None for "send it now" and is sent the response."""
        if not self.covers(str(request.url)):
            if request.extensions.get(SIGNED):
                request.headers.pop("Authorization", None)
                request.headers.pop("DPoP", None)
            yield None
            return
        token, tries, step_ups = self._source.ready(), 0, 0
        if token is None and self._source.grant(anew=False) is None:
            response = yield None
            if not self._is(401, response):
                return
            token, tries = (yield self._login(Refusal(answer=_probe(response)))), 1
        token = token or (yield self._or_login(Want(self._source.token, self._source.token_async), Refusal()))
        while True:
            response = yield from self._send(request, token)
            if self._is(401, response):
                want = self._after_401(token, Refusal(token, _probe(response)), tries)
            elif (refusal := self._find_step_up(request, token, response)) is not None:
                step_ups += 1
                want = self._step_up(refusal, tried=step_ups > STEP_UPS)
            else:
                return
            token, tries = (yield want), tries + 1

    def _send(self, request: "httpx2.Request", token: Token) -> "Generator[None, Any, httpx2.Response]":
        request.extensions = {**request.extensions, SIGNED: True}
        prover = self._source.prover(token, self._server)
        if prover is not None:
            from handstamp.http.proofs import send_with_proof

            return (yield from send_with_proof(request, token, prover, self.covers))
        request.headers["Authorization"] = f"Bearer {token.access_token.reveal()}"
        return cast("httpx2.Response", (yield None))

    def _is(self, status: int, response: "httpx2.Response") -> bool:
        """Whether our server answers with that status, and not somebody to whom a redirect was followed (TF1)."""
        return response.status_code == status and self.covers(str(response.url))

    def _find_step_up(self, request: "httpx2.Request", token: Token, response: "httpx2.Response") -> Refusal | None:
        if not self._is(403, response):
            return None
        challenges = parse_challenges(_challenges(response))
        challenge = next((each for each in challenges if each.error == INSUFFICIENT_SCOPE), None)
        if challenge is None:
            return None  # W5: a plan, an address or an administrator said no; signing in again would not help
        return Refusal(token, _probe(response, challenge), find_operation(request.method, request.url.path, request.content))

    def _after_401(self, token: Token, refusal: Refusal, tries: int) -> Want:
        """A replacement first; then a login, for the server may have moved to another issuer (A-61); then no more."""
        if tries == 0:
            return self._or_login(self._replacement(token), refusal)
        if tries == 1 and self._interactive is not None:
            return self._login(refusal)  # raises where the server has not moved
        raise self._login_required("answers 401 to a token that it has just given")

    def _step_up(self, refusal: Refusal, *, tried: bool) -> Want:
        """A-109: more access comes from a new authorization and never from a refresh."""
        grant = self._source.grant()
        if refusal.is_met_by(grant) and not tried:
            return Want(self._source.token, self._source.token_async)
        if self._interactive is None or tried or refusal.is_final_for(grant):
            raise step_up_required(self._name, self._account, grant, refusal, tried=tried)
        return self._login(refusal)

    def _replacement(self, rejected: Token) -> Want:
        return Want(lambda: self._source.replacement(rejected), lambda: self._source.replacement_async(rejected))

    def _login(self, refusal: Refusal) -> Want:
        if self._source.needs_nobody:
            return Want(self._source.token, self._source.token_async)
        if self._interactive is None:
            raise self._login_required("asks you to sign in")
        interactive = self._interactive
        return Want(lambda: interactive.blocking(refusal), lambda: interactive.awaiting(refusal))

    def _or_login(self, want: Want, refusal: Refusal) -> Want:
        """With a presenter at hand, a token that has ended for good is no dead end (W1)."""
        interactive = self._interactive
        if interactive is None:
            return want

        def blocking() -> Token:
            try:
                return want.blocking()
            except LoginRequired:
                return interactive.blocking(refusal)

        async def awaiting() -> Token:
            try:
                return await want.awaiting()
            except LoginRequired:
                return await interactive.awaiting(refusal)

        return Want(blocking, awaiting)

    def _login_required(self, what: str) -> LoginRequired:
        command = account_hint("login", server=self._name, account=self._account)
        return LoginRequired(f"{self._name} {what}.", hint=command)


def _challenges(response: "httpx2.Response") -> list[str]:
    return response.headers.get_list("www-authenticate")


def _probe(response: "httpx2.Response", challenge: Challenge | None = None) -> Probe:
    """What a login would find out by asking the server: it has just answered."""
    return Probe(
        asks=True,
        is_mcp=False,
        challenge=challenge or find_challenge(_challenges(response)),
        challenges=tuple(parse_challenges(_challenges(response))),
        seen=f"HTTP {response.status_code}",
    )
