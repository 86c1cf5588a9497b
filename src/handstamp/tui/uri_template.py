"""
URI templates: RFC 6570 up to level 3, and of level 4 what a single text can be: cut after so many characters, or not.

The official SDK has them too, but refuses templates that it could not match backwards, which a client never does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["expand_template", "find_variables"]

EXPRESSION = re.compile(r"\{([+#./;?&]?)([^{}]*)\}")
VARIABLE = re.compile(r"([A-Za-z0-9_.%]+)(?::([0-9]{1,4})|\*)?")
RESERVED = ":/?#[]@!$&'()*+,;="
UNRESERVED_ENDS = re.compile(r"%25([0-9A-Fa-f]{2})")
MAX_VARIABLES = 100


@dataclass(frozen=True, slots=True)
class Operator:
    """How the values of an expression are put together (RFC 6570, appendix A)."""

    first: str = ""
    between: str = ","
    named: bool = False
    if_empty: str = ""
    allowed: str = ""


OPERATORS = {
    "": Operator(),
    "+": Operator(allowed=RESERVED),
    "#": Operator("#", allowed=RESERVED),
    ".": Operator(".", "."),
    "/": Operator("/", "/"),
    ";": Operator(";", ";", named=True),
    "?": Operator("?", "&", named=True, if_empty="="),
    "&": Operator("&", "&", named=True, if_empty="="),
}


def find_variables(template: str) -> tuple[str, ...]:
    """The names in it, each once, in its order."""
    names = (name for expression in EXPRESSION.finditer(template) for name, _ in _variables(expression[2]))
    return tuple(dict.fromkeys(names))[:MAX_VARIABLES]


def expand_template(template: str, values: Mapping[str, str]) -> str:
    """The URI for these values; a name without a value is left out, with all that belongs to it."""
    return EXPRESSION.sub(lambda expression: _expand(OPERATORS[expression[1]], expression[2], values), template)


def _expand(operator: Operator, names: str, values: Mapping[str, str]) -> str:
    parts = [
        _part(operator, name, values[name] if length is None else values[name][:length])
        for name, length in _variables(names)
        if name in values
    ]
    return operator.first + operator.between.join(parts) if parts else ""


def _part(operator: Operator, name: str, value: str) -> str:
    encoded = quote(value, safe=operator.allowed)
    if operator.allowed:
        # Section 3.2.3: what is encoded already stays.
        encoded = UNRESERVED_ENDS.sub(r"%\1", encoded)
    if not operator.named:
        return encoded
    return f"{name}={encoded}" if encoded else f"{name}{operator.if_empty}"


def _variables(names: str) -> list[tuple[str, int | None]]:
    """Each name, and after how many characters its value is cut."""
    found = [VARIABLE.fullmatch(each.strip()) for each in names.split(",")]
    return [(each[1], int(each[2]) if each[2] else None) for each in found if each]
