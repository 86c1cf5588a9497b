"""All targets, by name."""

from fuzz.target import Target
from fuzz.targets import answers, browser, disk, documents, terminal, wire

__all__ = ["TARGETS"]

TARGETS: dict[str, Target] = {
    target.name: target for module in (documents, answers, browser, wire, terminal, disk) for target in module.TARGETS
}
