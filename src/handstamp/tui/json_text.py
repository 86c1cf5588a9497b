"""Values as JSON text, for a person and for comparing."""

import json

from handstamp.words import text_block

__all__ = ["dump", "pretty"]


def pretty(value: object) -> str:
    """JSON for a person to read and to edit: what would not draw is in JSON's own escapes, so that it is the same value."""
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return text if text_block(text) == text else json.dumps(value, indent=2).replace("\x7f", "\\u007f")
    except (TypeError, ValueError, RecursionError):
        return "(cannot be shown as JSON)"


def dump(value: object) -> str:
    """On one line, in one order: what differs here is another value. Empty for what is no JSON."""
    # Not by ==, to which 1, 1.0 and true are the same.
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""
