"""Everything that a server lists, page by page, with an end to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import ServerCapabilities

__all__ = ["KINDS", "MOST_ITEMS", "MOST_PAGES", "Listed", "find_offered", "list_all"]

MOST_PAGES = 100
MOST_ITEMS = 10_000

T = TypeVar("T")

KINDS = ("tools", "prompts", "resources", "templates")
"""The fields of a `Catalogue`."""
WORDS = {"templates": "resource templates"}


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One kind. `problem` is a sentence on what is missing."""

    items: tuple[T, ...]
    problem: str | None = None


async def list_all(client: "Client", kind: str) -> Listed[Any]:
    """All of one of `KINDS`; nothing where the server does not know the kind. Raises what a request raises."""
    from mcp import MCPError
    from mcp_types import METHOD_NOT_FOUND

    try:
        return await _list(client, kind)
    except MCPError as error:
        if error.code == METHOD_NOT_FOUND:
            return Listed(())
        raise


async def _list(client: "Client", kind: str) -> Listed[Any]:
    match kind:
        case "tools":
            return await _follow_pages(kind, lambda cursor: client.list_tools(cursor=cursor), lambda page: page.tools)
        case "prompts":
            return await _follow_pages(kind, lambda cursor: client.list_prompts(cursor=cursor), lambda page: page.prompts)
        case "resources":
            return await _follow_pages(kind, lambda cursor: client.list_resources(cursor=cursor), lambda page: page.resources)
        case _:
            return await _follow_pages(
                kind, lambda cursor: client.list_resource_templates(cursor=cursor), lambda page: page.resource_templates
            )


def find_offered(capabilities: "ServerCapabilities") -> Mapping[str, bool]:
    """The kinds that the server says it has, and whether it tells when they change."""
    declared = {
        "tools": capabilities.tools,
        "prompts": capabilities.prompts,
        "resources": capabilities.resources,
        "templates": capabilities.resources,
    }
    return {kind: bool(each.list_changed) for kind, each in declared.items() if each is not None}


async def _follow_pages(
    kind: str, fetch: Callable[[str | None], Awaitable[Any]], find_items: Callable[[Any], Sequence[Any]]
) -> Listed[Any]:
    found: list[Any] = []
    cursor: str | None = None
    seen: set[str] = set()
    what = WORDS.get(kind, kind)
    for _ in range(MOST_PAGES):
        page = await fetch(cursor)
        found += find_items(page)
        if len(found) > MOST_ITEMS:
            return Listed(tuple(found[:MOST_ITEMS]), f"It has more than {MOST_ITEMS} {what}; the others are left out.")
        cursor = page.next_cursor
        if cursor is None:
            return Listed(tuple(found))
        if cursor in seen:
            return Listed(tuple(found), f"Its list of {what} leads back to a page that was read; what comes after is left out.")
        seen.add(cursor)
    return Listed(tuple(found), f"Its list of {what} has more than {MOST_PAGES} pages; the others are left out.")
