"""What the inner code needs of the world: small protocols that adapters fulfil and tests replace with named fakes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Protocol, TypeVar

from handstamp.model import (
    CallbackPlan,
    Grant,
    GrantKey,
    LoginFailed,
    LoginPrompt,
    Registration,
    Secret,
    SecretPlace,
    SignedIn,
    Uptime,
)

if TYPE_CHECKING:
    # A token that is fresh needs no protocol: `handstamp token` is spared loading it.
    from handstamp.protocol.client_auth import Credentials
    from handstamp.protocol.exchange import Exchange

__all__ = [
    "AskSecret",
    "Browser",
    "Callback",
    "Clock",
    "CredentialsReader",
    "Fly",
    "Flying",
    "GrantStore",
    "HttpRunner",
    "KeyProvider",
    "Obtain",
    "OpenCallback",
    "Presenter",
    "RandomBytes",
    "ReadUptime",
    "SecretReader",
]

T = TypeVar("T")

Clock = Callable[[], float]
"""Seconds since 1970, UTC."""

ReadUptime = Callable[[], Uptime | None]
"""How long the machine has run; None where it does not count, or sleep does not."""

RandomBytes = Callable[[int], bytes]
"""That many unpredictable bytes."""


AskSecret = Callable[[str], Secret]
"""Asks the person at the terminal and does not show what they type. Raises EOFError where they end it instead."""


class GrantStore(Protocol):
    """
    Grants and what they need, durable and shared by processes. Safe to call from many threads; each call takes milliseconds.

    Every write is on disk before the call returns. Raises a VaultError where the store cannot be used.
    """

    def find_grant(self, owner: str, server: str, account: str, issuer: str | None = None) -> Grant | None:
        """The grant; without an issuer, the one that was granted last."""
        ...

    def list_keys(self, owner: str) -> list[GrantKey]:
        """Where all of one owner's grants are, damaged ones too: nothing is unsealed. Ordered by server, account and issuer."""
        ...

    def list_grants(self, owner: str) -> list[Grant]:
        """Those of one owner that are intact, in the order of `list_keys`. What is damaged is there alone."""
        ...

    def save_grant(self, grant: Grant) -> Grant:
        """A login's outcome: replaces what was there whatever its generation. Gives the grant with its new generation."""
        ...

    def replace_grant(self, grant: Grant) -> Grant | None:
        """A refresh's outcome: written only if the stored generation is still `grant.generation`; else None and no change."""
        ...

    def forget_grant(self, key: GrantKey) -> bool:
        """True if there was one. Its bytes are gone from the files afterwards."""
        ...

    def find_registration(self, owner: str, issuer: str) -> Registration | None:
        """The dynamic registration at that issuer."""
        ...

    def save_registration(self, owner: str, registration: Registration) -> None: ...

    def forget_registration(self, owner: str, issuer: str) -> None: ...

    def find_client_secret(self, owner: str, server: str, client_id: str) -> Secret | None:
        """A secret that a person typed for a pre-registered client."""
        ...

    def save_client_secret(self, owner: str, server: str, client_id: str, secret: Secret) -> None: ...

    def forget_client_secrets(self, owner: str, server: str) -> None: ...

    def prepare(self) -> None:
        """Opens the store, made now where there is none: a login that could not be kept fails before the browser opens."""
        ...

    def data_version(self) -> int:
        """Changes when another process or connection has written. A few microseconds."""
        ...

    def lock(self, key: GrantKey, *, wait: bool = True) -> AbstractContextManager[bool]:
        """
        Held by one holder of all processes and threads at a time; waits as long as it takes.

        Gives True; or, without `wait`, False at once where somebody else holds it. The operating system frees it when its holder
        dies. Never held over a caller's own request.
        """
        ...

    def close(self) -> None: ...


class KeyProvider(Protocol):
    """
    Where the vault's key lives: one place of one kind.

    A key is never replaced in its place. Another key has another place, so that a vault opens whichever of the two it is sealed
    with.
    """

    name: str
    """Its kind, which the vault's header pins: `environment`, `systemd`, `passphrase`, `keychain`, `file`."""

    place: str
    """What the header pins besides, as soon as there is a key: which of several places; empty for the first."""

    def at(self, place: str) -> "KeyProvider":
        """The same kind at a place that a header names. Raises KeyUnavailable where it can be none."""
        ...

    def describe(self) -> str:
        """For a person, after "key in": `the system keychain`, `vault.key (a file that only you can read)`."""
        ...

    def is_available(self) -> bool:
        """
        False where nothing of this kind is set up here, so that a new vault may take the next provider.

        True where it is set up, even if it is set up wrongly: that is for `load` to say. Raises KeyUnavailable where it should
        answer and does not (a locked or hanging keychain): a new vault then fails, and never takes a weaker provider silently.
        """
        ...

    def load(self) -> bytes | None:
        """The 32 bytes; None where the provider works and holds no key yet. Raises KeyUnavailable where it does not answer."""
        ...

    def create(self) -> bytes:
        """Makes a key, keeps it durably and gives it. Raises KeyUnavailable where this provider cannot keep one."""
        ...

    def renew(self) -> "KeyProvider":
        """The same kind at a new place, for another key, which it may hold already. Raises KeyUnavailable."""
        ...

    def discard(self) -> None:
        """Deletes what we keep in this place; what is the person's stays. Raises KeyUnavailable where it cannot."""
        ...


