"""
What a server gave, as parts that can be looked at: its texts, its data as readable JSON, and what can only be kept in a file.

Every text passes `mask`, which takes out secrets that a server repeats, and `said`. A link is what it shows: https alone, and the
terminal is told no other address than the one that is read.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.style import Style

from handstamp.protocol.urls import split_url
from handstamp.tui.hidden import Mask
from handstamp.tui.json_text import dump, pretty
from handstamp.tui.said import block, line

if TYPE_CHECKING:
    from mcp_types import (
        BlobResourceContents,
        CallToolResult,
        ContentBlock,
        GetPromptResult,
        ReadResourceResult,
        TextResourceContents,
    )

__all__ = ["Attachment", "Part", "bodies", "parts_of_messages", "parts_of_resource", "parts_of_result", "with_links"]

MAX_SHOWN = 50_000
"""Characters of one text on the screen; all of it can be saved."""
MAX_PARTS = 200
LINK = re.compile(r"https://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is not drawn, or not whole: base64 of bytes, or a text."""

    data: str
    mime_type: str
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an answer, fit to be drawn."""

    heading: Content
    body: Content
    attachment: Attachment | None = None


def parts_of_result(result: "CallToolResult", mask: Mask) -> list[Part]:
    """What a tool gave; data that it gave as text too is shown once."""
    data = result.structured_content
    blocks = [each for each in result.content if data is None or each.type != "text" or not _says_the_same(each.text, data)]
    parts = [_part(each, mask) for each in blocks[:MAX_PARTS]]
    if data is not None:
        parts.append(_text_part("Data", pretty(data), "application/json", mask))
    return parts or [Part(Content("Nothing"), Content("The tool gave no content."))]


def parts_of_messages(result: "GetPromptResult", mask: Mask) -> list[Part]:
    """The messages of a prompt, each under whose it is."""
    parts: list[Part] = []
    for message in result.messages[:MAX_PARTS]:
        part = _part(message.content, mask)
        parts.append(Part(Content.assemble(line(message.role, limit=20), " · ", part.heading), part.body, part.attachment))
    return parts or [Part(Content("Nothing"), Content("The prompt has no messages."))]


def parts_of_resource(result: "ReadResourceResult", mask: Mask) -> list[Part]:
    """What a resource holds."""
    parts = [_contents_part(each, mask) for each in result.contents[:MAX_PARTS]]
    return parts or [Part(Content("Nothing"), Content("The resource is empty."))]


def with_links(content: Content) -> Content:
    """The same text, in which each https address leads to just that address."""
    for found in LINK.finditer(content.plain):
        address = found[0].rstrip(".,;:!?)]'")
        if _is_address(address):
            content = content.stylize(Style(link=address, underline=True), found.start(), found.start() + len(address))
    return content


def _part(each: "ContentBlock", mask: Mask) -> Part:
    match each.type:
        case "text":
            return _text_part("Text", each.text, "text/plain", mask)
        case "image" | "audio":
            return _file_part(each.type.title(), each.data, each.mime_type)
        case "resource_link":
            about = [line(mask(text), limit=500) for text in (each.title or each.name, each.description) if text]
            return Part(Content("Link to a resource"), Content("\n").join([*about, with_links(line(mask(each.uri), limit=2000))]))
        case "resource":
            return _contents_part(each.resource, mask)


def _contents_part(contents: "TextResourceContents | BlobResourceContents", mask: Mask) -> Part:
    kind = contents.mime_type or ""
    text, blob = getattr(contents, "text", None), getattr(contents, "blob", "")
    part = _file_part("File", blob, kind) if text is None else _text_part("Text", text, kind or "text/plain", mask)
    return Part(Content.assemble(part.heading, " · ", line(mask(contents.uri))), part.body, part.attachment)


def _text_part(heading: str, text: str, kind: str, mask: Mask) -> Part:
    masked = mask(text)
    shown = _readable(masked)
    rest = len(shown) - MAX_SHOWN
    body = with_links(block(shown[:MAX_SHOWN]))
    if rest > 0:
        body = Content.assemble(body, f"\n… and {rest:,} more characters; save it to see all of it.")
    return Part(Content(heading), body, Attachment(masked, kind, is_text=True))


def _file_part(heading: str, data: str, kind: str) -> Part:
    size = len(data) * 3 // 4
    return Part(Content(heading), Content.assemble(line(kind or "of no kind"), f", {size:,} bytes"), Attachment(data, kind))


def _readable(text: str) -> str:
    """JSON with its lines, other text as it is."""
    if not text.lstrip().startswith(("{", "[")) or len(text) > MAX_SHOWN:
        return text
    try:
        return pretty(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _says_the_same(text: str, data: object) -> bool:
    try:
        return dump(json.loads(text)) == dump(data)
    except (ValueError, RecursionError):
        return False


def _is_address(text: str) -> bool:
    try:
        split_url(text)
    except ValueError:
        return False
    return True


def bodies(parts: Iterable[Part]) -> str:
    """All of it as plain text, for the clipboard."""
    return "\n\n".join(part.body.plain for part in parts)
