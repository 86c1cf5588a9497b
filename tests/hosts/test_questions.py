"""What a server asks of the person on its way to whoever answers for them."""

from typing import Any

import anyio
import pytest
from mcp.client.session import ClientRequestContext
from mcp_types import CreateMessageRequestParams, ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult, ErrorData

from handstamp.hosts.answering import Refusing
from handstamp.hosts.questions import MOST_QUESTIONS, Questions
from hosts.crew import Willing

pytestmark = pytest.mark.anyio

CONTEXT: ClientRequestContext = ClientRequestContext(session=None, request_id=1)  # type: ignore[arg-type]
FORM = ElicitRequestFormParams(message="Who are you?", requested_schema={"type": "object", "properties": {}})
SAMPLE = CreateMessageRequestParams(messages=[], max_tokens=1)


class Undecided(Refusing):
    """Waits for a person who never says anything."""

    def __init__(self) -> None:
        self.waiting = 0

    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> ElicitResult:
        self.waiting += 1
        await anyio.sleep_forever()
        raise AssertionError


def action(answer: ElicitResult | ErrorData) -> str:
    assert isinstance(answer, ElicitResult)
    return answer.action


async def test_a_form_is_filled_in() -> None:
    answerer = Willing(name="Alice")

    answer = await Questions("notes", answerer).elicit(CONTEXT, FORM)

    assert isinstance(answer, ElicitResult)
    assert answer.content == {"name": "Alice"}
    assert answerer.asked == [("notes", "Who are you?")]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ssh://host",
        "https://",
        "https://bank.example@evil.example/",
        "https://[",
        "vscode://open",
    ],
)
async def test_what_is_no_page_is_declined_before_anybody_sees_it(url: str) -> None:
    """A-134."""
    answerer = Willing()

    answer = await Questions("notes", answerer).elicit(CONTEXT, ElicitRequestURLParams(message="go", url=url, elicitation_id="1"))

    assert action(answer) == "decline"
    assert answerer.asked == []


async def test_a_page_is_shown_with_its_whole_address() -> None:
    """A-134."""
    answerer = Willing()
    page = ElicitRequestURLParams(message="go", url="https://a.example/b?c=d", elicitation_id="1")

    assert action(await Questions("notes", answerer).elicit(CONTEXT, page)) == "accept"
    assert answerer.asked == [("notes", "https://a.example/b?c=d")]


async def test_where_nobody_is_there_everything_is_refused_with_a_reason() -> None:
    questions = Questions("notes", Refusing())

    assert action(await questions.elicit(CONTEXT, FORM)) == "decline"
    sampled = await questions.sample(CONTEXT, SAMPLE)
    assert isinstance(sampled, ErrorData)
    assert "no model" in sampled.message


async def test_a_server_that_asks_without_end_is_declined() -> None:
    answerer = Undecided()
    questions = Questions("notes", answerer)

    async with anyio.create_task_group() as tasks:
        for _ in range(MOST_QUESTIONS):
            tasks.start_soon(questions.elicit, CONTEXT, FORM)
        await anyio.wait_all_tasks_blocked()
        one_more = await questions.elicit(CONTEXT, FORM)
        sampled = await questions.sample(CONTEXT, SAMPLE)

        assert answerer.waiting == MOST_QUESTIONS
        assert action(one_more) == "decline"
        assert isinstance(sampled, ErrorData)

        tasks.cancel_scope.cancel()
