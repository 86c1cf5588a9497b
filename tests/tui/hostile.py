"""
A server that says nothing harmless: each of its words carries what a terminal acts on, what hides or turns text, or what Textual
reads as markup (TH1 to TH3); and a person's settings and sign-ins, of which the same is true.

Every word begins with the name of the place where it is said, so that a test knows what it has seen.
"""

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    CreateMessageRequestParams,
    EmbeddedResource,
    GetPromptResult,
    ImageContent,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceResult,
    Resource,
    ResourceLink,
    ResourceTemplate,
    SamplingMessage,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

from handstamp.doctor import Diagnosis, Finding, Verdict
from handstamp.errors import ServerBrokeProtocol, StepUpRequired
from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.connection import Connected, LogLine
from handstamp.model import Failure, Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from tui.fake_hosts import NOON

__all__ = ["ATTACKS", "TOKENS", "Hostile"]

ATTACKS = {
    "TH3": "[@click=app.quit]q[/][red]r[/red]",
    "TH2": "\u202ea\u200b\U000e0041e" + "\u0301" * 8 + "漢\u2028",
    "TH1": "\x1b[2J\x1b]52;c;aGk=\x07\x9b2J\r\x08\tz",
}
"""By their row of the threats, and so short that all of them fit where a text is cut."""
TOKENS = ("an-access-token-that-nobody-may-see", "a-refresh-token-that-nobody-may-see", "a-client-secret-that-nobody-may-see")
"""Of every sign-in here."""
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture, in base64."""


class Hostile:
    """All attacks in every place."""

    attack = "".join(ATTACKS.values())

    def say(self, place: str) -> str:
        return f"{place}·{self.attack}"

    def error(self) -> ServerBrokeProtocol:
        return ServerBrokeProtocol(self.say("error"), hint=self.say("hint"))

    def step_up(self) -> StepUpRequired:
        return StepUpRequired(self.say("step-up"), hint=self.say("hint"), scopes=(self.say("needed"),))

    def connected(self) -> Connected:
        say = self.say
        return Connected(say("server-name"), say("server-version"), say("protocol-version"), say("instructions"))

    def log(self) -> tuple[LogLine, ...]:
        return (LogLine(NOON, "info", self.say("log")), LogLine(NOON + 1, "error", self.say("log-error")))

    def catalogue(self) -> Catalogue:
        return Catalogue((self.tool(),), (self.prompt(),), (self.resource(),), (self.template(),), (self.say("problem"),))

    def tool(self) -> Tool:
        say = self.say
        return Tool(
            name=say("tool"),
            title=say("tool-title"),
            description=f"{say('tool-text')}\n{say('tool-text-2')}",
            input_schema=self.schema(),
            output_schema={
                "type": "object",
                "properties": {say("output"): {"type": "string", "description": say("output-text")}},
            },
            annotations=ToolAnnotations(title=say("tool-annotation"), destructive_hint=True, open_world_hint=True),
        )

    def schema(self) -> dict[str, object]:
        """With a field of every kind that a form can have."""
        say = self.say

        def named(kind: str, **more: object) -> dict[str, object]:
            return {"type": kind, "title": say(f"{kind}-title"), "description": say(f"{kind}-text"), **more}

        return {
            "type": "object",
            "title": say("schema-title"),
            "description": say("schema-text"),
            "required": [say("string")],
            "properties": {
                say("string"): named("string", default=say("default"), examples=[say("example")], format=say("format")),
                say("choice"): {"enum": [say("one"), say("two")], "description": say("choice-text")},
                say("labelled"): {
                    "oneOf": [{"const": say("const"), "title": say("const-title")}],
                    "title": say("labelled-title"),
                },
                say("number"): named("number", minimum=1),
                say("integer"): named("integer"),
                say("boolean"): named("boolean"),
                say("array"): named("array", items={"type": "string", "enum": [say("item")]}),
                say("object"): named("object", properties={say("inner"): {"type": "string", "description": say("inner-text")}}),
                say("odd"): {"type": say("type"), "$ref": say("ref"), "description": say("odd-text")},
            },
        }

    def prompt(self) -> Prompt:
        say = self.say
        argument = PromptArgument(
            name=say("argument"), title=say("argument-title"), description=say("argument-text"), required=True
        )
        return Prompt(name=say("prompt"), title=say("prompt-title"), description=say("prompt-text"), arguments=[argument])

    def resource(self) -> Resource:
        say = self.say
        return Resource(
            name=say("resource"),
            title=say("resource-title"),
            uri=f"file:///{say('resource-uri')}",
            description=say("resource-text"),
            mime_type=say("resource-type"),
        )

    def template(self) -> ResourceTemplate:
        say = self.say
        return ResourceTemplate(
            name=say("template"),
            title=say("template-title"),
            uri_template=f"file:///{say('template-uri')}/{{{say('variable')}}}",
            description=say("template-text"),
            mime_type=say("template-type"),
        )

    def content(self) -> list[ContentBlock]:
        """Of every kind."""
        say = self.say
        inside = TextResourceContents(uri=say("embedded-uri"), mime_type=say("embedded-type"), text=say("embedded"))
        return [
            TextContent(text=f"{say('text')}\n{say('text-2')}"),
            TextContent(text=f'{{"{say("json").replace(self.attack, "")}": [1, true, null]}}'),
            ImageContent(data=DOT, mime_type=say("image-type")),
            AudioContent(data=DOT, mime_type=say("audio-type")),
            ResourceLink(
                name=say("link"), title=say("link-title"), uri=f"https://{say('link-uri')}", description=say("link-text")
            ),
            EmbeddedResource(resource=inside),
            EmbeddedResource(resource=BlobResourceContents(uri=say("blob-uri"), mime_type=say("blob-type"), blob=DOT)),
        ]

    def result(self, *, is_error: bool = False) -> CallToolResult:
        structured = {self.say("member"): [self.say("value"), {self.say("deep"): 1}]}
        return CallToolResult(content=self.content(), structured_content=structured, is_error=is_error)

    def prompt_result(self) -> GetPromptResult:
        messages = [PromptMessage(role="assistant", content=TextContent(text=self.say("message")))]
        return GetPromptResult(description=self.say("prompt-result"), messages=messages)

    def resource_result(self) -> ReadResourceResult:
        text = TextResourceContents(uri=self.say("contents-uri"), mime_type=self.say("contents-type"), text=self.say("contents"))
        return ReadResourceResult(contents=[text])

    def sampling(self) -> CreateMessageRequestParams:
        asked = [SamplingMessage(role="user", content=TextContent(text=self.say("sampling")))]
        return CreateMessageRequestParams(messages=asked, max_tokens=10, system_prompt=self.say("system-prompt"))

    def grant(self, server: str, account: str = "default") -> Grant:
        say = self.say
        access, refresh, secret = map(Secret, TOKENS)
        issuer = f"https://{say('issuer')}"
        return Grant(
            key=GrantKey("local", server, account, issuer),
            resource=f"https://{say('resource-name')}",
            scopes=(say("scope"), say("scope-2")),
            registration=Registration(
                issuer, RegistrationKind.DYNAMIC, say("client"), "http://127.0.0.1/callback", client_secret=secret
            ),
            token=Token(access, NOON - 60, NOON + 3600, refresh),
            token_endpoint=f"https://{say('token-endpoint')}",
            identity=say("identity"),
            granted_at=NOON - 60,
            requested_scopes=(say("scope"), say("requested")),
            refused_scopes=(say("refused"),),
            failure=Failure(NOON - 5, say("failure-code"), say("failure")),
        )

    def diagnosis(self, server: str, url: str) -> Diagnosis:
        say = self.say
        findings = tuple(
            Finding(
                say("step"),
                verdict,
                say("finding"),
                url=f"https://{say('finding-url')}",
                status=500,
                expected=say("expected"),
                actual=say("actual"),
                next_step=say("next-step"),
            )
            for verdict in Verdict
        )
        return Diagnosis(server, url, findings, NOON)
