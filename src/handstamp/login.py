"""
One login, as a state machine that any shell can show.

    discover ─→ (open server: nothing to do)
       │
       ▼
    prompt ─→ listen ─→ register ─→ waiting ─→ saving ─→ done
       │         │          │          │          │
       └─────────┴──────────┴──────────┴──────────┴────→ failed

What holds at every point:
- Before the person has answered the prompt nothing is left anywhere: a login that they turn away registers no client.
- No grant that is stored changes before the new one is complete: a login that fails, is denied, times out or is cancelled leaves
  what was there, and can simply be started again (W16).
- The listener is open from before the browser opens until the outcome's page has been fetched, and never longer.
- A visit, or a pasted address, with another `state` ends nothing (W7). Only the answer to this request does.
- The code is exchanged first and the page is shown afterwards (W8): what it says is what happened.
- A dynamic registration is kept for the next login when it has proven itself, and forgotten when a login with it failed: whoever
  lost it at the server's side only sees an error page there, and nobody tells us.
"""

from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import urlsplit

import anyio

from handstamp.confirmations import confirm_endpoints, confirm_issuer, confirm_older
from handstamp.errors import (
    HandstampError,
    IssuerMismatch,
    LoginTimedOut,
    MalformedResponse,
    NetworkError,
    ServerBrokeProtocol,
    StateMismatch,
    TimedOut,
    UsageError,
    VaultError,
    account_hint,
    forgetting_values,
    hint,
)
from handstamp.flight import Flight
from handstamp.model import (
    OLDER,
    CallbackPlan,
    Grant,
    GrantKey,
    LoginFailed,
    LoginPrompt,
    Registration,
    RegistrationKind,
    Secret,
    SignedIn,
)
from handstamp.ports import (
    Browser,
    Callback,
    Clock,
    CredentialsReader,
    GrantStore,
    HttpRunner,
    OpenCallback,
    Presenter,
    RandomBytes,
)
from handstamp.protocol.authorization import (
    AuthorizationRequest,
    build_authorization_request,
    find_answer,
    is_answer_to,
    judge_authorization_response,
    parse_authorization_response,
)
from handstamp.protocol.client_document import LISTED_PORTS
from handstamp.protocol.discovery import Discovered, choose_scopes, discover
from handstamp.protocol.dpop import Prover
from handstamp.protocol.jwt import generate_key
from handstamp.protocol.registration import (
    NO_CLIENT,
    ClientSettings,
    build_registration,
    choose_registration_kind,
    register_client,
)
from handstamp.protocol.scopes import union_scopes
from handstamp.protocol.server import require_pkce
from handstamp.protocol.step_up import Refusal, asked_before, find_refused, is_refusal_of_scopes
from handstamp.protocol.text import safe
from handstamp.protocol.tokens import TokenResponse, exchange_code, find_other_audiences
from handstamp.protocol.urls import host, origin

__all__ = [
    "DISCOVERY_DEADLINE",
    "REQUEST_DEADLINE",
    "Completed",
    "Login",
    "LoginRequest",
    "PendingLogin",
    "sign_in",
    "with_scopes",
]

DISCOVERY_DEADLINE = 30.0
REQUEST_DEADLINE = 15.0


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """What to sign in to, and for whom."""

    name: str
    """What the person calls the server: it stands in hints and on the page."""
    url: str
    owner: str
    account: str
    client: ClientSettings = NO_CLIENT
    scopes: tuple[str, ...] = ()
    headers: tuple[tuple[str, str | Secret], ...] = ()
    callback_port: int | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    authorization_revision: str | None = None
    deadline: float = 300.0
    """Seconds that the person has, from the prompt on."""
    refusal: Refusal | None = None
    """What a request met with that needs this login; None where a person asked for it."""


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A login whose browser is away: all that is needed to judge its answer (A-74)."""

    request: LoginRequest
    discovered: Discovered
    proposal: "Proposal"
    registration: Registration
    authorization: AuthorizationRequest
    dpop_key: Secret | None = None
    """A new key, where the token is to be bound to one."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a person is asked to agree to."""

    scopes: tuple[str, ...]
    more: tuple[str, ...] = ()
    """Those of them that the stored grant lacks: what a refusal would be about."""
    former_issuer: str | None = None
    """Whose the stored grant for this server is, where the server names another authorization server now (TB11)."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The outcome of a login, stored, and what a person should know about it."""

    grant: Grant
    notes: tuple[str, ...] = ()
    """Sentences about what is unusual, though allowed."""


