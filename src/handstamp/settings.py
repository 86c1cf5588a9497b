"""
What the person configured: directories from the environment, servers and the way to them from `servers.toml`.

flag > environment > user's file > default; a project's own file is not read yet (decision 8). `servers.toml` is the user's and
may be read-only (Nix, dotfiles): only `handstamp add` and `handstamp remove` write it, and no secret ever stands in it.
"""

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from handstamp.errors import InsecureUrl, SettingsError, StoreUnreachable, UsageError, hint
from handstamp.events import KINDS, NeedsLogin
from handstamp.model import (
    DIRECT,
    NO_CLIENT,
    OLDER,
    ClientSettings,
    Grant,
    GrantType,
    IdentityProvider,
    Named,
    Network,
    Registration,
)
from handstamp.protocol.client_document import require_document_url
from handstamp.protocol.client_settings import machine_id, require_complete
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.text import safe
from handstamp.protocol.urls import origin, parse_server_url, require_secure, split_url
from handstamp.stores.private_files import read_trusted

__all__ = [
    "Chosen",
    "Directory",
    "EventSettings",
    "ProgramSettings",
    "ServerSettings",
    "Settings",
    "config_directory",
    "is_header_value",
    "load_settings",
    "neighbours",
    "parse_events",
    "parse_network",
    "parse_servers",
    "parse_toml",
    "read_settings",
    "require_header",
    "require_name",
    "require_proxy",
    "require_webhook",
    "state_directory",
]

FILE_NAME = "servers.toml"
CLIENT_ID_URL = "HANDSTAMP_CLIENT_ID_URL"
LARGEST_FILE = 256 * 1024
"""Bytes. A server takes some two hundred."""

MOST_PARTS = 16
KEY_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?)"""
LONG_TEXT = r'''"""(?:[^"\\]|\\[\s\S]|""?(?!"))*+"{0,5}|'{3}(?:[^']|''?(?!'))*+'{0,5}'''
TOKEN = re.compile(rf"#[^\n]*+|{LONG_TEXT}|(?P<deep>(?:{KEY_PART}[ \t]*+\.[ \t]*+){{{MOST_PARTS}}})|{KEY_PART}")
"""
Comments, texts and keys; `deep` is what `tomllib` takes the square of its length for: a few kilobytes would keep it for seconds.

A text that does not end goes on as far as it can: `tomllib` reads nothing after it, and no character is looked at too often.
"""

RESERVED = ("authorization", "host", "content-length")
"""Headers of an MCP server's that are ours."""
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, and which setting it came from."""

    path: Path
    origin: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value, and which setting it came from."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """One server as the person named it. Everything but name and URL is optional."""

    name: str
    url: str
    client: ClientSettings = NO_CLIENT
    scopes: tuple[str, ...] = ()
    callback_port: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """
    Sent with every request to the server itself, never to an authorization server (W6).

    A value may be `env:NAME` or `file:PATH`, as of `client_secret_from`; `handstamp.wiring.read_headers` reads it at each use.
    """
    code_challenge_methods_supported: tuple[str, ...] | None = None
    """Stated by the person where the authorization server's metadata does not (4.4)."""
    authorization_revision: str | None = None
    """The revision of MCP whose way to sign in the person expects: `2025-03-26`, or None for what is found (4.5)."""
    transport: Literal["http", "sse"] = "http"
    """How its endpoint is spoken to: Streamable HTTP, or the HTTP+SSE of 2024-11-05."""
    enabled: bool = True
    """False where the person switched it off: the terminal app leaves it alone, every command that names it works."""
    is_configured: bool = True
    """False where only a URL was given: then that is its name too, which every command takes, and all else is as by default."""

    @property
    def named(self) -> Named:
        """What a person named with it."""
        return Named(self.url, self.client.authorization_server)

    def fits(self, grant: Grant) -> bool:
        """Whether a stored grant is one that these settings bring. Of a person's only the type counts: a login compares (W13)."""
        client = self.client
        if grant.grant_type is not client.grant_type:
            return False
        if client.grant_type is GrantType.AUTHORIZATION_CODE:
            return True
        is_same = grant.registration.client_id == machine_id(client) and self.is_of_client(grant.registration)
        return is_same and (not self.scopes or set(self.scopes) == set(grant.requested_scopes))

    def is_of_client(self, registration: Registration) -> bool:
        """Whether it is of the client that is configured now and at its issuer, as far as the settings name them (A-59, A-63)."""
        client = self.client
        is_same = client.client_id in (None, registration.client_id)
        return is_same and client.authorization_server in (None, registration.issuer)


