"""What a person is to sign in to, and what came of it."""

from dataclasses import dataclass

__all__ = ["SignIn", "SignInOutcome"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """What to sign in to. With `scopes` it is for more access than there is; with `again` anew, whatever is stored."""

    server: str
    """What the person calls it."""
    account: str = "default"
    scopes: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class SignInOutcome:
    """What came of all of them, in their order."""

    signed_in: tuple[SignIn, ...]
    """Those that work now, without signing in too."""
    dismissed: tuple[SignIn, ...]
    """Those that the person left. They are not asked about again by themselves."""
