"""Servers that say what a test gives them wherever words are allowed, and what of it may reach a terminal."""

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import JSONResponse, Response

from authority import Authority, Knobs, Seen

__all__ = ["ACTS", "A_BIT_OF_ALL", "HIDES", "MARKUP", "LoudAuthority", "find_raw"]

ACTS = {
    "colour": "\x1b[31m",
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "device control": "\x1bP1$r0m\x1b\\",
    "C1": "\x9b2J\x9d52;c;eA==\x9c\x90",
    "line": "\r\b\b\x7f\v\f\x00",
}
"""TH1."""
HIDES = {
    "bidi": "\u202e\u2066\u2067\u2068\u2069\u202a\u200f\u061c",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff\u00ad",
    "tags": "\U000e0041\U000e0042\U000e007f",
    "selectors": "\ufe01\ufe0a\U000e0101",
    "fillers": "\u115f\u3164\uffa0\u2800\u034f",
    "flood": "e" + "\u0301" * 12 + "ก" + "\u0e47" * 12,
    "wide": "東京都",
    "separators": "\u2028\u2029\x85",
}
"""TH2."""
MARKUP = {
    "rich": "[red]x[/red]",
    "rich link": "[link=file:///etc/passwd]x[/link]",
    "textual": "[@click=app.quit]x[/]",
    "html": "<b>x</b>",
    "emoji code": ":skull:",
}
"""TH3."""

# Written down here a second time, on purpose: what is tested is not its own judge.
A_BIT_OF_ALL = "\x1b]8;;x\x07\x9b2J\r\b\x7f\u202e\u200b\U000e0041e" + "\u0301" * 7 + "[red]東"
"""Short enough that no cap on a field's length hides the rest."""

RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\uffff\U000e0000-\U000e0fff]"
    "|[\u0300-\u036f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]{7,}"
)

IGNORABLE = frozenset(
    chr(point)
    for first, last in (
        (0xAD, 0xAD),
        (0x34F, 0x34F),
        (0x61C, 0x61C),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x200B, 0x200F),
        (0x202A, 0x202E),
        (0x2060, 0x206F),
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0D),
        (0xFEFF, 0xFEFF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFFB),
        (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    for point in range(first, last + 1)
)
"""Unicode's Default_Ignorable_Code_Point and a blank of Braille, but for the two selectors between a letter and its picture."""


def find_raw(text: str) -> list[str]:
    """What in a text a terminal would act on, or not show."""
    return [found.group().encode("unicode_escape").decode() for found in RAW.finditer(text)]


