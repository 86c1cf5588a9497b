"""The library's front door: open a vault, sign in, get a token, sign a client's requests."""

import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from handstamp.breaker import Breakers
from handstamp.errors import (
    HandstampError,
    LoginRequired,
    ServerBrokeProtocol,
    ServerSaidNo,
    SettingsError,
    UsageError,
    account_hint,
    hint,
)
from handstamp.events import About, Listener, Revoked
from handstamp.events import Login as LoginEvent
from handstamp.model import Grant, GrantKey, GrantType, LoginPrompt, Registration, Secret, Token, VaultPlace
from handstamp.ports import AskSecret, Browser, Presenter
from handstamp.protocol.urls import parse_server_url
from handstamp.settings import ServerSettings, Settings, config_directory, load_settings, neighbours, state_directory
from handstamp.source import SourceSettings, TokenSource
from handstamp.stream import EventStream, Feed
from handstamp.wiring import Observer, Parts, build_guard, build_listeners, build_parts, read_headers, read_secret, warn

if TYPE_CHECKING:
    from types import TracebackType

    import httpx2

    from handstamp.doctor import Diagnosis, Finding
    from handstamp.examination.findings import Findings
    from handstamp.examination.steps import Examination
    from handstamp.http.auth import Auth
    from handstamp.login import Login
    from handstamp.logout import LogoutReport
    from handstamp.machine import Machine
    from handstamp.on_demand import OnDemandLogin
    from handstamp.protocol.client_auth import Credentials
    from handstamp.protocol.step_up import Refusal
    from handstamp.stores.rekeying import Allow, Rekeyed, Report

__all__ = ["LOCAL_OWNER", "SyncVault", "Vault"]

LOCAL_OWNER = "local"
"""The owner of grants on a machine that one person uses."""
PROBE_DEADLINE = 15.0
LOGIN_DEADLINE = 300.0
"""Seconds that a person has to sign in, from the prompt on."""
OPEN_DEADLINE = 8.0
"""Below the ten seconds that agents give a hook for headers, so that they hear what to run."""
CLIENT_CONNECTIONS = 100
"""Of a caller's own client, where each stream of events holds one: as many as httpx2 has."""

T = TypeVar("T")


