"""The only place that picks adapters: which store, which keys, which HTTP, which browser."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

from handstamp.errors import HandstampError, SettingsError, StoreUnreachable, UsageError, forgetting_values
from handstamp.events import Event, Listener
from handstamp.model import (
    CALLER,
    DIRECT,
    CallbackPlan,
    Named,
    Network,
    Registration,
    RegistrationKind,
    Secret,
    SecretPlace,
    VaultPlace,
)
from handstamp.ports import (
    AskSecret,
    Browser,
    Callback,
    Clock,
    CredentialsReader,
    GrantStore,
    HttpRunner,
    KeyProvider,
    OpenCallback,
    RandomBytes,
    ReadUptime,
)
from handstamp.protocol.text import safe
from handstamp.settings import EventSettings, Settings, is_header_value, require_proxy, require_webhook
from handstamp.uptime import read_uptime

if TYPE_CHECKING:
    from handstamp.http.guard import Guard
    from handstamp.protocol.client_auth import Credentials
    from handstamp.protocol.exchange import Request, Response
    from handstamp.protocol.jwt import Signer, SigningKey
    from handstamp.stores.rekeying import Allow, Rekeyed, Report
    from handstamp.stores.sqlite import SqliteStore

__all__ = [
    "Observer",
    "Parts",
    "build_browser",
    "build_guard",
    "build_http",
    "build_listeners",
    "build_parts",
    "build_providers",
    "build_store",
    "read_headers",
    "read_secret",
    "read_signing_key",
    "warn",
]

CLIENT_SECRET = "the client secret"
PRIVATE_KEY = "the private key"


class Rekey(Protocol):
    """Seals the vault with a new key: `SqliteStore.rekey`."""

    def __call__(self, provider: str | None, *, allow: "Allow", report: "Report") -> "Rekeyed": ...


Observer = Callable[["Request", "Response | HandstampError"], None]
"""Sees every request of ours and what came of it; secrets are masked by their type."""


class Parts:
    """
    The adapters of one vault, each made when it is first needed: a fresh token needs the store alone.

    Tests hand in their own.
    """

    def __init__(
        self,
        store: GrantStore,
        *,
        http: Callable[[Named], HttpRunner],
        browser: Callable[[], Browser],
        open_callback: OpenCallback,
        clock: Clock = time.time,
        read_uptime: ReadUptime = lambda: None,
        random: RandomBytes = os.urandom,
        place: Callable[[], VaultPlace] = lambda: VaultPlace("memory", None),
        rekey: "Rekey | None" = None,
        network: Network = DIRECT,
    ) -> None:
        self.store = store
        self.http = http
        self.browser = browser
        self.open_callback = open_callback
        self.clock = clock
        self.read_uptime = read_uptime
        self.random = random
        self.place = place
        self.rekey = rekey
        """None where there is no key, in memory."""
        self.network = network
        """How `http` gets out, from now on: whoever reads the settings again changes it."""
        self.callers: dict[tuple[str, str], Callable[[], str]] = {}
        """Functions that give a server's `client_secret` or `private_key`: by its URL and one of these words."""
        self.read_credentials: CredentialsReader = _CredentialsReader(store, self.callers, clock, random)


def build_parts(
    state: Path,
    *,
    announce: Callable[[str], None],
    network: Network = DIRECT,
    observe: Observer | None = None,
    ask: AskSecret | None = None,
) -> Parts:
    """SQLite in `state`, our HTTP driver behind its guard, the system's browser, a loopback listener."""
    store = build_store(state, announce=announce, ask=ask)
    file = state / "vault.db"

    def http(named: Named) -> HttpRunner:
        return build_http(parts.network, observe, named)

    parts = Parts(
        store,
        http=http,
        browser=build_browser,
        open_callback=_open_callback,
        read_uptime=read_uptime,
        # Asking the store makes a vault, and only a login should.
        place=lambda: VaultPlace(str(file), store.describe_key() if file.exists() else None),
        rekey=store.rekey,
        network=network,
    )
    return parts


def build_store(state: Path, *, announce: Callable[[str], None], ask: AskSecret | None = None) -> "SqliteStore":
    """The vault in `state` by itself: for who looks after the file, and signs nobody in."""
    from handstamp.stores.sqlite import SqliteStore

    return SqliteStore(state, build_providers(state, ask), announce=announce)


def build_providers(state: Path, ask: AskSecret | None = None) -> "Iterable[KeyProvider]":
    """Where the key of the vault in `state` may be, in the order of preference."""
    from handstamp.stores.keys import StandardProviders

    return StandardProviders(state, os.environ, ask)


