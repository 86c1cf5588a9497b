"""What stands between somebody else's words and the screen of the terminal app."""

from mutation.guard import Edit, Guard

__all__ = ["GUARDS"]

HOSTILE = ("tests/tui/test_hostile.py::test_nothing_that_somebody_says_does_more_than_to_draw",)

GUARDS = [
    Guard(
        "what stands on a line of the app only draws",
        (Edit("tui/said.py", "if style else Content(one_line(text, limit))", "if style else Content(text[:limit])"),),
        tests=HOSTILE,
    ),
    Guard(
        "what stands on a line of the app is no markup",
        (
            Edit(
                "tui/said.py",
                "if style else Content(one_line(text, limit))",
                "if style else Content.from_markup(one_line(text, limit))",
            ),
        ),
        tests=HOSTILE,
    ),
    Guard(
        "a block of text in the app only draws",
        (Edit("tui/said.py", "if style else Content(text_block(text))", "if style else Content(text)"),),
        tests=HOSTILE,
    ),
]
