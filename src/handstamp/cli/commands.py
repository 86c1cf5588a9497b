"""The commands by name, each module loaded when its command runs, and the options that all of them take."""

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import click

from handstamp.cli.app import is_installed, open_app, wants_app
from handstamp.cli.session import Session
from handstamp.errors import UsageError, hint
from handstamp.output import ColorChoice, Output

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = [
    "COMMANDS",
    "Command",
    "CommandGroup",
    "account_option",
    "build_group",
    "complete",
    "configured_argument",
    "invoke",
    "optional_server_argument",
    "pass_session",
    "server_argument",
]

COMMANDS = {
    "add": ("add", "Give an MCP server a name."),
    "remove": ("servers", "Forget a server's name and settings."),
    "enable": ("servers", "Switch a server on again."),
    "disable": ("servers", "Switch a server off, and keep its settings and its sign-in."),
    "login": ("login", "Sign in to a server in your browser."),
    "logout": ("logout", "Revoke a sign-in and forget it here."),
    "refresh": ("refresh", "Renew a server's token now."),
    "status": ("status", "Show every server and its sign-in."),
    "doctor": ("doctor", "Find out why a server works, or does not."),
    "token": ("tokens", "Print a fresh access token, and nothing else."),
    "headers": ("tokens", "Print the request headers for a server as a JSON object."),
    "tools": ("remote", "List a server's tools."),
    "call": ("remote", "Call one of a server's tools."),
    "prompts": ("offers", "List a server's prompts."),
    "prompt": ("offers", "Get one of a server's prompts."),
    "resources": ("offers", "List a server's resources and resource templates."),
    "read": ("offers", "Read one of a server's resources."),
    "client-id": ("client_id", "Make, check and serve a client ID metadata document."),
    "vault": ("vault", "Look after the vault: its place, its health, its backups, its key."),
    "completion": ("completion", "Print the completion script of a shell."),
}
"""Name, module and one line; a test compares the line with the command's own. In the order in which people need them."""


pass_session = click.make_pass_decorator(Session)


def invoke(session: Session, arguments: Sequence[str]) -> int:
    """Reads the command line and runs its command. Gives the exit code; raises UsageError, and what the command raises."""
    group = build_group()
    try:
        with group.make_context("handstamp", list(arguments), obj=session) as context:
            group.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        raise _as_usage_error(error) from error
    return 0


def complete(variable: str) -> int:
    """Answers the completion script of a shell."""
    from click.shell_completion import shell_complete

    return shell_complete(build_group(), {}, "handstamp", variable, os.environ[variable])


def build_group() -> click.Group:
    """`handstamp` with all its commands, none of them loaded."""
    return _Group(
        "handstamp",
        params=[*_common_options(), _version_option()],
        commands={name: _Lazy(name, module, line) for name, (module, line) in COMMANDS.items()},
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        callback=click.pass_context(_open_app_if_alone),
        invoke_without_command=True,
        help=(
            "Sign in once, stay signed in, to every MCP server.\n\n"
            "Without a command, at a terminal, the app opens: every server at a glance.\n\n\b\n"
            "  handstamp add linear https://mcp.linear.app/mcp\n"
            "  handstamp login linear\n"
            "  handstamp call linear list_issues '{\"limit\": 5}'"
        ),
        epilog="Exit codes: 0 done, 1 failed, 2 usage or settings, 3 network, 4 sign-in needed, 5 vault, 130 interrupted.",
    )


class Command(click.Command):
    """A command that also takes the options which all of them take."""

    def __init__(self, name: str | None, *, params: list[click.Parameter] | None = None, **attributes: Any) -> None:
        super().__init__(name, params=[*(params or []), *_common_options()], **attributes)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            # Of an option without its value click does not say whose it is.
            error.ctx = error.ctx or ctx
            raise


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class CommandGroup(_Group):
    """A command whose commands belong together. By itself it shows what they are."""

    def __init__(self, name: str | None, **attributes: Any) -> None:
        attributes |= {
            "params": _common_options(),
            "callback": click.pass_context(_help_if_alone),
            "invoke_without_command": True,
        }
        super().__init__(name, **attributes)


