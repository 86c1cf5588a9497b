"""
Answers for the person what a server asks in the middle of its work, by dialogs: a form, a page to visit, the words of a model.

Nobody asked for these dialogs, so each has the quiet grace, and several come one after the other. Where the server gives up, its
dialog goes.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App

from handstamp.ports import Browser, Clock
from handstamp.tui.asking import AskingDialog
from handstamp.tui.form_dialog import FormDialog
from handstamp.tui.hidden import Mask
from handstamp.tui.page_dialog import PageDialog
from handstamp.tui.reply_dialog import ReplyDialog

if TYPE_CHECKING:
    from mcp_types import CreateMessageRequestParams, CreateMessageResult, ElicitResult, ErrorData

__all__ = ["AppAnswerer"]

T = TypeVar("T")


class AppAnswerer:
    """
    An `Answerer` in the app's own event loop.

    `browser` opens a page after a yes. `url_of` says where a server is, for whom a page on this machine may be opened; None where
    it is a program or not known.
    """

    def __init__(
        self,
        app: App[Any],
        browser: Browser,
        *,
        mask: Mask = str,
        url_of: Callable[[str], str | None] = lambda server: None,
        timer: Clock = time.monotonic,
    ) -> None:
        self._app = app
        self._browser = browser
        self._mask = mask
        self._url_of = url_of
        self._timer = timer
        self._one_at_a_time = asyncio.Lock()

    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> "ElicitResult":
        from mcp_types import ElicitResult

        answer = await self._ask(lambda: FormDialog(server, self._mask(message), schema, self._timer))
        if answer is None:
            return ElicitResult(action="cancel")
        return ElicitResult(action="decline") if answer.content is None else ElicitResult(action="accept", content=answer.content)

    async def visit(self, server: str, message: str, url: str) -> "ElicitResult":
        from mcp_types import ElicitResult

        near = self._url_of(server) or ""
        decision = await self._ask(lambda: PageDialog(server, self._mask(message), url, near, self._browser, self._timer))
        return ElicitResult(action=decision or "cancel")

    async def sample(self, server: str, asked: "CreateMessageRequestParams") -> "CreateMessageResult | ErrorData":
        from mcp_types import INVALID_REQUEST, CreateMessageResult, ErrorData, TextContent

        reply = await self._ask(lambda: ReplyDialog(server, asked, self._mask, self._timer))
        if reply is None or reply.text is None:
            reason = (reply and reply.reason) or "The person gave no answer in the place of a model."
            return ErrorData(code=INVALID_REQUEST, message=reason)
        said = TextContent(text=reply.text)
        return CreateMessageResult(role="assistant", content=said, model="a person", stop_reason="endTurn")

    async def _ask(self, make: Callable[[], AskingDialog[T]]) -> T | None:
        """What the person says; None where they say nothing."""
        async with self._one_at_a_time:
            answered: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()
            dialog = make()

            def hear(answer: T | None) -> None:
                if not answered.done():
                    answered.set_result(answer)

            def show() -> None:
                if not answered.done():
                    self._app.push_screen(dialog, hear)

            # The task that asks is the connection's: a screen is made and pushed in the app's own.
            self._app.call_later(show)
            try:
                return await answered
            finally:
                self._app.call_later(dialog.withdraw)
