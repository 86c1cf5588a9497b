"""Arguments for a tool that nobody has described but its schema."""

from collections.abc import Mapping
from typing import Any, cast

__all__ = ["sample"]

SAMPLES: Mapping[str, Any] = {"string": "a word", "integer": 3, "number": 5, "boolean": True, "array": []}


def sample(schema: Mapping[str, Any], objects: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """
    A value for each property: the one that the schema suggests, else one of its type.

    Where an object is wanted, `objects` is one that is at hand.
    """
    properties = cast("Mapping[str, Mapping[str, Any]]", schema.get("properties", {}))
    return {name: _value(each, objects or {}) for name, each in properties.items() if _is_wanted(name, each, schema)}


def _is_wanted(name: str, each: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    # A reference may lead anywhere, and an optional argument may be left out.
    return name in schema.get("required", ()) or "$ref" not in each


def _value(schema: Mapping[str, Any], objects: Mapping[str, Any]) -> Any:
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    return dict(objects) if schema.get("type") == "object" else SAMPLES.get(schema.get("type", ""), "a word")
