"""
What the person configured: directories from the environment, servers from `servers.toml`. Each value knows its origin.

flag > environment > user's file > default. `servers.toml` is the user's and may be read-only (Nix, dotfiles): only `handstamp
add` and `handstamp remove` write it, and no secret ever stands in it.
"""

import os
import re
import sys
import tomllib
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from handstamp.errors import SettingsError, UsageError, hint
from handstamp.model import NO_CLIENT, ClientSettings
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.urls import origin, parse_server_url

__all__ = [
    "Directory",
    "ServerSettings",
    "Settings",
    "add_server",
    "config_directory",
    "is_header_value",
    "load_settings",
    "merge_server",
    "neighbours",
    "remove_server",
    "render_server",
    "require_header",
    "require_name",
    "state_directory",
]

FILE_NAME = "servers.toml"
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory, and which setting it came from."""

    path: Path
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
    is_configured: bool = True
    """False where only a URL was given: then that is its name too, which every command takes, and all else is as by default."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All servers of one `servers.toml`."""

    path: Path
    servers: Mapping[str, ServerSettings]

    def find(self, name_or_url: str) -> ServerSettings:
        """By name, or by URL whether configured or not. Raises UsageError for a name that nobody configured."""
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
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings(path, {})
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"Expected to read {path}, got: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"Expected TOML in {path}, got an error: {error}.") from error
    return Settings(path, _parse_servers(path, document))


def _parse_servers(path: Path, document: Mapping[str, object]) -> dict[str, ServerSettings]:
    servers: dict[str, ServerSettings] = {}
    for name, table in _Table(path, "", document, ("servers",)).table("servers").items():
        if not isinstance(table, dict):
            raise SettingsError(f"Expected a table [servers.{name}] in {path}, got {type(table).__name__}.")
        servers[name] = _parse_server(path, name, cast("dict[str, object]", table))
    return servers


SERVER_KEYS = (
    "url",
    "client_id",
    "client_secret_from",
    "client_id_url",
    "issuer",
    "scopes",
    "callback_port",
    "headers",
    "code_challenge_methods_supported",
)


def _parse_server(path: Path, name: str, values: Mapping[str, object]) -> ServerSettings:
    table = _Table(path, f"servers.{name}", values, SERVER_KEYS)
    methods = table.strings("code_challenge_methods_supported")
    try:
        return ServerSettings(
            name=require_name(name),
            url=parse_server_url(table.required_text("url")),
            client=ClientSettings(
                client_id=table.text("client_id"),
                client_secret_from=_require_secret_reference(table.text("client_secret_from")),
                client_id_url=table.text("client_id_url"),
                issuer=table.text("issuer"),
            ),
            scopes=parse_scopes(" ".join(table.strings("scopes") or ())),
            callback_port=table.port("callback_port"),
            headers=table.headers(),
            code_challenge_methods_supported=methods,
        )
    except UsageError as error:
        raise SettingsError(f"{path}, [servers.{name}]: {error.message}") from error


def require_name(name: str) -> str:
    """A server's name as it may stand in commands and in TOML keys. Raises UsageError."""
    if NAME_PATTERN.fullmatch(name) is None:
        raise UsageError(f"Expected a name of letters, digits, '-', '_' and '.', at most 64, got {name!r}.")
    return name


def _require_secret_reference(value: str | None) -> str | None:
    # Only a place is ever configured, never a secret: a value that looks like one is not echoed.
    if value is None or value == "vault" or value.startswith(("env:", "file:")):
        return value
    raise UsageError("Expected client_secret_from to be env:NAME, file:PATH or vault, got something else.")


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

    def headers(self) -> tuple[tuple[str, str], ...]:
        return tuple((key, require_header(key, value)) for key, value in self.table("headers").items())

    def _error(self, key: str, expected: str, actual: str) -> SettingsError:
        place = f"[{self.name}] {key}" if self.name else key
        return SettingsError(f"Expected {expected} at {place} in {self.path}, got {actual}.")


def require_header(name: str, value: object) -> str:
    """A header that may go to the MCP server. `Authorization` is ours. Raises UsageError."""
    if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) is None or name.lower() in ("authorization", "host", "content-length"):
        raise UsageError(f"Expected the name of a header other than Authorization, got {name!r}.")
    if not isinstance(value, str) or not is_header_value(value):
        raise UsageError(f"Expected visible ASCII as the value of the header {name}.")
    if value in ("env:", "file:"):
        raise UsageError(f"Expected {value}… to name where the header {name} is, got nothing after the colon.")
    return value


def is_header_value(value: str) -> bool:
    """Visible ASCII: nothing that could end a header, or that servers read in different ways."""
    return value.isprintable() and value.isascii()


def render_server(server: ServerSettings) -> str:
    """The lines of `servers.toml` for one server, to be written or to be pasted."""
    import tomlkit

    document, table = tomlkit.document(), tomlkit.table()
    for key, value in _server_values(server).items():
        table.add(key, value)
    parent = tomlkit.table(is_super_table=True)
    parent.add(server.name, table)
    document.add("servers", parent)
    return tomlkit.dumps(document)


def _server_values(server: ServerSettings) -> dict[str, object]:
    client = server.client
    values: dict[str, object] = {
        "url": server.url,
        "client_id": client.client_id,
        "client_secret_from": client.client_secret_from,
        "client_id_url": client.client_id_url,
        "issuer": client.issuer,
        "scopes": list(server.scopes) or None,
        "callback_port": server.callback_port,
        "headers": dict(server.headers) or None,
        "code_challenge_methods_supported": list(server.code_challenge_methods_supported or ()) or None,
    }
    return {key: value for key, value in values.items() if value is not None}