def build_http(network: Network, observe: Observer | None, named: Named) -> HttpRunner:
    """What runs protocol steps for one server, behind its guard."""
    from handstamp.http.drive import Driver

    return Driver(build_guard(named, network).open_transport, read_uptime=read_uptime, observe=observe)


def build_guard(named: Named, network: Network) -> "Guard":
    """What connects us to one server and to what belongs to it. Raises SettingsError where the proxy's address is not there."""
    from handstamp.http.guard import Guard

    ca_file = None if network.ca_file is None else _find_ca_file(Path(network.ca_file))
    return Guard(named, proxy=_read_proxy(network.proxy), ca_file=ca_file, public_only=network.public_only)


def _find_ca_file(path: Path) -> str:
    """Whoever can write to it can stand in for every server (TG2). One that is missing is told by its reader."""
    from handstamp.stores.private_files import check_trusted

    place = _locate(path, "the certificates")
    with suppress(FileNotFoundError):
        try:
            check_trusted(place)
        except StoreUnreachable as error:
            raise SettingsError(f"Expected to read {place}, got: {error.message}", hint=error.hint) from error
    return str(place)


@forgetting_values()
def _read_proxy(reference: str | None) -> Secret | None:
    scheme, _, place = (reference or "").partition(":")
    match scheme:
        case "env":
            text = _read_variable(place, "the proxy")
        case "file":
            text = _read_file(Path(place), "the proxy")
        case _:
            return None if reference is None else Secret(reference)
    try:
        return Secret(require_proxy(text, password=True))
    except UsageError as error:
        raise SettingsError(f"{error.message} It was read from {place}.") from error


def build_listeners(settings: Settings, *, complain: Callable[[str], None]) -> Iterator[Listener]:
    """Those that a person configured. None inside of a command that was run by one of them: it could run itself for ever."""
    events = settings.events
    if events is None or os.environ.get("HANDSTAMP_EVENT"):
        return
    if events.command:
        yield partial(_run_command, events, settings.path.parent, complain)
    if events.webhook is not None:
        yield partial(_call_webhook, events, settings.network, complain)


def _run_command(settings: EventSettings, directory: Path, complain: Callable[[str], None], event: Event) -> None:
    if event.kind not in settings.kinds:
        return
    from handstamp.listeners.command import Command

    Command(settings.command, directory=directory, complain=complain)(event)


@forgetting_values()
def _call_webhook(settings: EventSettings, network: Network, complain: Callable[[str], None], event: Event) -> None:
    if event.kind not in settings.kinds:
        return
    from handstamp.listeners.webhook import Webhook

    try:
        url = _read_webhook(settings.webhook or "")
        headers = read_headers(settings.webhook_headers)
        # Nobody observes: an address may hold a secret.
        http = build_http(network, None, Named(url))
    except HandstampError as error:
        complain(error.message)
    else:
        Webhook(url, headers, http=http, complain=complain)(event)


def _read_webhook(reference: str) -> str:
    scheme, _, place = reference.partition(":")
    what = "the address of the webhook"
    match scheme:
        case "env":
            return require_webhook(_read_variable(place, what))
        case "file":
            return require_webhook(_read_file(Path(place), what))
        case _:
            return reference


def build_browser() -> Browser:
    """The system's browser."""
    from handstamp.callback.browser import SystemBrowser

    return SystemBrowser()


def _open_callback(plan: CallbackPlan, accept: Callable[[str], bool]) -> AbstractAsyncContextManager[Callback]:
    from handstamp.callback.listener import open_callback

    return open_callback(plan, accept)


