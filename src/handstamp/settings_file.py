"""
`servers.toml` as a person's own file that two commands edit: their comments, order and ways to write stay.

Every edit is read again before it is written, and must say what was meant, no more and no less; a form that cannot be edited so
is left to the person, with the lines to paste.
"""

import os
import time
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

from handstamp.errors import SettingsError, StoreUnreachable, UsageError, hint
from handstamp.model import ClientSettings, GrantType, IdentityProvider
from handstamp.settings import ServerSettings, Settings, parse_servers, parse_toml, read_settings
from handstamp.stores.private_files import check_trusted, create_private, make_directory

__all__ = ["add_server", "merge_server", "remove_server", "render_server"]

AN_HOUR = 3600.0


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
        "grant_type": None if client.grant_type is GrantType.AUTHORIZATION_CODE else client.grant_type.value,
        "private_key_from": client.private_key_from,
        "signing_algorithm": client.signing_algorithm,
        "assertion_audience": client.assertion_audience,
        "assertion_from": client.assertion_from,
        "identity_provider": None if client.identity_provider is None else _find_given(client.identity_provider),
        "scopes": list(server.scopes) or None,
        "callback_port": server.callback_port,
        "headers": dict(server.headers) or None,
        "code_challenge_methods_supported": list(server.code_challenge_methods_supported or ()) or None,
        "authorization_revision": server.authorization_revision,
    }
    return {key: value for key, value in values.items() if value is not None}


def _find_given(settings: ClientSettings | IdentityProvider) -> dict[str, Any]:
    """What is said there, and not merely so by default."""
    values = {each.name: (getattr(settings, each.name), each.default) for each in fields(settings)}
    return {name: value for name, (value, default) in values.items() if value != default}


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
        authorization_revision=given.authorization_revision or before.authorization_revision,
    )


def _merge_client(before: ClientSettings, given: ClientSettings) -> ClientSettings:
    kept = before
    if given.client_id_url is not None:
        # A client has one of two names; the secret belongs to the one that goes.
        kept = replace(kept, client_id=None, client_secret_from=None)
    if given.client_id is not None:
        kept = replace(kept, client_id_url=None)
    # It proves itself in one of two ways.
    if given.private_key_from is not None:
        kept = replace(kept, client_secret_from=None)
    if given.client_secret_from is not None:
        kept = replace(kept, private_key_from=None, signing_algorithm=None, assertion_audience=None)
    return replace(kept, **_find_given(given))


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
    text = read_settings(path)
    return text, parse_servers(path, parse_toml(path, text))


def _edit(path: Path, text: str, edit: Callable[[MutableMapping[str, Any]], None], expected: Mapping[str, ServerSettings]) -> str:
    """The text after an edit that keeps the person's comments. Raises SettingsError where it would say anything else."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        edit(document)
        edited = _end_lines_as(text, tomlkit.dumps(document))
        if parse_servers(path, parse_toml(path, edited)) == expected:
            return edited
    except (AttributeError, LookupError, TypeError, ValueError, TOMLKitError, SettingsError):
        # TOML has many ways to say one thing, and the editor cannot change each of them: then the person does.
        pass
    raise SettingsError(f"Expected [servers.NAME] tables in {path}, got a form of TOML that Handstamp cannot edit.")


def _end_lines_as(before: str, edited: str) -> str:
    """What the editor adds ends with a line feed alone; a file from Windows stays one."""
    is_from_windows = 0 < before.count("\n") == before.count("\r\n")
    return edited.replace("\r\n", "\n").replace("\n", "\r\n") if is_from_windows else edited


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
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
    if not mode & 0o200:  # a rename would replace even a file that says "do not write me"
        raise SettingsError(f"Expected to write {path}, got a file that is read-only.")
    try:
        make_directory(target.parent)
        _sweep(target)
        draft.unlink(missing_ok=True)
        create_private(draft, text.encode())
        check_trusted(draft)  # what would be refused when it is read is not written
        draft.chmod(mode)
        draft.replace(target)
    except (OSError, StoreUnreachable) as error:
        with suppress(OSError):  # where nothing can be written, nothing can be removed either
            draft.unlink(missing_ok=True)
        reason = error.message if isinstance(error, StoreUnreachable) else f"{error.strerror}."
        raise SettingsError(f"Expected to write {path}, got: {reason}") from error


def _sweep(target: Path) -> None:
    """Removes what edits left that were killed. One that is under way takes no hour (TG15)."""
    for draft in target.parent.glob(f".{target.name}.*"):
        with suppress(FileNotFoundError):  # another edit may have ended, or sweeps too
            if draft.suffix[1:].isdecimal() and draft.lstat().st_mtime < time.time() - AN_HOUR:
                draft.unlink()
