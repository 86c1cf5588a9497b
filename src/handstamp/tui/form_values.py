"""
From what was entered in a form to the arguments of a call, and back.

`read_form` judges: arguments, or one sentence for each field that is wrong. `draft` does not: it is the JSON of what was
entered so far, right or wrong, for whoever goes on in JSON; `fill` is its inverse. Optional fields that are left empty are left
out.
"""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from handstamp.tui.form_rules import Wrong, judge
from handstamp.tui.json_text import dump
from handstamp.tui.schema_form import UNSET, Choice, Field, Form, Kind, Path
from handstamp.words import text_block

__all__ = ["Entered", "Entry", "Reading", "defaults", "draft", "fill", "parse_object", "read_form"]

Entry = str | int | tuple[int, ...] | None
"""What was typed; which choice was made, or which ones; None for nothing."""
Entered = Mapping[Path, Entry]

MISSING = "Expected a value, got none."
INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The arguments, which are good for a call where there are no problems."""

    arguments: dict[str, object]
    problems: Mapping[Path, str]
    """A sentence for each field that is wrong."""


def read_form(form: Form, entered: Entered) -> Reading:
    """What a call gets, or what is wrong."""
    problems: dict[Path, str] = {}
    return Reading(_read_group(form.fields, entered, problems), problems)


def draft(form: Form, entered: Entered) -> dict[str, object]:
    """What was entered so far as JSON; what is wrong stands in it as text."""
    return _draft_group(form.fields, entered)


def fill(form: Form, arguments: Mapping[str, object]) -> dict[Path, Entry]:
    """What would have to be entered for these arguments. Raises Wrong, where the form cannot say it."""
    entered: dict[Path, Entry] = {}
    _fill_group(form.fields, arguments, entered)
    said = draft(form, entered)
    if lost := [name for name, value in arguments.items() if name not in said or dump(said[name]) != dump(value)]:
        raise Wrong(f"The form has no place for the value of {lost[0]}: go on in JSON, or take it out.")
    return entered


def defaults(form: Form) -> dict[Path, Entry]:
    """What a fresh form holds: the defaults of the schema that are values of their field."""
    entered: dict[Path, Entry] = {}
    for each in _leaves(form.fields):
        entry = _entry(each, each.default)
        with suppress(Wrong):
            # A text that would not draw as it is has no place in an editor: TH1.
            if entry is not None and _draws(entry) and dump(_read(each, entry)) == dump(each.default):
                entered[each.path] = entry
    return entered


def parse_object(text: str) -> dict[str, object]:
    """One JSON object. Raises Wrong."""
    try:
        value: object = json.loads(text or "{}", parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Wrong(f"Expected JSON, got an error in line {error.lineno}, column {error.colno}: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise Wrong("Expected JSON, got a value that JSON has not, or that is too large or too deep.") from error
    if not isinstance(value, dict):
        raise Wrong("Expected one JSON object, { … }, got another kind of value.")
    return cast("dict[str, object]", value)


def _read_group(fields: tuple[Field, ...], entered: Entered, problems: dict[Path, str]) -> dict[str, object]:
    result: dict[str, object] = {}
    for each in fields:
        if each.kind is Kind.GROUP:
            if each.required or _is_begun(each, entered):
                result[each.path[-1]] = _read_group(each.fields, entered, problems)
            continue
        try:
            if (value := _read(each, entered.get(each.path))) is not UNSET:
                result[each.path[-1]] = value
        except Wrong as wrong:
            problems[each.path] = str(wrong)
    return result


def _is_begun(group: Field, entered: Entered) -> bool:
    return any(not _is_empty(entered.get(leaf.path)) for leaf in _leaves(group.fields))


def _is_empty(entry: Entry) -> bool:
    return entry is None or entry == () or (isinstance(entry, str) and not entry.strip())


def _leaves(fields: tuple[Field, ...]) -> list[Field]:
    return [leaf for each in fields for leaf in (_leaves(each.fields) if each.kind is Kind.GROUP else [each])]


def _read(each: Field, entry: Entry) -> object:
    """The value of a field; UNSET where it is left out. Raises Wrong."""
    if _is_empty(entry):
        return _read_nothing(each)
    match each.kind:
        case Kind.CHOICE | Kind.CHOICES:
            value = _chosen(each, entry)
        case Kind.JSON:
            value = _read_json(str(entry))
        case Kind.LIST:
            value = [_read_scalar(each.items, line) for line in str(entry).split("\n") if line.strip()]
        case _:
            value = _read_scalar(each.kind, str(entry))
    judge(each, value)
    return value


def _read_nothing(each: Field) -> object:
    if not each.required:
        return UNSET
    if each.nullable:
        return None
    if each.kind in (Kind.LIST, Kind.CHOICES) and not each.rules.get("minItems"):
        return []
    raise Wrong(MISSING)


def _read_scalar(kind: Kind, text: str) -> object:
    if kind is Kind.TEXT:
        return text
    value = _to_number(text.strip())
    if value is None:
        raise Wrong(f"Expected a number, got {text.strip()}.")
    if kind is Kind.INTEGER and not isinstance(value, int):
        raise Wrong(f"Expected a whole number, got {text.strip()}.")
    return value


def _to_number(text: str) -> int | float | None:
    if INTEGER.fullmatch(text):
        return int(text)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _read_json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Wrong(f"Expected JSON, got an error in line {error.lineno}, column {error.colno}.") from error
    except (ValueError, RecursionError) as error:
        raise Wrong("Expected JSON, got something else.") from error


def _chosen(each: Field, entry: Entry) -> object:
    indices = entry if isinstance(entry, tuple) else (entry,)
    values = [each.choices[index].value for index in indices if isinstance(index, int) and 0 <= index < len(each.choices)]
    if len(values) != len(indices):
        raise Wrong("Expected one of the choices.")
    return values if each.kind is Kind.CHOICES else values[0]


def _draft_group(fields: tuple[Field, ...], entered: Entered) -> dict[str, object]:
    result: dict[str, object] = {}
    for each in fields:
        if each.kind is Kind.GROUP:
            if each.required or _is_begun(each, entered):
                result[each.path[-1]] = _draft_group(each.fields, entered)
        elif (value := _draft(each, entered.get(each.path))) is not UNSET:
            result[each.path[-1]] = value
    return result


def _draft(each: Field, entry: Entry) -> object:
    """As `_read`, but what is wrong stays as it was typed."""
    try:
        return _read(
            Field(each.path, each.kind, "", "", each.required, each.nullable, choices=each.choices, items=each.items), entry
        )
    except Wrong:
        if _is_empty(entry):
            return UNSET
        if each.kind is Kind.LIST:
            return [_draft_line(each.items, line) for line in str(entry).split("\n") if line.strip()]
        return entry if isinstance(entry, str) else UNSET


def _draft_line(kind: Kind, line: str) -> object:
    try:
        return _read_scalar(kind, line)
    except Wrong:
        return line


def _fill_group(fields: tuple[Field, ...], values: Mapping[str, object], entered: dict[Path, Entry]) -> None:
    for each in fields:
        value = values.get(each.path[-1], UNSET)
        if each.kind is Kind.GROUP:
            if isinstance(value, dict):
                _fill_group(each.fields, cast("dict[str, object]", value), entered)
        elif (entry := _entry(each, value)) is not None:
            entered[each.path] = entry


def _entry(each: Field, value: object) -> Entry:
    """What would have to be entered for this value; None where nothing would do."""
    if value is UNSET:
        return None
    match each.kind, value:
        case Kind.JSON, _:
            return dump(value)
        case Kind.CHOICE, _:
            return _index(each.choices, value)
        case Kind.CHOICES, list():
            indices = [_index(each.choices, item) for item in cast("list[object]", value)]
            return tuple(index for index in indices if index is not None)
        case Kind.LIST, list():
            return "\n".join(_as_text(item) for item in cast("list[object]", value))
        case ((Kind.TEXT | Kind.NUMBER | Kind.INTEGER), (str() | int() | float())):
            return _as_text(value)
        case _:
            return None


def _draws(entry: Entry) -> bool:
    return not isinstance(entry, str) or text_block(entry) == entry.rstrip("\n")


def _index(choices: tuple[Choice, ...], value: object) -> int | None:
    dumped = dump(value)
    return next((index for index, choice in enumerate(choices) if dump(choice.value) == dumped), None)


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else dump(value)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"Expected JSON, which has no {name}.")
