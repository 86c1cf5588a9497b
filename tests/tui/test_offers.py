"""What a server offers, in one list and in words."""

import pytest
from mcp_types import Prompt, PromptArgument, Resource, Tool, ToolAnnotations

from handstamp.hosts.catalogue import Catalogue
from handstamp.hosts.state import ConnectionStatus
from handstamp.tui.call_history import Call, CallHistory
from handstamp.tui.history_screen import row_of
from handstamp.tui.offer_detail import detail_of, option_of, problems_of, why_not
from handstamp.tui.offers import Offer, Sort, asks_first, count_offers, filter_offers, hints_in_words, list_offers
from tui.tool_servers import CATALOGUE, CREATE

HOSTILE = "\x1b[2J\x9b1m\u202e[red]x[/] [link=file:///etc/passwd]y[/]"


def tool(annotations: ToolAnnotations | None = None, **members: object) -> Offer:
    [offer] = list_offers(Catalogue(tools=(Tool(name="t", input_schema={}, annotations=annotations, **members),)))
    return offer


def test_all_four_kinds_are_in_one_list() -> None:
    offers = list_offers(CATALOGUE)

    assert [offer.sort for offer in offers] == [Sort.TOOL] * 3 + [Sort.PROMPT, Sort.RESOURCE, Sort.TEMPLATE]
    assert count_offers(offers) == "3 tools · 1 prompt · 1 resource · 1 template"


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("issue", ["create_issue", "delete_issue", "search", "issue"]),
        ("ISSUE create", ["create_issue"]),
        ("issue !tool", ["issue"]),
        ("nothing", []),
        ("!", []),
    ],
)
def test_a_filter_holds_every_word(words: str, found: list[str]) -> None:
    assert [offer.name for offer in filter_offers(list_offers(CATALOGUE), words)] == found


@pytest.mark.parametrize(
    ("read_only", "destructive", "asks"),
    [
        (None, None, False),
        (None, True, True),
        (None, False, False),
        (False, None, True),
        (False, True, True),
        (False, False, False),
        (True, None, False),
        (True, False, False),
        (True, True, True),
    ],
)
def test_a_tool_asks_first_where_its_server_marks_it(read_only: bool | None, destructive: bool | None, asks: bool) -> None:
    assert asks_first(tool(ToolAnnotations(read_only_hint=read_only, destructive_hint=destructive))) is asks


def test_a_tool_that_nobody_annotated_does_not_ask_and_says_that_nothing_is_known() -> None:
    assert not asks_first(tool())
    assert hints_in_words(tool()) == "The server does not say whether it changes anything."


def test_hints_are_said_as_the_servers_word() -> None:
    annotations = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)

    assert hints_in_words(tool(annotations)) == (
        "The server says that it may destroy or overwrite; calling again changes nothing more; it stays within the server."
    )


def test_the_detail_has_all_that_the_server_says() -> None:
    [offer] = list_offers(Catalogue(tools=(CREATE,)))

    shown = detail_of(offer, str, as_json=False).plain

    assert "Create an issue" in shown
    assert "  title  text · 1 to 120 characters · required\n    What it is about" in shown
    assert "  state  one of backlog, started, done" in shown
    assert '"minLength": 1' in detail_of(offer, str, as_json=True).plain


def test_a_prompts_arguments_are_texts() -> None:
    prompt = Prompt(name="p", arguments=[PromptArgument(name="team", required=True), PromptArgument(name="note")])
    [offer] = list_offers(Catalogue(prompts=(prompt,)))

    assert "team  text · required\n  note  text" in detail_of(offer, str, as_json=False).plain


def test_what_a_server_writes_only_draws() -> None:
    """TH1 to TH3."""
    hostile = Tool(
        name=HOSTILE,
        title=HOSTILE,
        description=HOSTILE,
        input_schema={"type": "object", "properties": {HOSTILE: {"enum": [HOSTILE], "title": HOSTILE, "description": HOSTILE}}},
    )
    [offer, resource] = list_offers(Catalogue(tools=(hostile,), resources=(Resource(name=HOSTILE, uri=HOSTILE),)))

    texts = [option_of(offer), *(detail_of(each, str, as_json=json) for each in (offer, resource) for json in (True, False))]

    assert all(text.plain.replace("\n", "").isprintable() for text in texts)
    assert not any("link" in str(span.style) for text in texts for span in text.spans)


def test_secrets_that_a_server_repeats_are_masked() -> None:
    offer = tool(description="your token is s3cret")

    assert "s3cret" not in detail_of(offer, lambda text: text.replace("s3cret", "***"), as_json=False).plain


@pytest.mark.parametrize("status", [each for each in ConnectionStatus if each is not ConnectionStatus.CONNECTED])
def test_a_server_that_is_not_connected_says_why_and_what_to_do(status: ConnectionStatus) -> None:
    from tui.fake_hosts import FakeHost

    host = FakeHost("linear", status, catalogue=CATALOGUE, reason="It is out.", next_step="handstamp login linear")

    said = why_not(host)

    if status is ConnectionStatus.NEEDS_MORE_ACCESS:
        assert said is None
    else:
        assert said is not None
        assert said.plain == "It is out.\nTry  handstamp login linear"


def test_what_could_not_be_listed_is_said() -> None:
    from tui.fake_hosts import FakeHost

    said = problems_of(FakeHost("linear", catalogue=Catalogue(problems=("Prompts: the server answers an error.",))))

    assert said is not None
    assert said.plain == "! Prompts: the server answers an error."


def test_the_newest_call_is_the_first_and_old_ones_are_forgotten() -> None:
    history = CallHistory()
    for number in range(250):
        history.add(Call("linear", tool(), {"n": number}, at=0.0, seconds=1.0, outcome="done"))

    assert [call.arguments["n"] for call in history.of("linear")] == list(range(249, 49, -1))
    assert history.of("notion") == []


def test_a_call_is_told_on_a_line() -> None:
    said = row_of(Call("linear", tool(), {"title": HOSTILE}, at=0.0, seconds=1.25, outcome="failed")).plain

    assert "✗ failed in 1.2 s  t" in said
    assert said.isprintable()
