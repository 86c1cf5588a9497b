"""What the host does with a server: it looks at all that is offered, and uses it."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from mcp import Client, ClientSession, MCPError
from mcp_types import Tool
from pydantic import ValidationError

from conformance.sample import sample

__all__ = ["use"]


async def use(server: Client | ClientSession, context: Mapping[str, object]) -> None:
    """Calls every tool, or those of `toolCalls` in the context; then reads every resource and fetches every prompt."""
    offered = server.server_capabilities
    assert offered is not None
    tools = (await server.list_tools()).tools
    for name, arguments in _calls(tools, context):
        try:
            await server.call_tool(name, arguments)
        except (MCPError, ValidationError) as error:
            # A tool that fails, or gives what the SDK does not take (a result without a type), is no reason to leave.
            sys.stderr.write(f"{name} failed: {error}\n")
    if offered.resources is not None:
        for resource in (await server.list_resources()).resources:
            await server.read_resource(resource.uri)
    if offered.prompts is not None:
        for prompt in (await server.list_prompts()).prompts:
            await server.get_prompt(prompt.name)


def _calls(tools: Sequence[Tool], context: Mapping[str, object]) -> Iterable[tuple[str, dict[str, Any]]]:
    if "toolCalls" in context:
        wanted = cast("list[dict[str, Any]]", context["toolCalls"])
        return [(each["name"], each["arguments"]) for each in wanted]
    # Where a tool wants an object, it gets the one that is at hand anywhere: a tool's own schema.
    return [(tool.name, sample(tool.input_schema, tools[0].input_schema)) for tool in tools]