class Login:
    """The steps of one login. `sign_in` runs them for a person on this machine."""

    def __init__(
        self,
        request: LoginRequest,
        *,
        store: GrantStore,
        http: HttpRunner,
        read_credentials: CredentialsReader,
        clock: Clock,
        random: RandomBytes,
    ) -> None:
        self.request = request
        self._store = store
        self._http = http
        self._read_credentials = read_credentials
        self._clock = clock
        self._random = random

    def prepare(self) -> None:
        """What is got can be kept: the store opens, with its key. Raises a VaultError."""
        self._store.prepare()

    async def discover(self) -> Discovered | None:
        """Who guards the server; None where nobody does. It is not asked again what it has just answered to a request."""
        request = self.request
        step = discover(
            request.url,
            headers=request.headers,
            issuer=request.client.authorization_server,
            probe=None if request.refusal is None else request.refusal.answer,
            older=True,
        )
        discovered = await self._http.run(step, deadline=DISCOVERY_DEADLINE)
        if discovered is not None:
            require_pkce(discovered.server, self.request.code_challenge_methods_supported)
        return discovered

    def is_expected(self, discovered: Discovered) -> bool:
        """No question about its age: it is none of 2025-03-26, or is said to be one, or its origin gave a stored grant (4.5)."""
        if not discovered.is_older or self.request.authorization_revision == OLDER:
            return True
        owner, url, account = self.request.owner, self.request.url, self.request.account
        return self._store.find_grant(owner, url, account, discovered.server.issuer) is not None

    def token_origins(self, issuer: str) -> list[str]:
        """Where the owner's grants of this issuer are renewed. Client credentials have been there, and nowhere else (TB12)."""
        grants = self._store.list_grants(self.request.owner)
        return sorted({origin(grant.token_endpoint) for grant in grants if grant.key.issuer == issuer})

    def has_unplaced_secret(self, discovered: Discovered) -> bool:
        """A client's secret or key is configured, and neither the settings nor an earlier login say whose it is (4.6)."""
        client = self.request.client
        # Of an older server nothing was discovered: it names no issuer.
        issuer = client.authorization_server if discovered.is_older else client.issuer
        proof = client.client_secret_from or client.private_key_from
        if client.client_id is None or proof is None or issuer is not None:
            return False
        stored = self._stored_grant()
        return stored is None or stored.registration.client_id != client.client_id

    def plan(self, discovered: Discovered) -> CallbackPlan:
        """Where to listen: where the registration that will be used says so, or anywhere (4.12)."""
        kind = choose_registration_kind(discovered.server, self.request.client)
        if self.request.callback_port is not None:
            return CallbackPlan((self.request.callback_port,))
        if kind is RegistrationKind.METADATA_DOCUMENT:
            return CallbackPlan(LISTED_PORTS)
        if kind is RegistrationKind.PRE_REGISTERED:
            return CallbackPlan()
        stored = self.stored_registration(discovered.server.issuer)
        if stored is not None:
            redirect = urlsplit(stored.redirect_uri)
            return CallbackPlan((redirect.port or 0, 0), redirect.hostname or "127.0.0.1", redirect.path)
        # TB9: where the address is ours to choose it is another one for each issuer, so that no answer can be taken for
        # another's.
        return CallbackPlan(path=f"/callback/{sha256(discovered.server.issuer.encode()).hexdigest()[:16]}")

    def propose(self, discovered: Discovered) -> Proposal:
        """What to ask the person for. Raises IssuerMismatch where the settings name another issuer."""
        issuer = discovered.server.issuer
        self.check_pin(issuer)
        stored, standing = self._stored_grant(), self._standing_grant(issuer)
        former = () if standing is None else asked_before(standing)
        wanted = () if self.request.refusal is None else self.request.refusal.wanted
        scopes = self.choose_scopes(discovered)
        return Proposal(
            scopes,
            more=() if standing is None else tuple(each for each in scopes if each in wanted or each not in former),
            former_issuer=None if stored is None or standing is not None else stored.key.issuer,
        )

    async def begin(self, discovered: Discovered, proposal: Proposal, redirect_uri: str) -> PendingLogin:
        """Registers where that is needed, and builds the authorization request."""
        server, resource, scopes = discovered.server, discovered.resource, proposal.scopes
        registration = await self._register(discovered, redirect_uri, scopes)
        # RFC 9449 §10: a key for this login alone, so that what binds its code is what binds its token.
        prover = self._prover(generate_key(self._random)) if discovered.uses_dpop else None
        authorization = build_authorization_request(
            server,
            registration,
            resource=resource.resource,
            scopes=scopes,
            random=self._random,
            dpop_jkt=None if prover is None else prover.thumbprint,
        )
        return PendingLogin(
            self.request, discovered, proposal, registration, authorization, dpop_key=None if prover is None else prover.key
        )

    def choose_scopes(self, discovered: Discovered) -> tuple[str, ...]:
        """What the person will be asked to allow."""
        standing = self._standing_grant(discovered.server.issuer)
        return choose_scopes(
            configured=self.request.scopes,
            challenge=discovered.challenge,
            resource=discovered.resource,
            server=discovered.server,
            former=() if standing is None else asked_before(standing),
            # what a person asks for is asked for, whatever was refused before.
            refused=() if standing is None or self.request.refusal is None else standing.refused_scopes,
        )

    async def complete(self, pending: PendingLogin, query: str) -> Completed:
        """Judges the answer, exchanges its code and stores the grant: the answer's state first, then `iss`, then the rest."""
        response = parse_authorization_response(query)
        code = judge_authorization_response(pending.authorization, response)
        registration, server = pending.registration, pending.discovered.server
        answer = await self._http.run(
            exchange_code(
                token_endpoint=server.token_endpoint,
                registration=registration,
                credentials=self._read_credentials(self.request.owner, self.request.url, registration),
                request=pending.authorization,
                code=code,
                prover=None if pending.dpop_key is None else self._prover(pending.dpop_key),
            ),
            deadline=REQUEST_DEADLINE,
        )
        requested = pending.authorization.scopes
        grant = self._store.save_grant(
            Grant(
                key=self._key(server.issuer),
                resource=pending.discovered.resource.resource,
                scopes=requested if answer.scopes is None else answer.scopes,
                registration=registration,
                token=answer.token,
                token_endpoint=server.token_endpoint,
                revocation_endpoint=server.revocation_endpoint,
                identity=answer.identity,
                granted_at=self._clock(),
                requested_scopes=requested,
                refused_scopes=self._find_refused(server.issuer, requested, granted=answer.scopes or requested),
            )
        )
        if registration.kind is RegistrationKind.DYNAMIC:
            self._store.save_registration(self.request.owner, registration)
        return Completed(grant, tuple(_find_surprises(grant, answer)))

    def _prover(self, key: Secret) -> Prover:
        return Prover(key, clock=self._clock, random=self._random)

    def distrust(self, issuer: str) -> None:
        """After a failed login: the next one registers anew. Grants keep the registration that they were given with."""
        self._store.forget_registration(self.request.owner, issuer)

    async def remember_refusal(self, pending: PendingLogin) -> None:
        """A-117: the person, or the server, refused the scopes that were new. The stored grant keeps all that it had."""
        if not pending.proposal.more:
            return
        issuer = pending.discovered.server.issuer

        def remember(flight: Flight[None]) -> None:
            with self._store.lock(self._key(issuer)):  # else a refresh that is under way could not store what it brings
                stored = self._stored_grant(issuer)
                if stored is not None:
                    refused = self._find_refused(issuer, pending.proposal.more, granted=())
                    self._store.replace_grant(replace(stored, refused_scopes=refused))

        await Flight(remember, name="handstamp-refused").start().join_async(REQUEST_DEADLINE)

    def _find_refused(self, issuer: str, requested: tuple[str, ...], *, granted: tuple[str, ...]) -> tuple[str, ...]:
        stored = self._stored_grant(issuer)
        return find_refused(() if stored is None else stored.refused_scopes, requested=requested, granted=granted)

    def _key(self, issuer: str) -> GrantKey:
        return GrantKey(self.request.owner, self.request.url, self.request.account, issuer)

    def check_pin(self, issuer: str) -> None:
        """
        A-62, 4.6: a client belongs to the issuer that its first login was confirmed for, unless the settings name one.

        Raises IssuerMismatch.
        """
        client, stored = self.request.client, self._stored_grant()
        if stored is None or client.client_id is None or client.authorization_server is not None or stored.key.issuer == issuer:
            return
        if stored.registration.client_id == client.client_id:
            raise IssuerMismatch(
                f"Expected {safe(stored.key.issuer)}, for which this client ID was confirmed, got {safe(issuer)}.",
                hint=hint("logout", server=self.request.name),
            )

    def _stored_grant(self, issuer: str | None = None) -> Grant | None:
        return self._store.find_grant(self.request.owner, self.request.url, self.request.account, issuer)

    def _standing_grant(self, issuer: str) -> Grant | None:
        """The stored one, if it is of this issuer: another's was left behind."""
        stored = self._stored_grant()
        return stored if stored is not None and stored.key.issuer == issuer else None

    def stored_registration(self, issuer: str) -> Registration | None:
        """A dynamic registration from before that will last until this login is over."""
        stored = self._store.find_registration(self.request.owner, issuer)
        # TE21: a secret that ends while the person is signing in would end this login, and one that ends soon the next refresh.
        until = self._clock() + self.request.deadline
        former = self._stored_grant(issuer)
        is_over = former is not None and former.registration == stored and former.registration_ends_soon(until)
        return stored if stored is not None and stored.is_usable(until) and not is_over else None

    async def _register(self, discovered: Discovered, redirect_uri: str, scopes: tuple[str, ...]) -> Registration:
        client = self.request.client
        kind = choose_registration_kind(discovered.server, client)
        if kind is not RegistrationKind.DYNAMIC:
            return build_registration(kind, discovered.server, client, redirect_uri)
        stored = self.stored_registration(discovered.server.issuer)
        if stored is not None and stored.redirect_uri == redirect_uri and stored.may_ask_for(scopes):
            return stored
        step = register_client(discovered.server, redirect_uri=redirect_uri, scopes=scopes)
        return await self._http.run(step, deadline=REQUEST_DEADLINE)


