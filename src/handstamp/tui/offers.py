"""What a server offers as the app lists it: tools, prompts, resources and templates, one shape for all four."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from handstamp.hosts.catalogue import Catalogue
from handstamp.tui.uri_template import find_variables

if TYPE_CHECKING:
    from mcp_types import Prompt, Resource, ResourceTemplate, Tool, ToolAnnotations

__all__ = ["Offer", "Sort", "asks_first", "count_offers", "filter_offers", "hints_in_words", "list_offers"]


class Sort(Enum):
    """The four kinds of what a server offers."""

    TOOL = "tool"
    PROMPT = "prompt"
    RESOURCE = "resource"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Offer:
    """One of them. All texts are the server's: to be shown with care."""

    sort: Sort
    name: str
    title: str
    description: str
    schema: dict[str, object]
    """What the form of its arguments is made from."""
    uri: str = ""
    """Of a resource; of a template, the template."""
    annotations: "ToolAnnotations | None" = None


def list_offers(catalogue: Catalogue) -> list[Offer]:
    """All of them, tools first, each kind in the server's order."""
    return [
        *map(_tool, catalogue.tools),
        *map(_prompt, catalogue.prompts),
        *map(_resource, catalogue.resources),
        *map(_template, catalogue.templates),
    ]


def filter_offers(offers: Sequence[Offer], text: str) -> list[Offer]:
    """Those that hold every word of `text`, whatever its case; `!word` for those that do not hold it."""
    return [offer for offer in offers if all(_holds(offer, word) for word in text.lower().split())]


def count_offers(offers: Sequence[Offer]) -> str:
    """`12 tools · 1 prompt`."""
    counted = [(sum(offer.sort is sort for offer in offers), sort.value) for sort in Sort]
    return " · ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counted if count) or "nothing"


def asks_first(offer: Offer) -> bool:
    """
    Whether a call waits for a yes: where the server marks the tool as destructive.

    That is `destructiveHint`; or, by the default of MCP, that it says "not read only" and nothing of destruction. Where it says
    nothing at all, the same default would make every tool destructive that nobody has annotated, which is most of them: a
    question that always comes is answered unread. A person has filled in the form and called; the pane says that nothing is
    known.
    """
    hints = offer.annotations
    if hints is None:
        return False
    return hints.destructive_hint is True or (hints.read_only_hint is False and hints.destructive_hint is None)


def hints_in_words(offer: Offer) -> str:
    """What the server says of a tool's effects, said as its word."""
    hints = offer.annotations
    if offer.sort is not Sort.TOOL:
        return ""
    if hints is None or (hints.read_only_hint is None and hints.destructive_hint is None):
        effect = "does not say whether it changes anything"
    elif asks_first(offer):
        effect = "says that it may destroy or overwrite"
    elif hints.read_only_hint:
        effect = "says that it only reads"
    else:
        effect = "says that it only adds"
    more = [
        "calling again changes nothing more" if hints and hints.idempotent_hint and not hints.read_only_hint else "",
        "it reaches beyond the server" if hints and hints.open_world_hint else "",
        "it stays within the server" if hints and hints.open_world_hint is False else "",
    ]
    return "; ".join(filter(None, [f"The server {effect}", *more])) + "."


def _holds(offer: Offer, word: str) -> bool:
    text = f"{offer.sort.value} {offer.name} {offer.title} {offer.uri} {offer.description[:2000]}".lower()
    return word[1:] not in text if len(word) > 1 and word.startswith("!") else word in text


def _tool(tool: "Tool") -> Offer:
    title = tool.title or (tool.annotations.title if tool.annotations else None) or ""
    return Offer(Sort.TOOL, tool.name, title, tool.description or "", tool.input_schema, annotations=tool.annotations)


def _prompt(prompt: "Prompt") -> Offer:
    arguments = prompt.arguments or []
    properties = {each.name: {"type": "string", "title": each.title, "description": each.description} for each in arguments}
    schema = _object(properties, [each.name for each in arguments if each.required])
    return Offer(Sort.PROMPT, prompt.name, prompt.title or "", prompt.description or "", schema)


def _resource(resource: "Resource") -> Offer:
    described = resource.description or ""
    return Offer(Sort.RESOURCE, resource.name, resource.title or "", described, _object({}, []), uri=resource.uri)


def _template(template: "ResourceTemplate") -> Offer:
    names = find_variables(template.uri_template)
    schema = _object({name: {"type": "string"} for name in names}, [])
    described = template.description or ""
    return Offer(Sort.TEMPLATE, template.name, template.title or "", described, schema, uri=template.uri_template)


def _object(properties: dict[str, dict[str, str | None]], required: list[str]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": required}
