"""
`servers.toml` as a person's own file that a few commands edit: their comments, order and ways to write stay.

Every edit is read again before it is written, and must say what was meant, no more and no less; a form that cannot be edited so
is left to the person, with the lines to paste.
"""

import os
import time
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, overload

from handstamp.errors import SettingsError, StoreUnreachable
from handstamp.settings import Configured, ProgramSettings, ServerSettings, Settings, parse_settings, read_settings
from handstamp.settings.merging import merge
from handstamp.settings.rendering import render_server, table_values
from handstamp.stores.private_files import check_trusted, create_private, make_directory

__all__ = ["add_server", "change_server", "merge_server", "remove_server", "render_server", "set_enabled"]

AN_HOUR = 3600.0


@overload
def merge_server(settings: Settings, given: ServerSettings) -> ServerSettings: ...
@overload
def merge_server(settings: Settings, given: ProgramSettings) -> ProgramSettings: ...
def merge_server(settings: Settings, given: Configured) -> Configured:
    """What `servers.toml` will say of a server once `given` is added: what was not given stays as it is configured."""
    return merge(settings.configured.get(given.name), given)


def add_server(settings: Settings, server: Configured) -> None:
    """
    Writes what `server` gives into `servers.toml`, whose comments and order stay, as do the other settings of that name.

    Raises SettingsError where the file cannot be written: the caller then shows the lines of `render_server` to paste.
    """
    _put(settings, server.name, lambda now: merge_server(now, server))


def change_server(settings: Settings, name: str, change: Callable[[Configured], Configured]) -> None:
    """
    Writes what `change` makes of what the file says of a server now: what it leaves out is gone.

    Raises UsageError where it is not there, SettingsError where the file cannot be written.
    """
    _put(settings, name, lambda now: change(now.find_configured(name)))


def _put(settings: Settings, name: str, make: Callable[[Settings], Configured]) -> None:
    import tomlkit
    from tomlkit.items import InlineTable

    text, now = _read(settings.path)
    server = make(now)

    def edit(document: MutableMapping[str, Any]) -> None:
        parent = document.setdefault("servers", tomlkit.table(is_super_table=True))
        if name not in parent:
            parent[name] = {} if isinstance(parent, InlineTable) else tomlkit.table()
        _update(parent[name], table_values(server))

    _write(now.path, _edit(text, edit, _with(now, {**now.configured, name: server})))


def set_enabled(settings: Settings, name: str, enabled: bool) -> Configured:
    """
    Switches a server on or off in `servers.toml`. Gives what the file says of it from then on.

    Raises UsageError where it is not there, SettingsError where the file cannot be written.
    """
    text, now = _read(settings.path)
    before = now.find_configured(name)
    server = replace(before, enabled=enabled)

    def edit(document: MutableMapping[str, Any]) -> None:
        table = document["servers"][name]
        with _keeping_the_tail(table):
            table["enabled"] = enabled

    if server != before:
        _write(now.path, _edit(text, edit, _with(now, {**now.configured, name: server})))
    return server


def remove_server(settings: Settings, name: str) -> None:
    """
    Takes one server out of `servers.toml`.

    Raises UsageError where it is not there, SettingsError where the file cannot be written.
    """
    text, now = _read(settings.path)
    now.find_configured(name)

    def edit(document: MutableMapping[str, Any]) -> None:
        del document["servers"][name]

    rest = {each: value for each, value in now.configured.items() if each != name}
    _write(settings.path, _edit(text, edit, _with(now, rest)))


def _with(settings: Settings, configured: Mapping[str, Configured]) -> Settings:
    return replace(
        settings,
        servers={name: each for name, each in configured.items() if isinstance(each, ServerSettings)},
        programs={name: each for name, each in configured.items() if isinstance(each, ProgramSettings)},
    )


def _read(path: Path) -> tuple[str, Settings]:
    """The file as it is now, for an edit. Somebody may have changed it since the settings were loaded."""
    text = read_settings(path)
    return text, parse_settings(path, text)


def _edit(text: str, edit: Callable[[MutableMapping[str, Any]], None], expected: Settings) -> str:
    """The text after an edit that keeps the person's comments. Raises SettingsError where it would say anything else."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        edit(document)
        edited = _end_lines_as(text, tomlkit.dumps(document))
        if parse_settings(expected.path, edited) == expected:
            return edited
    except (AttributeError, LookupError, TypeError, ValueError, TOMLKitError, SettingsError):
        # TOML has many ways to say one thing, and the editor cannot change each of them: then the person does.
        pass
    raise SettingsError(f"Expected [servers.NAME] tables in {expected.path}, got a form of TOML that Handstamp cannot edit.")


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