async def sign_in(login: Login, *, presenter: Presenter, browser: Browser, open_callback: OpenCallback) -> Grant | None:
    """
    Signs a person in, on a machine where the browser can reach our loopback or the person can paste its address.

    None where the server needs no signing in. Raises what the server or the network says, LoginCancelled, LoginTimedOut; every
    error has a hint, and nothing that was stored before is lost.
    """
    try:
        # The answer's query, which bears the code, goes through many hands.
        with forgetting_values():
            return await _sign_in(login, presenter, browser, open_callback)
    except HandstampError as error:
        if error.hint is None:
            error.hint = _hint(login.request, error)
        raise


async def _sign_in(login: Login, presenter: Presenter, browser: Browser, open_callback: OpenCallback) -> Grant | None:
    discovered = await login.discover()
    if discovered is None:
        return None
    login.prepare()
    request, server = login.request, discovered.server
    if not login.is_expected(discovered):
        await confirm_older(server, presenter, hint("add_revision", name=_name(request), url=request.url))
    await confirm_endpoints(server, login.token_origins(server.issuer), presenter)
    if login.has_unplaced_secret(discovered):
        await confirm_issuer(request.client, discovered, presenter, hint("add_issuer", name=_name(request), url=request.url))
    proposal, expected = login.propose(discovered), _Expected()
    notes = tuple(_notes(discovered, proposal))
    plan, until = login.plan(discovered), anyio.current_time() + request.deadline
    with _in_time(request, until):
        opens = await presenter.prompt(LoginPrompt(request.name, host(server.authorization_endpoint), proposal.scopes, notes))
    async with AsyncExitStack() as stack:
        callback = await _listen(login, stack, open_callback(plan, expected.is_answer))
        try:
            pending = expected.pending = await login.begin(discovered, proposal, callback.redirect_uri)
            with _in_time(request, until):
                query = await _wait(pending, expected, callback, presenter, browser if opens else None)
            return await _complete(login, pending, query, callback, presenter)
        except HandstampError as error:
            await callback.finish(_failed(login.request, error))
            with suppress(VaultError, TimedOut):  # it is the login's own failure that a person has to hear of
                login.distrust(discovered.server.issuer)
                if expected.pending is not None and is_refusal_of_scopes(error):
                    await login.remember_refusal(expected.pending)
            raise


