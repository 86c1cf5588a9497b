"""What a server may ask of a person while it works for them: to fill in a form, to visit a page, to lend it their model."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mcp_types import CreateMessageRequestParams, CreateMessageResult, ElicitResult, ErrorData

__all__ = ["Answerer", "Refusing"]


class Answerer(Protocol):
    """
    Answers for the person. `server` is what they call the server that asks; all else is the server's, and to be shown with care.

    Each may take as long as a person takes; it is cancelled where the server or the connection gives up.
    """

    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> "ElicitResult":
        """Elicitation in form mode: accepted with content that fits the schema, declined, or cancelled."""
        ...

    async def visit(self, server: str, message: str, url: str) -> "ElicitResult":
        """Elicitation in URL mode (A-134): nothing is fetched, nor opened before the person has seen the whole address."""
        ...

    async def sample(self, server: str, asked: "CreateMessageRequestParams") -> "CreateMessageResult | ErrorData":
        """Sampling: an answer that the person gave in the place of a model, or an error that says why there is none."""
        ...


class Refusing:
    """For a program without a person: declines every form and page, and says that it has no model."""

    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> "ElicitResult":
        from mcp_types import ElicitResult

        return ElicitResult(action="decline")

    async def visit(self, server: str, message: str, url: str) -> "ElicitResult":
        from mcp_types import ElicitResult

        return ElicitResult(action="decline")

    async def sample(self, server: str, asked: "CreateMessageRequestParams") -> "CreateMessageResult | ErrorData":
        from mcp_types import INVALID_REQUEST, ErrorData

        return ErrorData(code=INVALID_REQUEST, message="Handstamp has no model to answer with.")
