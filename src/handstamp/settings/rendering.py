"""What `servers.toml` says of one server, as lines to write or to paste."""

from dataclasses import fields
from typing import Any

from handstamp.model import ClientSettings, GrantType, IdentityProvider
from handstamp.settings import Configured, ProgramSettings, ServerSettings

__all__ = ["find_given", "render_server", "table_values"]


def render_server(server: Configured) -> str:
    """The lines of `servers.toml` for one server, to be written or to be pasted."""
    import tomlkit

    document, table = tomlkit.document(), tomlkit.table()
    for key, value in table_values(server).items():
        table.add(key, value)
    parent = tomlkit.table(is_super_table=True)
    parent.add(server.name, table)
    document.add("servers", parent)
    return tomlkit.dumps(document)


def table_values(server: Configured) -> dict[str, object]:
    """Its keys and values; what is so by default is not said."""
    values = _server_values(server) if isinstance(server, ServerSettings) else _program_values(server)
    values["enabled"] = None if server.enabled else False
    return {key: value for key, value in values.items() if value is not None}


def _program_values(program: ProgramSettings) -> dict[str, object]:
    return {
        "command": list(program.command),
        "env": dict(program.environment) or None,
        "cwd": program.directory,
    }


def _server_values(server: ServerSettings) -> dict[str, object]:
    client = server.client
    return {
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
        "identity_provider": None if client.identity_provider is None else find_given(client.identity_provider),
        "scopes": list(server.scopes) or None,
        "callback_port": server.callback_port,
        "headers": dict(server.headers) or None,
        "code_challenge_methods_supported": list(server.code_challenge_methods_supported or ()) or None,
        "authorization_revision": server.authorization_revision,
        "transport": None if server.transport == "http" else server.transport,
    }


def find_given(settings: ClientSettings | IdentityProvider) -> dict[str, Any]:
    """What is said there, and not merely so by default."""
    values = {each.name: (getattr(settings, each.name), each.default) for each in fields(settings)}
    return {name: value for name, (value, default) in values.items() if value != default}
