"""Text that somebody else wrote, made fit for a person's terminal: short, without our secrets, nothing that acts or hides."""

from collections.abc import Iterable

from handstamp.model import Secret

__all__ = ["mask", "safe"]

SHORTEST_SECRET = 6
"""What is shorter is a word, and would be blotted out wherever it stands."""
SHOWN_START = 4
"""As much of a secret may be left before a cut: many begin with a few letters that tell their kind."""

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


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with `***` for each of the secrets, also for the beginning of one that `safe` has cut (TF13)."""
    # The longest first: one may be the beginning of another.
    for secret in sorted((each.reveal() for each in secrets), key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = _mask_cut(text.replace(secret, "***"), secret)
    return text


def _mask_cut(text: str, secret: str) -> str:
    *cut, end = text.split("…")
    return "…".join([*(_mask_end(part, secret) for part in cut), end])


def _mask_end(text: str, secret: str) -> str:
    start = text.rfind(secret[:SHOWN_START], max(0, len(text) - len(secret)))
    is_cut = start >= 0 and len(text) - start > SHOWN_START and secret.startswith(text[start:])
    return f"{text[:start]}***" if is_cut else text


def _draws(character: str) -> bool:
    # str.isprintable() is false for the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and for every Zs but the space.
    return character.isprintable() and character not in INVISIBLE and not "\U000e0100" <= character <= "\U000e01ef"


def _escape(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
