"""The sign-in dialog on a screen: what its keys do besides changing what is shown."""

import pytest
from textual import events

from handstamp.errors import AccessDenied, DiscoveryFailed, LoginTimedOut
from handstamp.model import LoginPrompt
from handstamp.tui.sign_in import SignIn, SignInOutcome
from handstamp.tui.sign_in_dialog import SignInDialog
from handstamp.tui.sign_in_states import Closed, Confirming, Done, Failed, Prompting, Saving, Waiting
from tui.dialogs import HOSTILE, LINEAR, PROMPT, URL, Opened, OpensNothing, ScriptedLogin, opened
from tui.snapshots import assert_drawn
from tui.strips import Walk

NOTION, SENTRY = SignIn("notion"), SignIn("sentry")
THREE = (LINEAR, NOTION, SENTRY)
ANSWER = "http://127.0.0.1:40704/callback/5f2b?code=abc&state=Yk3c0LZ1tVQx9s"
DENIED = AccessDenied("Expected your consent, got access_denied.", hint="handstamp login linear")

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def paste(dialog: Opened, text: str) -> None:
    dialog.app.post_message(events.Paste(text))
    await dialog.pilot.pause()
    await dialog.pilot.pause()


async def test_one_key_opens_the_browser_and_not_before() -> None:
    browser, login = OpensNothing(), ScriptedLogin(held="answered")

    async with opened([LINEAR], login, browser) as dialog:
        before = list(browser.opened)
        await dialog.press("enter")

        assert (before, browser.opened) == ([], [URL])
        assert isinstance(dialog.state, Waiting)


async def test_saving_is_shown_until_the_grant_is_stored() -> None:
    login = ScriptedLogin(held="stored")

    async with opened([LINEAR], login) as dialog:
        await dialog.press("enter")
        during = dialog.state
        login.stored.set()
        await dialog.until(Done)
        await dialog.press("enter")

        assert during == Saving()
        assert dialog.outcome == SignInOutcome((LINEAR,), ())
        assert dialog.app.signed_in == [LINEAR]


async def test_three_in_a_queue_with_one_skipped() -> None:
    login = ScriptedLogin()

    async with opened(THREE, login) as dialog:
        await dialog.press("enter", "enter")  # signs in, goes on
        await dialog.press("s")
        await dialog.press("enter", "enter")

        assert dialog.outcome == SignInOutcome((LINEAR, SENTRY), (NOTION,))
        assert login.wanted == list(THREE)
        assert login.cancelled == [NOTION]


@pytest.mark.parametrize("held", ["found", "", "answered", "stored"])
async def test_esc_ends_the_login_that_is_under_way(held: str) -> None:
    login = ScriptedLogin(held=held)

    async with opened([LINEAR, NOTION], login) as dialog:
        await dialog.press(*([] if held in ("found", "") else ["enter"]), "escape")

        assert login.cancelled == [LINEAR]
        assert dialog.outcome == SignInOutcome((), (LINEAR, NOTION))


@pytest.mark.parametrize("error", [DENIED, LoginTimedOut("Expected you to finish within 5 minutes, got no answer.")])
async def test_what_failed_is_tried_again_by_one_key(error: Exception) -> None:
    """W16."""
    login = ScriptedLogin(ends=error)

    async with opened([LINEAR], login) as dialog:
        await dialog.press("enter")
        failed = dialog.state
        await dialog.press("r")

        assert isinstance(failed, Failed)
        assert isinstance(dialog.state, Prompting)
        assert login.wanted == [LINEAR, LINEAR]


async def test_doctor_is_asked_about_the_server_that_failed() -> None:
    async with opened(THREE, ScriptedLogin(ends=DENIED)) as dialog:
        await dialog.press("enter", "d")

        assert dialog.app.doctor_wanted == ["linear"]
        assert dialog.outcome == SignInOutcome((), THREE)


async def test_the_report_is_copied() -> None:
    async with opened([LINEAR], ScriptedLogin(ends=DENIED)) as dialog:
        await dialog.press("enter", "y")

        assert dialog.app.clipboard.startswith("Sign-in to linear (default), 2026-11-23T")
        assert "error access_denied" in dialog.app.clipboard


async def test_what_nobody_foresaw_names_its_class_alone() -> None:
    async with opened([LINEAR], ScriptedLogin(ends=ValueError("a token, say"))) as dialog:
        await dialog.press("enter")

        assert isinstance(dialog.state, Failed)
        assert dialog.state.error.message == "Handstamp itself failed: ValueError."