@dataclass(frozen=True, slots=True)
class ProgramSettings:
    """A server that is a program on this machine, spoken to over its stdin and stdout. Nobody signs in to it."""

    name: str
    command: tuple[str, ...]
    """The program and its arguments."""
    environment: tuple[tuple[str, str], ...] = ()
    """Names and values; a value may be `env:NAME` or `file:PATH`, read at each start."""
    directory: str | None = None
    """Where it runs: absolute, or from ~."""
    enabled: bool = True


ASKED_FOR = (NeedsLogin.kind,)
"""What a person is told unless they want more: what only they can mend."""


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Who is told of what happens to grants, besides the program itself."""

    command: tuple[str, ...] = ()
    """A program and its arguments; empty for none."""
    webhook: str | None = None
    """An address, or where it stands: `env:NAME` or `file:PATH`."""
    webhook_headers: tuple[tuple[str, str], ...] = ()
    """As `ServerSettings.headers`; `Authorization` is the person's own here."""
    kinds: tuple[str, ...] = ASKED_FOR


@dataclass(frozen=True, slots=True)
class Settings:
    """All of one `servers.toml`."""

    path: Path
    servers: Mapping[str, ServerSettings]
    """As the file has them."""
    network: Network = DIRECT
    client_id_url: Chosen | None = None
    """For the servers that name no client of their own."""
    events: EventSettings | None = None
    programs: Mapping[str, ProgramSettings] = field(default_factory=dict[str, ProgramSettings])
    """The servers that are programs; no name is in both."""

    def find(self, name_or_url: str) -> ServerSettings:
        """By name, or by URL whether configured or not. Raises UsageError for a name that nobody configured."""
        server = self._find(name_or_url)
        chosen = self._choose_client_id_url(server)
        return server if chosen is None else replace(server, client=replace(server.client, client_id_url=chosen.value))

    def find_client_id_url(self, name_or_url: str) -> Chosen | None:
        """The client metadata document for one server. A `client_id` of its own goes before any (A-38)."""
        return self._choose_client_id_url(self._find(name_or_url))

    def _choose_client_id_url(self, server: ServerSettings) -> Chosen | None:
        general = self.client_id_url
        if server.client.client_id is not None:
            return None
        if server.client.client_id_url is None or (general is not None and general.origin == CLIENT_ID_URL):
            return general
        return Chosen(server.client.client_id_url, f"[servers.{server.name}] in {self.path}")

    def _find(self, name_or_url: str) -> ServerSettings:
        if (server := self.servers.get(name_or_url)) is not None:
            return server
        if "://" not in name_or_url:
            known = ", ".join(sorted(self.servers)) or "none is configured"
            raise UsageError(
                f"Expected the name of a server or its URL, got {name_or_url!r} (known: {known}).",
                hint=hint("add", name="NAME", url="URL"),
            )
        url = parse_server_url(name_or_url)
        by_url = (server for server in self.servers.values() if server.url == url)
        return next(by_url, None) or ServerSettings(url, url, is_configured=False)


def config_directory() -> Directory:
    """Where `servers.toml` is: HANDSTAMP_CONFIG_DIR, else XDG_CONFIG_HOME/handstamp, else the platform's place."""
    return _directory("HANDSTAMP_CONFIG_DIR", "XDG_CONFIG_HOME", ".config", "user_config_path")


