"""Authorization server metadata (RFC 8414, OpenID Connect Discovery): the endpoints of one issuer, and of nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass

from handstamp.errors import InsecureUrl, IssuerMismatch, PkceUnsupported
from handstamp.protocol.exchange import Exchange, Purpose
from handstamp.protocol.metadata import Tell, find_metadata, read_strings, read_text, require_text, untold, well_known_url
from handstamp.protocol.scopes import filter_scopes
from handstamp.protocol.text import safe
from handstamp.protocol.urls import origin, require_secure, split_url

__all__ = ["RFC_8414", "AuthorizationServer", "find_authorization_server", "judge_authorization_server", "require_pkce"]

RFC_8414 = "oauth-authorization-server"
OPENID = "openid-configuration"
# Far more than anybody requests: these are only looked up in.
MAX_SCOPES = 2000


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """A validated document. Every endpoint has passed `require_secure`."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str | None = None
    revocation_endpoint: str | None = None
    scopes_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] | None = None
    """None where the document does not say, as in those below."""
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    dpop_signing_alg_values_supported: tuple[str, ...] | None = None
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    authorization_grant_profiles_supported: tuple[str, ...] | None = None
    client_id_metadata_document_supported: bool = False
    authorization_response_iss_parameter_supported: bool = False

    @property
    def authorizes_elsewhere(self) -> bool:
        """
        True where the sign-in page shares an origin with neither the issuer nor the token endpoint.

        Google and Cognito are such; so is a trap that shows a real sign-in page and collects its codes (TB6): a person is asked.
        """
        return origin(self.authorization_endpoint) not in (origin(self.issuer), origin(self.token_endpoint))


def find_authorization_server(issuer: str, *, near: str, tell: Tell = untold) -> Exchange[AuthorizationServer]:
    """
    The metadata of `issuer`; `near` is the server that the person named (`require_secure`).

    Asks at the addresses that the specification lists, in its order (A-23, A-24), and nowhere else (A-28). Raises InsecureUrl for
    an issuer that no request may go to; the NetworkError where an address did not answer and none was usable; IssuerMismatch if
    all that was found is another's; else DiscoveryFailed.
    """
    require_secure(issuer, "the issuer", near=near)
    if "?" in issuer:
        raise InsecureUrl(f"Expected an issuer without a query (RFC 8414 §2), got {safe(issuer)}.")
    return (
        yield from find_metadata(
            _candidates(issuer),
            Purpose.AUTHORIZATION_SERVER,
            lambda _, document: judge_authorization_server(issuer, document, near=near),
            subject=issuer,
            near=near,
            tell=tell,
        )
    )


def _candidates(issuer: str) -> Iterator[str]:
    base = issuer.removesuffix("/")
    yield well_known_url(base, RFC_8414)
    yield well_known_url(base, OPENID)
    if split_url(base).path:
        yield f"{base}/.well-known/{OPENID}"


def judge_authorization_server(issuer: str, document: dict[str, object], *, near: str) -> AuthorizationServer:
    """The document, if it is this issuer's exactly (RFC 8414 §3.3). Raises IssuerMismatch, InsecureUrl, MalformedResponse."""
    what = Purpose.AUTHORIZATION_SERVER.value
    named = require_text(document, "issuer", what)
    if named != issuer:
        raise IssuerMismatch(f'Expected the {what} of issuer "{safe(issuer)}", got that of "{safe(named)}".')

    def endpoint(name: str) -> str:
        return require_secure(require_text(document, name, what), f"the {name}", near=near)

    def optional_endpoint(name: str) -> str | None:
        return endpoint(name) if read_text(document, name, what) is not None else None

    return AuthorizationServer(
        issuer=issuer,
        authorization_endpoint=endpoint("authorization_endpoint"),
        token_endpoint=endpoint("token_endpoint"),
        registration_endpoint=optional_endpoint("registration_endpoint"),
        revocation_endpoint=optional_endpoint("revocation_endpoint"),
        scopes_supported=filter_scopes(document.get("scopes_supported"), MAX_SCOPES),
        code_challenge_methods_supported=read_strings(document, "code_challenge_methods_supported"),
        token_endpoint_auth_methods_supported=read_strings(document, "token_endpoint_auth_methods_supported"),
        dpop_signing_alg_values_supported=read_strings(document, "dpop_signing_alg_values_supported"),
        token_endpoint_auth_signing_alg_values_supported=read_strings(
            document, "token_endpoint_auth_signing_alg_values_supported"
        ),
        authorization_grant_profiles_supported=read_strings(document, "authorization_grant_profiles_supported"),
        client_id_metadata_document_supported=document.get("client_id_metadata_document_supported") is True,
        authorization_response_iss_parameter_supported=document.get("authorization_response_iss_parameter_supported") is True,
    )


def require_pkce(server: AuthorizationServer, stated: tuple[str, ...] | None) -> None:
    """
    Returns if the server does PKCE with S256 (A-32 to A-35). `stated` is what the person says where the document is silent (4.4).

    Raises PkceUnsupported before any browser opens: without PKCE a stolen code is as good as a token.
    """
    advertised = server.code_challenge_methods_supported
    methods = stated if advertised is None else advertised
    if methods is not None and "S256" in methods:
        return
    if methods is not None:
        listed = safe(", ".join(methods)) or "no method"
        raise PkceUnsupported(f"Expected PKCE with S256 at {safe(server.issuer)}, got a list of {listed}.")
    raise PkceUnsupported(
        f"Expected {safe(server.issuer)} to say that it supports PKCE with S256, and it says nothing. "
        'If its documentation does, add code_challenge_methods_supported = ["S256"] to this server in servers.toml.'
    )
