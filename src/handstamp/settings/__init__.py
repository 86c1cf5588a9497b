"""
What the person configured: directories from the environment, servers and the way to them from `servers.toml`.

flag > environment > user's file > default; a project's own file is not read yet (decision 8). `servers.toml` is the user's and
may be read-only (Nix, dotfiles): only the commands that say so write it (`handstamp.settings_file`), and no secret has to stand
in it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from handstamp.errors import InsecureUrl, SettingsError, UsageError, hint
from handstamp.model import DIRECT, Network
from handstamp.protocol.client_document import require_document_url
from handstamp.protocol.text import safe
from handstamp.protocol.urls import origin, parse_server_url
from handstamp.settings.app import APP_KEYS, DEFAULT_APP, AppSettings, parse_app
from handstamp.settings.directories import Directory, config_directory, state_directory
from handstamp.settings.document import parse_toml, read_settings
from handstamp.settings.events import EVENT_KEYS, EventSettings, parse_events, require_webhook
from handstamp.settings.network import parse_network, require_proxy
from handstamp.settings.programs import PROGRAM_KEYS, ProgramSettings, parse_program
from handstamp.settings.servers import SERVER_KEYS, ServerSettings, parse_server
from handstamp.settings.table import Table
from handstamp.settings.values import (
    NAME_PATTERN,
    is_header_value,
    require_command,
    require_directory,
    require_header,
    require_name,
    require_variable,
)

__all__ = [
    "APP_KEYS",
    "EVENT_KEYS",
    "NAME_PATTERN",
    "PROGRAM_KEYS",
    "SERVER_KEYS",
    "TOP_KEYS",
    "AppSettings",
    "Chosen",
    "Configured",
    "Directory",
    "EventSettings",
    "ProgramSettings",
    "ServerSettings",
    "Settings",
    "config_directory",
    "is_header_value",
    "load_settings",
    "neighbours",
    "parse_settings",
    "read_settings",
    "require_command",
    "require_directory",
    "require_header",
    "require_name",
    "require_proxy",
    "require_variable",
    "require_webhook",
    "state_directory",
]

FILE_NAME = "servers.toml"
CLIENT_ID_URL = "HANDSTAMP_CLIENT_ID_URL"
TOP_KEYS = ("network", "proxy", "ca_file", "client_id_url", "events", "app", "servers")

Configured = ServerSettings | ProgramSettings
"""What a table `[servers.NAME]` says."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value, and which setting it came from."""

    value: str
    origin: str


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
    app: AppSettings = DEFAULT_APP

    @property
    def configured(self) -> Mapping[str, Configured]:
        """Each by its name: first the servers behind URLs, then the programs."""
        return {**self.servers, **self.programs}

    def find(self, name_or_url: str) -> ServerSettings:
        """
        By name, or by URL whether configured or not.

        Raises UsageError for a name that nobody configured, and for that of a program.
        """
        server = self._find(name_or_url)
        chosen = self._choose_client_id_url(server)
        return server if chosen is None else replace(server, client=replace(server.client, client_id_url=chosen.value))

    def find_configured(self, name: str) -> Configured:
        """What stands in the file under a name. Raises UsageError where nothing does."""
        found = self.configured.get(name)
        if found is None:
            raise UsageError(
                f"Expected the name of a configured server, got {name!r} (known: {self._known}).", hint=hint("status")
            )
        return found

    @property
    def _known(self) -> str:
        return ", ".join(sorted(self.configured)) or "none is configured"

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
        if name_or_url in self.programs:
            raise UsageError(
                f"Expected a server behind a URL, got {name_or_url}: a program on this machine, and nobody signs in to it.",
                hint=hint("tools", server=name_or_url),
            )
        if "://" not in name_or_url:
            raise UsageError(
                f"Expected the name of a server or its URL, got {name_or_url!r} (known: {self._known}).",
                hint=hint("add", name="NAME", url="URL"),
            )
        url = parse_server_url(name_or_url)
        by_url = (server for server in self.servers.values() if server.url == url)
        return next(by_url, None) or ServerSettings(url, url, is_configured=False)


def load_settings(directory: Path | None = None) -> Settings:
    """Reads `servers.toml`; without one there are no servers. Raises SettingsError with file and place."""
    path = (directory or config_directory().path) / FILE_NAME
    return parse_settings(path, read_settings(path))


def parse_settings(path: Path, text: str) -> Settings:
    """What `text` says, and the environment. Raises SettingsError with file and place."""
    top = Table(path, "", parse_toml(path, text), TOP_KEYS)
    configured = _parse_servers(top)
    return Settings(
        path,
        {name: each for name, each in configured.items() if isinstance(each, ServerSettings)},
        parse_network(top),
        _choose_client_id_url(top),
        parse_events(top),
        {name: each for name, each in configured.items() if isinstance(each, ProgramSettings)},
        parse_app(top),
    )


def _parse_servers(top: Table) -> dict[str, Configured]:
    return {name: _parse_one(top.path, name, values) for name, values in top.table("servers").items()}


def _parse_one(path: Path, name: str, values: object) -> Configured:
    place = f"servers.{safe(name)}"
    if not isinstance(values, dict):
        raise SettingsError(f"Expected a table [{place}] in {path}, got {type(values).__name__}.")
    if ("url" in values) == ("command" in values):
        actual = "both" if "url" in values else "neither"
        raise SettingsError(f"Expected a url or a command at [{place}] in {path}, got {actual}.")
    members = cast("dict[str, object]", values)
    try:
        if "command" in members:
            return parse_program(require_name(name), Table(path, place, members, PROGRAM_KEYS))
        return parse_server(require_name(name), Table(path, place, members, SERVER_KEYS))
    except (UsageError, InsecureUrl) as error:
        raise SettingsError(f"{path}, [{place}]: {error.message}") from error


def _choose_client_id_url(top: Table) -> Chosen | None:
    """The environment's, else that at the top of the file."""
    values = {CLIENT_ID_URL: os.environ.get(CLIENT_ID_URL) or None, str(top.path): top.text("client_id_url")}
    chosen = (Chosen(value, place) for place, value in values.items() if value is not None)
    return next((_require_document(each) for each in chosen), None)


def _require_document(chosen: Chosen) -> Chosen:
    try:
        require_document_url(chosen.value)
    except UsageError as error:
        raise SettingsError(f"{chosen.origin}, client_id_url: {error.message}") from error
    return chosen


def neighbours(settings: Settings, server: ServerSettings) -> tuple[str, ...]:
    """The other configured servers on the same origin: their paths get no token of this one (P14)."""
    ours = origin(server.url)
    others = (other.url for other in settings.servers.values())
    # All are canonical, so an origin is how they begin: to take each apart for each would take hundreds of servers seconds.
    return tuple(url for url in others if url != server.url and url.startswith(ours) and origin(url) == ours)