@pytest.mark.parametrize(("key", "goes_on"), [("y", True), ("enter", False)])
async def test_what_only_a_person_can_decide_is_asked(key: str, goes_on: bool) -> None:
    """4.3: no is the default."""
    async with opened([LINEAR], ScriptedLogin(question="a.example sends you to b.example. Go on?")) as dialog:
        asked = dialog.state
        await dialog.press(key)

        assert isinstance(asked, Confirming)
        assert isinstance(dialog.state, Prompting if goes_on else Failed)


async def test_the_link_can_be_copied_instead_and_the_browser_opened_after_all() -> None:
    browser = OpensNothing()

    async with opened([LINEAR], ScriptedLogin(held="answered"), browser) as dialog:
        await dialog.press("c")
        before = list(browser.opened)
        await dialog.press("enter")

        assert dialog.app.clipboard == URL
        assert (before, browser.opened) == ([], [URL])


async def test_enter_that_is_held_down_opens_one_tab() -> None:
    """W4."""
    browser = OpensNothing()

    async with opened([LINEAR], ScriptedLogin(held="answered"), browser) as dialog:
        await dialog.press("enter", "enter", "enter")
        at_once = len(browser.opened)
        dialog.timer.move(2)
        await dialog.press("enter")

        assert (at_once, len(browser.opened)) == (1, 2)


async def test_a_browser_that_will_not_open_never_fails_the_login() -> None:
    browser, login = OpensNothing(works=False), ScriptedLogin(held="answered")

    async with opened([LINEAR], login, browser) as dialog:
        await dialog.press("enter")

        assert isinstance(dialog.state, Waiting)
        assert dialog.state.obstacle == "none could be opened"


async def test_a_browser_that_will_not_open_again_leaves_the_steps() -> None:
    browser = OpensNothing()

    async with opened([LINEAR], ScriptedLogin(held="answered"), browser) as dialog:
        await dialog.press("enter")
        browser.works = False
        dialog.timer.move(2)
        await dialog.press("enter")

        assert isinstance(dialog.state, Waiting)
        assert dialog.state.obstacle == "none could be opened"


async def test_without_a_browser_here_none_is_asked_for() -> None:
    browser = OpensNothing()

    async with opened([LINEAR], ScriptedLogin(held="answered"), browser, obstacle="SSH session") as dialog:
        await dialog.press("enter")

        assert isinstance(dialog.state, Waiting)
        assert browser.opened == []


async def test_a_pasted_address_completes_the_login_and_a_wrong_one_does_not_end_it() -> None:
    """W7, W20."""
    login = ScriptedLogin(held="answered")

    async with opened([LINEAR], login, obstacle="SSH session") as dialog:
        await paste(dialog, "what now?")
        first = dialog.state
        await paste(dialog, "https://example.com/?code=abc")
        second = dialog.state
        await paste(dialog, f"  {ANSWER[:40]}\n{ANSWER[40:]}\n")
        await dialog.until(Done)

        assert isinstance(first, Waiting)
        assert first.rejected is not None
        assert first.rejected.startswith("Expected the address")
        assert isinstance(second, Waiting)
        assert second.rejected == "That address does not belong to this sign-in."
        assert login.pasted == ["https://example.com/?code=abc", ANSWER]


async def test_v_takes_an_address_from_a_field_that_does_not_show_it() -> None:
    login = ScriptedLogin(held="answered")

    async with opened([LINEAR], login) as dialog:
        await dialog.press("enter", "v", *"http://s/?c", "enter")
        await dialog.press("v")
        await paste(dialog, ANSWER)
        await dialog.until(Done)

        assert login.pasted == ["http://s/?c", ANSWER]


async def test_esc_takes_away_what_lies_over_the_dialog_first() -> None:
    async with opened([LINEAR], ScriptedLogin(held="answered")) as dialog:
        await dialog.press("enter", "v", "c", "s", "escape", "u", "escape")
        still_there = dialog.state
        await dialog.press("escape")

        assert isinstance(still_there, Waiting)
        assert not still_there.is_pasting
        assert not still_there.shows_link
        assert dialog.outcome == SignInOutcome((), (LINEAR,))


