"""The tests' MCP server: just enough JSON-RPC for both lifecycles, without the SDK that takes over a second to import."""

import json
from collections.abc import Callable, Mapping
from itertools import count
from typing import cast

from starlette.responses import HTMLResponse, JSONResponse, Response

from authority.binding import Bindings, NotProved
from authority.issuing import without_nulls
from authority.knobs import Knobs
from authority.seen import Seen
from handstamp.demo.ledger import Access, Ledger

__all__ = ["PATH", "McpServer"]

PATH = "/mcp"
HANDSHAKE_VERSIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
STATELESS_VERSION = "2026-07-28"
ECHOED = ("authorization", "x-api-key")
TEXT = {"type": "string"}
NUMBER = {"type": "number"}
TOOLS: list[dict[str, object]] = [
    {"name": "whoami", "description": "Who the token says you are.", "inputSchema": {"type": "object", "properties": {}}},
    {
        "name": "add",
        "description": "The sum of two numbers.",
        "inputSchema": {"type": "object", "properties": {"a": NUMBER, "b": NUMBER}, "required": ["a", "b"]},
    },
    {
        "name": "stamp",
        "description": "Your text, stamped.",
        "inputSchema": {"type": "object", "properties": {"text": TEXT}, "required": ["text"]},
    },
]


class McpServer:
    def __init__(self, origin: str, issuer: str, ledger: Ledger, bindings: Bindings, knobs: Callable[[], Knobs]) -> None:
        self.url = f"{origin}{PATH}"
        self._origin = origin
        self._issuer = issuer
        self._ledger = ledger
        self._bindings = bindings
        self._read_knobs = knobs
        self._wishes = count(1)

    def trust(self, issuer: str, ledger: Ledger) -> None:
        """Another authorization server guards it from now on."""
        self._issuer, self._ledger = issuer, ledger

    @property
    def _knobs(self) -> Knobs:
        return self._read_knobs()

    @property
    def _metadata_path(self) -> str:
        return "/.well-known/oauth-protected-resource" + ("" if self._knobs.resource_metadata_at == "root" else PATH)

    def has(self, path: str) -> bool:
        """Whether it is the MCP server that is asked there, and not the authorization server of the same origin."""
        return path == PATH or path.startswith("/.well-known/oauth-protected-resource")

    def answer(self, seen: Seen) -> Response:
        if seen.path == PATH:
            return self._guarded(seen)
        if seen.path == self._metadata_path and seen.method == "GET" and self._knobs.resource_metadata_at != "nowhere":
            return self._metadata()
        return Response(status_code=404)

    def _metadata(self) -> Response:
        knobs = self._knobs
        if knobs.resource_metadata_status:
            return Response(status_code=knobs.resource_metadata_status)
        if knobs.open_server or knobs.html_at_mcp:
            return Response(status_code=404)
        servers = knobs.authorization_servers
        at_root = knobs.resource_metadata_at == "root"
        body: dict[str, object] = {
            "resource": knobs.resource_in_metadata or (self._origin if at_root else self.url),
            "authorization_servers": list(servers) if servers is not None else [self._issuer],
            "resource_name": "The test server",
        }
        if knobs.dpop:
            body["dpop_bound_access_tokens_required"] = True
        if knobs.resource_scopes is not None:
            body["scopes_supported"] = list(knobs.resource_scopes)
        return JSONResponse(without_nulls(body | dict(knobs.resource_metadata)), headers=dict(knobs.metadata_headers))

    def _guarded(self, seen: Seen) -> Response:
        knobs = self._knobs
        if knobs.html_at_mcp:
            return HTMLResponse("<!doctype html><title>An ordinary web site</title>")
        if knobs.forbidden:
            return Response("no", status_code=403)
        if knobs.open_server:
            return _speak(seen, None, echoes=knobs.echoes)
        access = self._ledger.look_up(seen.token(knobs.scheme) or "")
        if access is not None and knobs.dpop:
            try:
                self._bindings.prove(seen, self.url, secret=access.token, knobs=knobs, access_token=access.token)
            except NotProved as refused:
                return self._challenge(seen, refused.error, headers=refused.headers)
        if access is None or knobs.always_401 or access.permission.resource not in self._accepted_resources():
            return self._challenge(seen)
        if seen.method == "GET" and knobs.sse_endpoint is not None:
            return Response(f"event: endpoint\ndata: {knobs.sse_endpoint}\n\n", media_type="text/event-stream")
        needed = self._needed_scope(_called_tool(seen) or "")
        if needed and (knobs.never_enough or needed not in access.scopes):
            return self._insufficient(needed)
        return _speak(seen, access, echoes=knobs.echoes)

    def _needed_scope(self, tool: str) -> str | None:
        knobs = self._knobs
        if tool == "stamp" and knobs.never_enough:
            return "more" if knobs.never_enough == "the same" else f"more-{next(self._wishes)}"
        return knobs.tool_scopes.get(tool) or (knobs.insufficient_scope if tool == "stamp" else None)

    def _accepted_resources(self) -> set[str]:
        at_root = {self._origin} if self._knobs.resource_metadata_at == "root" else set[str]()
        return {self.url, self._knobs.resource_in_metadata or self.url} | at_root

    def _challenge(self, seen: Seen, error: str = "invalid_token", *, headers: Mapping[str, str] | None = None) -> Response:
        knobs, presented = self._knobs, seen.token(self._knobs.scheme)
        if knobs.challenge is not None:
            return Response(status_code=401, headers={"WWW-Authenticate": knobs.challenge} if knobs.challenge else {})
        parameters = {
            "error": error if presented else None,
            "error_description": f"you sent {presented}" if knobs.echoes else None,
            "resource_metadata": None if knobs.resource_metadata_absent else f"{self._origin}{self._metadata_path}",
            "scope": knobs.challenge_scope,
        }
        challenge = _challenge(knobs.scheme, parameters)
        return Response(status_code=401, headers={"WWW-Authenticate": challenge, **(headers or {})})

    def _insufficient(self, scope: str) -> Response:
        if self._knobs.insufficient_challenge is not None:
            return Response(status_code=403, headers={"WWW-Authenticate": self._knobs.insufficient_challenge})
        parameters = {
            "error": "insufficient_scope",
            "scope": scope,
            "resource_metadata": f"{self._origin}{self._metadata_path}",
        }
        return Response(status_code=403, headers={"WWW-Authenticate": _challenge(self._knobs.scheme, parameters)})


