"""`handstamp tools` and `handstamp call`: a server's tools through the official SDK, which is loaded here and nowhere else."""

import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar, cast

import click

from handstamp.cli.commands import Command, account_option, pass_session, server_argument
from handstamp.cli.session import Session
from handstamp.errors import (
    ConnectFailed,
    MalformedResponse,
    NetworkError,
    ServerBrokeProtocol,
    ServerSaidNo,
    TimedOut,
    UsageError,
    find_error,
    hint,
)
from handstamp.output import Output
from handstamp.settings import ServerSettings
from handstamp.wiring import read_headers
from handstamp.words import one_line, text_block

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, ContentBlock, Tool

    from handstamp.vault import Vault

__all__ = ["call", "tools"]

T = TypeVar("T")

HELP = hint("help_command", command="call")

MAX_PAGES = 100
CONNECT_SECONDS = 30.0
ANSWER_SECONDS = 300.0
"""A tool may take its time."""


@click.command(cls=Command)
@server_argument
@account_option
@pass_session
def tools(session: Session, server: str, account: str) -> None:
    """
    List a server's tools.

    Their names and the first line of what each does; with --json all of it, the schema of their arguments too.
    """
    with session.vault() as vault:
        found = vault.settings.find(server)
        listed = _run(session, vault, found, account, _list_tools, refused=hint("login_trace", server=found.name))
    show_tools(session.output, found, listed)


def show_tools(output: Output, server: ServerSettings, listed: "Sequence[Tool]") -> None:
    """A line a tool, or all of each as JSON."""
    if output.json:
        dumped = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]
        output.document({"server": server.name, "tools": dumped})
        return
    output.table([(one_line(tool.name), _first_line(tool)) for tool in listed], headings=False)
    if not listed:
        output.say(f"{server.name} has no tools.")


@click.command(cls=Command)
@server_argument
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
    with session.vault() as vault:
        found = vault.settings.find(server)
        refused = hint("tools", server=found.name)
        result = _run(session, vault, found, account, lambda client: client.call_tool(tool, values), refused=refused)
    show_result(session.output, found, tool, result)


def show_result(output: Output, server: ServerSettings, tool: str, result: "CallToolResult") -> None:
    """What a tool gave, or all of it as JSON. Raises ServerSaidNo, with what the tool says, where it failed."""
    if output.json:
        output.document({"server": server.name, "tool": tool, **_result_members(result)})
    if result.is_error:
        said = " ".join(_describe(block) for block in result.content)
        refused = hint("tools", server=server.name)
        raise ServerSaidNo(f"{tool} of {server.name} failed: {one_line(said, 2000)}", hint=refused, error="tool_error")
    if not output.json:
        _show_content(output, result)


def parse_arguments(text: str | None) -> dict[str, object]:
    """The arguments of a call: a JSON object, given or on stdin. Raises UsageError."""
    if text is None:
        return {}
    try:
        value: object = json.loads(sys.stdin.read() if text == "-" else text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"Expected the arguments as one JSON object, got an error: {error}.", hint=HELP) from error
    if not isinstance(value, dict):
        raise UsageError(f"Expected the arguments as one JSON object, got a JSON {type(value).__name__}.", hint=HELP)
    return cast("dict[str, object]", value)


def _run(
    session: Session,
    vault: "Vault",
    server: ServerSettings,
    account: str,
    work: "Callable[[Client], Awaitable[T]]",
    *,
    refused: str,
) -> T:
    """
    Runs `work` with a connected client. Raises our own errors, whatever groups the SDK wraps them in.

    `refused` is the hint for an error of the protocol's: another one where `tools` itself failed than where a call did.
    """
    if find_spec("mcp") is None:
        raise UsageError("Expected the MCP SDK, which `tools` and `call` use, and it is not installed.", hint=hint("install_mcp"))
    import logging

    import anyio

    # What the libraries below log, they also raise; without a handler Python would print it, unescaped, between our own lines.
    logging.getLogger().addHandler(logging.NullHandler())

    async def main() -> T:
        async with _connect(session, vault, server, account) as client:
            return await work(client)

    try:
        return anyio.run(main)
    except Exception as error:
        raise translate(server, error, refused) from error


