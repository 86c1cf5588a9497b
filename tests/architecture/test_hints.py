"""A hint is one command that exists: each is made by `hint()` from `HINTS` and accepted by the real command line."""

import ast
import shlex
from string import Formatter

import pytest

from command_line import is_accepted
from handstamp.errors import HINTS, hint
from source_tree import calls, dotted_name, modules

MODULES = modules()
SAMPLES = {
    "account": "work",
    "command": "login",
    "group": "client-id",
    "mode": "0700",
    "name": "linear",
    "path": "/home/me/it's here",
    "provider": "file",
    "scope": "read write",
    "server": "linear",
    "subcommand": "check",
    "url": "https://mcp.linear.app/mcp",
}
OTHER_PROGRAMS = {"chmod", "mv", "openssl", "pip", "rm"}


def fields(command: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(command) if name}


def is_made_by_hint(value: ast.expr) -> bool:
    """A call (of `hint`, or of what calls it), a value that was made elsewhere, or nothing; never a string of its own."""
    match value:
        case ast.Call() | ast.Name() | ast.Attribute() | ast.Constant(value=None):
            return True
        case ast.IfExp(body=body, orelse=orelse):
            return is_made_by_hint(body) and is_made_by_hint(orelse)
        case ast.BoolOp(values=values):
            return all(is_made_by_hint(each) for each in values)
        case _:
            return False


def test_no_error_is_given_a_hint_of_its_own_words() -> None:
    loose = [
        f"{module.path}:{keyword.value.lineno}"
        for module in MODULES
        for call in calls(module.tree)
        for keyword in call.keywords
        if keyword.arg == "hint" and not is_made_by_hint(keyword.value)
    ]

    assert loose == []


def test_every_hint_that_is_made_has_its_entry_and_its_values() -> None:
    for place, call in ((module.path, call) for module in MODULES for call in calls(module.tree)):
        if dotted_name(call.func) in {"hint", "errors.hint"} and call.args and isinstance(call.args[0], ast.Constant):
            key = call.args[0].value

            assert key in HINTS, f"{place}:{call.lineno}"
            given = {keyword.arg for keyword in call.keywords}
            assert None in given or given == fields(HINTS[key]), f"{place}:{call.lineno}"


def test_values_are_quoted_for_the_shell() -> None:
    command = hint("move_aside", path="/home/me/it's; rm -rf ~")

    assert shlex.split(command) == ["mv", "/home/me/it's; rm -rf ~", "/home/me/it's; rm -rf ~.broken"]


@pytest.mark.parametrize("key", HINTS)
def test_the_real_command_line_accepts_every_hint(key: str) -> None:
    command = hint(key, **{name: SAMPLES[name] for name in fields(HINTS[key])})

    assert shlex.split(command)[0] in OTHER_PROGRAMS or is_accepted(command)
