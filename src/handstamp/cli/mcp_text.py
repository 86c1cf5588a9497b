"""What servers list and answer, as text and as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handstamp.output import Output
from handstamp.words import one_line

if TYPE_CHECKING:
    from mcp_types import ContentBlock
    from pydantic import BaseModel

    from handstamp.hosts.listing import Listed

__all__ = ["describe", "dump", "find_problems", "first_line", "tell_problems"]


def describe(block: "ContentBlock") -> str:
    """One piece of an answer: its text, or what it is where it is none. Not yet fit to be shown."""
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return f"[{block.type}, {one_line(block.mime_type)}; --json shows its data]"
        case "resource_link":
            return f"[{one_line(block.uri, 2000)}]"
        case "resource":
            return getattr(block.resource, "text", f"[{one_line(block.resource.uri, 2000)}; --json shows its data]")


def first_line(*texts: str | None) -> str:
    """Of the first text that says anything."""
    lines = next((text for text in texts if text and text.strip()), "").strip().splitlines()
    return one_line(lines[0]) if lines else ""


def dump(values: "Sequence[BaseModel]") -> list[dict[str, Any]]:
    """As MCP has them."""
    return [value.model_dump(mode="json", by_alias=True, exclude_none=True) for value in values]


def find_problems(*listed: "Listed[Any]") -> list[str]:
    """Sentences on what could not be listed to its end."""
    return [each.problem for each in listed if each.problem is not None]


def tell_problems(output: Output, nothing: str, *listed: "Listed[Any]") -> None:
    """What is missing, and `nothing` where nothing was listed."""
    for problem in find_problems(*listed):
        output.warn(problem)
    if not any(each.items for each in listed):
        output.say(nothing)
