"""`handstamp tools` and `handstamp call`: a server's tools, listed and called."""

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, cast

import click

from handstamp.cli.commands import Command, account_option, configured_argument, pass_session
from handstamp.cli.connected import ask_server
from handstamp.cli.mcp_text import describe, dump, find_problems, first_line, tell_problems
from handstamp.cli.session import Session
from handstamp.errors import ServerSaidNo, UsageError, hint
from handstamp.hosts.listing import list_all
from handstamp.output import Output
from handstamp.words import one_line, text_block

if TYPE_CHECKING:
    from mcp_types import CallToolResult, Tool

    from handstamp.hosts.listing import Listed

__all__ = ["call", "parse_arguments", "show_result", "show_tools", "tools"]


@click.command(cls=Command)
@configured_argument
@account_option
@pass_session
def tools(session: Session, server: str, account: str) -> None:
    """
    List a server's tools.

    Their names and the first line of what each does; with --json all of it, the schema of their arguments too.
    """
    name, listed = ask_server(session, server, account, lambda client: list_all(client, "tools"))
    show_tools(session.output, name, listed)


def show_tools(output: Output, server: str, listed: "Listed[Tool]") -> None:
    """A line a tool, or all of each as JSON."""
    if output.json:
        output.document({"server": server, "tools": dump(listed.items), "problems": find_problems(listed)})
        return
    output.table([(one_line(tool.name), first_line(tool.description, tool.title)) for tool in listed.items], headings=False)
    tell_problems(output, f"{server} has no tools.", listed)


@click.command(cls=Command)
@configured_argument
@click.argument("tool")
@click.argument("arguments", required=False, metavar="[JSON|-]")
@account_option
@pass_session
def call(session: Session, server: str, tool: str, arguments: str | None, account: str) -> None:
    """
    Call one of a server's tools.

    Its arguments are one JSON object, or - to read that from stdin. The result goes to stdout; with --json whole, as the server
    gave it. Where the tool fails, what it says goes to stderr and the exit code is 1.

    \b
      handstamp call linear list_issues '{"limit": 5}'
      echo '{"limit": 5}' | handstamp call linear list_issues -
    """
    values = parse_arguments(arguments)
    refused = partial(hint, "tools")
    name, result = ask_server(session, server, account, lambda client: client.call_tool(tool, values), refused=refused)
    show_result(session.output, name, tool, result)


def show_result(output: Output, server: str, tool: str, result: "CallToolResult") -> None:
    """What a tool gave, or all of it as JSON. Raises ServerSaidNo, with what the tool says, where it failed."""
    if output.json:
        output.document({"server": server, "tool": tool, **_result_members(result)})
    if result.is_error:
        said = " ".join(describe(block) for block in result.content)
        refused = hint("tools", server=server)
        raise ServerSaidNo(f"{tool} of {server} failed: {one_line(said, 2000)}", hint=refused, error="tool_error")
    if not output.json:
        _show_content(output, result)


def parse_arguments(text: str | None, command: str = "call") -> dict[str, object]:
    """The arguments of a call: a JSON object, given or on stdin. Raises UsageError."""
    help_ = hint("help_command", command=command)
    if text is None:
        return {}
    try:
        value: object = json.loads(sys.stdin.read() if text == "-" else text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Expected the arguments as one JSON object, got an error: {error}.", hint=help_) from error
    if not isinstance(value, dict):
        raise UsageError(f"Expected the arguments as one JSON object, got a JSON {type(value).__name__}.", hint=help_)
    return cast("dict[str, object]", value)


def _result_members(result: "CallToolResult") -> dict[str, object]:
    return {
        "is_error": bool(result.is_error),
        "content": dump(result.content),
        "structured_content": result.structured_content,
    }


def _show_content(output: Output, result: "CallToolResult") -> None:
    for block in result.content:
        output.data(text_block(describe(block)))
    if not result.content and result.structured_content is not None:
        output.json_value(result.structured_content)
