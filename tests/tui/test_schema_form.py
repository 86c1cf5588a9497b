"""From a schema to fields, and from what was entered to arguments."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handstamp.tui.form_rules import Wrong, rules_in_words
from handstamp.tui.form_values import Entry, defaults, draft, fill, parse_object, read_form
from handstamp.tui.schema_form import Field, Form, Kind, Path, build_form


def form_of(*required: str, **properties: Any) -> Form:
    return build_form({"type": "object", "properties": properties, "required": list(required)})


def only(**properties: Any) -> Field:
    [field] = form_of(**properties).fields
    return field


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, Kind.TEXT),
        ({"type": ["string", "null"]}, Kind.TEXT),
        ({"type": "integer"}, Kind.INTEGER),
        ({"type": ["integer", "number"]}, Kind.NUMBER),
        ({"type": "boolean"}, Kind.CHOICE),
        ({"enum": ["a", 1, None]}, Kind.CHOICE),
        ({"const": "a"}, Kind.CHOICE),
        ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b"}]}, Kind.CHOICE),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, Kind.TEXT),
        ({"allOf": [{"type": "string"}]}, Kind.TEXT),
        ({"type": "array", "items": {"type": "string"}}, Kind.LIST),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, Kind.CHOICES),
        ({"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}}, Kind.CHOICES),
        ({"type": "array", "items": {"type": "object"}}, Kind.JSON),
        ({"type": "array"}, Kind.JSON),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, Kind.GROUP),
        ({"type": "object"}, Kind.JSON),
        ({"type": ["string", "object"]}, Kind.JSON),
        ({"enum": [{"a": 1}]}, Kind.JSON),
        ({}, Kind.JSON),
        (True, Kind.JSON),
    ],
)
def test_a_schema_becomes_the_field_that_can_express_it(schema: Any, kind: Kind) -> None:
    assert only(value=schema).kind is kind


def test_choices_have_the_titles_that_the_schema_gives_them() -> None:
    titled = only(level={"oneOf": [{"const": 1, "title": "Low"}, {"const": 2, "title": "High"}]})
    named = only(level={"enum": ["l", "h"], "enumNames": ["Low", "High"]})

    assert [choice.label for choice in titled.choices] == [choice.label for choice in named.choices] == ["Low", "High"]
    assert [choice.value for choice in titled.choices] == [1, 2]


def test_a_reference_inside_the_schema_is_followed() -> None:
    form = build_form(
        {
            "type": "object",
            "properties": {"to": {"$ref": "#/$defs/person", "description": "Who gets it"}},
            "$defs": {"person": {"type": "object", "properties": {"name": {"type": "string"}}}},
        }
    )

    [to] = form.fields
    assert (to.kind, to.description, to.fields[0].path) == (Kind.GROUP, "Who gets it", ("to", "name"))


def test_a_reference_elsewhere_is_not_followed() -> None:
    assert only(value={"$ref": "https://evil.example/schema.json"}).kind is Kind.JSON


def test_a_schema_that_refers_to_itself_ends_in_json() -> None:
    form = build_form({"type": "object", "properties": {"name": {"type": "string"}, "child": {"$ref": "#"}}})

    assert [field.kind for field in form.fields] == [Kind.TEXT, Kind.JSON]


def test_objects_far_inside_objects_end_in_json() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(1000):
        schema = {"type": "object", "properties": {"in": schema}}

    field = build_form(schema).fields[0]
    while field.kind is Kind.GROUP:
        field = field.fields[0]
    assert (field.kind, len(field.path)) == (Kind.JSON, 5)


@pytest.mark.parametrize("schema", [{"type": "array"}, {"properties": {str(n): {} for n in range(100_000)}}])
def test_what_no_form_can_hold_is_one_json_value(schema: Any) -> None:
    assert not build_form(schema).expressible


def test_two_values_that_each_refer_to_both_stay_a_small_form() -> None:
    loop = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in "abc"}}

    assert build_form({**loop, "$defs": dict.fromkeys("abc", loop)}).expressible


def test_optional_fields_left_empty_are_left_out() -> None:
    form = form_of("title", title={"type": "string"}, body={"type": "string"}, more={"properties": {"a": {"type": "string"}}})

    assert read_form(form, {("title",): "Hi", ("body",): "  "}).arguments == {"title": "Hi"}


def test_a_group_is_there_once_something_in_it_is() -> None:
    form = form_of(to={"type": "object", "properties": {"name": {"type": "string"}, "n": {"type": "integer"}}, "required": ["n"]})

    assert read_form(form, {}).problems == {}
    assert read_form(form, {("to", "name"): "x"}).problems == {("to", "n"): "Expected a value, got none."}


def test_a_required_field_that_may_be_null_is_null_where_it_is_empty() -> None:
    assert read_form(form_of("a", a={"type": ["string", "null"]}), {}).arguments == {"a": None}


@pytest.mark.parametrize(
    ("schema", "entry", "value"),
    [
        ({"type": "string"}, "a\nb", "a\nb"),
        ({"type": "integer"}, " -7 ", -7),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "boolean"}, 1, False),
        ({"enum": ["a", "b"]}, 1, "b"),
        ({"type": "array", "items": {"type": "integer"}}, "1\n\n2", [1, 2]),
        ({"type": "array", "items": {"enum": ["a", "b", "c"]}}, (0, 2), ["a", "c"]),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"type": "string", "pattern": "^[A-Z]+-[0-9]+$"}, "HS-12", "HS-12"),
        ({"type": "string", "format": "date"}, "2026-07-28", "2026-07-28"),
    ],
)
def test_an_entry_becomes_its_value(schema: Any, entry: Entry, value: object) -> None:
    reading = read_form(form_of("x", x=schema), {("x",): entry})

    assert (json.dumps(reading.arguments["x"]), reading.problems) == (json.dumps(value), {})


@pytest.mark.parametrize(
    ("schema", "entry", "problem"),
    [
        ({"type": "string"}, "", "Expected a value, got none."),
        ({"type": "integer"}, "1.5", "Expected a whole number, got 1.5."),
        ({"type": "number"}, "nan", "Expected a number, got nan."),
        ({"type": "integer", "minimum": 1}, "0", "Expected at least 1, got 0."),
        ({"type": "integer", "maximum": 9}, "10", "Expected at most 9, got 10."),
        ({"type": "number", "exclusiveMinimum": 0}, "0", "Expected more than 0, got 0."),
        ({"type": "number", "exclusiveMaximum": 1}, "1", "Expected less than 1, got 1."),
        ({"type": "string", "minLength": 3}, "ab", "Expected at least 3 characters, got 2."),
        ({"type": "string", "maxLength": 1}, "ab", "Expected at most 1 characters, got 2."),
        ({"type": "string", "pattern": "^[A-Z]+$"}, "ab", "Expected text like ^[A-Z]+$."),
        ({"type": "string", "format": "email"}, "me", "Expected an e-mail address such as me@example.com."),
        ({"type": "string", "format": "date-time"}, "noon", "Expected a time such as 2026-07-28T12:00:00Z."),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, "a", "Expected at least 2 items, got 1."),
        ({"type": "object"}, "{", "Expected JSON, got an error in line 1, column 2."),
        ({"type": "object"}, "NaN", "Expected JSON, got something else."),
        ({"enum": ["a"]}, 7, "Expected one of the choices."),
    ],
)
def test_a_wrong_entry_is_told_in_one_sentence(schema: Any, entry: Entry, problem: str) -> None:
    assert read_form(form_of("x", x=schema), {("x",): entry}).problems == {("x",): problem}


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a*)*b", "a*a*a*a*a*b", "[", "a{99999999999}", "(?P<x>a)(?P=x)*"])
def test_a_pattern_that_could_take_long_is_left_to_the_server(pattern: str) -> None:
    reading = read_form(form_of(x={"type": "string", "pattern": pattern}), {("x",): "a" * 60 + "!"})

    assert reading.problems == {}


def test_rules_are_said_in_a_few_words() -> None:
    assert rules_in_words(only(n={"type": "integer", "minimum": 1, "maximum": 10})) == "1 to 10"
    assert rules_in_words(only(s={"type": "string", "format": "email", "maxLength": 80})) == "email, at most 80 characters"
    assert rules_in_words(only(a={"type": "array", "items": {"type": "string"}, "minItems": 1})) == "at least 1 items"


def test_a_fresh_form_holds_the_defaults_that_fit() -> None:
    form = form_of(
        a={"type": "string", "default": "x"},
        b={"type": "integer", "default": "seven"},
        c={"enum": ["l", "h"], "default": "h"},
        d={"type": "boolean", "default": False},
        e={"type": "string", "default": 5},
    )

    assert defaults(form) == {("a",): "x", ("c",): 1, ("d",): 1}


def test_what_is_wrong_stays_as_it_was_typed_when_you_go_on_in_json_and_come_back() -> None:
    form = form_of(n={"type": "integer"}, tags={"type": "array", "items": {"type": "integer"}})
    entered: dict[Path, Entry] = {("n",): "abc", ("tags",): "1\ntwo"}

    assert draft(form, entered) == {"n": "abc", "tags": [1, "two"]}
    assert fill(form, {"n": "abc"}) == {("n",): "abc"}


@pytest.mark.parametrize("arguments", [{"other": 1}, {"n": True}, {"n": ""}, {"n": None}, {"n": [1]}, {"s": 5}])
def test_json_that_the_form_cannot_say_is_not_thrown_away(arguments: dict[str, object]) -> None:
    with pytest.raises(Wrong, match="no place"):
        fill(form_of(n={"type": "integer"}, s={"type": "string"}), arguments)


@pytest.mark.parametrize("text", ["[1]", "{", "NaN", '{"a": Infinity}', "[" * 100_000, "1" * 5000])
def test_what_is_no_json_object_is_told(text: str) -> None:
    with pytest.raises(Wrong, match="Expected"):
        parse_object(text)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TYPES = ["string", "integer", "number", "boolean", "array", "object", "null"]
KEYWORDS = [
    "minimum",
    "maximum",
    "minLength",
    "maxItems",
    "minItems",
    "pattern",
    "format",
    "title",
    "default",
    "const",
    "required",
]


def schemas() -> st.SearchStrategy[Any]:
    """Schemas as servers write them, with values of any type where they do not belong."""
    reference = st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/properties/x", "#/nowhere", "other.json"])
    leaf = st.fixed_dictionaries(
        {}, optional={"type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES)), "$ref": reference}
    )

    def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        more = dict.fromkeys(KEYWORDS, anything)
        inside = st.dictionaries(st.sampled_from(["x", "y", "[red]z", "\x1b[2J"]), inner | anything, max_size=3)
        return st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(TYPES),
                "properties": inside | anything,
                "$defs": st.fixed_dictionaries({"a": inner, "b": inner}),
                "items": inner | anything,
                "anyOf": st.lists(inner, max_size=2) | anything,
                "allOf": st.lists(inner, max_size=1) | anything,
                "enum": st.lists(anything, max_size=3) | anything,
                **more,
            },
        )

    return st.recursive(leaf, wider, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(schemas() | anything)
def test_no_schema_breaks_a_form(schema: Any) -> None:
    form = build_form({"type": "object", "properties": {"x": schema, "y": {"$ref": "#/properties/x"}}})

    reading = read_form(form, defaults(form))

    assert set(reading.arguments) <= {"x", "y"}
    assert all(isinstance(rules_in_words(field), str) for field in form.fields)
    build_form(schema)


@settings(max_examples=60, deadline=None)
@given(schemas(), st.dictionaries(st.sampled_from(["x", "y"]), anything, max_size=2))
def test_arguments_that_a_form_takes_come_back_the_same(schema: Any, arguments: dict[str, object]) -> None:
    form = build_form({"type": "object", "properties": {"x": schema, "y": {"type": "string"}}})

    try:
        entered = fill(form, arguments)
    except Wrong:
        return

    said = draft(form, entered)
    assert json.dumps({name: said[name] for name in arguments}, sort_keys=True) == json.dumps(arguments, sort_keys=True)
