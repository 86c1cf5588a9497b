"""The page of conformance, made from the last recorded run of the official suite and from the peers' figures beside it."""

import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Conformance", "read_conformance", "render_conformance"]

LEGS = ("2025-11-25", "2026-07-28", "2025-06-18", "2025-03-26")
"""The wires, the two whose requirements are frozen first."""
COUNTED_WIRE = "2025-11-25"
"""Where the others' requests were counted."""
NONE = "–"

PAGE = """\
# Conformance

<!-- Written by docs/generate.py from tests/conformance/results.json, peers.toml and expected.toml. -->

What the specification's own referee says of Handstamp: the official suite,
[`@modelcontextprotocol/conformance`](https://github.com/modelcontextprotocol/conformance) {suite}, run on {date}. The client
under test, [`tests/conformance/client.py`](../../tests/conformance/client.py), is a thin host: the official MCP SDK {sdk} speaks
MCP, and Handstamp does every byte of authorization.

```sh
make conformance                    # all of it, some minutes; needs npm
make conformance ARGS="scope"       # the scenarios in whose name the word occurs
```

Each scenario runs alone, once for each revision of the protocol that it belongs to, and is judged more strictly than the suite
does: a warning is a failure, and so is a scenario in which nothing was checked, one that does not end in half a minute, and a
client that ends in anything but success or an error of Handstamp's own. The last column of the long table names that error.

{requirements}

## Beside the others

Scenarios passed of those run, and checks passed/failed/warned. The others' figures are of {peers_date}, with {peers_suite} of the
suite, each scenario alone too.

{legs}

The extensions' scenarios belong to no revision; ours run at the two that have frozen requirements, and have to pass at both.

{extensions}

## Requests on the wire

How many requests a first sign-in takes on the wire of {counted}, up to the first `tools/call`, that one too. `make conformance`
fails where ours takes more than any of the others.

{requests}

## Every scenario

{scenarios}

## What is expected not to pass

{expected}
"""


@dataclass(frozen=True, slots=True)
class Conformance:
    """What the files of `tests/conformance` say, and what is wrong with it."""

    record: dict[str, Any]
    peers: dict[str, Any]
    expected: list[dict[str, Any]]
    problems: list[str]


def read_conformance(folder: Path) -> Conformance:
    """Reads the record; runs nothing."""
    record = json.loads((folder / "results.json").read_text("utf-8"))
    package = json.loads((folder / "node" / "package.json").read_text("utf-8"))
    pinned = package["dependencies"]["@modelcontextprotocol/conformance"]
    problems: list[str] = []
    if record["suite"] != pinned:
        problems.append(
            f'expected results.json to be of the suite {pinned}, got {record["suite"]}: make conformance ARGS="--record"'
        )
    peers = tomllib.loads((folder / "peers.toml").read_text("utf-8"))
    expected = tomllib.loads((folder / "expected.toml").read_text("utf-8")).get("expected", [])
    return Conformance(record, peers, expected, problems)


def render_conformance(known: Conformance) -> str:
    """The page `reference/conformance.md`."""
    record, peers = known.record, known.peers
    return PAGE.format(
        suite=record["suite"],
        sdk=record["sdk"],
        date=record["date"],
        requirements="\n".join(_requirement(each) for each in record["requirements"]),
        peers_date=peers["date"],
        peers_suite=peers["suite"],
        legs="\n".join(_legs(record["runs"], peers["peer"])),
        extensions="\n".join(_extensions(record["runs"], peers["peer"])),
        counted=COUNTED_WIRE,
        requests="\n".join(_requests(record["runs"], peers["requests"])),
        scenarios="\n".join(_scenarios(record["runs"])),
        expected="\n".join(f"- `{each['scenario']}`, {each['verdict']}: {each['reason']}." for each in known.expected)
        or "Nothing.",
    )


def _requirement(each: dict[str, Any]) -> str:
    revision, count, met = each["revision"], each["scored"], each["scored"] - len(each["unmet"])
    unmet = f"; not: {', '.join(f'`{name}`' for name in each['unmet'])}" if each["unmet"] else ""
    return f"- **Requirements of {revision}**, as the suite has frozen them: {met} of {count} scenarios pass{unmet}."


def _legs(runs: list[dict[str, Any]], peers: list[dict[str, Any]]) -> Iterator[str]:
    yield from _head("wire", peers)
    for wire in LEGS:
        leg = [run for run in runs if run["wire"] == wire and not run["extension"]]
        counts = "/".join(str(sum(run[kind] for run in leg)) for kind in ("passed", "failed", "warned"))
        ours = f"{sum(map(_has_passed, leg))} of {len(leg)} · {counts}"
        yield _row(wire, ours, *(peer["legs"].get(wire, NONE) for peer in peers))


def _extensions(runs: list[dict[str, Any]], peers: list[dict[str, Any]]) -> Iterator[str]:
    yield from _head("scenario", peers)
    extensions = [run for run in runs if run["extension"] and run["verdict"] != "empty"]
    for scenario in dict.fromkeys(run["scenario"] for run in extensions):
        ours = all(_has_passed(run) for run in extensions if run["scenario"] == scenario)
        yield _row(f"`{scenario}`", _yes(ours), *(_yes(scenario in peer["passes"]) for peer in peers))


def _requests(runs: list[dict[str, Any]], counted: dict[str, dict[str, int]]) -> Iterator[str]:
    names = list(next(iter(counted.values())))
    yield from _head("scenario", [{"name": name} for name in names])
    for scenario, figures in counted.items():
        ours = next((run["requests"] for run in runs if (run["scenario"], run["wire"]) == (scenario, COUNTED_WIRE)), None)
        yield _row(f"`{scenario}`", NONE if ours is None else str(ours), *(str(figures[name]) for name in names))


def _scenarios(runs: list[dict[str, Any]]) -> Iterator[str]:
    yield "| scenario | wire | passed/failed/warned | verdict | ends in |\n|---|---|---|---|---|"
    for run in runs:
        counts = f"{run['passed']}/{run['failed']}/{run['warned']}"
        error = f"[`{run['error']}`](errors.md)" if run["error"] else ""
        yield _row(f"`{run['scenario']}`", run["wire"], counts, run["verdict"], error)


def _head(first: str, peers: Iterable[dict[str, Any]]) -> Iterator[str]:
    names = [first, "Handstamp", *(peer["name"] for peer in peers)]
    yield _row(*names)
    yield "|---" * len(names) + "|"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _yes(passed: bool) -> str:
    return "yes" if passed else "no"


def _has_passed(run: dict[str, Any]) -> bool:
    return bool(run["verdict"] == "passed")
