"""`[app]` in `servers.toml`: keys and theme, refused where they make no sense."""

from pathlib import Path

import pytest

from handstamp.errors import SettingsError
from handstamp.settings import AppSettings, parse_settings
from handstamp.tui.actions import ACTIONS
from handstamp.tui.wishes import choose_theme, map_keys

PATH = Path("servers.toml")


def wishes(text: str) -> AppSettings:
    return parse_settings(PATH, text).app


def test_nothing_said_is_as_the_app_has_it() -> None:
    assert map_keys(wishes(""), PATH) == {each.id: each.keys for each in ACTIONS}
    assert choose_theme(wishes(""), ["dark"], "dark", PATH) == "dark"


def test_an_action_gets_the_keys_that_are_wished_for() -> None:
    mapped = map_keys(wishes('[app.keys]\nlogin = "f5, i"\n"tab.log" = "9"\nfilter = "f"'), PATH)

    assert (mapped["login"], mapped["tab.log"], mapped["filter"], mapped["quit"]) == ("f5,i", "9", "f", "q")


def test_a_key_is_named_by_what_it_types_too() -> None:
    assert map_keys(wishes('[app.keys]\nlogin = "+"'), PATH)["login"] == "plus"


def test_two_actions_may_change_their_keys() -> None:
    mapped = map_keys(wishes('[app.keys]\nlogin = "x"\nlogout = "l"'), PATH)

    assert (mapped["login"], mapped["logout"]) == ("x", "l")


def test_a_key_of_two_actions_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^Expected a key of its own .* got x for login and logout\.$"):
        map_keys(wishes('[app.keys]\nlogin = "x"'), PATH)


def test_an_action_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match=r"^Expected one of login, .* at \[app\.keys\] in servers\.toml, got 'logn'\.$"):
        map_keys(wishes('[app.keys]\nlogn = "x"'), PATH)


@pytest.mark.parametrize("value", ['""', '"a,"', "5", "[]"])
def test_what_is_no_key_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^Expected keys separated by commas at \[app\.keys\] 'login' in servers\.toml"):
        wishes(f"[app.keys]\nlogin = {value}")


def test_a_theme_that_there_is_not_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"to be one of dark, light, got 'pink'\.$"):
        choose_theme(wishes('[app]\ntheme = "pink"'), ["light", "dark"], "dark", PATH)
    assert choose_theme(wishes('[app]\ntheme = "light"'), ["light", "dark"], "dark", PATH) == "light"