def state_directory() -> Directory:
    """Where the vault is: HANDSTAMP_STATE_DIR, else XDG_STATE_HOME/handstamp, else the platform's place."""
    return _directory("HANDSTAMP_STATE_DIR", "XDG_STATE_HOME", ".local/state", "user_state_path")


def _directory(variable: str, xdg: str, default: str, platform_function: str) -> Directory:
    if value := os.environ.get(variable):
        return Directory(_absolute(variable, value), variable)
    if sys.platform in ("darwin", "win32"):
        import platformdirs

        path = cast("Path", getattr(platformdirs, platform_function)("handstamp", appauthor=False))
        return Directory(path, "platform")
    # The XDG specification: a relative value is ignored.
    if (value := os.environ.get(xdg, "")).startswith("/"):
        return Directory(Path(value) / "handstamp", xdg)
    return Directory(Path.home() / default / "handstamp", "default")


def _absolute(variable: str, value: str) -> Path:
    path = Path(value)
    if not path.is_absolute():
        raise SettingsError(f"Expected an absolute path in {variable}, got {value!r}.")
    return path


def load_settings(directory: Path | None = None) -> Settings:
    """Reads `servers.toml`; without one there are no servers. Raises SettingsError with file and place."""
    path = (directory or config_directory().path) / FILE_NAME
    document = parse_toml(path, read_settings(path))
    return Settings(
        path,
        parse_servers(path, document),
        parse_network(path, document),
        _choose_client_id_url(path, document),
        parse_events(path, document),
    )


def _choose_client_id_url(path: Path, document: Mapping[str, object]) -> Chosen | None:
    """The environment's, else that at the top of the file."""
    values = {
        CLIENT_ID_URL: os.environ.get(CLIENT_ID_URL) or None,
        str(path): _Table(path, "", document, TOP_KEYS).text("client_id_url"),
    }
    chosen = (Chosen(value, place) for place, value in values.items() if value is not None)
    return next((_require_document(each) for each in chosen), None)


def _require_document(chosen: Chosen) -> Chosen:
    try:
        require_document_url(chosen.value)
    except UsageError as error:
        raise SettingsError(f"{chosen.origin}, client_id_url: {error.message}") from error
    return chosen


def read_settings(path: Path) -> str:
    """The text of the file; empty without one. Raises SettingsError where somebody else could have written it (TG2, TG4, TG8)."""
    try:
        return read_trusted(path, LARGEST_FILE).decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise SettingsError(f"Expected UTF-8 in {path}, got something else at byte {error.start}.") from error
    except StoreUnreachable as error:
        raise SettingsError(f"Expected to read {path}, got: {error.message}", hint=error.hint) from error


def parse_toml(path: Path, text: str) -> dict[str, object]:
    """The document. Raises SettingsError with file and place."""
    for token in TOKEN.finditer(text):
        if token["deep"]:
            line = text.count("\n", 0, token.start()) + 1
            raise SettingsError(f"Expected keys of a few parts in {path}, got one of more than {MOST_PARTS} in line {line}.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"Expected TOML in {path}, got an error: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"Expected TOML in {path}, got a number or a nesting without end.") from error


# RFC 3986 §3.2.1: what else stood there would end the part, and other readers would find another host.
USER_AND_PASSWORD = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*"
)
TOP_KEYS = ("network", "proxy", "ca_file", "client_id_url", "events", "servers")


def parse_network(path: Path, document: Mapping[str, object]) -> Network:
    """How a whole document wants us to get out. Raises SettingsError with file and place."""
    table = _Table(path, "", document, TOP_KEYS)
    proxy, ca_file, network = table.text("proxy"), table.text("ca_file"), table.text("network")
    if network not in (None, "public"):
        raise SettingsError(f'Expected network = "public" in {path}, or nothing, got {network!r}.')
    try:
        return Network(
            proxy=None if proxy is None else _require_proxy_reference(proxy),
            ca_file=ca_file,
            public_only=network == "public",
        )
    except UsageError as error:
        raise SettingsError(f"{path}: {error.message}") from error


