"""One event of each kind, as the tests of those who listen need them."""

from fakes import ISSUER, SERVER
from handstamp.events import About, Adopted, Event, Failed, Login, NeedsLogin, Refreshed, Revoked

__all__ = ["everything", "needs_login", "refreshed"]


def about(at: float = 1_000_000.0) -> About:
    return About(at=at, owner="alice@example.com", server=SERVER, account="work", name="example", issuer=ISSUER)


def refreshed(at: float = 1_000_000.0) -> Refreshed:
    return Refreshed(**about(at), expires_at=at + 3600)


def needs_login(message: str = "example no longer accepts the stored sign-in.") -> NeedsLogin:
    return NeedsLogin(**about(), message=message)


def everything() -> list[Event]:
    """In the order of a life."""
    return [
        Login(**about(), scopes=("read", "write"), expires_at=1_003_600.0),
        refreshed(),
        Adopted(**about(), expires_at=None),
        Failed(**about(), code="timed_out", message="Expected an answer from auth.example (token request), got none in time."),
        needs_login(),
        Revoked(**about(), confirmed=False, reason="it offers no revocation"),
    ]
