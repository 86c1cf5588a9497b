"""The terminal app's end of a login: what it says becomes an event, and what the person decides there becomes its answer."""

from asyncio import Future, Queue, get_running_loop
from collections.abc import Callable

from handstamp.model import LoginPrompt
from handstamp.ports import Clock
from handstamp.tui.sign_in_states import Asked, Away, Event, Noted, Prompted, Rejected, SavingBegan

__all__ = ["AppPresenter"]


class AppPresenter:
    """
    A `Presenter` of one login, in the app's own event loop. It decides nothing and opens nothing.

    `tell` hears what happens. `obstacle` says why no browser is to open here: then the person is not asked to open one.
    `timer` counts seconds evenly.
    """

    def __init__(self, tell: Callable[[Event], None], *, obstacle: str | None, timer: Clock) -> None:
        self._tell = tell
        self._obstacle = obstacle
        self._timer = timer
        self._question: Future[bool] | None = None
        self._pasted: Queue[str] = Queue()
        self._prompt: LoginPrompt | None = None
        self._began_at = 0.0
        self._wanted_browser = False

    def answer(self, yes: bool) -> None:
        """What the person decided. Nothing where nothing was asked, or where they have decided already."""
        if self._question is not None and not self._question.done():
            self._question.set_result(yes)

    def paste(self, address: str) -> None:
        """The address of the browser's last page, as the person brought it."""
        self._pasted.put_nowait(address)

    async def confirm(self, question: str) -> bool:
        return await self._ask(Asked(question))

    async def prompt(self, prompt: LoginPrompt) -> bool:
        self._prompt, self._began_at = prompt, self._timer()
        self._wanted_browser = self._obstacle is None and await self._ask(Prompted(prompt))
        return self._wanted_browser

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        assert self._prompt is not None
        failed = "none could be opened" if self._wanted_browser and not opened else None
        ends_at = self._began_at + deadline
        self._tell(Away(self._prompt, authorization_url, opened, self._obstacle or failed, ends_at))
        return await self._pasted.get()

    async def rejected(self, reason: str) -> None:
        self._tell(Rejected(reason))

    async def saving(self) -> None:
        self._tell(SavingBegan())

    async def noted(self, note: str) -> None:
        self._tell(Noted(note))

    async def _ask(self, event: Asked | Prompted) -> bool:
        self._question = get_running_loop().create_future()
        self._tell(event)
        return await self._question