def _challenge(scheme: str, parameters: Mapping[str, str | None]) -> str:
    return " ".join(
        [
            {"bearer": "Bearer", "dpop": "DPoP"}[scheme],
            ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value),
        ]
    ).strip()


def _speak(seen: Seen, access: Access | None, *, echoes: bool) -> Response:
    if seen.method == "DELETE":
        return Response(status_code=200)
    if seen.method != "POST":
        return Response(status_code=405)
    message = seen.json
    if "method" not in message:
        return JSONResponse({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Invalid Request"}}, 400)
    if "id" not in message:
        return Response(status_code=202)
    echo = json.dumps({name: value for name, value in seen.headers.items() if name in ECHOED}) if echoes else ""
    if echo and _called_tool(seen) == "stamp":
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32000, "message": f"you sent {echo}"}})
    result = _result(message, access, echo)
    if result is None:
        error = {"code": -32601, "message": "Method not found"}
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error}, 404)
    headers = {"Mcp-Session-Id": "a-session"} if message["method"] == "initialize" else {}
    return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result}, headers=headers)


def _result(message: Mapping[str, object], access: Access | None, echo: str) -> dict[str, object] | None:
    params = message.get("params")
    parameters = cast("dict[str, object]", params) if isinstance(params, dict) else {}
    about: dict[str, object] = {"capabilities": {"tools": {}}, "serverInfo": {"name": "test-server", "version": "1"}}
    match message["method"]:
        case "initialize":
            asked = parameters.get("protocolVersion")
            return {"protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1], **about}
        case "server/discover":
            return {"supportedVersions": [STATELESS_VERSION, *HANDSHAKE_VERSIONS], **about, **_fresh()}
        case "tools/list":
            return {"tools": [*TOOLS, *_echoing_tools(echo)], **_fresh()}
        case "tools/call" if echo:
            return _repeat(echo, is_error=parameters.get("name") == "add")
        case "tools/call":
            return _call(str(parameters.get("name")), parameters.get("arguments"), access)
        case "ping":
            return {}
        case _:
            return None


def _fresh() -> dict[str, object]:
    return {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


def _call(tool: str, arguments: object, access: Access | None) -> dict[str, object]:
    match tool, arguments:
        case "whoami", _:
            text = f"{access.permission.user}, allowed to {', '.join(access.scopes)}" if access else "nobody"
        case "add", {"a": int() | float() as a, "b": int() | float() as b}:
            text = str(a + b)
        case "stamp", {"text": str(text)}:
            text = f"[{text}]"
        case _:
            return {"content": [{"type": "text", "text": "no such tool, or not so"}], "isError": True, "resultType": "complete"}
    return {"content": [{"type": "text", "text": text}], "isError": False, "resultType": "complete"}


def _echoing_tools(echo: str) -> list[dict[str, object]]:
    return [{"name": echo, "description": echo, "inputSchema": {"type": "object", "title": echo}}] if echo else []


def _repeat(echo: str, *, is_error: bool) -> dict[str, object]:
    content = [{"type": "text", "text": f"you sent {echo}"}]
    return {"content": content, "structuredContent": {echo: [echo]}, "isError": is_error, "resultType": "complete"}


def _called_tool(seen: Seen) -> str | None:
    match seen.json:
        case {"method": "tools/call", "params": {"name": str(name)}}:
            return name
        case _:
            return None
