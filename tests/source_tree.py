"""The source files of Handstamp as the architecture tests read them: names, paths and syntax trees, nothing imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PACKAGE", "REPOSITORY", "Module", "calls", "dotted_name", "imported_roots", "modules", "names_of"]

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "src" / "handstamp"


@dataclass(frozen=True, slots=True)
class Module:
    path: str
    """Below the package, with slashes: `protocol/exchange.py`."""
    name: str
    tree: ast.Module

    def is_in(self, places: tuple[str, ...]) -> bool:
        """Whether it is one of these files, or below one of these folders (`http/`)."""
        return any(self.path == place or (place.endswith("/") and self.path.startswith(place)) for place in places)


def modules() -> list[Module]:
    return [read_module(path) for path in sorted(PACKAGE.rglob("*.py"))]


def read_module(path: Path) -> Module:
    below = path.relative_to(PACKAGE)
    parts = ["handstamp", *below.with_suffix("").parts]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(below.as_posix(), name, ast.parse(path.read_text(encoding="utf-8"), str(path)))


def names_of(found: list[Module]) -> list[str]:
    return [module.path for module in found]


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def dotted_name(node: ast.expr) -> str:
    """`os.system` for the expression that spells it; what is no plain name gives an empty string there."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{dotted_name(value)}.{attribute}"
        case _:
            return ""


def imported_roots(module: Module) -> set[str]:
    """The packages of all import statements, wherever they stand."""
    roots: set[str] = set()
    for node in ast.walk(module.tree):
        match node:
            case ast.Import(names=names):
                roots |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(name), level=0):
                roots.add(name.partition(".")[0])
            case _:
                pass
    return roots
