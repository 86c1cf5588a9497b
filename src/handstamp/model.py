"""What Handstamp knows and remembers: frozen values, without behaviour that needs a clock, a socket or a disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from hmac import compare_digest
from typing import NoReturn

__all__ = [
    "CALLER",
    "DIRECT",
    "DISCOVERED",
    "NO_CLIENT",
    "OLDER",
    "CallbackPlan",
    "ClientSettings",
    "Failure",
    "Grant",
    "GrantKey",
    "GrantType",
    "IdentityProvider",
    "LoginFailed",
    "LoginPrompt",
    "Named",
    "Network",
    "Pending",
    "Registration",
    "RegistrationKind",
    "Secret",
    "SecretPlace",
    "SignedIn",
    "Status",
    "Token",
    "Uptime",
    "VaultPlace",
    "place_name",
]


class Secret:
    """
    A string that never shows itself.

    `repr`, `str` and `format` give `***`; comparison takes constant time; pickling is refused. `reveal()` stands only where the
    bytes leave for the wire or the vault.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Total: a variable or a file name may hold lone surrogates, and whoever compares expects no error.
        one, two = (value.encode("utf-8", "surrogatepass") for value in (self._value, other._value))
        return compare_digest(one, two)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")


class RegistrationKind(Enum):
    """How the `client_id` came to us (A-38), in the order in which the ways are tried."""

    PRE_REGISTERED = "pre_registered"
    METADATA_DOCUMENT = "metadata_document"
    DYNAMIC = "dynamic"


class GrantType(Enum):
    """What a token is asked for with. All but the first need no person."""

    AUTHORIZATION_CODE = "authorization_code"
    """A person's sign-in."""
    CLIENT_CREDENTIALS = "client_credentials"
    """The client's own credentials (RFC 6749 §4.4)."""
    JWT_BEARER = "jwt_bearer"
    """A JWT that the platform gives to a workload (RFC 7523 §2.1)."""
    ID_JAG = "id_jag"
    """What an organisation's identity provider says of a person who has signed in there: enterprise-managed authorization."""

    @property
    def extension(self) -> str | None:
        """The MCP extension that a client declares to its servers in `clientCapabilities.extensions` (A-145, A-161)."""
        return _EXTENSIONS.get(self.value)


_EXTENSIONS = {
    "client_credentials": "io.modelcontextprotocol/oauth-client-credentials",
    "id_jag": "io.modelcontextprotocol/enterprise-managed-authorization",
}


SecretPlace = str | Callable[[], str]
"""Where a secret is read at each use: `env:NAME`, `file:PATH`, `vault`, or a function of the caller's that gives it."""

CALLER = "caller"
"""What is stored of a place that is a function: which it is, only the program that runs can say."""


def place_name(place: SecretPlace | None) -> str | None:
    """What can be stored of it."""
    return place if place is None or isinstance(place, str) else CALLER


DISCOVERED = "discovered"
"""In place of a configured issuer: whichever the MCP server names. It then decides who gets the credentials (4.6)."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Where an organisation signs its people in, and who we are there (A-146 to A-149)."""

    issuer: str
    client_id: str
    subject_token_from: SecretPlace
    """The ID token, the refresh token or the SAML assertion of the person's sign-in."""
    subject_token_type: str = "id_token"
    """`id_token`, `refresh_token` or `saml2`."""
    token_endpoint: str | None = None
    """None: as its metadata says."""
    client_secret_from: SecretPlace | None = None
    refresh_token_from: SecretPlace | None = None
    """Takes the place of an ID token or a SAML assertion that has ended (A-155)."""


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What the person configured about the client."""

    client_id: str | None = None
    client_secret_from: SecretPlace | None = None
    client_id_url: str | None = None
    """The address of a client metadata document, which is then the `client_id`."""
    issuer: str | None = None
    """The authorization server that the credentials belong to; or `DISCOVERED`, which no settings file can say."""
    grant_type: GrantType = GrantType.AUTHORIZATION_CODE
    private_key_from: SecretPlace | None = None
    """A private key in PEM or as a JWK, for `private_key_jwt` (RFC 7523 §2.2)."""
    signing_algorithm: str | None = None
    """`ES256`, `RS256`, `EdDSA` …; None: what the key is for and the server takes."""
    assertion_audience: str | None = None
    """`token_endpoint` for a server that wants itself named so in client assertions; None: its issuer (4.8)."""
    assertion_from: SecretPlace | None = None
    """The workload's JWT, for `GrantType.JWT_BEARER`."""
    identity_provider: IdentityProvider | None = None
    """For `GrantType.ID_JAG`."""

    @property
    def authorization_server(self) -> str | None:
        """The one issuer that may get the credentials; None where the MCP server's word is taken for it."""
        return None if self.issuer == DISCOVERED else self.issuer