class LoudAuthority(Authority):
    """
    An authority and MCP server that put `words` into the fields that `loud` names; all else they do rightly.

    "everywhere" stands for the fields with which a login still succeeds.
    """

    EVERYWHERE = frozenset(("challenge", "resource name", "server names", "registration", "identity", "scope", "tools", "result"))

    def __init__(self, words: str, *loud: str, knobs: Knobs | None = None) -> None:
        super().__init__(knobs)
        self.words = words
        self.loud = set(loud)

    def is_loud(self, field: str) -> bool:
        return field in self.loud or ("everywhere" in self.loud and field in self.EVERYWHERE)

    def _answer(self, seen: Seen) -> Response:
        return self._shout(seen, super()._answer(seen))

    def _shout(self, seen: Seen, response: Response) -> Response:
        if "/.well-known/oauth-protected-resource" in seen.path:
            return self._resource_metadata(response)
        if "/.well-known/" in seen.path:
            return self._server_metadata(response)
        match seen.at, seen.path.rpartition("/")[2]:
            case "authority", "register":
                return self._registration(response)
            case "authority", "authorize":
                return self._authorization_response(response)
            case "authority", "token":
                return self._token(seen, response)
            case "authority", "revoke" if self.is_loud("revocation error"):
                return self._error()
            case "server", "mcp":
                return self._mcp_answer(seen, response)
            case _:
                return response

    def _resource_metadata(self, response: Response) -> Response:
        if response.status_code != 200:
            return response
        body = json.loads(bytes(response.body))
        if self.is_loud("resource name"):
            body |= {"resource_name": self.words, "scopes_supported": ["read", self.words], "resource_policy_uri": self.words}
        if self.is_loud("resource"):
            body["resource"] = self.words
        if self.is_loud("issuers"):
            body["authorization_servers"] = [self.words]
        return JSONResponse(body)

    def _server_metadata(self, response: Response) -> Response:
        if response.status_code != 200:
            return response
        body = json.loads(bytes(response.body))
        if self.is_loud("server names"):
            body |= {"service_documentation": self.words, "scopes_supported": ["read", "write", self.words]}
        if self.is_loud("issuer"):
            body["issuer"] = self.words
        if self.is_loud("challenge methods"):
            body["code_challenge_methods_supported"] = [self.words]
        return JSONResponse(body)

    def _registration(self, response: Response) -> Response:
        if self.is_loud("registration error"):
            return self._error()
        body = json.loads(bytes(response.body))
        if self.is_loud("registration"):
            body |= {"client_name": self.words, "client_uri": self.words, "software_version": self.words}
        if self.is_loud("registration method"):
            body["token_endpoint_auth_method"] = self.words
        return JSONResponse(body, 201)

    def _authorization_response(self, response: Response) -> Response:
        address, _, query = response.headers["location"].partition("?")
        answer = dict(parse_qsl(query))
        if self.is_loud("authorization error"):
            answer |= {"error": self.words, "error_description": self.words}
        if self.is_loud("iss"):
            answer["iss"] = self.words
        response.headers["location"] = f"{address}?{urlencode(answer)}"
        return response

    def _token(self, seen: Seen, response: Response) -> Response:
        if self.is_loud("token error") or (self.is_loud("refresh error") and seen.form["grant_type"] == "refresh_token"):
            return self._error()
        if response.status_code != 200:
            return response
        body = json.loads(bytes(response.body))
        if self.is_loud("token type"):
            body["token_type"] = self.words
        if self.is_loud("scope"):
            body["scope"] = f"read {self.words}"
        if self.is_loud("identity"):
            body["id_token"] = _id_token({"email": self.words})
        return JSONResponse(body)

    def _mcp_answer(self, seen: Seen, response: Response) -> Response:
        if response.status_code == 401:
            if self.is_loud("challenge"):
                response.headers["www-authenticate"] += f', error_description="{_for_a_header(self.words)}"'
            return response
        if response.status_code != 200:
            return response
        message: dict[str, Any] = json.loads(bytes(response.body))
        if self.is_loud("rpc error") and seen.json.get("method", "").startswith("tools/"):
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32000, "message": self.words}})
        if self.is_loud("http error") and seen.json.get("method", "").startswith("tools/"):
            return Response(self.words, 500, media_type="text/plain")
        result = message["result"]
        if "serverInfo" in result:
            result |= {"serverInfo": {"name": self.words, "version": self.words}, "instructions": self.words}
        if "tools" in result and self.is_loud("tools"):
            for tool in result["tools"]:
                tool |= {"name": f"{tool['name']}{self.words}", "title": self.words, "description": self.words}
        if "content" in result and self.is_loud("result"):
            result["content"] = self._blocks()
        if "content" in result and self.is_loud("tool error"):
            result |= {"content": self._blocks(), "isError": True}
        return JSONResponse(message)

    def _blocks(self) -> list[dict[str, object]]:
        words = self.words
        return [
            {"type": "text", "text": words},
            {"type": "resource_link", "uri": f"file:///{words}", "name": words, "title": words, "description": words},
            {"type": "resource", "resource": {"uri": f"file:///{words}", "text": words}},
            {"type": "resource", "resource": {"uri": f"file:///{words}", "blob": "AAAA", "mimeType": words}},
            {"type": "image", "data": "AAAA", "mimeType": words},
        ]

    def _error(self) -> Response:
        return JSONResponse({"error": self.words, "error_description": self.words, "error_uri": self.words}, 400)


def _id_token(claims: dict[str, object]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts), ""])


def _for_a_header(words: str) -> str:
    """What of it HTTP lets pass: h11 refuses ASCII's controls and lets C1's through."""
    return "".join(
        letter for letter in words if letter not in '"\\' and (letter.isprintable() or letter > "\x7f") and letter <= "\xff"
    )
