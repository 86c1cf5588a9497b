"""
Text that somebody else wrote, made fit for a person's terminal: bounded, without our secrets, nothing that acts, turns or hides.

`safe` is the one function for it; every printer and every error goes through it. `harmless` is the same for text that is shown
whole, `columns` says how wide a terminal draws it, and `mask` takes out what we sent and a server repeats.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from handstamp.model import Secret

__all__ = ["columns", "harmless", "mask", "safe"]

SHORTEST_SECRET = 16
"""What is shorter may be a word, chosen by a server or a person, and would be blotted out wherever it stands."""
SHOWN_START = 4
"""As much of a secret may be left before a cut: many begin with a few letters that tell their kind."""

# Letters and marks by their category, yet they draw nothing: fillers, joiners and selectors hide as well as any format character.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
SELECTORS = (("\ufe00", "\ufe0d"), ("\U000e0100", "\U000e01ef"))
"""Variation selectors, but for the two that make a picture of a character or a character of a picture."""
MAX_MARKS = 6
"""Over one letter: everyday words of Burmese have four."""

JOINERS = "\u200c\u200d"
JOINED = "\u0600-\u1fff\u2010-\U0010ffff"
"""The scripts and pictures that joiners shape; those of Europe lie before them, and there a joiner only hides."""
LOOSE_JOINER = f"(?<![{JOINED}])[{JOINERS}]|[{JOINERS}](?![{JOINED}])"


def safe(text: str, limit: int = 200) -> str:
    """
    `text` in at most `limit` characters, every control, direction, invisible or tag character written as its escape.

    What is cut ends in an ellipsis. A flood of marks over one letter is escaped after the sixth. Every space is the plain one; a
    joiner stays where it shapes what stands on both its sides (TH1, TH2).
    """
    result = harmless(text[: limit + 1])
    return result if len(result) <= limit else result[: limit - 1] + "…"


def harmless(text: str) -> str:
    """`text`, all of it, with the same escapes."""
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        if _is_mark(character):
            marks += 1
        elif character not in JOINERS:
            marks = 0
        shown.append(_shown(character) if marks <= MAX_MARKS else _escape(character))
    # What is left of those scripts draws, for what does not has become an escape.
    return re.sub(LOOSE_JOINER, lambda found: _escape(found[0]), "".join(shown))


def columns(text: str) -> int:
    """How many cells of a terminal `text` takes: two for a wide letter, none for a mark."""
    if text.isascii():
        return len(text)
    from unicodedata import east_asian_width

    return sum(
        0 if _is_mark(character) or character in JOINERS else 2 if east_asian_width(character) in "WF" else 1
        for character in text
    )


# A text has few different characters, and is looked at more than once.
@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    from unicodedata import category  # here: a token that is fresh shows nothing

    # By category and not by combining class, which is 0 for the marks of Thai and many others.
    return category(character) in ("Mn", "Me")


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
    begin, start = secret[: SHOWN_START + 1], max(0, len(text) - len(secret))
    # From the earliest: a secret that repeats its own beginning would else be left but for its end.
    while (start := text.find(begin, start)) >= 0:
        if secret.startswith(text[start:]):
            return f"{text[:start]}***"
        start += 1
    return text


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    from unicodedata import category

    if category(character) == "Zs":
        return " "
    return character if _draws(character) or character in JOINERS else _escape(character)


def _draws(character: str) -> bool:
    # str.isprintable() is false for the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and for every Zs but the space.
    if not character.isprintable() or character in INVISIBLE:
        return False
    return not any(first <= character <= last for first, last in SELECTORS)


def _escape(character: str) -> str:
    point = ord(character)
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"
