"""
The auth object: puts the header on the caller's own request, and reacts to 401 and `insufficient_scope`.

It knows where tokens come from (a TokenSource) and nothing of how they are got. What it does with one request is written once, as
a conversation that yields either None, "send it now", to the caller's client, or a `Want`, to be fulfilled by blocking or by
awaiting; the two client protocols below only carry it. No lock is held while the request runs.

    not ours (other origin, other server's path)  → sent as it is, without our token, whatever the answer
    ours, and a redirect was followed elsewhere   → the answer is the caller's: it is nothing of our server's
    no grant                                      → sent bare; a 401 is LoginRequired, or a login if `interactive` was handed in
    a grant that only a person can mend           → LoginRequired, or a login if `interactive` was handed in
    a token, answered with 401                    → one replacement, one more try; a second 401 is LoginRequired, or a login if
                                                    the server has moved to another issuer and `interactive` was handed in
    a token, 403 with insufficient_scope          → StepUpRequired, with the scopes to ask for
    any other answer, 403 too                     → the caller's
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from handstamp.errors import InsecureUrl, LoginRequired, StepUpRequired, hint
from handstamp.http.httpx_compat import auth_bases
from handstamp.model import Token
from handstamp.protocol.challenge import parse_challenges
from handstamp.protocol.scopes import union_scopes
from handstamp.protocol.text import safe
from handstamp.protocol.urls import is_within, origin
from handstamp.source import TokenSource

if TYPE_CHECKING:
    import httpx
    import httpx2

__all__ = ["Auth", "Interactive"]

AMBIGUOUS = ("//", "%", "\\", "/.")
"""What servers read in more than one way: empty and dot segments, encoded letters."""
KNOWN_URLS = 256
"""Verdicts that are remembered: a client asks for few URLs, very often."""
SIGNED = "handstamp.signed"
"""Marks a request as bearing our header. httpx2 and httpx hand such marks on to the request that follows a redirect."""

if TYPE_CHECKING:

    class AuthBase(httpx.Auth, httpx2.Auth):  # type: ignore[misc]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both at once; their methods differ only in whose Request it is."""
else:
    AuthBase = type("AuthBase", auth_bases(), {})


class Interactive(Protocol):
    """
    A login for a request that needs one; all requests that need it at once share it.

    Each way is told the token that the server has just refused, or None where there was none to send.
    """

    def blocking(self, rejected: Token | None) -> Token: ...

    async def awaiting(self, rejected: Token | None) -> Token: ...


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
    sent untouched. (A client that follows redirects by itself takes the header along within the origin. One that asks us before
    each hop, as the MCP SDK does, does not: there it is taken out again.)
    Never opens a browser unless it was made with a presenter. Raises LoginRequired, StepUpRequired, and what `TokenSource`
    raises; inside the MCP SDK they arrive in an ExceptionGroup: `handstamp.find_error` finds them.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        server: str,
        name: str,
        neighbours: tuple[str, ...] = (),
        interactive: Interactive | None = None,
    ) -> None:
        self._source = source
        self._server = server
        self._name = name
        self._neighbours = neighbours
        self._interactive = interactive
        self._verdicts: dict[str, bool] = {}

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
            yield None
            return
        token = self._source.ready()
        if token is None and self._source.grant(anew=False) is None:
            response = yield None
            if not self._is(401, response):
                return
            token = yield self._login(None)
        else:
            token = token or (yield self._or_login(Want(self._source.token, self._source.token_async), None))
            response = yield from self._send(request, token)
            if self._is(403, response):
                self._check_scope(response)
            if not self._is(401, response):
                return
            token = yield self._or_login(self._replacement(token), token)
        response = yield from self._send(request, token)
        if self._is(401, response) and self._interactive is not None:
            # its issuer may still renew what the server takes no longer. `interactive` raises where that is not so.
            token = yield self._login(token)
            response = yield from self._send(request, token)
        if self._is(401, response):
            raise self._login_required("answers 401 to a token that it has just given")

    def _send(self, request: "httpx2.Request", token: Token) -> "Generator[None, Any, httpx2.Response]":
        request.headers["Authorization"] = f"Bearer {token.access_token.reveal()}"
        request.extensions = {**request.extensions, SIGNED: True}
        return cast("httpx2.Response", (yield None))

    def _replacement(self, rejected: Token) -> Want:
        return Want(lambda: self._source.replacement(rejected), lambda: self._source.replacement_async(rejected))

    def _is(self, status: int, response: "httpx2.Response") -> bool:
        """Whether our server answers with that status, and not somebody to whom a redirect was followed (TF1)."""
        return response.status_code == status and self.covers(str(response.url))

    def covers(self, url: str) -> bool:
        """Whether the token may go there: the server's own origin, less what belongs to its neighbours."""
        verdict = self._verdicts.get(url)
        if verdict is None:
            if len(self._verdicts) >= KNOWN_URLS:
                self._verdicts.clear()
            verdict = self._verdicts[url] = self._judge(url)
        return verdict

    def _judge(self, url: str) -> bool:
        """TF1 to TF3, P14: the server's own origin, and there no path that a neighbour covers more closely than we do."""
        try:
            if origin(url) != origin(self._server):
                return False
        except InsecureUrl:
            return False  # not a URL that any server of ours has
        if self._neighbours and not is_within(url, self._server) and any(sign in url.split("://")[1] for sign in AMBIGUOUS):
            return False  # another spelling of a neighbour's path, perhaps
        closer = (other for other in self._neighbours if is_within(url, other) and not is_within(self._server, other))
        return next(closer, None) is None

    def _check_scope(self, response: "httpx2.Response") -> None:
        challenges = parse_challenges(response.headers.get_list("www-authenticate"))
        challenge = next((each for each in challenges if each.error == "insufficient_scope"), None)
        if challenge is None:
            return  # W5: a plan, an address or an administrator said no; signing in again would not help
        grant = self._source.grant()
        had = () if grant is None else grant.requested_scopes or grant.scopes
        scopes = union_scopes(had, challenge.scopes)
        raise StepUpRequired(
            f"{self._name} wants more access than was allowed: {safe(' '.join(challenge.scopes)) or 'it does not say which'}.",
            hint=hint("login_scope", server=self._name, scope=" ".join(scopes)),
            scopes=scopes,
        )

    def _login(self, rejected: Token | None) -> Want:
        if self._interactive is None:
            raise self._login_required("asks you to sign in")
        interactive = self._interactive
        return Want(lambda: interactive.blocking(rejected), lambda: interactive.awaiting(rejected))

    def _or_login(self, want: Want, rejected: Token | None) -> Want:
        """With a presenter at hand, a token that has ended for good is no dead end (W1)."""
        interactive = self._interactive
        if interactive is None:
            return want

        def blocking() -> Token:
            try:
                return want.blocking()
            except LoginRequired:
                return interactive.blocking(rejected)

        async def awaiting() -> Token:
            try:
                return await want.awaiting()
            except LoginRequired:
                return await interactive.awaiting(rejected)

        return Want(blocking, awaiting)

    def _login_required(self, what: str) -> LoginRequired:
        return LoginRequired(f"{self._name} {what}.", hint=hint("login", server=self._name))
