"""URI templates, by the examples of RFC 6570."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handstamp.tui.uri_template import expand_template, find_variables

VALUES = {"var": "value", "hello": "Hello World!", "path": "/foo/bar", "x": "1024", "y": "768", "empty": "", "half": "50%"}


@pytest.mark.parametrize(
    ("template", "uri"),
    [
        ("{var}", "value"),
        ("{hello}", "Hello%20World%21"),
        ("{half}", "50%25"),
        ("O{empty}X", "OX"),
        ("O{undef}X", "OX"),
        ("{x,y}", "1024,768"),
        ("?{x,empty}", "?1024,"),
        ("{+hello}", "Hello%20World!"),
        ("{+half}", "50%25"),
        ("{+path}/here", "/foo/bar/here"),
        ("{#path,x}", "#/foo/bar,1024"),
        ("X{.var}", "X.value"),
        ("X{.empty}", "X."),
        ("{/var,x}/here", "/value/1024/here"),
        ("{;x,empty}", ";x=1024;empty"),
        ("{?x,y,empty}", "?x=1024&y=768&empty="),
        ("{?x,undef}", "?x=1024"),
        ("{?undef}", ""),
        ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
        ("{var:3}", "val"),
        ("{+path:6}/here", "/foo/b/here"),
        ("{/var*}", "/value"),
    ],
)
def test_the_examples_of_the_rfc(template: str, uri: str) -> None:
    assert expand_template(template, VALUES) == uri


def test_what_is_encoded_already_stays_where_reserved_characters_do() -> None:
    assert expand_template("{+a}{b}", {"a": "%2F%zz", "b": "%2F"}) == "%2F%25zz%252F"


def test_each_name_is_found_once_in_its_order() -> None:
    assert find_variables("repo://{owner}/{repo}{?page,owner}") == ("owner", "repo", "page")


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_template_breaks_it(template: str, values: dict[str, str]) -> None:
    assert isinstance(expand_template(template, values), str)
    assert isinstance(find_variables(template), tuple)
