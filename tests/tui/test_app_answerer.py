"""What a server asks in the middle of its work is the person's to answer."""

from collections.abc import Awaitable
from typing import Any

import pytest
from mcp_types import CreateMessageRequestParams, CreateMessageResult, ErrorData, SamplingMessage, TextContent

from handstamp.tui.app_answerer import AppAnswerer
from handstamp.tui.page_dialog import judge_page
from handstamp.tui.reply_dialog import asked_in_words
from tui.asking_desk import PAGE, Desk, asked, settle, visit, wake
from tui.snapshots import assert_drawn

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "title": "Your name"}, "size": {"enum": ["S", "M"], "default": "M"}},
    "required": ["name"],
}
HOSTILE = "\x1b[2J\u202e[red]x[/] [@click=app.quit]y[/]"
ASKED = CreateMessageRequestParams(
    messages=[SamplingMessage(role="user", content=TextContent(text="Say hello"))], system_prompt="Be brief", max_tokens=10
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def fill_in(answerer: AppAnswerer) -> Awaitable[Any]:
    return answerer.fill_in("linear", "Who are you?", SCHEMA)


async def test_a_form_is_filled_in_and_sent() -> None:
    desk = Desk()
    async with asked(desk, fill_in) as (pilot, task):
        await assert_drawn(pilot, "asks-form")

        desk.screen.query("FormView Lines").first().focus()
        await pilot.press(*"Ada", "f5")
        await settle(pilot)
        assert (task.result().action, task.result().content) == ("accept", {"name": "Ada", "size": "M"})


@pytest.mark.parametrize(("keys", "action"), [(["enter"], "cancel"), (["tab", "enter"], "decline")])
async def test_cancel_has_the_focus_and_decline_is_beside_it(keys: list[str], action: str) -> None:
    async with asked(Desk(), fill_in) as (pilot, task):
        await pilot.press(*keys)
        await settle(pilot)
        assert (task.result().action, task.result().content) == (action, None)


async def test_where_no_browser_opens_the_address_is_copied() -> None:
    desk = Desk(opens=False)
    async with asked(desk, visit(PAGE)) as (pilot, task):
        await pilot.press("o")
        await pilot.pause()
        assert not task.done()

        await pilot.press("c")
        await settle(pilot)
        assert (desk.clipboard, task.result().action) == (PAGE, "accept")


def test_a_page_on_this_machine_is_for_a_server_on_this_machine() -> None:
    assert judge_page("http://127.0.0.1:9/pay", "http://127.0.0.1:8/mcp").refusal is None


def test_the_host_is_set_apart() -> None:
    shown = judge_page("https://Pay.example.evil.example/pay.example", "").shown

    [span] = shown.spans
    assert shown.plain[span.start : span.end] == "Pay.example.evil.example"


def test_punycode_is_warned_of() -> None:
    assert "xn--" in (judge_page("https://www.xn--pple-43d.com/", "").warning or "")
    assert judge_page(PAGE, "").warning is None


async def test_the_person_answers_in_the_place_of_a_model() -> None:
    async with asked(Desk(), lambda answerer: answerer.sample("linear", ASKED)) as (pilot, task):
        pilot.app.screen.query_one("#reply").focus()
        await pilot.press(*"Hello", "f5")
        await settle(pilot)
        result = task.result()
        assert isinstance(result, CreateMessageResult)
        assert (result.role, result.model, result.content) == ("assistant", "a person", TextContent(text="Hello"))


async def test_the_person_refuses_with_a_reason() -> None:
    desk = Desk()
    async with asked(desk, lambda answerer: answerer.sample("linear", ASKED)) as (pilot, task):
        await assert_drawn(pilot, "asks-reply")
        desk.screen.query_one("#reason").focus()
        await pilot.press(*"no", "tab", "enter")
        await settle(pilot)
        result = task.result()
        assert isinstance(result, ErrorData)
        assert result.message == "no"


async def test_several_questions_come_one_after_the_other() -> None:
    desk = Desk()
    async with asked(desk, fill_in) as (pilot, first):
        second = desk.ask(visit(PAGE))
        await settle(pilot)
        assert len(desk.screen_stack) == 2

        await pilot.press("escape")
        await settle(pilot)
        await wake(desk, pilot)
        await pilot.press("d")
        await settle(pilot)
        assert (first.result().action, second.result().action) == ("cancel", "decline")


async def test_a_dialog_goes_when_the_server_gives_up_and_the_next_comes() -> None:
    desk = Desk()
    async with asked(desk, fill_in) as (pilot, first):
        desk.ask(visit(PAGE))
        first.cancel()
        await settle(pilot)

        assert [type(screen).__name__ for screen in desk.screen_stack[1:]] == ["PageDialog"]


def test_what_a_server_asks_a_model_only_draws() -> None:
    """TH1 to TH3."""
    hostile = SamplingMessage(role="user", content=[TextContent(text=HOSTILE), TextContent(text="token s3cret")])
    params = CreateMessageRequestParams(messages=[hostile] * 60, system_prompt=HOSTILE, max_tokens=1)

    said = asked_in_words(params, lambda text: text.replace("s3cret", "***")).plain

    assert said.replace("\n", "").isprintable()
    assert "… 10 earlier messages" in said
    assert "s3cret" not in said
