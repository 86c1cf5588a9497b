"""The page of threats, made from the tests that hold its rows, and from `later.py` for the rows that no test can hold yet."""

import ast
import re
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threats.later import Later

__all__ = ["ROWS", "RowTest", "Threats", "read_threats", "render_threats"]

LETTERS = {
    "TA": ("discovery and the network", 24),
    "TB": ("metadata, mix-up, binding", 23),
    "TC": ("the request and the browser", 13),
    "TD": ("the callback", 18),
    "TE": ("the token endpoint and refresh", 24),
    "TF": ("requests to the server, and challenges", 16),
    "TG": ("on disk", 22),
    "TH": ("what you see", 11),
    "TI": ("bridge, fleet, tenants", 14),
    "TJ": ("where it runs and what it is made of", 6),
}
ROWS = [f"{letter}{number}" for letter, (_, count) in LETTERS.items() for number in range(1, count + 1)]

PAGE = """\
# Threats

<!-- Written by docs/generate.py from tests/threats. -->

Everyone but you and your own account on your machine may lie: the MCP server, its metadata, the authorization server, other
pages in your browser, other programs, the network, the environment of a process. This is the list of what they may try and of
what Handstamp does about it. Tests and code name a row by its id.

The last column names the first test of a row, which stages the attack; `make mutate` takes our guards out of the code one by one
and expects the tests of their rows to fail. The few rows that have nothing to take out stand in
[`mutation/unguarded.py`](../../mutation/unguarded.py), each with the reason.
A row that cannot apply yet names the piece of work that brings it instead:
`hosts` (our own connections to MCP servers: terminal app and bridge), `web` (platforms with many users).
What no client can prevent is said in the row.

What is trusted: your operating system, your account on it, the packages that we are built on (pinned with their hashes), and
the certificate authorities that your system trusts.

{sections}
"""

HEAD = "| row | what happens | what Handstamp does | test |\n|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class RowTest:
    """The first test of a row, and the two paragraphs of its docstring."""

    happens: str
    does: str
    name: str
    file: str


@dataclass(frozen=True, slots=True)
class Threats:
    """What `tests/threats` says of the rows, and what is wrong with it."""

    tests: dict[str, RowTest]
    later: "dict[str, Later]"
    problems: list[str]


def read_threats(folder: Path) -> Threats:
    """Reads the tests without running them."""
    functions = [(path.name, function) for path in sorted(folder.glob("test_t?.py")) for function in functions_of(path)]
    later: dict[str, Later] = runpy.run_path(str(folder / "later.py"))["LATER"]
    tests: dict[str, RowTest] = {}
    problems: list[str] = []
    seen: set[str] = set()
    for file, function in functions:
        row = row_of(function.name)
        if row not in ROWS or file != f"test_{row[:2].lower()}.py":
            problems.append(f"{file}: {function.name} names no row of its file")
        elif row not in seen:
            seen.add(row)
            match paragraphs(function):
                case [happens, does]:
                    tests[row] = RowTest(happens, does, function.name, file)
                case _:
                    problems.append(f"{row}: the docstring of its first test, {function.name}, is not two paragraphs")
    problems += [f"{row}: has a test and stands in later.py too" for row in ROWS if row in seen and row in later]
    problems += [f"{row}: has neither a test nor an entry in later.py" for row in ROWS if row not in seen and row not in later]
    problems += [f"{row}: stands in later.py and is no row" for row in later if row not in ROWS]
    return Threats(tests, later, problems)


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The tests of a file, in its order."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def row_of(name: str) -> str:
    """`TB1` of `test_tb1_a_document_of_another_issuer_is_refused`; empty where it names none."""
    found = re.match(r"test_(t[a-z]\d+)_", name)
    return found[1].upper() if found else ""


def paragraphs(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Of the docstring, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in (ast.get_docstring(function) or "").split("\n\n") if paragraph.strip()]


def render_threats(threats: Threats) -> str:
    """The page `concepts/threats.md`, with the rows that there are."""
    sections = (
        "\n".join(
            [f"## {letter}: {title}\n", HEAD, *filter(None, (render_row(f"{letter}{n + 1}", threats) for n in range(count)))]
        )
        for letter, (title, count) in LETTERS.items()
    )
    return PAGE.format(sections="\n\n".join(sections))


def render_row(row: str, threats: Threats) -> str:
    """A line of the table; empty where nothing is said of the row."""
    if (test := threats.tests.get(row)) is not None:
        cells = [test.happens, test.does, f"[`{test.name}`](../../tests/threats/{test.file})"]
    elif (later := threats.later.get(row)) is not None:
        cells = [later.happens, later.does, later.work]
    else:
        return ""
    return f"| {row} | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
