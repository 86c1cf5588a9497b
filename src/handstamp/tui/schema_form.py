"""
From the JSON Schema of a tool, or of what a server asks for, to the fields of a form.

A schema is a server's word and may be of any shape, depth and size. What a field can express becomes one: text, numbers, choices,
lists of them, objects inside. All else becomes a field for JSON, never an error; `form_values` leads from what was entered to the
arguments and back. References are followed inside the schema alone, and nothing is looked at more often than the limits allow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, cast

from handstamp.tui.json_text import dump

__all__ = ["UNSET", "Choice", "Field", "Form", "Kind", "Path", "build_form"]

Path = tuple[str, ...]
"""Where a value stands in the arguments."""
Schema = Mapping[str, object]

UNSET: Final = object()
"""No default: None is one."""

MAX_DEPTH = 4
"""Of objects inside objects that get fields of their own."""
MAX_FIELDS = 200
MAX_CHOICES = 500
MAX_ITEMS = 1000
MAX_KEYWORDS = 100
"""Of one value's schema."""
MAX_HOPS = 16
"""From a reference to what it means, over other references and combinations."""
MAX_LABEL, MAX_DESCRIPTION = 200, 2000


class Kind(Enum):
    """What a field takes."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "whole number"
    CHOICE = "one of"
    CHOICES = "any of"
    LIST = "list"
    """One item a line."""
    GROUP = "object"
    JSON = "JSON"
    """Whatever a field cannot express."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One value to choose, and what it is called."""

    value: object
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the arguments. Names, texts and rules are the server's: to be shown with care."""

    path: Path
    kind: Kind
    label: str
    description: str = ""
    required: bool = False
    nullable: bool = False
    default: object = UNSET
    choices: tuple[Choice, ...] = ()
    items: Kind = Kind.TEXT
    """Of what a LIST is."""
    rules: Schema = field(default_factory=dict[str, object])
    """The schema itself, references resolved."""
    fields: tuple["Field", ...] = ()
    """Of a GROUP."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields for one object of arguments."""

    fields: tuple[Field, ...] = ()
    expressible: bool = True
    """False where the schema is none that fields could express: the whole is one JSON value."""


class TooManyFields(Exception):
    """The schema is larger than a form can be."""


def build_form(schema: object) -> Form:
    """The form for a schema of any shape. Never raises, and takes time in proportion to what is shown."""
    root = _members(schema)
    builder = _Builder(root)
    meaning = builder.resolve(root)
    if "object" not in _types(meaning.schema) and "properties" not in meaning.schema:
        return Form(expressible=not meaning.schema)
    try:
        return Form(builder.fields_of(meaning.schema, (), meaning.references | {"#"}))
    except TooManyFields:
        return Form(expressible=False)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A schema without references and simple combinations."""

    schema: Schema
    nullable: bool
    references: frozenset[str]
    """Those that led to it: one that leads to itself is followed once."""


class _Builder:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = MAX_FIELDS

    def fields_of(self, schema: Schema, path: Path, above: frozenset[str]) -> tuple[Field, ...]:
        required = _strings(schema.get("required"))
        return tuple(
            self._field(each, (*path, name), name in required, above) for name, each in _members(schema.get("properties")).items()
        )

    def resolve(self, schema: Schema) -> _Meaning:
        nullable, references = False, frozenset[str]()
        for _ in range(MAX_HOPS):
            if len(schema) > MAX_KEYWORDS:
                return _Meaning({}, nullable, references)
            target, only, rest = self._find(schema.get("$ref")), _only(schema.get("allOf")), _not_null(schema)
            if target is not None:
                references |= {str(schema["$ref"])}
                schema = {**target, **_without(schema, "$ref")}
            elif only is not None:
                schema = {**only, **_without(schema, "allOf")}
            elif rest is not None:
                keyword, other = rest
                schema, nullable = {**other, **_without(schema, keyword)}, True
            else:
                return _Meaning(schema, nullable or "null" in _types(schema), references)
        return _Meaning({}, nullable, references)

    def _field(self, raw: object, path: Path, required: bool, above: frozenset[str]) -> Field:
        self._left -= 1
        if self._left < 0:
            raise TooManyFields
        meaning = self.resolve(_members(raw))
        plain = Field(
            path,
            Kind.JSON,
            (_word(meaning.schema.get("title")) or path[-1])[:MAX_LABEL],
            _word(meaning.schema.get("description"))[:MAX_DESCRIPTION],
            required,
            meaning.nullable,
            meaning.schema.get("default", UNSET),
            rules=meaning.schema,
        )
        return plain if meaning.references & above else self._of_kind(plain, meaning.schema, above | meaning.references)

    def _of_kind(self, plain: Field, schema: Schema, above: frozenset[str]) -> Field:
        if choices := find_choices(schema):
            return replace(plain, kind=Kind.CHOICE, choices=choices) if len(choices) <= MAX_CHOICES else plain
        match sorted(_types(schema) - {"null"}):
            case ["string"]:
                return replace(plain, kind=Kind.TEXT)
            case ["integer"]:
                return replace(plain, kind=Kind.INTEGER)
            case ["number"] | ["integer", "number"]:
                return replace(plain, kind=Kind.NUMBER)
            case ["array"]:
                return self._list(plain, schema)
            case ["object"] if len(plain.path) <= MAX_DEPTH and _members(schema.get("properties")):
                return replace(plain, kind=Kind.GROUP, fields=self.fields_of(schema, plain.path, above))
            case _:
                return plain

    def _list(self, plain: Field, schema: Schema) -> Field:
        meaning = self.resolve(_members(schema.get("items")))
        if meaning.nullable or "prefixItems" in schema:
            return plain
        if choices := find_choices(meaning.schema):
            return replace(plain, kind=Kind.CHOICES, choices=choices) if len(choices) <= MAX_CHOICES else plain
        kinds = {"string": Kind.TEXT, "integer": Kind.INTEGER, "number": Kind.NUMBER}
        match sorted(_types(meaning.schema)):
            case [name] if name in kinds:
                return replace(plain, kind=Kind.LIST, items=kinds[name])
            case _:
                return plain

    def _find(self, reference: object) -> Schema | None:
        """What a reference inside the schema points at; None for all else: nothing is fetched."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return None
        found: object = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            found = _members(found).get(step.replace("~1", "/").replace("~0", "~"))
        return cast("Schema", found) if isinstance(found, dict) else None


