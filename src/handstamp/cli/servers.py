"""`handstamp add` and `handstamp remove`: the two commands that write `servers.toml`. No secret ever stands in it or in argv."""

import click

from handstamp.cli.commands import Command, pass_session, server_argument
from handstamp.cli.session import Session
from handstamp.errors import SettingsError, UsageError, VaultError, account_hint, hint
from handstamp.model import OLDER, ClientSettings, GrantKey, GrantType
from handstamp.protocol.client_document import require_document_url
from handstamp.protocol.client_settings import require_complete
from handstamp.protocol.scopes import parse_scopes
from handstamp.protocol.urls import parse_server_url, require_secure
from handstamp.settings import ServerSettings, Settings, load_settings, require_header, require_name
from handstamp.settings_file import add_server, merge_server, remove_server, render_server

__all__ = ["add", "remove"]

HELP = hint("help_command", command="add")


@click.command(cls=Command)
@click.argument("name")
@click.argument("url")
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
@click.option(
    "--authorization-revision",
    type=click.Choice([OLDER]),
    metavar=OLDER,
    help="Your word that the server signs people in itself, as servers of that revision of MCP do.",
)
@pass_session
def add(
    session: Session,
    name: str,
    url: str,
    client_id: str | None,
    client_secret_from: str | None,
    client_id_url: str | None,
    issuer: str | None,
    grant_type: str | None,
    private_key_from: str | None,
    assertion_from: str | None,
    scopes: tuple[str, ...],
    callback_port: int | None,
    headers: tuple[str, ...],
    authorization_revision: str | None,
) -> None:
    """
    Give an MCP server a name.

    Writes servers.toml. Under a name that exists, only what you give changes. Where that file is read-only, the lines for it go
    to stdout, to be pasted, and the exit code is 0 all the same. A secret is never given on the command line: name the place
    where it is.

    \b
      handstamp add linear https://mcp.linear.app/mcp
      handstamp add work https://mcp.example.com/mcp --client-id abc --client-secret-from env:WORK_SECRET
    """
    url = parse_server_url(url)
    client = ClientSettings(
        client_id=client_id,
        client_secret_from=_parse_place("--client-secret-from", client_secret_from),
        client_id_url=client_id_url,
        issuer=issuer,
        grant_type=GrantType(grant_type or GrantType.AUTHORIZATION_CODE),
        private_key_from=_parse_place("--private-key-from", private_key_from),
        assertion_from=_parse_place("--assertion-from", assertion_from),
    )
    _check_client(url, client)
    given = ServerSettings(
        name=require_name(name),
        url=url,
        client=client,
        scopes=_parse_scopes(scopes),
        callback_port=callback_port,
        headers=tuple(_parse_header(header) for header in headers),
        authorization_revision=authorization_revision,
    )
    settings = load_settings()
    server = merge_server(settings, given)
    if server.client.client_secret_from is not None and server.client.client_id is None:
        raise UsageError("Expected --client-id with --client-secret-from: a secret belongs to a client.", hint=HELP)
    require_complete(server.client)
    if given.client.client_secret_from == "vault":
        _ask_and_seal(session, server)
    try:
        add_server(settings, given)
    except SettingsError as error:
        _show_lines(session, settings, server, error)
        return
    _show_added(session, settings, server)


@click.command(cls=Command)
@server_argument
@pass_session
def remove(session: Session, server: str) -> None:
    """
    Forget a server's name and settings.

    Also forgets a client secret that you typed. A sign-in stays until you run `handstamp logout`.
    """
    output = session.output
    with session.vault() as vault:
        settings = vault.settings
        if server not in settings.servers:
            known = ", ".join(sorted(settings.servers)) or "none is configured"
            raise UsageError(f"Expected the name of a configured server, got {server!r} (known: {known}).", hint=hint("status"))
        found = settings.servers[server]
        # The vault first: if it cannot be opened, nothing has happened yet.
        if found.client.client_secret_from == "vault":
            vault.forget_server(found)
        remove_server(settings, server)
        shared = [each.name for each in settings.servers.values() if each.url == found.url and each.name != server]
        try:
            stored = [] if shared else [key for key in vault.grant_keys() if key.server == found.url]
        except VaultError:
            stored = []  # the name is gone, which is what was asked for; whoever asks for a sign-in meets the error there
    if output.json:
        next_step = _sign_out(stored[0]) if stored else None
        output.document({"server": server, "url": found.url, "still_signed_in": bool(stored), "next_step": next_step})
        return
    output.done(f"Removed {server} from {settings.path}")
    if stored:
        output.warn(f"Its sign-in at {found.url} is still stored.")
        output.hint(_sign_out(stored[0]))


def _sign_out(key: GrantKey) -> str:
    return account_hint("logout", server=key.server, account=key.account)


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


def _show_lines(session: Session, settings: Settings, server: ServerSettings, error: SettingsError) -> None:
    output, lines = session.output, render_server(server)
    if output.json:
        output.document(_added(settings, server, written=False) | {"lines": lines})
        return
    output.warn(f"{error.message} Paste these lines into it:")
    output.data(lines.rstrip("\n"))


def _show_added(session: Session, settings: Settings, server: ServerSettings) -> None:
    output, before = session.output, settings.servers.get(server.name)
    if output.json:
        output.document(_added(settings, server, written=True))
        return
    output.done(f"{'Added' if before is None else 'Changed'} {server.name} ({server.url}) in {settings.path}")
    if before is not None and before.url != server.url:
        output.warn(f"It was {before.url}; a sign-in there stays until you run: {hint('logout', server=before.url)}")
    output.hint(hint("login", server=server.name))


def _added(settings: Settings, server: ServerSettings, *, written: bool) -> dict[str, object]:
    return {
        "server": server.name,
        "url": server.url,
        "path": str(settings.path),
        "written": written,
        "next_step": hint("login", server=server.name),
    }
