"""All guards, one module an area. A new guard is a line in one of them."""

from importlib import import_module
from pkgutil import iter_modules

from mutation.guard import Guard

__all__ = ["all_guards"]


def all_guards() -> list[Guard]:
    """In the order of their modules' names."""
    return [guard for module in iter_modules(__path__) for guard in import_module(f"{__name__}.{module.name}").GUARDS]
