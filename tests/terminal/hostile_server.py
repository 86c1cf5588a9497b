"""An MCP server on loopback that means harm with every word that it says, and needs no sign-in."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from pydantic import BaseModel

from tui.hostile import Hostile

__all__ = ["hostile_server"]

Results = dict[str, dict[str, Any]]


@contextmanager
def hostile_server() -> Generator[str]:
    """Its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, name="hostile")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
        finally:
            server.shutdown()
            thread.join()


def _results() -> Results:
    said = Hostile()
    offered = said.catalogue()
    return {
        "initialize": {
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}, "prompts": {}, "resources": {}, "logging": {}},
            "serverInfo": {"name": said.say("server-name"), "version": said.say("server-version")},
            "instructions": said.say("instructions"),
        },
        "ping": {},
        "tools/list": {"tools": _members(offered.tools)},
        "prompts/list": {"prompts": _members(offered.prompts)},
        "resources/list": {"resources": _members(offered.resources)},
        "resources/templates/list": {"resourceTemplates": _members(offered.templates)},
        "tools/call": _member(said.result()),
        "prompts/get": _member(said.prompt_result()),
        "resources/read": _member(said.resource_result()),
    }


def _members(models: tuple[BaseModel, ...]) -> list[dict[str, Any]]:
    return [_member(model) for model in models]


def _member(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    results = _results()

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "id" not in message:
            self._send(202, None)
            return
        result = self.results.get(message["method"])
        error = {"code": -32601, "message": Hostile().say("no-method")}
        self._send(200, {"jsonrpc": "2.0", "id": message["id"], **({"error": error} if result is None else {"result": result})})

    def do_GET(self) -> None:
        self._send(405, None)

    do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _send(self, status: int, message: dict[str, Any] | None) -> None:
        body = b"" if message is None else json.dumps(message).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
