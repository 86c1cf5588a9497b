"""Values as JSON text, for a person and for comparing."""

import json

__all__ = ["dump", "pretty"]


def pretty(value: object) -> str:
    """JSON for a person; what is none, or too deep, in a word."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "(cannot be shown as JSON)"


def dump(value: object) -> str:
    """On one line, in one order: what differs here is another value. Empty for what is no JSON."""
    # Not by ==, to which 1, 1.0 and true are the same.
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""