@dataclass(frozen=True, slots=True)
class Named:
    """What a person named, and by that allowed us to connect to, wherever it is (4.13)."""

    server: str
    issuer: str | None = None
    """The configured one; an issuer that a server names is not named by a person."""


@dataclass(frozen=True, slots=True)
class Network:
    """How we get out, for all servers."""

    proxy: str | None = None
    """Its address, or `env:NAME` or `file:PATH` where that holds a password."""
    ca_file: str | None = None
    """A file with certificates to trust besides the machine's own, PEM."""
    public_only: bool = False
    """Only public servers, whoever named them: for a platform whose users give the addresses."""


DIRECT = Network()
"""Nothing configured."""

NO_CLIENT = ClientSettings()
"""Nothing configured: what the server offers is used."""

OLDER = "2025-03-26"
"""The revision of MCP by which a server is its own authorization server (A-167, A-168)."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Who we are at one authorization server. Never used at another (A-59, A-60)."""

    issuer: str
    kind: RegistrationKind
    client_id: str
    redirect_uri: str
    """The redirect address that goes into the requests, verbatim as registered."""
    token_endpoint_auth_method: str = "none"
    """`none`, `client_secret_basic`, `client_secret_post` (RFC 7591 §2) or `private_key_jwt` (OpenID Connect Core §9)."""
    client_secret: Secret | None = None
    """Only of a dynamic registration: a configured secret is read anew at each use and never stored (W12)."""
    client_secret_from: str | None = None
    """Where a configured secret is read: `env:NAME`, `file:PATH`, `vault`, or `caller` for a function of the caller's."""
    private_key_from: str | None = None
    """Likewise, the key of `private_key_jwt`."""
    signing_algorithm: str | None = None
    """The configured one."""
    signing_algorithms_supported: tuple[str, ...] | None = None
    """Those that the server takes (A-141); None where it does not say."""
    assertion_audience: str | None = None
    """`token_endpoint`, or None for the issuer."""
    client_secret_expires_at: float | None = None
    """Seconds since 1970, UTC; None means never (RFC 7591 §3.2.1 says 0)."""
    scopes: tuple[str, ...] = ()
    """What a dynamic registration is for; some servers give it nothing else. Empty where it named none."""

    def may_ask_for(self, scopes: tuple[str, ...]) -> bool:
        return not self.scopes or set(scopes) <= set(self.scopes)

    def is_usable(self, now: float) -> bool:
        """False once the secret has expired (RFC 7591 §3.2.1, A-58)."""
        return self.client_secret_expires_at is None or now < self.client_secret_expires_at


