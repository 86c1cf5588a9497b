"""What becomes of a server's settings where some are given anew: the others stay."""

from dataclasses import replace

from handstamp.model import ClientSettings
from handstamp.settings import Configured, ProgramSettings, ServerSettings
from handstamp.settings.rendering import find_given

__all__ = ["merge"]


def merge(before: Configured | None, given: Configured) -> Configured:
    """What was not given stays as it is configured; of a server that becomes a program, or the reverse, nothing does."""
    match before, given:
        case ServerSettings(), ServerSettings():
            return _merge_server(before, given)
        case ProgramSettings(), ProgramSettings():
            return _merge_program(before, given)
        case _:
            return given


def _merge_program(before: ProgramSettings, given: ProgramSettings) -> ProgramSettings:
    return ProgramSettings(
        name=given.name,
        command=given.command,
        environment=tuple({**dict(before.environment), **dict(given.environment)}.items()),
        directory=given.directory or before.directory,
        enabled=before.enabled,
    )


def _merge_server(before: ServerSettings, given: ServerSettings) -> ServerSettings:
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
        transport=before.transport if given.transport == "http" else given.transport,
        enabled=before.enabled,
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
    return replace(kept, **find_given(given))


def _merge_headers(before: tuple[tuple[str, str], ...], given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    replaced = {name.lower() for name, _ in given}
    return tuple(header for header in before if header[0].lower() not in replaced) + given
