"""What a server of the tests of tools offers, and the app that shows it."""

from pathlib import Path

from mcp_types import Prompt, PromptArgument, Resource, ResourceTemplate, Tool, ToolAnnotations
from textual.app import App, ComposeResult
from textual.widgets import Footer

from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.connection import Host
from handstamp.tui.answer_view import LoginWanted, StepUpWanted
from handstamp.tui.surroundings import Surroundings
from handstamp.tui.tools_pane import ToolsPane

__all__ = ["CATALOGUE", "CREATE", "DELETE", "PaneApp", "Saver"]

CREATE = Tool(
    name="create_issue",
    title="Create an issue",
    description="Creates an issue in a team.\nThe guide is at https://linear.app/docs/issues.",
    input_schema={
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 120, "description": "What it is about"},
            "body": {"type": "string"},
            "priority": {"type": "integer", "minimum": 0, "maximum": 4, "default": 2},
            "state": {"enum": ["backlog", "started", "done"]},
            "labels": {"type": "array", "items": {"enum": ["bug", "feature"]}},
            "assignee": {"type": "object", "properties": {"email": {"type": "string", "format": "email"}}},
        },
        "required": ["title"],
    },
    annotations=ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True),
)
DELETE = Tool(
    name="delete_issue",
    description="Deletes an issue.",
    input_schema={"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    annotations=ToolAnnotations(read_only_hint=False, destructive_hint=True),
)
SEARCH = Tool(
    name="search",
    description="Finds issues.",
    input_schema={"type": "object", "properties": {"query": {"type": "string"}}},
    annotations=ToolAnnotations(read_only_hint=True),
)
CATALOGUE = Catalogue(
    tools=(CREATE, DELETE, SEARCH),
    prompts=(Prompt(name="triage", arguments=[PromptArgument(name="team", required=True)]),),
    resources=(Resource(name="readme", uri="file:///readme.md"),),
    templates=(ResourceTemplate(name="issue", uri_template="linear://issue/{id}"),),
)


class Saver:
    """Opens nothing, and remembers what it was to open."""

    def __init__(self) -> None:
        self.opened: list[Path] = []

    def open(self, path: Path) -> bool:
        self.opened.append(path)
        return True


class PaneApp(App[None]):
    """The pane alone, with the app's messages in `wanted`."""

    def __init__(self, host: Host | None, surroundings: Surroundings | None = None) -> None:
        super().__init__()
        self.host = host
        self.surroundings = surroundings or Surroundings()
        self.wanted: list[LoginWanted | StepUpWanted] = []

    def compose(self) -> ComposeResult:
        yield ToolsPane(self.surroundings)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(ToolsPane).show(self.host)
        self.query_one("#offers").focus()

    def on_login_wanted(self, wanted: LoginWanted) -> None:
        self.wanted.append(wanted)

    def on_step_up_wanted(self, wanted: StepUpWanted) -> None:
        self.wanted.append(wanted)
