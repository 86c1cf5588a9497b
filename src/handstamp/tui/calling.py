"""One call, prompt or resource, from its arguments to an answer or to what a person can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from textual.content import Content

from handstamp.errors import LoginRequired, StepUpRequired, find_error
from handstamp.hosts.connection import Host, OnProgress
from handstamp.tui.hidden import Mask
from handstamp.tui.json_text import dump
from handstamp.tui.offers import Offer, Sort
from handstamp.tui.results import Part, parts_of_messages, parts_of_resource, parts_of_result
from handstamp.tui.said import line
from handstamp.tui.uri_template import expand_template
from handstamp.words import one_line

__all__ = ["Answer", "Trouble", "do_call", "explain", "progress_line"]

BAR = 24
"""Columns of a bar of progress."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came. Where a tool `failed`, its parts say why in its own words."""

    parts: list[Part]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why no answer came, fit to be shown."""

    message: str
    next_step: str | None = None
    login: bool = False
    """Whether signing in would help; for `scopes`, where the server names some."""
    scopes: tuple[str, ...] = ()


async def do_call(
    host: Host, offer: Offer, arguments: Mapping[str, object], mask: Mask, on_progress: OnProgress | None = None
) -> Answer:
    """Calls the tool, gets the prompt or reads the resource. Raises what `Host` raises."""
    match offer.sort:
        case Sort.TOOL:
            result = await host.call_tool(offer.name, dict(arguments), on_progress=on_progress)
            return Answer(parts_of_result(result, mask), result.is_error)
        case Sort.PROMPT:
            return Answer(parts_of_messages(await host.get_prompt(offer.name, _texts(arguments)), mask))
        case Sort.RESOURCE:
            return Answer(parts_of_resource(await host.read_resource(offer.uri), mask))
        case Sort.TEMPLATE:
            uri = expand_template(offer.uri, _texts(arguments))
            return Answer(parts_of_resource(await host.read_resource(uri), mask))


def explain(error: Exception, mask: Mask) -> Trouble:
    """An error of ours with its hint; another one, which is a mistake of the program, in its own words."""
    match find_error(error):
        case None:
            return Trouble(one_line(mask(f"Expected an answer, got {type(error).__name__}: {error}"), 1000))
        case StepUpRequired() as ours:
            return Trouble(mask(ours.message), ours.hint, login=True, scopes=ours.scopes)
        case LoginRequired() as ours:
            return Trouble(mask(ours.message), ours.hint, login=True)
        case ours:
            return Trouble(mask(ours.message), ours.hint)


def progress_line(progress: float, total: float | None, message: str | None) -> Content:
    """`━━━━━━──────  50 %  the server's words`; without a total, how much is done."""
    words = line(message or "", "dim")
    if total is None or not 0 < total < float("inf"):
        return Content.assemble(f"{_amount(progress)} done so far  ", words)
    share = min(max(progress / total, 0.0), 1.0) if progress == progress else 0.0
    filled = round(share * BAR)
    return Content.assemble(("━" * filled, "$primary"), ("─" * (BAR - filled), "dim"), f"  {share:.0%}  ", words)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.3g}"


def _texts(arguments: Mapping[str, object]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else dump(value) for name, value in arguments.items()}
