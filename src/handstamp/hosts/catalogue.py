"""What a server offers, all pages of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_types import Prompt, Resource, ResourceTemplate, Tool

__all__ = ["Catalogue"]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a connected server offers now, each kind in the server's order. Texts are the server's: to be shown with care."""

    tools: "tuple[Tool, ...]" = ()
    prompts: "tuple[Prompt, ...]" = ()
    resources: "tuple[Resource, ...]" = ()
    templates: "tuple[ResourceTemplate, ...]" = ()
    problems: tuple[str, ...] = ()
    """Sentences on what could not be listed, or not to the end."""
