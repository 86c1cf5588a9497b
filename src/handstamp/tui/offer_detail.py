"""What a server offers, in words: a row of the list, all about one of them, and why there is nothing to see."""

from textual.content import Content

from handstamp.hosts.connection import Host
from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.form_rules import rules_in_words
from handstamp.tui.hidden import Mask
from handstamp.tui.json_text import pretty
from handstamp.tui.offers import Offer, Sort, asks_first, hints_in_words
from handstamp.tui.results import with_links
from handstamp.tui.said import block, line
from handstamp.tui.schema_form import Field, Kind, build_form

__all__ = ["detail_of", "option_of", "outline", "problems_of", "why_not"]

MAX_TEXT = 10_000
GLYPHS = {Sort.TOOL: " ", Sort.PROMPT: "“", Sort.RESOURCE: "≡", Sort.TEMPLATE: "∗"}
WHY = {
    ConnectionStatus.DISABLED: "It is disabled.",
    ConnectionStatus.STARTING: "It is being connected to; what it offers comes here.",
    ConnectionStatus.NEEDS_LOGIN: "It needs you to sign in.",
    ConnectionStatus.UNREACHABLE: "It does not answer; it is tried again by itself.",
    ConnectionStatus.ERROR: "It cannot be connected to.",
}


def option_of(offer: Offer) -> Content:
    """A row of the list: its name, and what it is where it is no tool."""
    name = line(offer.name or offer.uri, limit=80)
    if offer.sort is Sort.TOOL:
        return Content.assemble(("! ", "$text-warning"), name) if asks_first(offer) else Content.assemble("  ", name)
    return Content.assemble(f"{GLYPHS[offer.sort]} ", name, (f"  {offer.sort.value}", "dim"))


def detail_of(offer: Offer, mask: Mask, *, as_json: bool) -> Content:
    """All that the server says of it."""
    head = [line(offer.name or offer.uri, "bold")]
    if offer.title and offer.title != offer.name:
        head.append(line(mask(offer.title)))
    parts = [Content("\n").join(head)]
    if offer.uri:
        parts.append(Content.assemble(("Address  ", "dim"), line(mask(offer.uri), limit=2000)))
    if offer.description:
        parts.append(with_links(block(mask(offer.description[:MAX_TEXT]))))
    if hints := hints_in_words(offer):
        parts.append(Content.styled(hints, "$text-warning" if asks_first(offer) else "dim"))
    parts.append(block(pretty(offer.schema)[:MAX_TEXT]) if as_json else outline(offer))
    return Content("\n\n").join(parts)


def outline(offer: Offer) -> Content:
    """Its arguments, a line or two each."""
    form = build_form(offer.schema)
    if not form.expressible:
        return Content("Its arguments are JSON: J shows their schema.")
    if not form.fields:
        return Content("It takes no arguments.")
    return Content("\n").join([Content.styled("Arguments", "bold"), *_outline(form.fields, 1)])


def why_not(host: Host | None) -> Content | None:
    """Why there is nothing to see, and what to do; None where there is something."""
    if host is None:
        return Content("No server is chosen.")
    state = host.state
    if state.status in (ConnectionStatus.CONNECTED, ConnectionStatus.NEEDS_MORE_ACCESS):
        catalogue = host.catalogue
        offers = catalogue.tools or catalogue.prompts or catalogue.resources or catalogue.templates
        return None if offers else Content("It offers neither tools nor prompts nor resources.")
    words = [line(state.reason or WHY[state.status], limit=500)]
    if state.next_step:
        words.append(Content.assemble("Try  ", line(state.next_step, "bold")))
    return Content("\n").join(words)


def problems_of(host: Host | None) -> Content | None:
    """What could not be listed."""
    if host is None or not host.catalogue.problems:
        return None
    return Content("\n").join(Content.assemble("! ", line(each, limit=300)) for each in host.catalogue.problems[:5])


def _outline(fields: tuple[Field, ...], depth: int) -> list[Content]:
    lines: list[Content] = []
    for field in fields:
        indent = "  " * depth
        choices = ", ".join(choice.label for choice in field.choices[:8])
        kind = f"{field.kind.value} {choices}".strip() if field.choices else field.kind.value
        words = [
            f"{kind} of {field.items.value}s" if field.kind is Kind.LIST else kind,
            rules_in_words(field),
            "required" if field.required else "",
        ]
        said = line(" · ".join(filter(None, words)), "dim")
        lines.append(Content.assemble(indent, line(field.path[-1], limit=60), "  ", said))
        if field.description:
            lines.append(Content.assemble(indent, "  ", line(field.description, "dim", limit=300)))
        lines += _outline(field.fields, depth + 1)
    return lines
