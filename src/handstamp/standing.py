"""How things stand with each server and each sign-in there: what is wrong, and what to run. No network."""

from collections.abc import Mapping
from dataclasses import dataclass

from handstamp.errors import LoginRequired, NetworkError, VaultCorrupt, account_hint, renewal_exit_code
from handstamp.model import Failure, Grant, GrantKey, GrantType, Status
from handstamp.settings import ServerSettings
from handstamp.vault import Vault
from handstamp.words import login_reason

__all__ = ["Problem", "Standing", "find_standings"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a monitor raises an alarm. Of several, the highest exit code counts."""

    exit_code: int
    words: str
    """A sentence for a person; an error's own may be somebody else's text."""
    next_step: str

    @property
    def needs_person(self) -> bool:
        """False where it may mend itself."""
        return self.exit_code != NetworkError.exit_code


@dataclass(frozen=True, slots=True)
class Standing:
    """One server and one sign-in there, or none. A `key` without its `grant` is a sign-in that is damaged."""

    server: ServerSettings
    key: GrantKey | None = None
    grant: Grant | None = None
    is_former: bool = False
    """A later sign-in of the same account, at another issuer, is the one in use (A-18)."""
    is_named: bool = False
    """Somebody asked for this very server, and not for all."""

    @property
    def damaged(self) -> GrantKey | None:
        return self.key if self.grant is None else None

    def status(self, now: float) -> str:
        if self.damaged:
            return "damaged"
        return "former" if self.is_former else Status.of(self.grant, now).value

    @property
    def is_disabled(self) -> bool:
        """Switched off, and nobody asked for this very server."""
        return not (self.server.enabled or self.is_named)

    def wants_login(self, now: float) -> bool:
        """Whether a person who signs in wherever they are needed signs in here: at a server with a name that is switched on."""
        if self.damaged or self.is_former or not (self.server.enabled and self.server.is_configured and self._takes_a_person):
            return False
        return Status.of(self.grant, now) in (Status.NOT_SIGNED_IN, Status.NEEDS_LOGIN)

    @property
    def account(self) -> str:
        return "default" if self.key is None else self.key.account

    def problem(self, now: float) -> Problem | None:
        """
        None where there is nothing to do: also for a server that nobody has signed in to or that is switched off, unless it was
        named.
        """
        if self.is_disabled:
            return None
        if self.damaged is not None:
            return Problem(VaultCorrupt.exit_code, "What is stored of it cannot be read.", self._command("logout"))
        if self.is_former or not (self.grant or self.is_named):
            return None
        match Status.of(self.grant, now):
            case Status.NOT_SIGNED_IN if self._takes_a_person:
                return Problem(LoginRequired.exit_code, "Nobody has signed in.", self._command("login"))
            case Status.NEEDS_LOGIN if self.grant is not None:
                return Problem(LoginRequired.exit_code, login_reason(self.grant), self._command("login"))
            case Status.RENEWAL_FAILING if self.grant is not None and self.grant.failure is not None:
                return self._failing(self.grant, self.grant.failure, now)
            case _:
                return None

    def next_step(self, now: float) -> str | None:
        """The command to run next, an alarm or not."""
        problem = self.problem(now)
        if problem is not None:
            return problem.next_step
        is_wanted = self.key is None and self._takes_a_person and not self.is_disabled
        return self._command("login") if is_wanted else None

    def _failing(self, grant: Grant, failure: Failure, now: float) -> Problem | None:
        exit_code = renewal_exit_code(failure.code)
        ends_at = grant.token.expires_at
        # A token whose end nobody knows is renewed because the server refused it.
        is_over = ends_at is None or now >= ends_at
        if exit_code == NetworkError.exit_code and not is_over:
            return None
        return Problem(exit_code, failure.message, self._command("login_trace"))

    @property
    def _takes_a_person(self) -> bool:
        return self.server.client.grant_type is GrantType.AUTHORIZATION_CODE

    def _command(self, command: str) -> str:
        return account_hint(command, server=self.server.name, account=self.account)


def find_standings(vault: Vault, server: str | None) -> list[Standing]:
    """Those of one server, or of all: the configured ones in their order, then what was signed in to without a name."""
    # The keys first: a sign-in that ends between the two looks damaged for once; one that begins there must not.
    keys = vault.grant_keys()
    grants = {grant.key: grant for grant in vault.grants()}
    stored = {key: grants.get(key) for key in sorted({*keys, *grants})}
    if server is not None:
        return _standings_of(vault.settings.find(server), stored, is_named=True)
    configured = list(vault.settings.servers.values())
    urls = {each.url for each in configured}
    nameless = [vault.settings.find(url) for url in dict.fromkeys(key.server for key in stored) if url not in urls]
    return [standing for each in configured + nameless for standing in _standings_of(each, stored, is_named=False)]


def _standings_of(server: ServerSettings, stored: Mapping[GrantKey, Grant | None], *, is_named: bool) -> list[Standing]:
    ours = {key: grant for key, grant in stored.items() if key.server == server.url}
    last: dict[str, float] = {}
    for key, grant in ours.items():
        last[key.account] = max(last.get(key.account, 0.0), 0.0 if grant is None else grant.granted_at)
    standings = [
        Standing(server, key, grant, grant is not None and grant.granted_at < last[key.account], is_named)
        for key, grant in ours.items()
    ]
    return standings or [Standing(server, is_named=is_named)]