def find_choices(schema: Schema) -> tuple[Choice, ...]:
    """The values that it names one by one, titled or not; empty where it does not, or where one of them is no plain value."""
    if sorted(_types(schema) - {"null"}) == ["boolean"] and "enum" not in schema:
        return (Choice(True, "yes"), Choice(False, "no"))
    if "const" in schema:
        return _choices([schema["const"]], [schema.get("title")])
    for keyword in ("oneOf", "anyOf"):
        titled = [_members(each) for each in _items(schema.get(keyword))]
        if titled and all("const" in each for each in titled):
            return _choices([each["const"] for each in titled], [each.get("title") for each in titled])
    return _choices(_items(schema.get("enum")), _items(schema.get("enumNames")))


def _choices(values: Sequence[object], labels: Sequence[object]) -> tuple[Choice, ...]:
    if not all(isinstance(value, str | int | float | bool) or value is None for value in values):
        return ()
    named = [*labels, *[None] * len(values)]
    return tuple(Choice(value, (_word(label) or _plain(value))[:MAX_LABEL]) for value, label in zip(values, named, strict=False))


def _plain(value: object) -> str:
    match value:
        case True:
            return "yes"
        case False:
            return "no"
        case None:
            return "nothing"
        case "":
            return "(empty)"
        case str():
            return value
        case _:
            return dump(value)


def _not_null(schema: Schema) -> tuple[str, Schema] | None:
    """The keyword and the one alternative besides null, where there is just one."""
    for keyword in ("anyOf", "oneOf"):
        alternatives = [_members(each) for each in _items(schema.get(keyword))]
        others = [each for each in alternatives if each.get("type") != "null"]
        if len(alternatives) == 2 and len(others) == 1:
            return keyword, others[0]
    return None


def _only(value: object) -> Schema | None:
    items = _items(value)
    return _members(items[0]) if len(items) == 1 else None


def _without(schema: Schema, keyword: str) -> Schema:
    return {key: value for key, value in schema.items() if key != keyword}


def _types(schema: Schema) -> frozenset[str]:
    named = schema.get("type")
    return frozenset((named,)) if isinstance(named, str) else _strings(named)


def _members(value: object) -> Schema:
    return cast("Schema", value) if isinstance(value, dict) else {}


def _items(value: object) -> Sequence[object]:
    return cast("list[object]", value)[:MAX_ITEMS] if isinstance(value, list) else ()


def _strings(value: object) -> frozenset[str]:
    return frozenset(each for each in _items(value) if isinstance(each, str))


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