async def test_the_time_left_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened([LINEAR], ScriptedLogin(held="answered")) as dialog:
        await dialog.press("enter")
        dialog.timer.move(8)
        dialog.dialog._tick()

        assert "4:52 left" in str(dialog.dialog.query_one("#words").render())


async def test_no_key_for_something_else_lands_in_a_dialog_that_appears_by_itself() -> None:
    browser, login = OpensNothing(), ScriptedLogin(held="answered")

    async with opened([LINEAR, NOTION], login, browser, by_itself=True) as dialog:
        for key in ("enter", "s", "escape", "enter"):
            await dialog.press(key)
            dialog.timer.move(0.4)
        await paste(dialog, ANSWER)
        await dialog.pilot.click("#keys", offset=(1, 0))
        before = (dialog.state, list(browser.opened), login.cancelled)
        dialog.timer.move(0.5)
        await dialog.press("enter")

        assert before == (Prompting(PROMPT), [], [])
        assert browser.opened == [URL]


async def test_keys_can_be_clicked() -> None:
    browser = OpensNothing()

    async with opened([LINEAR], ScriptedLogin(held="answered"), browser) as dialog:
        await dialog.pilot.click("#keys", offset=(1, 0))
        await dialog.pilot.pause()

        assert browser.opened == [URL]


async def test_the_app_s_end_ends_the_login() -> None:
    login = ScriptedLogin(held="answered")

    async with opened([LINEAR], login) as dialog:
        await dialog.press("enter")

    assert login.cancelled == [LINEAR]


@pytest.mark.parametrize("keys", ["", "enter", "enter u"])
async def test_what_a_terminal_is_given_only_draws(keys: str) -> None:
    """TH1 to TH3, down to what the widgets draw."""
    walk, hostile = Walk(), SignIn(HOSTILE, HOSTILE, (HOSTILE,))
    prompt = LoginPrompt(HOSTILE, HOSTILE, (HOSTILE,), (HOSTILE,))

    async with opened([hostile, hostile], ScriptedLogin(prompt=prompt, held="answered"), size=(120, 40)) as dialog:
        await dialog.press(*keys.split())
        await dialog.drawn()
        walk.look(dialog.app)

    assert walk.faults == []
    assert SignInDialog in walk.visited


async def test_nothing_wanted_is_nothing_shown() -> None:
    async with opened([], ScriptedLogin()) as dialog:
        assert dialog.state == Closed()
        assert dialog.outcome == SignInOutcome((), ())


TRIED = [f"https://linear.app/.well-known/{name}: expected 200, got 404" for name in ("a", "b", "c", "d", "e")]
LOST = DiscoveryFailed("Expected metadata at linear.app, got none.", hint="handstamp -v login linear", tried=TRIED)


@pytest.mark.parametrize(
    ("name", "login", "keys"),
    [
        ("starting", ScriptedLogin(held="found"), ""),
        ("confirming", ScriptedLogin(question="a.example sends you to b.example to sign in. Go on?"), ""),
        ("prompt", ScriptedLogin(), ""),
        ("waiting", ScriptedLogin(held="answered"), "enter"),
        ("pasting", ScriptedLogin(held="answered"), "enter v"),
        ("link", ScriptedLogin(held="answered"), "enter u"),
        ("ssh", ScriptedLogin(held="answered"), ""),
        ("saving", ScriptedLogin(held="stored"), "enter"),
        ("done", ScriptedLogin(notes=("More was allowed than was asked for: admin.",)), "enter"),
        ("failed", ScriptedLogin(ends=LOST), "enter"),
        ("quiet", ScriptedLogin(), ""),
    ],
)
async def test_it_looks_as_when_somebody_looked_at_it(
    name: str, login: ScriptedLogin, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    monkeypatch.setenv("USER", "me")
    obstacle = "SSH session" if name == "ssh" else None

    async with opened(THREE, login, by_itself=name == "quiet", obstacle=obstacle) as dialog:
        await dialog.press(*keys.split())

        await assert_drawn(dialog.pilot, f"sign-in-{name}-80")
        if name in ("waiting", "failed"):
            dialog.app.theme = "textual-light"
            await assert_drawn(dialog.pilot, f"sign-in-{name}-light")
            dialog.app.theme = "textual-dark"
        await dialog.pilot.resize_terminal(120, 40)
        await assert_drawn(dialog.pilot, f"sign-in-{name}-120")
