"""What a module offers is written down, in order, and is there."""

import ast
from importlib import import_module

import pytest

from source_tree import Module, modules, names_of

MODULES = modules()


def exported(module: Module) -> list[str] | None:
    """The strings of `__all__`, or None where the module has none."""
    for node in module.tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=value)
            ):
                assert value is not None
                return list(ast.literal_eval(value))
            case _:
                pass
    return None


def rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, each by the alphabet: the order of ruff's RUF022."""
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


WITH_EXPORTS = [module for module in MODULES if exported(module) is not None]


@pytest.mark.parametrize("module", WITH_EXPORTS, ids=names_of(WITH_EXPORTS))
def test_exported_names_are_sorted_and_named_once(module: Module) -> None:
    names = exported(module) or []

    assert names == sorted(set(names), key=rank)


@pytest.mark.parametrize("module", WITH_EXPORTS, ids=names_of(WITH_EXPORTS))
def test_every_public_class_and_function_is_exported(module: Module) -> None:
    defined = {node.name for node in module.tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)}
    public = {name for name in defined if not name.startswith("_")}

    assert public <= set(exported(module) or [])


@pytest.mark.parametrize("module", WITH_EXPORTS, ids=names_of(WITH_EXPORTS))
def test_every_exported_name_is_there(module: Module) -> None:
    loaded = import_module(module.name)

    for name in exported(module) or []:
        assert getattr(loaded, name) is not None


@pytest.mark.parametrize("module", MODULES, ids=names_of(MODULES))
def test_every_file_says_in_its_first_line_which_idea_it_is(module: Module) -> None:
    assert ast.get_docstring(module.tree)