@dataclass(frozen=True, slots=True)
class Uptime:
    """A moment by the machine's own count, which nobody sets."""

    boot: str
    """Which start of the machine is counted from: another one after each."""
    seconds: float
    """Since that start, sleep included."""
    slept: float = 0.0
    """How many of them the machine was asleep."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token endpoint gave (RFC 6749 §5.1). Times are seconds since 1970, UTC."""

    access_token: Secret
    obtained_at: float
    """When the request for it was sent: the lifetime counts from there, so a slow answer never makes a token look younger."""
    expires_at: float | None = None
    """None where the server did not say: then only a 401 tells."""
    refresh_token: Secret | None = None
    token_type: str = "Bearer"
    dpop_key: Secret | None = None
    """The private key that access and refresh token are bound to, PEM (RFC 9449); None for a bearer token."""
    obtained_uptime: Uptime | None = None
    """The same moment as `obtained_at`, where the machine counts; None where it does not."""

    def counted(self, uptime: Uptime | None) -> float | None:
        """What the clock would say now if nobody had set it since `obtained_at`; None where the count is none or a new one."""
        then = self.obtained_uptime
        if then is None or uptime is None or then.boot != uptime.boot or uptime.seconds < then.seconds:
            return None
        return self.obtained_at + uptime.seconds - then.seconds

    def now(self, clock: float, uptime: Uptime | None) -> float:
        """The moment by which to judge this token: the later of clock and count, so that it ends when either says so."""
        return max(clock, self.counted(uptime) or clock)

    def is_fresh(self, now: float) -> bool:
        """May still be sent: outside the last `min(30 s, a tenth of its life)`, and not from a future that the clock has left."""
        return self.expires_at is None or self.obtained_at - 60 <= now < self.use_before(self.expires_at)

    def use_before(self, expires_at: float) -> float:
        return expires_at - min(30.0, (expires_at - self.obtained_at) / 10)

    def renew_from(self, jitter: float) -> float | None:
        """
        When to begin to renew, while the token is still good: `min(max(60 s, L/5), 15 min, L/2)` before the end.

        `jitter` in -1…1 moves that by up to a quarter of the window, so that many grants do not renew at one moment. None where
        nobody knows the end.
        """
        if self.expires_at is None:
            return None
        lifetime = self.expires_at - self.obtained_at
        window = min(max(60.0, lifetime / 5), 900.0, lifetime / 2)
        return self.expires_at - window * (1 + jitter / 4)


@dataclass(frozen=True, slots=True, order=True)
class GrantKey:
    """What a grant is filed under. Nothing of it comes from a token: `account` is a local label."""

    owner: str
    server: str
    """The MCP server's URL, canonical."""
    account: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Pending:
    """
    A refresh that was begun and is not stored yet: from `begun_at` on the refresh token may have been sent.

    Written before the first byte leaves. Whoever finds it without a living holder of the lock carries the refresh on, at once.
    """

    begun_at: float
    """Seconds since 1970, UTC."""
    fingerprint: str
    """Of the refresh token."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the last attempt to renew brought no token. Gone when the next begins."""

    at: float
    """Seconds since 1970, UTC."""
    code: str
    """The error's `code`."""
    message: str
    """For a person; without secrets."""


