"""Reading JSON and forms that a stranger wrote."""

import time

import pytest

from handstamp.errors import MalformedResponse
from handstamp.protocol.exchange import parse_form, parse_json


def test_an_object_is_read_with_its_unknown_members() -> None:
    """A-12, A-96."""
    assert parse_json(b'{"a": "x", "b": [1, 2.5, null, "[[["]}', "a document") == {"a": "x", "b": [1, 2.5, None, "[[["]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><p>",
        b"[]",
        b'"text"',
        b"null",
        b'{"a": 1',
        b'{"issuer": "a", "issuer": "b"}',
        b'{"x": {"issuer": "a", "issuer": "b"}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b'{"a": ' + b"1" * 200 + b"}",
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 33 + b"1" + b"}" * 33,
    ],
)
def test_hostile_json_is_a_typed_error(body: bytes) -> None:
    """TA16."""
    with pytest.raises(MalformedResponse, match="a document"):
        parse_json(body, "a document")


def test_brackets_inside_strings_are_no_nesting() -> None:
    deep = '"' + "[" * 100 + '\\"{{{"'

    assert parse_json(f'{{"a": {deep}}}'.encode(), "a document") == {"a": "[" * 100 + '"{{{'}


def test_unclosed_strings_do_not_take_quadratic_time() -> None:
    """TA16."""
    started = time.process_time()

    with pytest.raises(MalformedResponse):
        parse_json(b'{"a": "' + b'\\"' * 200_000, "a document")

    assert time.process_time() - started < 2


def test_the_body_is_never_quoted() -> None:
    """TA23."""
    with pytest.raises(MalformedResponse) as raised:
        parse_json(b"internal-secret", "a document")

    assert "internal-secret" not in str(raised.value)


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a", b"\xff=1", b"&".join(b"a%d=1" % n for n in range(100))])
def test_a_hostile_form_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(MalformedResponse):
        parse_form(body, "a document")
