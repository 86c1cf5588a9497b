"""
A server that answers every request 100 ms after it came, however many there are.

Bare asyncio in a process of its own, so that what is measured is the client. Says its port, and ends when its stdin does: it
never outlives a benchmark that was interrupted.
"""

import asyncio
import os
import sys
from threading import Thread

DELAY = 0.1
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(content_length(head))
            await asyncio.sleep(DELAY)
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def content_length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next((int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")), 0)


def end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=200)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    Thread(target=end_with_stdin, daemon=True).start()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