SOON = 3 * 86400.0
"""Seconds: a weekend and a day."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed, and what we remember of it."""

    key: GrantKey
    resource: str
    """The identifier from the protected resource metadata, byte for byte; it goes into every `resource` parameter (RFC 8707)."""
    scopes: tuple[str, ...]
    """Granted scopes; where the server did not say, the requested ones (4.9)."""
    registration: Registration
    token: Token
    token_endpoint: str
    revocation_endpoint: str | None = None
    identity: str | None = None
    """What the server calls the account; shown, never a key."""
    granted_at: float = 0.0
    generation: int = 0
    """Counted by the store: one more with each write, the compare-and-set of a refresh."""
    refused: str | None = None
    """Fingerprint of the refresh token that the server refused for good: the same is never sent again, only a new login helps."""
    requested_scopes: tuple[str, ...] = field(default=())
    refused_scopes: tuple[str, ...] = ()
    """Asked for, and refused by the person or the server: not asked for again unless a person says so (A-117)."""
    grant_type: GrantType = GrantType.AUTHORIZATION_CODE
    pending: Pending | None = None
    failure: Failure | None = None

    @property
    def renews(self) -> bool:
        """Brings its next token without a person: by a refresh token that was not refused, or by what it was got with."""
        if self.grant_type is not GrantType.AUTHORIZATION_CODE:
            return True
        return self.token.refresh_token is not None and self.refused is None

    @property
    def interrupted_at(self) -> float | None:
        """When a refresh was begun of which nobody has told an end: its process is at it, or gone. None where there is none."""
        return None if self.pending is None or self.failure is not None else self.pending.begun_at

    def needs_login(self, now: float) -> bool:
        """
        Only a person can bring the next token: the server renews no more, or what renews it is at its end.

        Told while the token at hand is still good, so that there is time. A token that nothing was to renew is over when it ends.
        """
        if self.grant_type is not GrantType.AUTHORIZATION_CODE:
            return False
        if self.renews:
            return self.is_forgotten or self.registration_ends_soon(now)
        return self.refused is not None or not self.token.is_fresh(now)

    @property
    def is_forgotten(self) -> bool:
        """The server did not know the client that it had registered by itself: only a sign-in registers another."""
        is_unknown = self.failure is not None and self.failure.code == "invalid_client"
        return is_unknown and self.registration.kind is RegistrationKind.DYNAMIC

    def registration_ends_soon(self, now: float) -> bool:
        """
        The client's secret ends within three days, or the last tenth of its time since the sign-in if that is less, or has ended
        (A-58). One that was over before the sign-in was none the worse for it.
        """
        ends_at = self.registration.client_secret_expires_at
        if ends_at is None or ends_at <= self.granted_at:
            return False
        return now >= ends_at - min(SOON, (ends_at - self.granted_at) / 10)

    def renew_from(self, jitter: float = 0.0) -> float | None:
        """When to begin to renew (`Token.renew_from`); None where nothing renews it, or nobody knows the end."""
        return self.token.renew_from(jitter) if self.renews else None


@dataclass(frozen=True, slots=True)
class CallbackPlan:
    """Where a login may listen: the ports in the order of trying, 0 for any that is free."""

    ports: tuple[int, ...] = (0,)
    host: str = "127.0.0.1"
    path: str = "/callback"


@dataclass(frozen=True, slots=True)
class LoginPrompt:
    """Who asks for what, for a person to see before anything opens (A-135)."""

    server: str
    """What the person calls it."""
    authorization_host: str
    """Where their browser will go."""
    scopes: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """Sentences about what is unusual, though allowed."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The code was exchanged and the grant is stored."""

    server: str
    identity: str | None = None
    """What the server calls the account."""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The login ended without a grant."""

    server: str
    error: str
    """The RFC's code, or ours."""
    description: str | None = None
    """The server's own words. Only to be given once the response was found to come from the expected issuer (4.7)."""
    command: str | None = None
    """What to run to try again."""


@dataclass(frozen=True, slots=True)
class VaultPlace:
    """Where a vault and its key are, for a person to read."""

    path: str
    key: str | None
    """To stand after "key in"; None where no vault has been made yet."""


class Status(Enum):
    """A grant as a person sees it."""

    SIGNED_IN = "signed_in"
    RENEWS_SOON = "renews_soon"
    EXPIRED = "expired"
    """The access token has ended; it renews by itself at the next use."""
    RENEWAL_FAILING = "renewal_failing"
    """The last attempt to renew brought no token; the next use tries again."""
    NEEDS_LOGIN = "needs_login"
    """Only a person can bring the next access token; this one may still be good."""
    NOT_SIGNED_IN = "not_signed_in"
    """Nothing is stored. Whether the server wants a sign-in at all, nobody has asked it."""

    @classmethod
    def of(cls, grant: Grant | None, now: float) -> "Status":
        if grant is None:
            return cls.NOT_SIGNED_IN
        if grant.needs_login(now):
            return cls.NEEDS_LOGIN
        if grant.failure is not None and grant.renews:
            return cls.RENEWAL_FAILING
        if not grant.token.is_fresh(now):
            return cls.EXPIRED
        renew_from = grant.renew_from()
        return cls.SIGNED_IN if renew_from is None or now < renew_from else cls.RENEWS_SOON