class _CredentialsReader:
    """Reads what proves a client from where the person keeps it, anew each time: what is not kept cannot leak (W12)."""

    def __init__(
        self, store: GrantStore, callers: Mapping[tuple[str, str], Callable[[], str]], clock: Clock, random: RandomBytes
    ):
        self._store = store
        self._callers = callers
        self._clock = clock
        self._random = random

    @forgetting_values()
    def __call__(self, owner: str, server: str, registration: Registration) -> "Credentials":
        from handstamp.protocol.client_auth import NO_CREDENTIALS, Credentials

        if registration.kind is RegistrationKind.DYNAMIC:
            return NO_CREDENTIALS
        return Credentials(self._read_client_secret(owner, server, registration), self._read_signer(server, registration))

    def _read_client_secret(self, owner: str, server: str, registration: Registration) -> Secret | None:
        place = registration.client_secret_from
        if place is None:
            return None
        if place == "vault":
            stored = self._store.find_client_secret(owner, server, registration.client_id)
            return stored or _miss("the vault", CLIENT_SECRET)
        return read_secret(self._called(place, server, "client_secret"), CLIENT_SECRET)

    def _read_signer(self, server: str, registration: Registration) -> "Signer | None":
        if registration.private_key_from is None:
            return None
        place = self._called(registration.private_key_from, server, "private_key")
        from handstamp.protocol.jwt import Signer, choose_algorithm

        key = read_signing_key(place)
        supported = registration.signing_algorithms_supported
        algorithm = choose_algorithm(key, wanted=registration.signing_algorithm, supported=supported)
        return Signer(key, algorithm, clock=self._clock, random=self._random)

    def _called(self, place: str, server: str, what: str) -> SecretPlace:
        """What the caller said in this process, for a grant that was given with a function of theirs."""
        return self._callers.get((server, what), _nobody) if place == CALLER else place


def _nobody() -> str:
    return ""


@forgetting_values()
def read_secret(place: SecretPlace, what: str) -> Secret:
    """
    What a person keeps in an environment variable, in a file or behind a function, read now and kept nowhere; `what` names it.

    Raises SettingsError where there is nothing.
    """
    if not isinstance(place, str):
        return Secret(place() or _miss("what the program gives", what))
    scheme, _, name = place.partition(":")
    match scheme:
        case "env":
            return Secret(_read_variable(name, what))
        case _:
            return Secret(_read_file(Path(name), what))


@forgetting_values()
def read_signing_key(place: SecretPlace) -> "SigningKey":
    """The private key of a client. Raises SettingsError where there is none, or none that we can sign with."""
    from handstamp.protocol.jwt import parse_signing_key

    try:
        return parse_signing_key(read_secret(place, PRIVATE_KEY))
    except UsageError as error:
        found_in = place if isinstance(place, str) else "what the program gives"
        raise SettingsError(f"{error.message} It was read from {safe(found_in)}.") from None


@forgetting_values()
def read_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str | Secret], ...]:
    """
    The headers that a person configured, those that stand elsewhere (`env:NAME`, `file:PATH`) read now and kept nowhere.

    Raises SettingsError where there is nothing, or what no header can carry.
    """
    return tuple((name, _read_header(name, value)) for name, value in headers)


def _read_header(name: str, value: str) -> str | Secret:
    scheme, _, place = value.partition(":")
    what = f"the header {name}"
    match scheme:
        case "env":
            text = _read_variable(place, what)
        case "file":
            text = _read_file(Path(place), what)
        case _:
            return value
    if not is_header_value(text):
        raise SettingsError(f"Expected visible ASCII for {what} in {place}, got other characters.")
    return Secret(text)


def _read_variable(name: str, what: str) -> str:
    value = os.environ.get(name) or _miss(f"the environment variable {name}", what)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise SettingsError(f"Expected {what} in the environment variable {safe(name)}, got: it is no UTF-8.")
    return value


def _read_file(path: Path, what: str) -> str:
    path = _locate(path, what)
    try:
        value = path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"Expected {what} in {path}, got: {error.strerror}.") from error
    except UnicodeDecodeError:
        # An error of decoding carries the secret.
        raise SettingsError(f"Expected {what} in {path}, got: it is no UTF-8.") from None
    return value or _miss(str(path), what)


def _locate(path: Path, what: str) -> Path:
    """A relative path would be another file in each directory, also in a project of somebody else's (TG9)."""
    try:
        place = path.expanduser()
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"Expected {what} in {safe(str(path))}, got the home of nobody.") from error
    if "\0" in str(place):
        raise SettingsError(f"Expected {what} in {safe(str(path))}, got what no file can be called.")
    if not place.is_absolute():
        raise SettingsError(f"Expected an absolute path, or one from ~, to {what}, got {path}.")
    return place


def _miss(place: str, what: str) -> NoReturn:
    raise SettingsError(f"Expected {what} in {place}, got nothing.")


def warn(text: str) -> None:
    """What a library says to a person whom it cannot see: through `logging`, and only when there is something to say."""
    if "handstamp.output" in sys.modules:
        return
    import logging

    from handstamp.protocol.text import harmless

    # The only line that we ever log, and one line it stays, whatever a name or an address holds (TH4).
    logging.getLogger("handstamp").warning("%s", harmless(text))