def _require_proxy_reference(value: str) -> str:
    return value if value.startswith(("env:", "file:")) else require_proxy(value)


def require_proxy(value: str, *, password: bool = False) -> str:
    """
    The address of an HTTP proxy; one with a user and a `password` stands in no configuration file. Raises UsageError.

    What is wrong with it is not repeated: a password may be in it.
    """
    scheme, slashes, rest = value.partition("://")
    user, at, host = rest.rpartition("@")
    try:
        has_user = not at or USER_AND_PASSWORD.fullmatch(user) is not None
        is_proxy = bool(slashes) and has_user and split_url(f"{scheme}://{host}").path in ("", "/")
    except ValueError:
        is_proxy = False
    # Whoever dials ends the host there: what was judged would be a path of somebody else's, who gets the password.
    is_proxy = is_proxy and user.isprintable() and not set(user) & set("/?#\\ ")
    if not is_proxy or (at and not password):
        raise UsageError(
            "Expected proxy to be like http://proxy.example:3128, or env:NAME or file:PATH where it has a user and a password "
            "(percent-encoded where they hold / # ? @ or the like), got something else."
        )
    return value


EVENT_KEYS = ("command", "webhook", "webhook_headers", "kinds")
EVENT_KINDS = tuple(each.kind for each in KINDS)


def parse_events(path: Path, document: Mapping[str, object]) -> EventSettings | None:
    """Who a whole document wants to be told of events. Raises SettingsError with file and place."""
    top = _Table(path, "", document, TOP_KEYS)
    if "events" not in document:
        return None
    table = _Table(path, "events", top.table("events"), EVENT_KEYS)
    try:
        settings = EventSettings(
            command=_require_command(table.strings("command")),
            webhook=_require_webhook(table.text("webhook")),
            webhook_headers=table.headers("webhook_headers", reserved=("host", "content-length")),
            kinds=table.choices("kinds", EVENT_KINDS) or ASKED_FOR,
        )
    except (UsageError, InsecureUrl) as error:
        raise SettingsError(f"{path}, [events]: {error.message}") from error
    if not settings.command and settings.webhook is None:
        raise SettingsError(f"Expected a command or a webhook at [events] in {path}, got neither.")
    return settings


def _require_command(arguments: tuple[str, ...] | None) -> tuple[str, ...]:
    """A relative path would be another program in each directory, also in a project of somebody else's (TG9)."""
    if arguments is None:
        return ()
    if not arguments or not arguments[0] or any("\0" in each for each in arguments):
        raise UsageError("Expected command to be a list: the program and its arguments, got something else.")
    program = arguments[0]
    is_path = "/" in program or "\\" in program
    if is_path and not program.startswith("~") and not Path(program).is_absolute():
        raise UsageError(f"Expected command to begin with a name, an absolute path, or one from ~, got {safe(program)}.")
    return arguments


def _require_webhook(value: str | None) -> str | None:
    if value is None or (value.startswith(("env:", "file:")) and value not in ("env:", "file:")):
        return value
    return require_webhook(value)


def require_webhook(url: str) -> str:
    """The address of a webhook. Raises InsecureUrl, which names no more of it than where it is: many hold a secret."""
    return require_secure(url, "webhook", near=url)


def parse_servers(path: Path, document: Mapping[str, object]) -> dict[str, ServerSettings]:
    """The servers of a whole document. Raises SettingsError with file and place."""
    servers: dict[str, ServerSettings] = {}
    for name, table in _Table(path, "", document, TOP_KEYS).table("servers").items():
        if not isinstance(table, dict):
            raise SettingsError(f"Expected a table [servers.{safe(name)}] in {path}, got {type(table).__name__}.")
        servers[name] = _parse_server(path, name, cast("dict[str, object]", table))
    return servers