class HttpRunner(Protocol):
    """Runs protocol steps over HTTP, each within one total deadline in seconds. Raises the NetworkErrors."""

    async def run(self, exchange: "Exchange[T]", *, deadline: float) -> T: ...

    def run_blocking(self, exchange: "Exchange[T]", *, deadline: float) -> T:
        """The same from a thread of its own, where no event loop runs."""
        ...


class CredentialsReader(Protocol):
    """Reads what the client of a registration proves itself with, each time that it is needed (W12)."""

    def __call__(self, owner: str, server: str, registration: Registration) -> "Credentials": ...


class SecretReader(Protocol):
    """Reads what stands in an environment variable, in a file or behind a function, now. The second argument names it."""

    def __call__(self, place: SecretPlace, what: str, /) -> Secret: ...


class Obtain(Protocol):
    """
    Gets a grant without a person, new each time: where `TokenSource` would otherwise have to ask for a sign-in.

    Blocks. `former` is the grant whose token has ended, None for the first. What it gives is not stored yet. Raises what the
    servers and the network say.
    """

    def __call__(self, former: Grant | None) -> Grant: ...


class Flying(Protocol):
    """
    One fetch of a grant that belongs to no task, thread or event loop (`handstamp.flight` has the rules).

    The first half is for those who want the outcome, the second for the work itself.
    """

    @property
    def is_over(self) -> bool: ...

    def board(self) -> bool:
        """One more who will join. False where it is too late."""
        ...

    def join(self, patience: float) -> Grant: ...

    async def join_async(self, patience: float) -> Grant: ...

    def commit(self) -> bool:
        """May it go on to what cannot be undone? False if nobody waits any more or the program ends."""
        ...

    def fail(self, error: Exception) -> None:
        """Those who wait hear this now; the work goes on, and is not over yet."""
        ...

    def pause(self, seconds: float) -> bool:
        """Waits so long. False, and at once, where the program ends."""
        ...


class Fly(Protocol):
    """Begins to fly."""

    def __call__(self, work: Callable[[Flying], Grant], /) -> Flying: ...


class Browser(Protocol):
    """Opens the person's own browser."""

    def open(self, url: str) -> bool:
        """True if a browser was started. Never raises, never waits, never uses a shell."""
        ...


class Callback(Protocol):
    """The loopback listener of one login: open only while the login runs (RFC 8252 §7.3)."""

    @property
    def redirect_uri(self) -> str: ...

    async def receive(self) -> str:
        """The query of the first visit that was accepted; every other visit gets a 400, and the wait goes on (W7)."""
        ...

    async def finish(self, outcome: SignedIn | LoginFailed) -> None:
        """Answers the browser that is being held: only now does it see a page (W8)."""
        ...


class OpenCallback(Protocol):
    """
    Opens the listener on the first port of the plan that is free. Raises UsageError where none is.

    The second argument tells of a visit's query whether it is the answer that the login waits for.
    """

    def __call__(self, plan: CallbackPlan, accept: Callable[[str], bool], /) -> AbstractAsyncContextManager[Callback]: ...


class Presenter(Protocol):
    """How a login talks to a person: a terminal, the terminal app, a host program of yours."""

    async def confirm(self, question: str) -> bool:
        """What only a person can decide. False where they say no, or where nobody is there to ask."""
        ...

    async def prompt(self, prompt: LoginPrompt) -> bool:
        """
        Says who asks for what, before anything opens. True to open the browser, False to show the link alone.

        May raise LoginCancelled.
        """
        ...

    async def waiting(self, authorization_url: str, *, opened: bool, deadline: float) -> str | None:
        """
        Runs while the browser is away, and is cancelled when its answer arrives.

        Gives an address that the person pasted, or None if it will never give one. `deadline` is seconds from now.
        """
        ...

    async def rejected(self, reason: str) -> None:
        """An address that the person pasted did not belong to this login; the login goes on."""
        ...

    async def saving(self) -> None:
        """The answer is here and is being exchanged."""
        ...

    async def noted(self, note: str) -> None:
        """A sentence about the access that was given: unusual, though allowed. It is stored, and the login is all but done."""
        ...
