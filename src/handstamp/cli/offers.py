"""`handstamp prompts`, `prompt`, `resources` and `read`: what a server has besides tools."""

from functools import partial
from typing import TYPE_CHECKING

import click

from handstamp.cli.commands import Command, account_option, configured_argument, pass_session
from handstamp.cli.connected import ask_server
from handstamp.cli.mcp_text import describe, dump, find_problems, first_line, tell_problems
from handstamp.cli.remote import parse_arguments
from handstamp.cli.session import Session
from handstamp.errors import UsageError, hint
from handstamp.hosts.listing import Listed, list_all
from handstamp.output import Output
from handstamp.words import one_line, text_block

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import GetPromptResult, Prompt, ReadResourceResult, Resource, ResourceTemplate

__all__ = ["prompt", "prompts", "read", "resources", "show_contents", "show_messages", "show_prompts", "show_resources"]


@click.command(cls=Command)
@configured_argument
@account_option
@pass_session
def prompts(session: Session, server: str, account: str) -> None:
    """
    List a server's prompts.

    Their names, arguments (in brackets those that may be left out) and the first line of what each is for; with --json all of it.
    """
    name, listed = ask_server(session, server, account, lambda client: list_all(client, "prompts"))
    show_prompts(session.output, name, listed)


@click.command(cls=Command)
@configured_argument
@click.argument("name")
@click.argument("arguments", required=False, metavar="[JSON|-]")
@account_option
@pass_session
def prompt(session: Session, server: str, name: str, arguments: str | None, account: str) -> None:
    """
    Get one of a server's prompts.

    Its arguments are one JSON object of strings, or - to read that from stdin. The messages go to stdout, each after a line that
    says whose it is where there are several; with --json whole, as the server gave them.

    \b
      handstamp prompt notes weekly_report '{"week": "2026-47"}'
    """
    values = _require_strings(parse_arguments(arguments, "prompt"))
    refused = partial(hint, "prompts")
    called, result = ask_server(session, server, account, lambda client: client.get_prompt(name, values), refused=refused)
    show_messages(session.output, called, name, result)


@click.command(cls=Command)
@configured_argument
@account_option
@pass_session
def resources(session: Session, server: str, account: str) -> None:
    """
    List a server's resources and resource templates.

    Their URIs, or what URIs are made of, and what each is; with --json all of it.
    """
    name, (listed, templates) = ask_server(session, server, account, _list_resources)
    show_resources(session.output, name, listed, templates)


@click.command(cls=Command)
@configured_argument
@click.argument("uri")
@account_option
@pass_session
def read(session: Session, server: str, uri: str, account: str) -> None:
    """
    Read one of a server's resources.

    Its text goes to stdout; with --json whole, as the server gave it, data that is no text in base64.
    """
    refused = partial(hint, "resources")
    name, result = ask_server(session, server, account, lambda client: client.read_resource(uri), refused=refused)
    show_contents(session.output, name, uri, result)


def show_prompts(output: Output, server: str, listed: "Listed[Prompt]") -> None:
    """A line a prompt, or all of each as JSON."""
    if output.json:
        output.document({"server": server, "prompts": dump(listed.items), "problems": find_problems(listed)})
        return
    rows = [(one_line(each.name), _describe_arguments(each), first_line(each.description, each.title)) for each in listed.items]
    output.table(rows, headings=False)
    tell_problems(output, f"{server} has no prompts.", listed)


def show_messages(output: Output, server: str, name: str, result: "GetPromptResult") -> None:
    """What a prompt makes of its arguments, or all of it as JSON."""
    if output.json:
        messages = dump(result.messages)
        output.document({"server": server, "prompt": name, "description": result.description, "messages": messages})
        return
    for message in result.messages:
        if len(result.messages) > 1:
            output.data(f"{message.role}:")
        output.data(text_block(describe(message.content)))


def show_resources(output: Output, server: str, listed: "Listed[Resource]", templates: "Listed[ResourceTemplate]") -> None:
    """A line a resource and a template, or all of each as JSON."""
    if output.json:
        problems = find_problems(listed, templates)
        output.document(
            {"server": server, "resources": dump(listed.items), "templates": dump(templates.items), "problems": problems}
        )
        return
    rows = [(one_line(each.uri, 2000), first_line(each.title, each.name, each.description)) for each in listed.items]
    rows += [(one_line(each.uri_template, 2000), first_line(each.title, each.name, each.description)) for each in templates.items]
    output.table(rows, headings=False)
    tell_problems(output, f"{server} has no resources.", listed, templates)


def show_contents(output: Output, server: str, uri: str, result: "ReadResourceResult") -> None:
    """What a resource holds, or all of it as JSON."""
    if output.json:
        output.document({"server": server, "uri": uri, "contents": dump(result.contents)})
        return
    for each in result.contents:
        kind = one_line(each.mime_type or "data")
        output.data(text_block(getattr(each, "text", f"[{one_line(each.uri, 2000)}, {kind}; --json shows its data]")))


async def _list_resources(client: "Client") -> "tuple[Listed[Resource], Listed[ResourceTemplate]]":
    return await list_all(client, "resources"), await list_all(client, "templates")


def _describe_arguments(prompt: "Prompt") -> str:
    names = [(one_line(each.name, 60), each.required) for each in prompt.arguments or ()]
    return ", ".join(name if required else f"[{name}]" for name, required in names)


def _require_strings(values: dict[str, object]) -> dict[str, str]:
    for name, value in values.items():
        if not isinstance(value, str):
            raise UsageError(
                f"Expected a string for the argument {name!r} of a prompt, got a JSON {type(value).__name__}.",
                hint=hint("help_command", command="prompt"),
            )
    return {name: str(value) for name, value in values.items()}