SERVER_KEYS = (
    "url",
    "client_id",
    "client_secret_from",
    "client_id_url",
    "issuer",
    "grant_type",
    "private_key_from",
    "signing_algorithm",
    "assertion_audience",
    "assertion_from",
    "identity_provider",
    "scopes",
    "callback_port",
    "headers",
    "code_challenge_methods_supported",
    "authorization_revision",
)


PROVIDER_KEYS = (
    "issuer",
    "client_id",
    "subject_token_from",
    "subject_token_type",
    "token_endpoint",
    "client_secret_from",
    "refresh_token_from",
)
GRANT_TYPES = tuple(each.value for each in GrantType)
ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
AUDIENCES = ("token_endpoint",)
SUBJECT_TOKEN_TYPES = ("id_token", "refresh_token", "saml2")


def _parse_server(path: Path, name: str, values: Mapping[str, object]) -> ServerSettings:
    table = _Table(path, f"servers.{safe(name)}", values, SERVER_KEYS)
    methods = table.strings("code_challenge_methods_supported")
    try:
        url = parse_server_url(table.required_text("url"))
        return ServerSettings(
            name=require_name(name),
            url=url,
            client=_parse_client(table, url),
            scopes=parse_scopes(" ".join(table.strings("scopes") or ())),
            callback_port=table.port("callback_port"),
            headers=table.headers(),
            code_challenge_methods_supported=methods,
            authorization_revision=_require_revision(table.text("authorization_revision")),
        )
    except (UsageError, InsecureUrl) as error:
        raise SettingsError(f"{path}, [servers.{safe(name)}]: {error.message}") from error


def _parse_client(table: "_Table", url: str) -> ClientSettings:
    client = ClientSettings(
        client_id=table.text("client_id"),
        client_secret_from=table.place("client_secret_from", or_vault=True),
        client_id_url=table.document("client_id_url"),
        issuer=table.address("issuer", near=url),
        grant_type=GrantType(table.choice("grant_type", GRANT_TYPES) or GrantType.AUTHORIZATION_CODE),
        private_key_from=table.place("private_key_from"),
        signing_algorithm=table.choice("signing_algorithm", ALGORITHMS),
        assertion_audience=table.choice("assertion_audience", AUDIENCES),
        assertion_from=table.place("assertion_from"),
        identity_provider=_parse_identity_provider(table.below("identity_provider", PROVIDER_KEYS)),
    )
    require_complete(client)
    return client


def _parse_identity_provider(table: "_Table") -> IdentityProvider | None:
    if not table.values:
        return None
    issuer = table.required_text("issuer")
    return IdentityProvider(
        issuer=require_secure(issuer, "issuer of identity_provider", near=issuer),
        client_id=table.required_text("client_id"),
        subject_token_from=table.required_place("subject_token_from"),
        subject_token_type=table.choice("subject_token_type", SUBJECT_TOKEN_TYPES) or SUBJECT_TOKEN_TYPES[0],
        token_endpoint=table.address("token_endpoint", near=issuer),
        client_secret_from=table.place("client_secret_from"),
        refresh_token_from=table.place("refresh_token_from"),
    )


def require_name(name: str) -> str:
    """A server's name as it may stand in commands and in TOML keys. Raises UsageError."""
    if NAME_PATTERN.fullmatch(name) is None:
        raise UsageError(f"Expected a name of letters, digits, '-', '_' and '.', at most 64, got {name!r}.")
    return name


def _require_revision(value: str | None) -> str | None:
    if value not in (None, OLDER):
        raise UsageError(f'Expected authorization_revision = "{OLDER}", or nothing: newer ones are found, got {value!r}.')
    return value


