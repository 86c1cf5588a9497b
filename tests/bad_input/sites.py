"""Web sites that are not what they should be."""

import json
import socket
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self

__all__ = ["HTML", "BabblingServer", "PlainSite", "SilentSite"]

HTML = "<!doctype html><title>An ordinary web site</title>"


class PlainSite:
    """Answers a path with what a test put there, a `dict` as JSON and a `str` as a web page; all else with 404."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, object] | str] = {}
        self.challenge: str | None = None
        """Answers `/mcp` with 401 and this."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = site.pages.get(self.path)
                if self.path == "/mcp" and site.challenge is not None:
                    self._answer(401, "text/plain", b"", challenge=site.challenge)
                elif page is None:
                    self._answer(404, "text/html", HTML.encode())
                elif isinstance(page, str):
                    self._answer(200, "text/html", page.encode())
                else:
                    self._answer(200, "application/json", json.dumps(page).encode())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _answer(self, status: int, media_type: str, body: bytes, *, challenge: str | None = None) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                if challenge is not None:
                    self.send_header("WWW-Authenticate", challenge)
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self.origin}/mcp"
        self._thread = Thread(target=lambda: self._server.serve_forever(poll_interval=0.02), name="plain-site")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class BabblingServer:
    """An MCP server that lets everybody in and answers a method with whatever a test put there. A context manager."""

    def __init__(self, results: Mapping[str, object]) -> None:
        usual = {
            "initialize": {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "babbling", "version": "1"},
            },
            "tools/list": {"tools": []},
        }
        known = {**usual, **results}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                method, number = message.get("method"), message.get("id")
                if number is None:
                    return self._answer(202, b"")
                answer = (
                    {"result": known[method]} if method in known else {"error": {"code": -32601, "message": "Method not found"}}
                )
                return self._answer(200, json.dumps({"jsonrpc": "2.0", "id": number, **answer}).encode())

            def do_GET(self) -> None:
                self._answer(405, b"")

            def log_message(self, format: str, *args: object) -> None:
                pass

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/mcp"
        self._thread = Thread(target=lambda: self._server.serve_forever(poll_interval=0.02), name="babbling-server")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class SilentSite:
    """Takes connections and says nothing. A context manager."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self._taken: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/mcp"

    def wait_for_a_visitor(self) -> None:
        """Until somebody has connected and asked."""
        connection, _ = self._listener.accept()
        self._taken.append(connection)
        connection.settimeout(20)
        assert connection.recv(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for each in (*self._taken, self._listener):
            each.close()
