"""Words that are wrapped beside what stands before them."""

from collections.abc import Iterator

from textual.content import Content

__all__ = ["hang"]

NARROWEST = 8


def hang(mark: Content, words: Content, width: int) -> Iterator[Content]:
    """The lines of `words`, in `width` columns, each beside `mark` or below it."""
    margin = mark.cell_length
    for number, each in enumerate(words.wrap(max(NARROWEST, width - margin))):
        yield (mark if number == 0 else Content(" " * margin)) + each