@dataclass(frozen=True, slots=True)
class _Table:
    """One TOML table, read with errors that name file, table and key."""

    path: Path
    name: str
    values: Mapping[str, object]
    known: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in self.values:
            if key not in self.known:
                raise self._error(key, f"one of {', '.join(self.known)}", f"the key {key!r}")

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, str):
            raise self._error(key, "a string", type(value).__name__)
        return value

    def required_text(self, key: str) -> str:
        value = self.text(key)
        if value is None:
            raise self._error(key, "a string", "nothing")
        return value

    def address(self, key: str, *, near: str) -> str | None:
        value = self.text(key)
        return None if value is None else require_secure(value, key, near=near)

    def document(self, key: str) -> str | None:
        value = self.text(key)
        return None if value is None else require_document_url(value)

    def place(self, key: str, *, or_vault: bool = False) -> str | None:
        """Where a secret is. Never the secret itself: a value that looks like one is not echoed."""
        value = self.text(key)
        if value is None or (or_vault and value == "vault") or value.startswith(("env:", "file:")):
            return value
        places = "env:NAME, file:PATH or vault" if or_vault else "env:NAME or file:PATH"
        raise UsageError(f"Expected {key} to be {places}, got something else.")

    def required_place(self, key: str) -> str:
        self.required_text(key)
        return self.place(key) or ""

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        value = self.text(key)
        if value is not None and value not in choices:
            raise self._error(key, f"one of {', '.join(choices)}", repr(value))
        return value

    def choices(self, key: str, choices: tuple[str, ...]) -> tuple[str, ...]:
        values = self.strings(key) or ()
        for value in values:
            if value not in choices:
                raise self._error(key, f"some of {', '.join(choices)}", repr(value))
        return values

    def below(self, key: str, known: tuple[str, ...]) -> "_Table":
        return _Table(self.path, f"{self.name}.{key}", self.table(key), known)

    def strings(self, key: str) -> tuple[str, ...] | None:
        value = self.values.get(key)
        if value is None:
            return None
        actual = type(value).__name__
        items = cast("list[object]", value) if isinstance(value, list) else [None]
        strings = tuple(item for item in items if isinstance(item, str))
        if len(strings) != len(items):
            raise self._error(key, "a list of strings", actual)
        return strings

    def port(self, key: str) -> int | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535):
            raise self._error(key, "a port from 1 to 65535", repr(value))
        return value

    def table(self, key: str) -> dict[str, object]:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self._error(key, "a table", type(value).__name__)
        return cast("dict[str, object]", value)

    def headers(self, key: str = "headers", *, reserved: Sequence[str] = RESERVED) -> tuple[tuple[str, str], ...]:
        return tuple((name, require_header(name, value, reserved=reserved)) for name, value in self.table(key).items())

    def _error(self, key: str, expected: str, actual: str) -> SettingsError:
        place = f"[{self.name}] {safe(key)}" if self.name else safe(key)
        return SettingsError(f"Expected {expected} at {place} in {self.path}, got {actual}.")


def require_header(name: str, value: object, *, reserved: Sequence[str] = RESERVED) -> str:
    """A header that may go to the MCP server, where `Authorization` is ours, or elsewhere. Raises UsageError."""
    if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is None or name.lower() in reserved:
        raise UsageError(f"Expected the name of a header other than {reserved[0].title()}, got {name!r}.")
    if not isinstance(value, str) or not is_header_value(value):
        raise UsageError(f"Expected visible ASCII as the value of the header {name}.")
    if value in ("env:", "file:"):
        raise UsageError(f"Expected {value}… to name where the header {name} is, got nothing after the colon.")
    return value


def is_header_value(value: str) -> bool:
    """Visible ASCII: nothing that could end a header, or that servers read in different ways."""
    return value.isprintable() and value.isascii()


def neighbours(settings: Settings, server: ServerSettings) -> tuple[str, ...]:
    """The other configured servers on the same origin: their paths get no token of this one (P14)."""
    others = (other.url for other in settings.servers.values())
    return tuple(url for url in others if url != server.url and origin(url) == origin(server.url))
