"""One piece of work with a connected server, for the commands that need one; the official SDK is loaded here."""

from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, TypeVar

from handstamp.cli.session import Session
from handstamp.errors import UsageError, hint
from handstamp.hosts.judging import explain, explain_start, refuse_late
from handstamp.targets import CONNECT_SECONDS, find_target

if TYPE_CHECKING:
    from mcp import Client

    from handstamp.hosts.target import Target

__all__ = ["Refused", "Work", "ask_server"]

T = TypeVar("T")
Work = Callable[["Client"], Awaitable[T]]


class Refused(Protocol):
    """Makes the hint: one of `hint` with its command named."""

    def __call__(self, *, server: str) -> str: ...


def ask_server(session: Session, server: str, account: str, work: "Work[T]", *, refused: Refused | None = None) -> tuple[str, T]:
    """
    Connects to a server or a program, by name or URL. Gives what it is called, and what `work` gives. Raises our own errors.

    `refused` makes the hint where the server says no to the work: another one where `tools` itself failed than where a call did.
    """
    if find_spec("mcp") is None:
        raise UsageError("Expected the MCP SDK, which talks to servers, and it is not installed.", hint=hint("install_mcp"))
    import logging

    import anyio

    # What the libraries below log, they also raise; without a handler Python would print it, unescaped, between our own lines.
    logging.getLogger().addHandler(logging.NullHandler())

    with session.vault() as vault:
        target = find_target(vault, server, account, session.output.hide)
        help_ = None if refused is None else refused(server=target.name)
        try:
            return target.name, anyio.run(_work, target, work, help_)
        except Exception as error:
            raise explain(target, error, refused=help_) from error


async def _work(target: "Target", work: "Work[T]", refused: str | None) -> T:
    import anyio

    from handstamp.hosts.connecting import Ears, connect

    said: list[str] = []
    is_connected = False
    with anyio.CancelScope() as scope:
        scope.deadline = anyio.current_time() + CONNECT_SECONDS
        try:
            async with connect(target, ears=Ears(words=said.extend)) as link:
                is_connected = True
                scope.deadline = float("inf")
                try:
                    return await work(link.client)
                except Exception as error:
                    raise link.explain(error, refused) from error
        except Exception as error:
            raise error if is_connected else explain_start(target, error, said) from error
    raise refuse_late(target, CONNECT_SECONDS)
