"""An MCP server whose tools and results are not what MCP says: its fault, told as such, and nothing of it acts."""

import json

import pytest

from bad_input.sites import BabblingServer
from commands import Home

SCHEMA = {"type": "object", "required": ["sum"]}
TOOL = {"name": "add", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize("listing", [{"tools": 5}, {"tools": [{"name": ["the-name-of-a-tool"]}]}, {}])
def test_a_list_of_tools_that_is_none_is_the_server_s_fault(listing: dict[str, object], home: Home) -> None:
    with BabblingServer({"tools/list": listing}) as server:
        ran = home.fail("tools", server.url, code=1)

    assert ran.error == f"Expected an answer of {server.url} as MCP has it, got something else."
    assert ran.hint == f"handstamp doctor {server.url}"
    assert "the-name-of-a-tool" not in ran.stderr


def test_a_result_that_is_none_is_the_server_s_fault(home: Home) -> None:
    with BabblingServer({"tools/list": {"tools": [TOOL]}, "tools/call": {"content": "the-result"}}) as server:
        ran = home.fail("call", server.url, "add", code=1)

    assert ran.error == f"Expected an answer of {server.url} as MCP has it, got something else."
    assert "the-result" not in ran.stderr


def test_a_result_that_its_own_schema_does_not_allow_is_the_server_s_fault(home: Home) -> None:
    listing = {"tools": [{**TOOL, "outputSchema": SCHEMA}]}
    with BabblingServer({"tools/list": listing, "tools/call": {"content": [], "structuredContent": {"a": "\x1b[2J"}}}) as server:
        ran = home.fail("call", server.url, "add", code=1)

    assert "Invalid structured content returned by tool add" in ran.error
    assert "\x1b[2J" not in ran.stderr


def test_a_number_that_json_cannot_write_does_not_spoil_the_document(home: Home) -> None:
    """1e999 is a number to JSON and an infinity to Python, which would write it as no JSON knows it."""
    with BabblingServer({"tools/call": {"content": [], "structuredContent": {"a": [float("inf"), 1]}}}) as server:
        plain = home.run("call", server.url, "add")
        whole = home.run("call", server.url, "add", "--json")

    assert json.loads(plain.stdout) == {"a": [None, 1]}
    assert json.loads(whole.stdout)["structured_content"] == {"a": [None, 1]}
