"""What ends on a person's terminal: anybody's text, a server's tools and results, and what they are called with."""

import io
import json
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import NoReturn
from unicodedata import category

from fuzz.conversation import read_answers
from fuzz.properties import check_refusal, check_shown
from fuzz.samples import SECRETS
from fuzz.target import Target
from handstamp.cli.trace import Trace
from handstamp.errors import HandstampError, UsageError
from handstamp.model import Secret
from handstamp.output import Output
from handstamp.protocol.exchange import Purpose, Request
from handstamp.protocol.text import INVISIBLE, MAX_MARKS, SHOWN_START, mask, safe
from handstamp.settings import ServerSettings
from handstamp.words import one_line, text_block

__all__ = ["TARGETS"]

SERVER = ServerSettings("linear", "https://mcp.example/mcp")


def show_text(data: bytes) -> None:
    """Somebody's text, in the three ways in which it is shown (TH1, TH2)."""
    text = data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace") if _is_text(data) else data.decode("latin-1")

    for limit in (1, 7, 200):
        shown = safe(text, limit)
        check_shown(shown)
        assert len(shown) <= limit
        _check_visible(shown)
    assert "\n" not in one_line(text)
    check_shown(one_line(text))
    block = text_block(text)
    check_shown(block, kept="\n\t")
    _check_visible(block)
    if text.isascii() and text.isprintable():
        assert safe(text, len(text) + 1) == block == text


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _check_visible(text: str) -> None:
    assert not set(text) & INVISIBLE, "something is there that nobody sees"
    marks = 0
    for character in text:
        marks = marks + 1 if category(character).startswith("M") else 0
        assert marks <= MAX_MARKS, "a flood of marks"


def mask_text(data: bytes) -> None:
    """Somebody's text that repeats what we sent, whole or cut (TF13)."""
    text = data.decode("utf-8", "replace")
    secrets = [Secret(secret) for secret in SECRETS]

    for limit in (20, 40, 200):
        masked = mask(safe(mask(text, secrets), limit), secrets)
        _check_masked(masked)
        _check_masked(mask(safe(text, limit), secrets))


def _check_masked(text: str) -> None:
    before_cut = text.split("…")[:-1]
    for secret in SECRETS:
        assert secret not in text, "a secret is shown"
        beginnings = (secret[:length] for length in range(SHOWN_START + 1, len(secret)))
        assert not any(part.endswith(beginning) for beginning in beginnings for part in before_cut), "most of a secret is shown"


def show_trace(data: bytes) -> None:
    """What `-v` says of an answer. It never raises."""
    request = Request(
        "POST",
        "https://auth.example/token?key=the-key-in-a-query",
        Purpose.TOKEN,
        headers=(("authorization", Secret("Basic the-secret")), ("x-key", "the-key-in-a-header")),
        form=(("grant_type", "refresh_token"), ("refresh_token", Secret("the-refresh-token")), ("code", "the-code")),
    )
    trace = Trace(Output())
    for outcome in read_answers(data):
        with _captured() as (stdout, stderr):
            trace.observe(request, outcome)
        assert not stdout.getvalue()
        said = stderr.getvalue()
        check_shown(said, kept="\n")
        if not any(part in data for part in (b"the-", b"\\u")):
            assert "the-" not in said, "a secret of the request is shown"


def show_call(data: bytes) -> None:
    """A message of an MCP server's in answer to `tools/call`, as a person sees it and as JSON."""
    from mcp_types import CallToolResult
    from pydantic import ValidationError

    from handstamp.cli.remote import show_result

    members = _read_result(data)
    try:
        result = CallToolResult.model_validate(members, by_name=False)
    except ValidationError:
        return
    for as_json in (False, True):
        output = Output()
        output.json = as_json
        with _captured() as (stdout, stderr):
            try:
                show_result(output, SERVER.name, "a tool", result)
            except HandstampError as error:
                output.problem(error)
        _check_said(stdout.getvalue(), stderr.getvalue(), as_json=as_json)


def show_tools(data: bytes) -> None:
    """A message of an MCP server's in answer to `tools/list`, as a person sees it and as JSON."""
    from mcp_types import ListToolsResult
    from pydantic import ValidationError

    from handstamp.cli.remote import show_tools
    from handstamp.hosts.listing import Listed

    members = _read_result(data)
    try:
        listed = Listed(tuple(ListToolsResult.model_validate(members, by_name=False).tools))
    except ValidationError:
        return
    for as_json in (False, True):
        output = Output()
        output.json = as_json
        with _captured() as (stdout, stderr):
            show_tools(output, SERVER.name, listed)
        _check_said(stdout.getvalue(), stderr.getvalue(), as_json=as_json)


def _read_result(data: bytes) -> dict[str, object]:
    """The result in a message, as the SDK reads it."""
    from mcp import MCPError
    from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter
    from pydantic import ValidationError

    from handstamp.hosts.judging import explain
    from handstamp.hosts.target import HttpTarget

    try:
        message = jsonrpc_message_adapter.validate_json(data, by_name=False)
    except ValidationError:
        return {}
    if isinstance(message, JSONRPCError):
        said = MCPError(message.error.code, message.error.message)
        error = explain(HttpTarget(SERVER.name, SERVER.url), said, refused="handstamp status")
        assert isinstance(error, HandstampError)
        check_refusal(error)
    return dict(message.result) if isinstance(message, JSONRPCResponse) else {}


@contextmanager
def _captured() -> Generator[tuple[io.StringIO, io.StringIO]]:
    with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
        yield stdout, stderr


def _check_said(stdout: str, stderr: str, *, as_json: bool) -> None:
    check_shown(stdout, kept="\n\t")
    check_shown(stderr, kept="\n")
    if as_json:
        for document in filter(None, (stdout, stderr)):
            json.loads(document, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def read_arguments(data: bytes) -> None:
    """The arguments of `handstamp call`, which an agent may have written."""
    from handstamp.cli.remote import parse_arguments

    try:
        values = parse_arguments(data.decode("utf-8", "surrogateescape"))
    except UsageError as error:
        check_shown(safe(error.message))
        return

    assert isinstance(values, dict)


MCP_WORDS = (
    '{"jsonrpc":"2.0","id":1,"result":',
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"',
    '"content":[{"type":"text","text":"',
    '{"type":"image","data":"","mimeType":"',
    '{"type":"resource_link","uri":"x:","name":"',
    '{"type":"resource","resource":{"uri":"x:","text":"',
    '"structuredContent":',
    '"isError":true',
    '"tools":[{"name":"a","inputSchema":{}',
    '"description":"',
    "\\u001b",
    "1e999",
    "NaN",
)

TARGETS = (
    Target(
        "text",
        show_text,
        max_length=1024,
        words=("\x1b[31m", "\x1b]52;c;", "\u202e", "\u200b", "\u0301", "\u20dd", "\r", "\x9b", "\U000e0041"),
    ),
    Target("mask", mask_text, max_length=1024, words=(*SECRETS, "…", "***", "\x1b")),
    Target(
        "trace",
        show_trace,
        words=("\n\n", "\n%%\n", "400\n", "content-type: ", "www-authenticate: ", '"error":"', '"error_description":"', "lost"),
    ),
    Target("mcp_call", show_call, words=MCP_WORDS),
    Target("mcp_tools", show_tools, words=MCP_WORDS),
    Target("arguments", read_arguments, words=("NaN", "1e999", "[[[[", '{"a":')),
)
