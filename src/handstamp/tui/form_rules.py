"""What the value of a field has to be, by its schema: said in a few words, and judged."""

import re
from typing import cast

from handstamp.tui.schema_form import Field, Kind

__all__ = ["Wrong", "judge", "rules_in_words"]

MAX_TEXT = 200
"""Of what is held against a pattern."""

FORMATS = {
    "email": (re.compile(r"[^@\s]+@[^@\s]+"), "an e-mail address such as me@example.com"),
    "uri": (re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+"), "an address such as https://example.com"),
    "date": (re.compile(r"\d{4}-\d{2}-\d{2}"), "a date such as 2026-07-28"),
    "date-time": (
        re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})"),
        "a time such as 2026-07-28T12:00:00Z",
    ),
}


class Wrong(Exception):
    """What was entered cannot be used; the text is the sentence for the person."""


def rules_in_words(each: Field) -> str:
    """What its value has to be, besides its kind, in a few words; empty where anything goes."""
    rules = each.rules
    if each.kind is Kind.LIST or each.kind is Kind.CHOICES:
        return _range("items", rules.get("minItems"), rules.get("maxItems"))
    if each.kind is Kind.TEXT:
        words = [
            str(rules.get("format", ""))[:MAX_TEXT],
            _range("characters", rules.get("minLength"), rules.get("maxLength")),
            f"like {pattern[:MAX_TEXT]}" if isinstance(pattern := rules.get("pattern"), str) else "",
        ]
        return ", ".join(filter(None, words))
    if each.kind in (Kind.NUMBER, Kind.INTEGER):
        words = [
            _range("", rules.get("minimum"), rules.get("maximum")),
            _bound("more than", rules.get("exclusiveMinimum")),
            _bound("less than", rules.get("exclusiveMaximum")),
            _bound("a multiple of", rules.get("multipleOf")),
        ]
        return ", ".join(filter(None, words))
    return ""


def judge(each: Field, value: object) -> None:
    """Raises Wrong where a value of the right kind breaks a rule that can be judged here; the server judges all of them."""
    match value:
        case bool() | None:
            return
        case str() if each.kind is Kind.TEXT:
            _judge_text(each, value)
        case int() | float() if each.kind in (Kind.NUMBER, Kind.INTEGER):
            _judge_number(each, value)
        case list() if each.kind in (Kind.LIST, Kind.CHOICES):
            _judge_length(each, len(cast("list[object]", value)), "minItems", "maxItems", "items")
        case _:
            return


def _judge_text(each: Field, text: str) -> None:
    _judge_length(each, len(text), "minLength", "maxLength", "characters")
    shape = each.rules.get("format")
    if isinstance(shape, str) and shape in FORMATS:
        expression, wanted = FORMATS[shape]
        if not expression.fullmatch(text):
            raise Wrong(f"Expected {wanted}.")
    pattern = each.rules.get("pattern")
    if isinstance(pattern, str) and not _may_match(pattern, text):
        raise Wrong(f"Expected text like {pattern}.")


def _judge_number(each: Field, value: float) -> None:
    low, high = _number(each.rules.get("minimum")), _number(each.rules.get("maximum"))
    above, below = _number(each.rules.get("exclusiveMinimum")), _number(each.rules.get("exclusiveMaximum"))
    if low is not None and value < low:
        raise Wrong(f"Expected at least {low}, got {value}.")
    if high is not None and value > high:
        raise Wrong(f"Expected at most {high}, got {value}.")
    if above is not None and value <= above:
        raise Wrong(f"Expected more than {above}, got {value}.")
    if below is not None and value >= below:
        raise Wrong(f"Expected less than {below}, got {value}.")


def _judge_length(each: Field, length: int, least: str, most: str, what: str) -> None:
    low, high = _number(each.rules.get(least)), _number(each.rules.get(most))
    if low is not None and length < low:
        raise Wrong(f"Expected at least {low} {what}, got {length}.")
    if high is not None and length > high:
        raise Wrong(f"Expected at most {high} {what}, got {length}.")


def _number(value: object) -> int | float | None:
    # What is larger has more digits than Python writes, and compares with nothing sensible.
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else None


def _may_match(pattern: str, text: str) -> bool:
    """False only where the pattern is plainly not met: one whose search could take long is left to the server."""
    # A search takes long where repetitions follow each other or lie inside each other.
    repetitions = len(re.findall(r"[*+?|]|\{\d*,", pattern))
    if len(pattern) > MAX_TEXT or len(text) > MAX_TEXT or repetitions > 2 or re.search(r"\)\s*[*+?{]|\\[1-9]|\(\?", pattern):
        return True
    try:
        return re.search(pattern, text) is not None
    except (re.error, OverflowError, RecursionError):
        return True


def _range(what: str, low: object, high: object) -> str:
    match _bound("", low), _bound("", high):
        case "", "":
            return ""
        case least, "":
            words = f"at least {least}"
        case "", most:
            words = f"at most {most}"
        case least, most:
            words = least if least == most else f"{least} to {most}"
    return f"{words} {what}".strip()


def _bound(words: str, value: object) -> str:
    number = _number(value)
    return "" if number is None else f"{words} {number}".strip()
