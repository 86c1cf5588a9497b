"""Which scopes to ask for."""

import pytest

from handstamp.protocol.challenge import Challenge
from handstamp.protocol.discovery import choose_scopes
from handstamp.protocol.resource import ProtectedResource
from handstamp.protocol.scopes import filter_scopes, parse_scopes, union_scopes
from protocol.wire import ISSUER, SERVER, a_server

STEP_UP = Challenge("bearer", {"error": "insufficient_scope", "scope": "write"})
FIRST = Challenge("bearer", {"scope": "read"})


def a_resource(*scopes: str) -> ProtectedResource:
    return ProtectedResource(SERVER, (ISSUER,), scopes)


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("", ()),
        ("a b", ("a", "b")),
        (" b  a b ", ("b", "a")),
        ("https://x.example/read:all files.read", ("https://x.example/read:all", "files.read")),
        ('a "b" c\\d e\x1b f\u202e', ("a",)),
        ("a\tb\nc d", ("d",)),
        ("x" * 201 + " y", ("y",)),
    ],
)
def test_scopes_follow_the_grammar(text: str, scopes: tuple[str, ...]) -> None:
    """TF9, TB23."""
    assert parse_scopes(text) == scopes


def test_scopes_are_bounded_in_number() -> None:
    """TF9, TB23."""
    assert len(parse_scopes(" ".join(f"s{n}" for n in range(500)))) == 100


@pytest.mark.parametrize("values", [None, "a b", {"a": 1}, 3])
def test_a_list_of_scopes_that_is_no_list_is_empty(values: object) -> None:
    """TB23."""
    assert filter_scopes(values) == ()


def test_an_entry_that_is_no_scope_is_left_out() -> None:
    """TB23."""
    assert filter_scopes(["a", 1, None, "offline_access admin:*", "b\n", "a", ""]) == ("a",)


def test_a_union_keeps_the_order_and_no_doubles() -> None:
    """A-114."""
    assert union_scopes(("b", "a"), (), ("c", "a")) == ("b", "a", "c")


@pytest.mark.parametrize(
    ("configured", "challenge", "supported", "expected"),
    [
        ((), None, (), ()),
        ((), None, ("read", "write"), ("read", "write")),
        ((), FIRST, ("read", "write", "admin"), ("read",)),
        ((), FIRST, ("other",), ("read",)),
        ((), Challenge("bearer", {}), ("read",), ("read",)),
        ((), STEP_UP, (), ("write",)),
        (("mine",), None, ("read", "write"), ("mine",)),
        (("mine",), FIRST, ("read", "write"), ("mine",)),
        (("mine",), STEP_UP, ("read",), ("mine", "write")),
        (("write", "mine"), STEP_UP, ("read",), ("write", "mine")),
    ],
)
def test_the_scopes_to_ask_for(
    configured: tuple[str, ...], challenge: Challenge | None, supported: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """A-69 to A-72, P20."""
    chosen = choose_scopes(configured=configured, challenge=challenge, resource=a_resource(*supported), server=a_server())

    assert chosen == expected


@pytest.mark.parametrize(
    ("challenge", "former", "refused", "expected"),
    [
        (STEP_UP, ("read", "list"), (), ("read", "list", "write")),
        (STEP_UP, ("read", "admin"), ("admin",), ("read", "write")),
        (Challenge("bearer", {"error": "insufficient_scope"}), ("read",), (), ("read", "all")),
        (FIRST, ("former",), (), ("read",)),
        (None, ("former",), (), ("all",)),
        (FIRST, (), ("read",), ("read",)),
    ],
    ids=["union", "less the refused", "it does not say which", "a new login", "no challenge", "something has to be asked for"],
)
def test_the_scopes_of_a_step_up(
    challenge: Challenge | None, former: tuple[str, ...], refused: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    """A-114, A-117, 4.9."""
    resource, server = a_resource("all"), a_server()

    chosen = choose_scopes(configured=(), challenge=challenge, resource=resource, server=server, former=former, refused=refused)

    assert chosen == expected


@pytest.mark.parametrize("supported", [("read",), ("read", "offline_access")])
def test_offline_access_is_asked_for_where_the_authorization_server_lists_it(supported: tuple[str, ...]) -> None:
    """A-73, 4.10."""
    server = a_server(scopes_supported=("openid", "offline_access"))

    chosen = choose_scopes(configured=(), challenge=None, resource=a_resource(*supported), server=server)

    assert chosen == ("read", "offline_access")


def test_offline_access_is_not_asked_for_where_only_the_resource_lists_it() -> None:
    """A-73, 4.10."""
    chosen = choose_scopes(configured=(), challenge=None, resource=a_resource("read", "offline_access"), server=a_server())

    assert chosen == ("read",)


def test_the_authorization_servers_other_scopes_are_never_asked_for() -> None:
    """A-69, P20."""
    server = a_server(scopes_supported=("admin", "read"))

    assert choose_scopes(configured=(), challenge=None, resource=a_resource(), server=server) == ()