async def _listen(login: Login, stack: AsyncExitStack, opening: AbstractAsyncContextManager[Callback]) -> Callback:
    try:
        return await stack.enter_async_context(opening)
    except UsageError as error:
        if login.request.callback_port is None:
            raise
        # 4.12: the client was registered with this port, so no other will do, and only the person can choose one.
        raise UsageError(f"{error.message} callback_port in servers.toml names that port.") from error


@contextmanager
def _in_time(request: LoginRequest, until: float) -> Generator[None]:
    """`until` is when the request's deadline ends, on the event loop's clock."""
    try:
        with anyio.fail_after(until - anyio.current_time()):
            yield
    except TimeoutError:
        limit = request.deadline
        span = f"{limit:.0f} seconds" if limit < 120 else f"{limit / 60:.0f} minutes"
        raise LoginTimedOut(f"Expected you to finish in the browser within {span}, got no answer.") from None


async def _complete(login: Login, pending: PendingLogin, query: str, callback: Callback, presenter: Presenter) -> Grant:
    await presenter.saving()
    completed = await login.complete(pending, query)
    for note in completed.notes:
        await presenter.noted(note)
    grant = completed.grant
    await callback.finish(SignedIn(login.request.name, grant.identity, grant.scopes))
    return grant


async def _wait(
    pending: PendingLogin, expected: "_Expected", callback: Callback, presenter: Presenter, browser: Browser | None
) -> str:
    """The query of the first answer to this request, wherever it arrives: at the listener or by the person's paste."""
    url = pending.authorization.url
    opened = browser is not None and browser.open(url)

    async def pasted() -> str | None:
        while (address := await presenter.waiting(url, opened=opened, deadline=pending.request.deadline)) is not None:
            query = find_answer(pending.authorization, address)
            if query is not None and expected.is_answer(query):
                return query
            await presenter.rejected("That address does not belong to this sign-in.")
        return None

    return await _first(callback.receive, pasted)


