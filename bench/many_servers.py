"""
MCP servers by the hundred, each at an address of loopback: `/N` answers at once, `/hang/N` takes what it is asked and is silent.

Bare asyncio in a process of its own, so that what is measured is the client. Says its port, and ends when its stdin does.
"""

import asyncio
import json
import socket
import sys
from threading import Thread
from typing import Any

from slow_server import content_length, end_with_stdin

TOOLS = [{"name": f"tool-{n}", "description": "Does what it says.", "inputSchema": {"type": "object"}} for n in range(20)]
RESULTS: dict[str, dict[str, Any]] = {
    "initialize": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "one of many", "version": "1"},
    },
    "tools/list": {"tools": TOOLS},
    "ping": {},
}

HANGS = asyncio.Event()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(content_length(head))
            if b" /hang/" in head.partition(b"\r\n")[0]:
                await HANGS.wait()
            writer.write(response_to(head, body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def response_to(head: bytes, body: bytes) -> bytes:
    if not head.startswith(b"POST"):
        return http("405 Method Not Allowed")
    message = json.loads(body)
    if "id" not in message:
        return http("202 Accepted")
    told = {"jsonrpc": "2.0", "id": message["id"]}
    result = RESULTS.get(message["method"])
    if result is None:
        return http("200 OK", {**told, "error": {"code": -32601, "message": "Method not found"}})
    return http("200 OK", {**told, "result": result})


def http(status: str, message: dict[str, Any] | None = None) -> bytes:
    body = b"" if message is None else json.dumps(message).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    server = await asyncio.start_server(answer, [f"127.0.0.{number}" for number in range(1, 255)], port)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    Thread(target=end_with_stdin, daemon=True).start()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