class _Lazy(click.Command):
    """Stands in the list of commands for one whose module nobody has needed yet."""

    def __init__(self, name: str, module: str, line: str) -> None:
        super().__init__(name, short_help=line)
        self._module = module

    def load(self) -> click.Command:
        name = (self.name or "").replace("-", "_")
        return cast("click.Command", getattr(import_module(f"handstamp.cli.{self._module}"), name))

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if parent is not None:
            _session(parent).command = self.name
        return self.load().make_context(info_name, args, parent, **extra)


def server_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """SERVER, a name or a URL."""
    return click.argument("server", shell_complete=_complete_server)(command)


def optional_server_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """[SERVER], likewise."""
    return click.argument("server", required=False, shell_complete=_complete_server)(command)


def configured_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """SERVER, the name of a server or of a program in `servers.toml`."""
    return click.argument("server", shell_complete=_complete_configured)(command)


def account_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--account: which of several sign-ins at one server."""
    return click.option("--account", default="default", metavar="LABEL", help="Which of your accounts there; a label of yours.")(
        command
    )


def _complete_server(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    return _complete_names(incomplete, programs=False)


def _complete_configured(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    return _complete_names(incomplete, programs=True)


def _complete_names(incomplete: str, *, programs: bool) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    from handstamp.errors import HandstampError
    from handstamp.settings import load_settings

    try:
        settings = load_settings()
    except HandstampError:
        return []
    helps = {each.name: each.url for each in settings.servers.values()}
    if programs:
        helps |= {each.name: each.command[0] for each in settings.programs.values()}
    return [CompletionItem(name, help=help_) for name, help_ in helps.items() if name.startswith(incomplete)]


def _common_options() -> list[click.Parameter]:
    # They work before and after the command's name, so each sets what it was given and leaves alone what it was not.
    return [
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=_set_verbose,
            help="Show every authorization request, secrets masked.",
        ),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_set_json, help="Answer in JSON, errors too."),
        click.Option(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            expose_value=False,
            callback=_set_color,
            help="When to use colours.",
        ),
    ]


def _set_verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        _session(context).verbose = True


def _set_json(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        _session(context).output.json = True


def _set_color(context: click.Context, parameter: click.Parameter, value: ColorChoice | None) -> None:
    if value is not None:
        _session(context).output.color = value


def _session(context: click.Context) -> Session:
    found = context.find_object(Session)
    if found is None:
        # The command line is only read: by shell completion, or by the test of the hints.
        found = context.obj = Session(Output())
    return found


def _version_option() -> click.Option:
    return click.Option(
        ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
    )


def _show_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        number = version("handstamp")
    except PackageNotFoundError:
        number = "(not installed)"
    _session(context).output.data(f"handstamp {number}")
    context.exit()


def _help_if_alone(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        _session(context).output.data(context.get_help())


def _open_app_if_alone(context: click.Context) -> None:
    """The terminal app, where there is a terminal; else the help."""
    if context.invoked_subcommand is not None:
        return
    session = _session(context)
    if wants_app(session) and is_installed():
        context.exit(open_app(session))
    session.output.data(context.get_help())
    if wants_app(session):
        session.output.say()
        session.output.warn("The terminal app is not installed.")
        session.output.hint(hint("install_tui"))


def _as_usage_error(error: click.ClickException) -> UsageError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    match context.command_path.split()[1:] if context is not None else []:
        case [group, command]:
            help_ = hint("help_subcommand", group=group, subcommand=command)
        case [command]:
            help_ = hint("help_command", command=command)
        case _:
            help_ = hint("help")
    return UsageError(" ".join(error.format_message().split()), hint=help_)