def _notes(discovered: Discovered, proposal: Proposal) -> Iterator[str]:
    resource = discovered.resource
    if proposal.more:
        yield f"More access than before: {safe(', '.join(proposal.more))}."
    if resource.is_wider:
        yield f"The access is for {safe(resource.resource)}, of which this server is a part."
    if proposal.former_issuer is not None:
        # Whole: tenants of one host differ in their paths.
        now, before = safe(discovered.server.issuer), safe(proposal.former_issuer)
        yield f"This server names {now} as its authorization server now; you last signed in at {before}."


def _find_surprises(grant: Grant, answer: TokenResponse) -> Iterator[str]:
    """What the token is good for beyond what was asked: TE7, TE8."""
    more = [scope for scope in grant.scopes if grant.requested_scopes and scope not in grant.requested_scopes]
    if more:
        yield f"More was allowed than was asked for: {safe(', '.join(more))}."
    others = find_other_audiences(answer.audiences, server=grant.key.server, resource=grant.resource, issuer=grant.key.issuer)
    if others:
        yield f"The token says that it is for {safe(', '.join(others))}: this server gets it, and could use it there."


class _Expected:
    """Which answer is waited for: none before the request is built, since the listener opens first."""

    pending: PendingLogin | None = None

    def is_answer(self, query: str) -> bool:
        try:
            return self.pending is not None and is_answer_to(self.pending.authorization, parse_authorization_response(query))
        except MalformedResponse:
            return False


async def _first(*waiters: Callable[[], Awaitable[str | None]]) -> str:
    """What the first of them gives that gives anything. What one raises comes out as it is, in no group."""
    answers: list[str] = []
    errors: list[HandstampError] = []

    async def wait(waiter: Callable[[], Awaitable[str | None]]) -> None:
        try:
            answer = await waiter()
        except HandstampError as error:
            errors.append(error)
        else:
            if answer is None:
                return
            answers.append(answer)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for waiter in waiters:
            group.start_soon(wait, waiter)
    if errors:
        raise errors[0]
    return answers[0]


def _failed(request: LoginRequest, error: HandstampError) -> LoginFailed:
    code = getattr(error, "error", "") or error.code
    return LoginFailed(request.name, code, error.message, account_hint("login", server=request.name, account=request.account))


def _hint(request: LoginRequest, error: HandstampError) -> str:
    if error.code == "registration_rejected":
        return hint("add_client", name=_name(request), url=request.url)
    if isinstance(error, NetworkError | ServerBrokeProtocol) and not isinstance(error, MalformedResponse | StateMismatch):
        # What went wrong before the browser opened, the doctor finds too; of what comes after it sees nothing.
        return account_hint("doctor", server=request.name, account=request.account)
    if error.exit_code in (1, 3) and error.code not in ("login_cancelled", "login_timed_out", "access_denied"):
        return hint("login_trace", server=request.name)
    return account_hint("login", server=request.name, account=request.account)


def _name(request: LoginRequest) -> str:
    """A server that has no name yet, and was given by its URL, gets its host's."""
    return request.name if request.name != request.url else host(request.url).strip("[]").replace(":", "")


def with_scopes(request: LoginRequest, scopes: tuple[str, ...]) -> LoginRequest:
    """The same login for more scopes than are configured (step-up, `--scope`)."""
    return replace(request, scopes=union_scopes(request.scopes, scopes))