def merge_server(settings: Settings, given: ServerSettings) -> ServerSettings:
    """What `servers.toml` will say of a server once `given` is added: what was not given stays as it is configured."""
    return _merge(settings.servers.get(given.name), given)


def _merge(before: ServerSettings | None, given: ServerSettings) -> ServerSettings:
    if before is None:
        return given
    methods = given.code_challenge_methods_supported or before.code_challenge_methods_supported
    return ServerSettings(
        name=given.name,
        url=given.url,
        client=_merge_client(before.client, given.client),
        scopes=given.scopes or before.scopes,
        callback_port=given.callback_port or before.callback_port,
        headers=_merge_headers(before.headers, given.headers),
        code_challenge_methods_supported=methods,
    )


def _merge_client(before: ClientSettings, given: ClientSettings) -> ClientSettings:
    issuer = given.issuer or before.issuer
    if given.client_id_url is not None:
        # A client has one of two names; the secret belongs to the one that goes.
        return ClientSettings(client_id_url=given.client_id_url, issuer=issuer)
    client_id = given.client_id or before.client_id
    return ClientSettings(
        client_id=client_id,
        client_secret_from=given.client_secret_from or before.client_secret_from,
        client_id_url=None if given.client_id is not None else before.client_id_url,
        issuer=issuer,
    )


def _merge_headers(before: tuple[tuple[str, str], ...], given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    replaced = {name.lower() for name, _ in given}
    return tuple(header for header in before if header[0].lower() not in replaced) + given


def add_server(settings: Settings, server: ServerSettings) -> None:
    """
    Writes what `server` gives into `servers.toml`, whose comments and order stay, as do the other settings of that name.

    Raises SettingsError where the file cannot be written: the caller then shows the lines of `render_server` to paste.
    """
    import tomlkit
    from tomlkit.items import InlineTable

    text, servers = _read(settings.path)
    merged = _merge(servers.get(server.name), server)

    def edit(document: MutableMapping[str, Any]) -> None:
        parent = document.setdefault("servers", tomlkit.table(is_super_table=True))
        if server.name not in parent:
            parent[server.name] = {} if isinstance(parent, InlineTable) else tomlkit.table()
        _update(parent[server.name], _server_values(merged))

    _write(settings.path, _edit(settings.path, text, edit, {**servers, server.name: merged}))


def remove_server(settings: Settings, name: str) -> None:
    """
    Takes one server out of `servers.toml`.

    Raises UsageError where it is not there, SettingsError where the file cannot be written.
    """
    server = settings.find(name)
    if not server.is_configured:
        raise UsageError(f"Expected the name of a configured server, got {name}.", hint=hint("status"))
    text, servers = _read(settings.path)

    def edit(document: MutableMapping[str, Any]) -> None:
        del document["servers"][server.name]

    rest = {each: value for each, value in servers.items() if each != server.name}
    _write(settings.path, _edit(settings.path, text, edit, rest))


def _read(path: Path) -> tuple[str, dict[str, ServerSettings]]:
    """The file as it is now, for an edit. Somebody may have changed it since the settings were loaded."""
    servers = dict(load_settings(path.parent).servers)
    return (path.read_bytes().decode() if path.exists() else ""), servers


def _edit(path: Path, text: str, edit: Callable[[MutableMapping[str, Any]], None], expected: Mapping[str, ServerSettings]) -> str:
    """The text after an edit that keeps the person's comments. Raises SettingsError where it would say anything else."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        edit(document)
        edited = tomlkit.dumps(document)
        if _parse_servers(path, tomllib.loads(edited)) == expected:
            return edited
    except (AttributeError, LookupError, TypeError, ValueError, TOMLKitError, SettingsError):
        # TOML has many ways to say one thing, and the editor cannot change each of them: then the person does.
        pass
    raise SettingsError(f"Expected [servers.NAME] tables in {path}, got a form of TOML that Handstamp cannot edit.")


def _update(table: MutableMapping[str, Any], values: Mapping[str, object]) -> None:
    """Makes `table` say `values`; what says so already keeps its form and its comments."""
    for key in [key for key in table if key not in values]:
        del table[key]
    with _keeping_the_tail(table):
        for key, value in values.items():
            if isinstance(value, Mapping) and key in table:
                _update(table[key], cast("Mapping[str, object]", value))
            elif table.get(key) != value:
                table[key] = value


@contextmanager
def _keeping_the_tail(table: MutableMapping[str, Any]) -> Generator[None]:
    """What follows a table's last key mostly speaks of the table below, and a key that is appended would come after it."""
    from tomlkit.items import Table

    body = table.value.body if isinstance(table, Table) else []
    start = len(body)
    while start and body[start - 1][0] is None:
        start -= 1
    tail = body[start:]
    del body[start:]
    yield
    body.extend(tail)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a new file beside the old one, then renamed over it. A link to dotfiles stays a link."""
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    if not mode & 0o200:  # a rename would replace even a file that says "do not write me"
        raise SettingsError(f"Expected to write {path}, got a file that is read-only.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.touch(0o600)
        beside.write_bytes(text.encode())
        beside.chmod(mode)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SettingsError(f"Expected to write {path}, got: {error.strerror}.") from error


def neighbours(settings: Settings, server: ServerSettings) -> tuple[str, ...]:
    """The other configured servers on the same origin: their paths get no token of this one (P14)."""
    others = (other.url for other in settings.servers.values())
    return tuple(url for url in others if url != server.url and origin(url) == origin(server.url))
