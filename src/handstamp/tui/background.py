"""
Work beside the screen, in the app's own event loop.

It is begun by whoever does it: a coroutine that was made before, and that the app has no time for any more, would complain on a
terminal that has been left.
"""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from textual.dom import DOMNode
from textual.worker import Worker

__all__ = ["in_background"]


def in_background(
    node: DOMNode, work: Callable[[], Awaitable[None]], *, name: str = "", exit_on_error: bool = True
) -> Worker[None]:
    """Ends with `node`. `work` is an async function, and may be a `partial` of one."""
    return cast("Worker[None]", node.run_worker(cast("Any", work), name=name, exit_on_error=exit_on_error))