@asynccontextmanager
async def _connect(session: Session, vault: "Vault", server: ServerSettings, account: str) -> "AsyncGenerator[Client]":
    import httpx2
    from mcp import Client
    from mcp.client.extension import advertise
    from mcp.client.streamable_http import streamable_http_client

    from handstamp.http.client import open_client

    extension = server.client.grant_type.extension
    declared = [] if extension is None else [advertise(extension)]

    http = open_client(
        vault.auth(server.url, account=account),
        headers=read_headers(server.headers),
        timeout=httpx2.Timeout(CONNECT_SECONDS, read=ANSWER_SECONDS),
        transport=vault.transport(server.url),
        hide=session.output.hide,
    )
    async with (
        http,
        Client(streamable_http_client(server.url, http_client=http), extensions=declared) as client,
    ):
        yield client


async def _list_tools(client: "Client") -> "list[Tool]":
    found: list[Tool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def translate(server: ServerSettings, error: Exception, refused: str) -> Exception:
    """Our own error for what the SDK or its client raised; the same error where it is neither's. `refused` as in `_run`."""
    import httpx2
    from mcp import MCPError
    from pydantic import ValidationError

    trace = hint("login_trace", server=server.name)
    ours = find_error(error)
    if isinstance(ours, NetworkError | ServerBrokeProtocol):
        ours.hint = ours.hint or trace
    if ours is not None:
        return ours
    for each in _leaves(error):
        match each:
            case httpx2.TimeoutException():
                return TimedOut(f"Expected an answer of {server.name}, got none in time.", hint=trace)
            case httpx2.TransportError():
                return ConnectFailed(f"Expected a connection to {server.url}, but nothing answers there.", hint=trace)
            case httpx2.HTTPStatusError():
                return ServerSaidNo(f"{server.name} answers HTTP {each.response.status_code}.", hint=trace)
            case MCPError():
                return ServerSaidNo(f"{server.name} answers: {one_line(each.message, 1000)}", hint=refused)
            case ValidationError():
                return MalformedResponse(f"Expected an answer of {server.name} as MCP has it, got something else.", hint=trace)
            case RuntimeError() if "protocol version" in str(each):
                return MalformedResponse(f"Expected {server.name} to speak a version of MCP that is known here.", hint=trace)
            case RuntimeError():
                # What the SDK says of a result that the tool's own schema does not allow, or of a schema that is none.
                return MalformedResponse(f"{server.name} breaks its own word: {one_line(str(each), 500)}", hint=trace)
            case _:
                continue
    return error


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for each in cast("BaseExceptionGroup[BaseException]", error).exceptions for leaf in _leaves(each)]
    return [error]


def _first_line(tool: "Tool") -> str:
    lines = (tool.description or tool.title or "").strip().splitlines()
    return one_line(lines[0]) if lines else ""


def _result_members(result: "CallToolResult") -> dict[str, object]:
    return {
        "is_error": bool(result.is_error),
        "content": [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content],
        "structured_content": result.structured_content,
    }


def _show_content(output: Output, result: "CallToolResult") -> None:
    for block in result.content:
        output.data(text_block(_describe(block)))
    if not result.content and result.structured_content is not None:
        output.json_value(result.structured_content)


def _describe(block: "ContentBlock") -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return f"[{block.type}, {one_line(block.mime_type)}; --json shows its data]"
        case "resource_link":
            return f"[{one_line(block.uri, 2000)}]"
        case "resource":
            return getattr(block.resource, "text", f"[{one_line(block.resource.uri, 2000)}; --json shows its data]")
