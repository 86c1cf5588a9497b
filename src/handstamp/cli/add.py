"""`handstamp add`: writes a server, or a program that is one, into `servers.toml`. No secret has to stand there or in argv."""

from typing import Literal, TypedDict, Unpack

import click

from handstamp.cli.commands import Command, pass_session
from handstamp.cli.servers import name_members, show_lines
from handstamp.cli.session import Session
from handstamp.errors import SettingsError, UsageError, hint
from handstamp.model import OLDER, ClientSettings, GrantType
from handstamp.protocol.client_document import require_document_url
from handstamp.protocol.client_settings import require_complete
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.urls import parse_server_url, require_secure
from handstamp.settings import (
    Configured,
    ProgramSettings,
    ServerSettings,
    Settings,
    load_settings,
    require_command,
    require_directory,
    require_header,
    require_name,
    require_variable,
)
from handstamp.settings_file import add_server, merge_server
from handstamp.words import one_line

__all__ = ["add"]

HELP = hint("help_command", command="add")


class _Add(Command):
    """What follows `--` is a program and its arguments, and no option of ours is looked for in it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:at])
        ctx.params["command"] = args[at + 1 :] if at < len(args) else None
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND [ARG]...]"]


class _UrlOptions(TypedDict):
    """What can be said of a server behind a URL alone."""

    client_id: str | None
    client_secret_from: str | None
    client_id_url: str | None
    issuer: str | None
    grant_type: str | None
    private_key_from: str | None
    assertion_from: str | None
    scopes: tuple[str, ...]
    callback_port: int | None
    headers: tuple[str, ...]
    transport: Literal["sse"] | None
    authorization_revision: str | None


@click.command(cls=_Add)
@click.argument("name")
@click.argument("url", required=False)
@click.option("--client-id", metavar="ID", help="A client that you registered yourself.")
@click.option(
    "--client-secret-from",
    metavar="env:NAME|file:PATH|prompt",
    help="Where its secret is read at each use; prompt asks now and seals it in the vault.",
)
@click.option("--client-id-url", metavar="URL", help="A client ID metadata document of yours.")
@click.option(
    "--issuer", metavar="URL", help="The authorization server of your client; which one, where the server names several."
)
@click.option(
    "--grant-type",
    type=click.Choice(["client_credentials", "jwt_bearer"]),
    help="For a program: nobody signs in. By the client's own secret or key, or by a workload's JWT.",
)
@click.option("--private-key-from", metavar="env:NAME|file:PATH", help="Where the client's private key is read at each use.")
@click.option("--assertion-from", metavar="env:NAME|file:PATH", help="Where the workload's JWT is read at each use.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What to ask for. Repeat it, or separate by spaces.")
@click.option(
    "--callback-port", type=click.IntRange(1, 65535), metavar="PORT", help="Where your registered redirect address listens."
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'Name: value'",
    help="Sent to the server itself with every request. A value that is a secret is given as env:NAME or file:PATH.",
)
@click.option("--transport", type=click.Choice(["sse"]), help="For a server that speaks the HTTP+SSE of 2024-11-05.")
@click.option(
    "--authorization-revision",
    type=click.Choice([OLDER]),
    metavar=OLDER,
    help="Your word that the server signs people in itself, as servers of that revision of MCP do.",
)
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="NAME=VALUE",
    help="An environment variable of a program. A value that is a secret is given as env:NAME or file:PATH.",
)
@click.option("--cwd", "directory", metavar="DIR", help="Where a program runs.")
@click.pass_context
@pass_session
def add(
    session: Session,
    context: click.Context,
    name: str,
    url: str | None,
    command: list[str] | None,
    environment: tuple[str, ...],
    directory: str | None,
    **options: Unpack[_UrlOptions],
) -> None:
    """
    Give an MCP server a name.

    It is behind a URL, or a program on this machine, whose command follows two dashes.

    Writes servers.toml. Under a name that exists, only what you give changes. Where that file is read-only, the lines for it go
    to stdout, to be pasted, and the exit code is 0 all the same. A secret is never given on the command line: name the place
    where it is.

    \b
      handstamp add linear https://mcp.linear.app/mcp
      handstamp add work https://mcp.example.com/mcp --client-id abc --client-secret-from env:WORK_SECRET
      handstamp add files -- npx -y @modelcontextprotocol/server-filesystem /home/me/notes
    """
    require_name(name)
    if (url is None) == (command is None):
        actual = "neither" if url is None else "both"
        raise UsageError(f"Expected a URL, or two dashes and the command of a program, got {actual}.", hint=HELP)
    if command is not None:
        _refuse(context, {**options}, "a URL")
        _add_program(session, _parse_program(name, command, environment, directory))
    else:
        _refuse(context, {"environment": environment, "directory": directory}, "the command of a program")
        _add_server(session, _parse_server(name, url or "", options))


def _refuse(context: click.Context, options: dict[str, object], belong_to: str) -> None:
    for parameter in context.command.params:
        if options.get(parameter.name or ""):
            raise UsageError(f"Expected {parameter.opts[0]} with {belong_to} only.", hint=HELP)


def _parse_program(name: str, command: list[str], environment: tuple[str, ...], directory: str | None) -> ProgramSettings:
    if not command:
        raise UsageError("Expected the command of a program after the two dashes, got nothing.", hint=HELP)
    return ProgramSettings(
        name=name,
        command=require_command(command),
        environment=tuple(_parse_variable(each) for each in environment),
        directory=None if directory is None else require_directory(directory, "--cwd"),
    )


def _parse_variable(text: str) -> tuple[str, str]:
    name, is_set, value = text.partition("=")
    if not is_set:
        raise UsageError("Expected --env NAME=VALUE, got no '='.", hint=HELP)
    return name, require_variable(name, value)


def _add_program(session: Session, given: ProgramSettings) -> None:
    settings = load_settings()
    program = merge_server(settings, given)
    _write(session, settings, given, program)


def _parse_server(name: str, url: str, options: _UrlOptions) -> ServerSettings:
    url = parse_server_url(url)
    client = ClientSettings(
        client_id=options["client_id"],
        client_secret_from=_parse_place("--client-secret-from", options["client_secret_from"]),
        client_id_url=options["client_id_url"],
        issuer=options["issuer"],
        grant_type=GrantType(options["grant_type"] or GrantType.AUTHORIZATION_CODE),
        private_key_from=_parse_place("--private-key-from", options["private_key_from"]),
        assertion_from=_parse_place("--assertion-from", options["assertion_from"]),
    )
    _check_client(url, client)
    return ServerSettings(
        name=name,
        url=url,
        client=client,
        scopes=_parse_scopes(options["scopes"]),
        callback_port=options["callback_port"],
        headers=tuple(_parse_header(header) for header in options["headers"]),
        authorization_revision=options["authorization_revision"],
        transport=options["transport"] or "http",
    )


def _add_server(session: Session, given: ServerSettings) -> None:
    settings = load_settings()
    server = merge_server(settings, given)
    if server.client.client_secret_from is not None and server.client.client_id is None:
        raise UsageError("Expected --client-id with --client-secret-from: a secret belongs to a client.", hint=HELP)
    require_complete(server.client)
    if given.client.client_secret_from == "vault":
        _ask_and_seal(session, server)
    _write(session, settings, given, server)


def _check_client(url: str, client: ClientSettings) -> None:
    if client.client_id is not None and client.client_id_url is not None:
        raise UsageError("Expected --client-id or --client-id-url, got both.", hint=HELP)
    if client.client_secret_from is not None and client.client_id_url is not None:
        raise UsageError("Expected --client-secret-from with --client-id, got --client-id-url.", hint=HELP)
    if client.client_id_url is not None:
        require_document_url(client.client_id_url)
    if client.issuer is not None:
        require_secure(client.issuer, "--issuer", near=url)


def _parse_place(option: str, place: str | None) -> str | None:
    can_be_asked = option == "--client-secret-from"
    if place == "prompt" and can_be_asked:
        return "vault"
    scheme, colon, rest = (place or "").partition(":")
    if place is None or (scheme in ("env", "file") and colon and rest):
        return place
    # What came instead may be the secret itself, so it is not repeated.
    places = "env:NAME, file:PATH or prompt" if can_be_asked else "env:NAME or file:PATH"
    raise UsageError(f"Expected {places} for {option}, got something else.", hint=HELP)


def _parse_scopes(values: tuple[str, ...]) -> tuple[str, ...]:
    words = " ".join(values).split()
    scopes = parse_scopes(" ".join(words))
    if set(scopes) != set(words):
        raise UsageError("Expected scopes of visible ASCII characters without quotation marks and backslashes.", hint=HELP)
    return scopes


def _parse_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise UsageError("Expected --header 'Name: value', got no colon.", hint=HELP)
    return name.strip(), require_header(name.strip(), value.strip())


def _ask_and_seal(session: Session, server: ServerSettings) -> None:
    if not session.output.is_conversation:
        raise UsageError(
            "Expected a terminal to ask for the client secret; without one, use --client-secret-from env:NAME or file:PATH.",
            hint=HELP,
        )
    secret = session.output.ask_secret(f"Client secret of {server.name} (not shown)")
    if not secret:
        raise UsageError("Expected a client secret, got an empty line.", hint=HELP)
    with session.vault() as vault:
        vault.keep_client_secret(server, secret)


def _write(session: Session, settings: Settings, given: Configured, merged: Configured) -> None:
    try:
        add_server(settings, given)
    except SettingsError as error:
        show_lines(session.output, settings, merged, error, _members(settings, merged, written=False))
        return
    if session.output.json:
        session.output.document(_members(settings, merged, written=True))
    else:
        _show_added(session, settings, merged)


def _show_added(session: Session, settings: Settings, server: Configured) -> None:
    output, before = session.output, settings.configured.get(server.name)
    what = server.url if isinstance(server, ServerSettings) else one_line(" ".join(server.command))
    output.done(f"{'Added' if before is None else 'Changed'} {server.name} ({what}) in {settings.path}")
    if isinstance(before, ServerSettings) and before.url != what:
        output.warn(f"It was {before.url}; a sign-in there stays until you run: {hint('logout', server=before.url)}")
    output.hint(_next_step(server))


def _members(settings: Settings, server: Configured, *, written: bool) -> dict[str, object]:
    return {**name_members(server), "path": str(settings.path), "written": written, "next_step": _next_step(server)}


def _next_step(server: Configured) -> str:
    return hint("tools" if isinstance(server, ProgramSettings) else "login", server=server.name)
