"""What a module offers is written down, in order, and is there."""

import ast
from importlib import import_module

from source_tree import Module, modules

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


def submodules(package: Module) -> set[str]:
    return {each.name.rpartition(".")[2] for each in MODULES if each.name.rpartition(".")[0] == package.name}


def rank(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest, each by the alphabet: the order of ruff's RUF022."""
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name


WITH_EXPORTS = [module for module in MODULES if exported(module) is not None]


def test_exported_names_are_sorted_and_named_once() -> None:
    names = {module.name: exported(module) or [] for module in WITH_EXPORTS}

    assert names == {module: sorted(set(each), key=rank) for module, each in names.items()}


def test_what_a_module_takes_from_another_is_exported_there() -> None:
    offered = {each.name: {*(exported(each) or []), *submodules(each)} for each in WITH_EXPORTS}
    taken = {
        (module.name, f"{node.module}.{alias.name}")
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module in offered
        for alias in node.names
        if alias.name not in offered[node.module]
    }

    assert taken == set()


def test_every_exported_name_is_there() -> None:
    for module in WITH_EXPORTS:
        loaded = import_module(module.name)
        for name in exported(module) or []:
            assert getattr(loaded, name) is not None, module.name


def test_every_file_says_in_its_first_line_which_idea_it_is() -> None:
    assert [module.name for module in MODULES if not ast.get_docstring(module.tree)] == []
