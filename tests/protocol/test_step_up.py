"""Step-up as it is decided: what a request does, what is asked for, and what was refused."""

from dataclasses import replace

import pytest

from fakes import make_grant
from handstamp.errors import AccessDenied, HandstampError, InvalidScope, LoginCancelled
from handstamp.model import Grant, Secret, Token
from handstamp.protocol.challenge import Challenge
from handstamp.protocol.discovery import Probe
from handstamp.protocol.step_up import Refusal, find_operation, find_refused, is_refusal_of_scopes, step_up_required

CALL = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "stamp", "arguments": {}}}'
READ = b'{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "file:///a"}}'


def refusal(*scopes: str, token: str = "at-0") -> Refusal:
    """A 403 that wants these scopes."""
    challenge = Challenge("bearer", {"error": "insufficient_scope", "scope": " ".join(scopes)})
    answer = Probe(asks=True, is_mcp=False, challenge=challenge, seen="HTTP 403")
    return Refusal(Token(Secret(token), 0.0), answer, ("POST", "/mcp"))


def grant(*scopes: str, requested: tuple[str, ...] = (), refused: tuple[str, ...] = ()) -> Grant:
    return replace(make_grant(), scopes=scopes, requested_scopes=requested, refused_scopes=refused)


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("POST", CALL, ("POST", "/mcp", "tools/call", "stamp", "")),
        ("POST", READ, ("POST", "/mcp", "resources/read", "", "file:///a")),
        ("POST", b'{"method": "tools/list"}', ("POST", "/mcp", "tools/list", "", "")),
        ("POST", b'{"method": 7, "params": {"name": ["stamp"]}}', ("POST", "/mcp", "", "", "")),
        ("POST", b'{"method": "tools/list", "params": [1]}', ("POST", "/mcp", "tools/list", "", "")),
        ("POST", b'[{"method": "tools/list"}]', ("POST", "/mcp", "", "", "")),
        ("POST", b"\xff not JSON", ("POST", "/mcp", "", "", "")),
        ("POST", b"[" * 100_000, ("POST", "/mcp", "", "", "")),
        ("POST", b"", ("POST", "/mcp", "", "", "")),
        ("GET", CALL, ("GET", "/mcp", "", "", "")),
    ],
)
def test_an_operation_is_what_the_request_does(method: str, body: bytes, expected: tuple[str, ...]) -> None:
    """A-116."""
    assert find_operation(method, "/mcp", body) == expected


def test_an_operation_is_kept_short() -> None:
    found = find_operation("POST", "/mcp", b'{"method": "resources/read", "params": {"uri": "%s"}}' % (b"x" * 100_000))

    assert len("".join(found)) < 1000


@pytest.mark.parametrize(
    ("stored", "met"),
    [
        (replace(grant("read", "write"), token=Token(Secret("at-1"), 0.0)), True),
        (replace(grant("read"), token=Token(Secret("at-1"), 0.0)), False),
        (grant("read", "write"), False),
        (None, False),
    ],
    ids=["another token with the scope", "another without it", "the same token", "signed out"],
)
def test_only_another_token_with_what_is_wanted_meets_the_need(stored: Grant | None, met: bool) -> None:
    assert refusal("write").is_met_by(stored) is met


def test_the_scopes_of_a_401_are_not_needed_from_a_token() -> None:
    """They say what to ask for at the next login, and not what the request has to have."""
    answer = replace(refusal("write"), operation=())

    assert answer.is_met_by(replace(grant("read"), token=Token(Secret("at-1"), 0.0)))


@pytest.mark.parametrize(
    ("wanted", "refused", "final"),
    [
        (("write",), (), False),
        (("write",), ("write",), True),
        (("read", "write"), ("write",), True),
        (("write", "admin"), ("write",), False),
        ((), ("write",), False),
    ],
)
def test_what_was_refused_is_final_once_nothing_else_is_lacking(
    wanted: tuple[str, ...], refused: tuple[str, ...], final: bool
) -> None:
    """A-117."""
    assert refusal(*wanted).is_final_for(grant("read", refused=refused)) is final


@pytest.mark.parametrize(
    ("before", "requested", "granted", "expected"),
    [
        ((), ("read", "write"), ("read",), ("write",)),
        (("write",), ("read",), ("read",), ("write",)),
        (("write",), ("read", "write"), ("read", "write"), ()),
        ((), ("read", "offline_access"), ("read",), ()),
        (("a", "b"), ("c",), ("b",), ("a", "c")),
    ],
)
def test_what_was_asked_for_and_not_granted_is_remembered_as_refused(
    before: tuple[str, ...], requested: tuple[str, ...], granted: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """A-117. `offline_access` is no scope that a challenge ever names; many servers grant it and do not say so."""
    assert find_refused(before, requested=requested, granted=granted) == expected


def test_no_more_than_a_hundred_refusals_are_remembered() -> None:
    many = tuple(f"scope-{number}" for number in range(150))

    assert find_refused(many, requested=("new",), granted=()) == (*many[51:], "new")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AccessDenied("no", error="access_denied"), True),
        (InvalidScope("no", error="invalid_scope"), True),
        (InvalidScope("no", error="invalid_target"), False),
        (LoginCancelled("later"), False),
    ],
)
def test_only_a_no_to_the_scopes_is_a_refusal_of_them(error: HandstampError, expected: bool) -> None:
    assert is_refusal_of_scopes(error) is expected


def test_the_error_asks_for_the_union_less_what_was_refused() -> None:
    """A-114, 4.9."""
    stored = grant("read", "list", requested=("read", "list", "write"), refused=("write",))

    error = step_up_required("example", "default", stored, refusal("admin", "write"))

    assert error.scopes == ("read", "list", "admin")
    assert error.hint == "handstamp login example --scope 'read list admin'"


def test_where_all_was_refused_the_error_says_so_and_asks_for_nothing() -> None:
    """A-117."""
    error = step_up_required("example", "default", grant("read", refused=("write",)), refusal("write"))

    assert error.scopes == ()
    assert error.message == "example wants access that was asked for and refused: write."
    assert error.hint == "handstamp status"


def test_the_command_names_the_account_and_asks_again_for_what_counts_as_granted() -> None:
    """Where the answer names no scopes, granted is what was requested (4.9): without `--again` nothing would be asked."""
    error = step_up_required("example", "work", grant("read", "write"), refusal("write"), tried=True)

    assert error.message == "example still wants more access after you were asked for it: write."
    assert error.hint == "handstamp login example --account work --again --scope 'read write'"
