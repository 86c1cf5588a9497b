"""Text that somebody else wrote, made fit for a person's terminal: short, and nothing in it that acts or hides."""

__all__ = ["safe"]

# Letters and marks by their category, yet they draw nothing: fillers and joiners hide as well as any format character.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
MAX_MARKS = 3


def safe(text: str, limit: int = 200) -> str:
    """
    `text` in at most `limit` characters, every control, direction, invisible or tag character written as its escape.

    What is cut ends in an ellipsis. A flood of combining marks is escaped after the third (TH1, TH2).
    """
    from unicodedata import combining

    shown: list[str] = []
    marks = 0
    for character in text[: limit + 1]:
        marks = marks + 1 if combining(character) else 0
        shown.append(character if _draws(character) and marks <= MAX_MARKS else _escape(character))
    result = "".join(shown)
    return result if len(result) <= limit else result[: limit - 1] + "…"


def _draws(character: str) -> bool:
    # str.isprintable() is false for the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and for every Zs but the space.
    return character.isprintable() and character not in INVISIBLE and not "\U000e0100" <= character <= "\U000e01ef"


def _escape(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