class Vault:
    """
    Grants on this machine, and everything that needs them. Safe to share by many tasks, threads and event loops, and by
    processes.

    `server` is everywhere a URL, or the name of a server in `servers.toml`. `owner` tells the users of a platform apart;
    `account` tells one user's accounts at one server apart, and is a label of yours. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        parts: Parts,
        settings: Settings,
        *,
        read_settings: Callable[[], Settings] | None = None,
    ) -> None:
        self.settings = settings
        self._read_settings = read_settings or (lambda: settings)
        self._parts = parts
        for server in settings.servers.values():
            _lend_functions(parts, server)
        self._stream = EventStream()
        self._mutex = threading.Lock()  # guards the two dictionaries
        self._breakers = Breakers()
        self._sources: dict[tuple[str, ServerSettings, str], TokenSource] = {}
        self._logins: dict[tuple[str, ServerSettings, str, int], OnDemandLogin] = {}
        self._find_listeners: Callable[[Settings], Iterable[Listener]] = lambda _: ()
        self._listening: list[Callable[[], None]] = []

    @classmethod
    def open(
        cls,
        *,
        state: Path | None = None,
        config: Path | None = None,
        announce: Callable[[str], None] = warn,
        observe: Observer | None = None,
        network: Literal["public"] | None = None,
        servers: Iterable[ServerSettings] = (),
        listeners: bool = True,
        ask: AskSecret | None = None,
    ) -> "Vault":
        """
        Opens the vault in the state directory (HANDSTAMP_STATE_DIR, XDG, the platform's), made at its first write.

        `announce` gets the one line that says where a new vault keeps its key; `observe` sees every request of ours, secrets
        masked. `network="public"` is for a platform whose users give the URLs: nothing in your network or on your machine is
        connected to, whoever names it (4.13). `servers` join those of `servers.toml`, and stand in for one of the same name: for
        a program that brings its own, with secrets from functions of its own. `listeners`: whether the command and the webhook
        that `servers.toml` names under `[events]` hear of this vault's. `ask` asks a person for the passphrase that the vault's
        key is made of, where it stands in no variable. Raises SettingsError for a broken `servers.toml`, UsageError for what is
        no server's URL. No file is opened yet: a VaultError comes from the first use.
        """
        directory = config or config_directory().path
        if network not in (None, "public"):
            raise UsageError(f'Expected network="public" or none, got {network!r}.')
        given = {server.name: replace(server, url=parse_server_url(server.url)) for server in servers}

        def read_settings() -> Settings:
            settings = load_settings(directory)
            public_only = settings.network.public_only or network == "public"
            programs = {name: each for name, each in settings.programs.items() if name not in given}
            return replace(
                settings,
                servers={**settings.servers, **given},
                programs=programs,
                network=replace(settings.network, public_only=public_only),
            )

        settings = read_settings()
        parts = build_parts(
            state or state_directory().path, announce=announce, network=settings.network, observe=observe, ask=ask
        )
        vault = cls(parts, settings, read_settings=read_settings)
        if listeners:
            vault._find_listeners = partial(build_listeners, complain=announce)
            vault._listen(settings)
        return vault

    def __enter__(self) -> "Vault":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: "TracebackType | None") -> None:
        self.close()

    def close(self) -> None:
        """Closes the store, after two seconds at most for who listens to events. A refresh in flight still ends as it should."""
        self._stream.flush()
        self._parts.store.close()

    def reload(self) -> bool:
        """
        Reads `servers.toml` again; whether anything is different now. For a program that runs while a person edits it.

        What was given to `open` stays. Auth objects and transports that you have go on as they were made; a server whose settings
        are the same keeps what it has in memory. Raises SettingsError for a broken file, and nothing is different then.
        """
        settings = self._read_settings()
        with self._mutex:
            before, self.settings = self.settings, settings
            if settings == before:
                return False
            self._parts.network = settings.network
            self._sources = {key: source for key, source in self._sources.items() if _is_current(settings, key[1])}
            self._logins = {key: login for key, login in self._logins.items() if _is_current(settings, key[1])}
            if (settings.events, settings.network) != (before.events, before.network):
                self._listen(settings)
        return True

    def _listen(self, settings: Settings) -> None:
        """To whom the settings name under `[events]`, and no more to whom they named before."""
        while self._listening:
            self._listening.pop()()
        self._listening = [self.subscribe(each) for each in self._find_listeners(settings)]

    @property
    def sync(self) -> "SyncVault":
        """The same names, blocking."""
        return SyncVault(self)

    def auth(
        self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default", presenter: Presenter | None = None
    ) -> "Auth":
        """
        The auth object for an `httpx2` or `httpx` client, sync or async: `httpx2.AsyncClient(auth=vault.auth(url))`.

        Never opens a browser: a request that needs a person raises LoginRequired, and one that needs more access StepUpRequired,
        unless you hand in a `presenter`.
        """
        from handstamp.http.auth import Auth

        found = self.settings.find(server)
        source = self._source(found, owner, account)
        return Auth(
            source,
            server=found.url,
            name=found.name,
            neighbours=neighbours(self.settings, found),
            account=account,
            interactive=None if presenter is None or source.needs_nobody else self._on_demand(found, owner, account, presenter),
        )

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """
        Calls `listener` with every event of this vault from now on (`handstamp.events`). Gives what ends that.

        One after the other, in a thread of its own: whatever a listener does, no token waits for it. What it raises is logged.
        """
        return self._stream.subscribe(listener)

    def events(self) -> Feed:
        """The same for a task: `async for event in vault.events()`. Of more than 1024 that it has not read the oldest go."""
        return self._stream.events()

    def transport(self, server: str) -> "httpx2.AsyncBaseTransport":
        """
        What Handstamp itself connects with, for your own client: `httpx2.AsyncClient(auth=…, transport=vault.transport(url))`.

        Connects where 4.13 and the settings of `servers.toml` allow it, by proxy and certificates of theirs; the environment has
        no say. For one client, which closes it. A request elsewhere raises ForbiddenAddress.
        """
        return build_guard(self.settings.find(server).named, self.settings.network).open_transport(
            max_connections=CLIENT_CONNECTIONS
        )

    async def token(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> Token:
        """
        A fresh token, refreshed first where that is due. Raises LoginRequired, a NetworkError or a VaultError.

        One of the `token_type` DPoP is refused where it comes alone: `auth` adds the proof that each request needs.
        """
        return await self._source(self.settings.find(server), owner, account).token_async()

    async def login(
        self,
        server: str,
        *,
        owner: str = LOCAL_OWNER,
        account: str = "default",
        scopes: tuple[str, ...] = (),
        presenter: Presenter | None = None,
        browser: Browser | None = None,
        again: bool = False,
        deadline: float = LOGIN_DEADLINE,
    ) -> Grant | None:
        """
        Signs a person in through their browser and stores the grant; None where the server needs no signing in.

        A grant that the server honours is given back as it is, unless `again`, or `scopes` that it lacks. `deadline`: seconds.
        Where the settings name a grant type that needs no person, nobody is asked, and the grant is a new one each time. Raises
        LoginCancelled, LoginTimedOut, AccessDenied, and whatever is wrong with the server; nothing stored is lost by a failure.
        """
        found = self.settings.find(server)
        if found.client.grant_type is not GrantType.AUTHORIZATION_CODE:
            return await self._obtain(found, owner, account, scopes)
        if not again and (grant := await self._working_grant(found, owner, account, scopes)) is not None:
            return grant
        login = self._login(found, owner, account, scopes, deadline)
        source = self._source(found, owner, account)
        return await self._sign_in(login, source, presenter or QuietPresenter(), browser)

    async def logout(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> "list[LogoutReport]":
        """
        Revokes each grant at its server (RFC 7009), then forgets it here, in any case. Empty where there was nothing.

        The answer says what could not be revoked and why. Raises a VaultError alone.
        """
        from handstamp.logout import SignOut

        found = self.settings.find(server)
        keys = [key for key in self._parts.store.list_keys(owner) if (key.server, key.account) == (found.url, account)]
        sign_out = SignOut(
            self._parts.store,
            http=partial(self._parts.http, found.named),
            read_credentials=partial(self._read_stored_credentials, found, account),
            tell=partial(self._tell_revoked, found.name, owner, account),
        )
        try:
            return await sign_out.end(keys)
        finally:
            self._source(found, owner, account).look_again()

    async def refresh(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> Grant:
        """
        A new token now, however fresh the old one is. Gives the grant that has it.

        Raises LoginRequired where only a person can bring one, a NetworkError, what the server said instead, or a VaultError; the
        old token goes on in all these cases, for as long as it lives.
        """
        return await self._source(self.settings.find(server), owner, account).renewed_async()

    async def is_open(self, server: str) -> bool:
        """
        Asks the server whether it works without signing in.

        Raises a NetworkError where it does not answer, a ServerBrokeProtocol where nobody can tell.
        """
        from handstamp.protocol.discovery import discover

        found = self.settings.find(server)
        step = discover(found.url, headers=read_headers(found.headers), issuer=found.client.authorization_server)
        return await self._parts.http(found.named).run(step, deadline=OPEN_DEADLINE) is None

    async def doctor(
        self,
        server: str,
        *,
        owner: str = LOCAL_OWNER,
        account: str = "default",
        on_finding: "Callable[[Finding], None] | None" = None,
    ) -> "Diagnosis":
        """
        Why this server works, or does not: every step of a sign-in and of a request, judged and explained.

        Needs no sign-in and changes nothing: nothing is registered, renewed or stored. A fresh token that is stored is shown to
        its own server. `on_finding` hears of each step as it is taken. Raises UsageError for a name that nobody configured;
        whatever else is wrong is a finding.
        """
        from handstamp.examination.findings import Findings, ignore

        tell, clock = on_finding or ignore, self._parts.clock
        program = self.settings.programs.get(server)
        if program is not None:
            from handstamp.examination.program import examine_program

            return examine_program(Findings(program.name, "", tell=tell), program.command, at=clock())
        found = self.settings.find(server)
        findings = Findings(found.name, found.url, account, tell=tell)
        try:
            examination = self._examination(found, owner, account, findings)
        except (SettingsError, UsageError) as error:
            findings.failed("settings", "Your settings cannot be used", error)
            return findings.conclude(clock())
        return await examination.run()

    def grants(self, *, owner: str = LOCAL_OWNER) -> list[Grant]:
        """Everything that is stored for one owner and intact. No network."""
        return self._parts.store.list_grants(owner)

    def grant_keys(self, *, owner: str = LOCAL_OWNER) -> list[GrantKey]:
        """Where everything of one owner is stored. One that is missing in a later `grants` is damaged. No network."""
        return self._parts.store.list_keys(owner)

    def grant(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> Grant | None:
        """What is stored for one server. No network."""
        return self._parts.store.find_grant(owner, self.settings.find(server).url, account)

    def data_version(self) -> int:
        """Another number after each write of anybody's to the vault: whoever shows grants looks again then. No network."""
        return self._parts.store.data_version()

    def place(self) -> VaultPlace:
        """Where the vault and its key are. Makes neither. Raises a VaultError."""
        return self._parts.place()

    def rekey(self, provider: str | None = None, *, allow: "Allow | None" = None, report: "Report | None" = None) -> "Rekeyed":
        """
        Seals the vault with a new key, kept by the provider of that name, or in the same kind of place as the old one.

        The old key is deleted where it was Handstamp that kept it. A crash leaves a vault that opens, and programs that use it go
        on. `allow` hears the name of the old key's provider and of the new one's before anything happens, and may raise; `report`
        how many of how many values are done. Raises a VaultError: then the vault has its old key.
        """
        if self._parts.rekey is None:
            raise UsageError("Expected a vault on disk to give another key, got one in memory.")
        return self._parts.rekey(provider, allow=allow or _allow, report=report or _allow)

    def keep_client_secret(self, server: ServerSettings, secret: Secret, *, owner: str = LOCAL_OWNER) -> None:
        """Seals the secret of a pre-registered client that a person typed (`client_secret_from = "vault"`)."""
        self._parts.store.save_client_secret(owner, server.url, server.client.client_id or "", secret)

    def forget_server(self, server: ServerSettings, *, owner: str = LOCAL_OWNER) -> None:
        """Forgets the client secrets that were typed for a server."""
        self._parts.store.forget_client_secrets(owner, server.url)

    def _source(self, server: ServerSettings, owner: str, account: str) -> TokenSource:
        key = (owner, server, account)
        with self._mutex:
            if key not in self._sources:
                parts = self._parts
                self._sources[key] = TokenSource(
                    SourceSettings(owner, server.url, account, server.name),
                    store=parts.store,
                    http=partial(parts.http, server.named),
                    read_credentials=partial(self._read_stored_credentials, server, account),
                    clock=parts.clock,
                    read_uptime=parts.read_uptime,
                    random=parts.random,
                    breakers=self._breakers,
                    emit=self._stream.emit,
                    obtain=self._machine(server, owner, account),
                    fits=server.fits,
                )
            return self._sources[key]

    def _machine(self, server: ServerSettings, owner: str, account: str) -> "Machine | None":
        if server.client.grant_type is GrantType.AUTHORIZATION_CODE:
            return None
        from handstamp.machine import Machine, MachineRequest

        parts = self._parts
        return Machine(
            MachineRequest(server.name, server.url, owner, account, server.client, server.scopes),
            http=parts.http,
            read_headers=partial(read_headers, server.headers),
            read_credentials=parts.read_credentials,
            read_secret=read_secret,
            clock=parts.clock,
            random=parts.random,
        )

    async def _obtain(self, server: ServerSettings, owner: str, account: str, scopes: tuple[str, ...]) -> Grant | None:
        """A new grant, whatever is stored: whoever asks wants to know that it works."""
        if await self.is_open(server.url):
            return None
        grant = await self._source(server, owner, account).renewed_async()
        if not set(scopes) <= set(grant.scopes):
            raise UsageError(
                f"Expected the scopes of {server.name} in its settings, since nobody is asked for more, got {' '.join(scopes)}.",
                hint=hint("add_scope", name=server.name, url=server.url, scope=" ".join(scopes)),
            )
        return grant

    def _login(
        self,
        server: ServerSettings,
        owner: str,
        account: str,
        scopes: tuple[str, ...],
        deadline: float,
        refusal: "Refusal | None" = None,
    ) -> "Login":
        from handstamp.login import Login, LoginRequest, with_scopes

        request = LoginRequest(
            name=server.name,
            url=server.url,
            owner=owner,
            account=account,
            client=server.client,
            scopes=server.scopes,
            headers=read_headers(server.headers),
            callback_port=server.callback_port,
            code_challenge_methods_supported=server.code_challenge_methods_supported,
            authorization_revision=server.authorization_revision,
            deadline=deadline,
            refusal=refusal,
        )
        parts = self._parts
        return Login(
            with_scopes(request, scopes),
            store=parts.store,
            http=parts.http(server.named),
            read_credentials=parts.read_credentials,
            clock=parts.clock,
            random=parts.random,
        )

    def _examination(self, server: ServerSettings, owner: str, account: str, findings: "Findings") -> "Examination":
        from handstamp.examination.steps import Examination
        from handstamp.examination.stored import Stored

        source, parts = self._source(server, owner, account), self._parts

        def grant() -> Grant | None:
            return parts.store.find_grant(owner, server.url, account)

        return Examination(
            findings,
            self._login(server, owner, account, (), LOGIN_DEADLINE),
            Stored(
                grant=grant,
                read_credentials=partial(parts.read_credentials, owner, server.url),
                prover=lambda token: source.prover(token, server.url),
            ),
            http=parts.http(server.named),
            clock=parts.clock,
        )

    async def _sign_in(
        self, login: "Login", source: TokenSource, presenter: Presenter, browser: Browser | None = None
    ) -> Grant | None:
        from handstamp.login import sign_in

        try:
            grant = await sign_in(
                login,
                presenter=presenter,
                browser=browser or self._parts.browser(),
                open_callback=self._parts.open_callback,
            )
        finally:
            source.look_again()
        if grant is not None:
            about = self._about(login.request.name, grant.key)
            self._stream.emit(LoginEvent(**about, scopes=grant.scopes, expires_at=grant.token.expires_at))
        return grant

    async def _working_grant(self, server: ServerSettings, owner: str, account: str, scopes: tuple[str, ...]) -> Grant | None:
        source = self._source(server, owner, account)
        try:
            token = await source.token_async()
            if await self._is_rejected(server, source, token):
                token = await source.replacement_async(token)
                if await self._is_rejected(server, source, token):
                    return None
        except (LoginRequired, ServerSaidNo, ServerBrokeProtocol):
            return None  # a person is here, and signing in anew may be the way out of whatever it is
        grant = source.grant()
        if grant is None or grant.needs_login(self._parts.clock()) or not set(scopes) <= set(grant.scopes):
            return None
        # W13: whoever configured another client since then wants a sign-in with that one.
        return grant if server.is_of_client(grant.registration) else None

    async def _is_rejected(self, server: ServerSettings, source: TokenSource, token: Token) -> bool:
        """
        Whether the server has ended a token that is young by the clock. Only it knows, and whoever is told to sign in and then
        hears "already signed in" is stuck. A server that does not answer has rejected nothing.
        """
        from handstamp.protocol.discovery import probe_server

        prover = source.prover(token, server.url)
        step = probe_server(server.url, read_headers(server.headers), token=token, prover=prover)
        try:
            return (await self._parts.http(server.named).run(step, deadline=PROBE_DEADLINE)).asks
        except HandstampError:
            return False

    def _tell_revoked(self, name: str, owner: str, account: str, report: "LogoutReport") -> None:
        about = self._about(name, GrantKey(owner, report.server, account, report.issuer))
        self._stream.emit(Revoked(**about, confirmed=report.revoked, reason=report.reason))

    def _about(self, name: str, key: GrantKey) -> About:
        at = self._parts.clock()
        return About(at=at, owner=key.owner, server=key.server, account=key.account, name=name, issuer=key.issuer)

    def _read_stored_credentials(
        self, settings: ServerSettings, account: str, owner: str, server: str, registration: Registration
    ) -> "Credentials":
        """
        What proves the client that a grant was given to. Its secret's place may be that of another client's secret by now, or of
        one for another issuer: that one stays here (A-63).
        """
        proves = registration.client_secret_from or registration.private_key_from
        if proves and not settings.is_of_client(registration):
            raise LoginRequired(
                f"{settings.name} is configured for another client, or another issuer, than the stored sign-in is of.",
                hint=account_hint("login", server=settings.name, account=account),
            )
        return self._parts.read_credentials(owner, server, registration)

    def _on_demand(self, server: ServerSettings, owner: str, account: str, presenter: Presenter) -> "OnDemandLogin":
        from handstamp.on_demand import OnDemandLogin

        source = self._source(server, owner, account)

        def login(refusal: "Refusal") -> None:
            step = self._login(server, owner, account, (), LOGIN_DEADLINE, refusal)
            _run(lambda: self._sign_in(step, source, presenter))

        with self._mutex:
            return self._logins.setdefault(
                (owner, server, account, id(presenter)),
                OnDemandLogin(server.name, account, source, login, partial(self._has_moved, server, source), self._parts.clock),
            )

    def _has_moved(self, server: ServerSettings, source: TokenSource, refusal: "Refusal") -> bool:
        """A-15: what the server says now of its authorization servers. One that says nothing usable has not moved."""
        from handstamp.protocol.resource import find_protected_resource

        grant = source.grant()
        step = find_protected_resource(server.url, None if refusal.answer is None else refusal.answer.challenge)
        try:
            named = self._parts.http(server.named).run_blocking(step, deadline=PROBE_DEADLINE)
        except HandstampError:
            return False
        return grant is not None and grant.key.issuer not in named.authorization_servers


def _is_current(settings: Settings, server: ServerSettings) -> bool:
    try:
        return settings.find(server.name) == server
    except UsageError:
        return False


def _lend_functions(parts: Parts, server: ServerSettings) -> None:
    """Of secrets that the caller gives by a function, a grant remembers no more than that."""
    for what, place in (("client_secret", server.client.client_secret_from), ("private_key", server.client.private_key_from)):
        if place is not None and not isinstance(place, str):
            parts.callers[server.url, what] = place


class SyncVault:
    """`Vault`'s names, blocking, for code without an event loop and for code whose thread happens to run one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def auth(
        self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default", presenter: Presenter | None = None
    ) -> "Auth":
        """The same object as `Vault.auth`: it serves sync and async clients alike."""
        return self._vault.auth(server, owner=owner, account=account, presenter=presenter)

    def token(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> Token:
        """`Vault.token`; needs no event loop, and nothing but the store where the token is fresh."""
        return self._vault._source(self._vault.settings.find(server), owner, account).token()  # pyright: ignore[reportPrivateUsage]

    def login(
        self,
        server: str,
        *,
        owner: str = LOCAL_OWNER,
        account: str = "default",
        scopes: tuple[str, ...] = (),
        presenter: Presenter | None = None,
        browser: Browser | None = None,
        again: bool = False,
        deadline: float = LOGIN_DEADLINE,
    ) -> Grant | None:
        """`Vault.login`."""
        return _run(
            lambda: self._vault.login(
                server,
                owner=owner,
                account=account,
                scopes=scopes,
                presenter=presenter,
                browser=browser,
                again=again,
                deadline=deadline,
            )
        )

    def logout(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> "list[LogoutReport]":
        """`Vault.logout`."""
        return _run(lambda: self._vault.logout(server, owner=owner, account=account))

    def refresh(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> Grant:
        """`Vault.refresh`."""
        return _run(lambda: self._vault.refresh(server, owner=owner, account=account))

    def is_open(self, server: str) -> bool:
        """`Vault.is_open`."""
        return _run(lambda: self._vault.is_open(server))

    def doctor(
        self,
        server: str,
        *,
        owner: str = LOCAL_OWNER,
        account: str = "default",
        on_finding: "Callable[[Finding], None] | None" = None,
    ) -> "Diagnosis":
        """`Vault.doctor`."""
        return _run(lambda: self._vault.doctor(server, owner=owner, account=account, on_finding=on_finding))

    def grants(self, *, owner: str = LOCAL_OWNER) -> list[Grant]:
        """`Vault.grants`."""
        return self._vault.grants(owner=owner)

    def grant_keys(self, *, owner: str = LOCAL_OWNER) -> list[GrantKey]:
        """`Vault.grant_keys`."""
        return self._vault.grant_keys(owner=owner)

    def grant(self, server: str, *, owner: str = LOCAL_OWNER, account: str = "default") -> Grant | None:
        """`Vault.grant`."""
        return self._vault.grant(server, owner=owner, account=account)


def _allow(*words: object) -> None:
    """Whoever hears nothing of a rekey wants it."""


class QuietPresenter:
    """For a library call that handed in none: the browser opens, and a link that could not be opened goes to the log."""

    async def confirm(self, question: str) -> bool:
        return False

    async def prompt(self, prompt: LoginPrompt) -> bool:
        return True

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        if not opened:
            warn(f"No browser could be opened; sign in at {authorization_url}")
        return None

    async def rejected(self, reason: str) -> None:
        warn(reason)

    async def saving(self) -> None:
        return

    async def noted(self, note: str) -> None:
        warn(note)


def _run(call: Callable[[], Awaitable[T]]) -> T:
    """Runs a coroutine to its end: in this thread, or in another one where this thread is already inside an event loop."""
    import anyio
    from anyio.lowlevel import current_token

    async def main() -> T:
        return await call()

    try:
        current_token()
    except anyio.NoEventLoopError:
        return anyio.run(main)
    from handstamp.flight import Flight

    return Flight(lambda _: anyio.run(main), name="handstamp-sync").start().join(3600.0)
