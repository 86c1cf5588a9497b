"""
A server that is a program: its life, from the start to an end that it cannot refuse.

The SDK has a transport of its own for that. Ours gives what the program says on stderr to whoever keeps the log, where the
SDK's would need a file; holds a line to a length; and is over within two seconds whatever the program does, because the whole of
our own program waits for that. The end is MCP's: close stdin, wait, SIGTERM, wait, SIGKILL, each to the whole group.

The program gets a bare environment and what its settings name: no variable of ours, above all no HANDSTAMP_KEY.
"""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import anyio.abc

from handstamp.errors import MalformedResponse
from handstamp.hosts.judging import find_trace
from handstamp.hosts.target import ProgramTarget
from handstamp.model import Secret

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams
    from mcp.shared.message import SessionMessage

__all__ = ["run_program"]

CLOSING_SECONDS = 0.6
"""Before SIGTERM: programs in Python and Node end within a fifth of that when their stdin does."""
TERMINATING_SECONDS = 0.5
POLL_SECONDS = 0.01
MOST_LINE_BYTES = 16_000_000
MOST_WORDS_BYTES = 10_000
"""Of one line on stderr."""


@asynccontextmanager
async def run_program(target: ProgramTarget, *, on_words: Callable[[Sequence[str]], None]) -> "AsyncGenerator[TransportStreams]":
    """
    Runs the program and gives the streams of its messages. `on_words` hears the lines of its stderr, as many as came at once.

    Raises OSError where it cannot be started, SettingsError where a value for its environment is not in its place.
    """
    from mcp.shared.message import SessionMessage

    process = await _start(target, target.read_environment())
    incoming, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write_stream, outgoing = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        assert process.stdout is not None
        async with incoming:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                async for lines, rest in _lines(process.stdout):
                    for line in filter(None, map(bytes.strip, lines)):
                        await incoming.send(_parse(line))
                    if rest > MOST_LINE_BYTES:
                        words = f"Expected messages of {target.name} within {MOST_LINE_BYTES // 1_000_000} MB, got a longer one."
                        await incoming.send(MalformedResponse(words, hint=find_trace(target)))
                        return

    async def write() -> None:
        assert process.stdin is not None
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            async for message in outgoing:
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await process.stdin.send(text.encode() + b"\n")
            return
        await incoming.aclose()  # it reads no more: whoever waits for an answer has to hear that

    async def listen() -> None:
        assert process.stderr is not None
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for lines, _ in _lines(process.stderr, cut_at=MOST_WORDS_BYTES):
                on_words([line.decode("utf-8", "replace").rstrip() for line in lines])

    async with anyio.create_task_group() as tasks:
        try:
            for task in (read, write, listen):
                tasks.start_soon(task)
            yield read_stream, write_stream
        finally:
            # Bounded below: a program that outlives us would be found by nobody.
            with anyio.CancelScope(shield=True):
                read_stream.close()
                write_stream.close()
                await _stop(process)
            tasks.cancel_scope.cancel()
            for stream in (incoming, outgoing, read_stream, write_stream):
                stream.close()


async def _start(target: ProgramTarget, environment: Mapping[str, str | Secret]) -> anyio.abc.Process:
    from mcp.client.stdio import get_default_environment

    command = list(target.command)
    revealed = {name: value.reveal() if isinstance(value, Secret) else value for name, value in environment.items()}
    if sys.platform == "win32":
        from mcp.os.win32.utilities import get_windows_executable_command

        command[0] = get_windows_executable_command(command[0])
    return await anyio.open_process(
        command,
        env={**get_default_environment(), **revealed},
        cwd=target.directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a group of its own, and no terminal to read from or write to
    )


async def _stop(process: anyio.abc.Process) -> None:
    assert process.stdin is not None
    with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
        await process.stdin.aclose()
    await _has_ended(process, CLOSING_SECONDS)
    # The group too where the program itself has ended: what it started would go on.
    _signal(process, getattr(signal, "SIGTERM", 0))
    if not await _has_ended(process, TERMINATING_SECONDS):
        _signal(process, getattr(signal, "SIGKILL", 0))
        await _has_ended(process, TERMINATING_SECONDS)
    # A child of the program's may still hold the pipes; asyncio keeps its end until told so.
    transport = getattr(getattr(process, "_process", None), "_transport", None)
    if transport is not None:
        with suppress(PermissionError):
            transport.close()


def _signal(process: anyio.abc.Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, number)


async def _has_ended(process: anyio.abc.Process, seconds: float) -> bool:
    """By looking: `wait` would also wait for the pipes, which a child of the program's may hold."""
    with anyio.move_on_after(seconds):
        while process.returncode is None:  # noqa: ASYNC110
            await anyio.sleep(POLL_SECONDS)
    return process.returncode is not None


async def _lines(stream: anyio.abc.ByteReceiveStream, *, cut_at: int | None = None) -> AsyncGenerator[tuple[list[bytes], int]]:
    """The lines that came at once, without their ends, and how many bytes wait for the end of theirs."""
    rest: list[bytes] = []
    size = 0
    async for chunk in stream:
        first, *others = chunk.split(b"\n")
        # In a list: a line of megabytes comes in a thousand pieces, and is put together once.
        if cut_at is None or size < cut_at:
            rest.append(first)
            size += len(first)
        lines = []
        if others:
            *whole, last = others
            lines = [b"".join(rest), *whole]
            rest, size = [last], len(last)
        yield [line[:cut_at] for line in lines], size
    yield [b"".join(rest)[:cut_at]] if size else [], 0


def _parse(line: bytes) -> "SessionMessage | Exception":
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error
