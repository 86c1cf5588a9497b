"""Rows and sign-ins for the tests of the app."""

from handstamp.hosts.state import ConnectionState, ConnectionStatus
from handstamp.hosts.target import HttpTarget, ProgramTarget, Target
from handstamp.model import Grant, GrantKey, Secret, Token
from handstamp.settings import ServerSettings
from handstamp.standing import Standing
from handstamp.tui.rows import Row
from protocol.wire import a_grant
from tui.fake_hosts import NOON

__all__ = ["a_program", "a_row", "a_sign_in", "url_of"]


def url_of(name: str) -> str:
    return f"https://mcp.{name}.example/mcp"


def a_sign_in(name: str, account: str = "default", **changes: object) -> Grant:
    """Signed in an hour ago at a server of that name, for an hour and a half."""
    token = Token(Secret("old-access"), NOON - 3600, NOON + 1800, Secret("old-refresh-token"))
    key = GrantKey("local", url_of(name), account, f"https://auth.{name}.example")
    return a_grant(**{"key": key, "token": token, "granted_at": NOON - 3600, "identity": f"me@{name}.example", **changes})


def a_row(name: str, status: ConnectionStatus = ConnectionStatus.CONNECTED, grant: Grant | None = None, **changes: object) -> Row:
    account = "default" if grant is None else grant.key.account
    standings = () if grant is None else (Standing(ServerSettings(name, url_of(name)), grant.key, grant),)
    return _row(HttpTarget(name, url_of(name), account), status, standings, **changes)


def a_program(name: str, status: ConnectionStatus = ConnectionStatus.CONNECTED) -> Row:
    return _row(ProgramTarget(name, ("npx", name)), status, ())


def _row(target: Target, status: ConnectionStatus, standings: tuple[Standing, ...], **changes: object) -> Row:
    is_configured = changes.pop("is_configured", True) is True
    state = ConnectionState(status, NOON, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return Row(target, state, standings, is_configured=is_configured)
