"""In which ways the tests' authority and MCP server lie, fail or differ; all at rest, they do everything right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Knobs"]


@dataclass(frozen=True, slots=True)
class Knobs:
    """Frozen; `authority.turn(token_status=503)` replaces the set while the servers run."""

    # Where the authority lives, and what its metadata says
    metadata_path_issuer: str = ""
    """`/tenant1`: the issuer has this path. Takes effect at the start only."""
    metadata_at: Literal["oauth", "openid", "openid appended", "nowhere"] = "oauth"
    """Which of the three well-known URLs answers (A-23); "openid" is the inserted one."""
    metadata_status: int | None = None
    """Every well-known URL of the authority answers this instead."""
    issuer_in_metadata: str | None = None
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    no_s256: bool = False
    """`code_challenge_methods_supported` is `["plain"]`."""
    no_code_challenge_methods: bool = False
    no_iss_advertised: bool = False
    no_registration_endpoint: bool = False
    no_revocation_endpoint: bool = False
    client_id_metadata_document_supported: bool = False
    """Advertised, and any https URL is taken for a client_id; the document is not fetched."""
    scopes_supported: tuple[str, ...] | None = ("read", "write", "openid", "offline_access")
    server_metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    """Members of its document that stand there instead; None leaves one out."""
    metadata_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of its document and of the MCP server's."""

    # Clients
    auth_methods: tuple[str, ...] | None = ("none",)
    """None leaves the member out of the metadata; all methods then work."""
    clients: Mapping[str, str] = field(default_factory=dict[str, str])
    """Pre-registered, `{client_id: secret}`, "" for a public one; any loopback redirect address is theirs."""
    client_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """Pre-registered for `private_key_jwt`, `{client_id: public key in PEM}`."""
    signing_algorithms: tuple[str, ...] | None = None
    """For client assertions; None leaves the member out of the metadata."""
    registration_error: str | None = None
    registration_status: int | None = None
    registration: Mapping[str, object] = field(default_factory=dict[str, object])
    """Members of the answer to a registration that stand there instead; None leaves one out."""

    # The authorization request and its response
    sends_on_to: str | None = None
    """The browser is sent on to this address, with all that it brought."""
    deny: bool = False
    unknown_scope: str | None = None
    """A request for it is answered with `invalid_scope`."""
    registered_scopes_only: bool = False
    """A client is given what its registration names; a request for more is answered with `invalid_scope`."""
    iss: Literal["right", "missing", "wrong", "trailing slash"] = "right"
    state: Literal["right", "missing", "wrong"] = "right"
    authorization_response: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Its parameters that stand there instead, or besides; None leaves one out."""

    # The token endpoint
    token_status: Literal[400, 500, 503, 429, "html", "no access_token", "hang", "lost"] | None = None
    """
    For every token request. "html" and "no access_token" come with 200. "hang" answers rightly after `authority.release()`;
    "lost" does everything that was asked and cuts the connection before the answer is out.
    """
    retry_after: str | None = None
    """Goes with `token_status` 429 or 503."""
    token_body: bytes | None = None
    """What a 200 of the token endpoint carries, as application/json, nothing spent."""
    code_error: str | None = None
    """Refuses codes with this error."""
    refresh_error: str | None = None
    """Refuses refresh tokens with this error, and spends nothing."""
    machine_error: str | None = None
    """Refuses the grants that need no person with this error."""
    assertion_keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """Whose assertions are taken, `{issuer: public key in PEM}` (RFC 7523 §2.1): a platform's, an identity provider's."""
    assertions_once: bool = False
    """The same assertion is not taken twice."""
    id_jag_key: str | None = None
    """The private key, in PEM, with which an identity provider signs assertions; without one it exchanges nothing (RFC 8693)."""
    subject_tokens: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it takes for them, `{token: its kind}`: an ID token (`id_token`), a `refresh_token`, a SAML assertion (`saml2`)."""
    id_jag_client: str = "ci"
    """The client's name at the other server, which the organisation knows."""
    id_jag_lifetime: int = 300
    exchange_error: str | None = None
    exchange: Mapping[str, object] = field(default_factory=dict[str, object])
    """Members of the answer to an exchange that stand there instead; None leaves one out."""
    no_refresh_token: bool = False
    no_expires_in: bool = False
    expires_in: float | str = 3600
    """What is said; the token is good for a day, or until `expire_access_tokens()`."""
    no_scope: bool = False
    """`scope` is left out of token responses."""
    granted_scopes: tuple[str, ...] | None = None
    """What is granted whatever was asked."""
    token_type: str | None = None
    """Said instead of what it is."""
    token_members: Mapping[str, object] = field(default_factory=dict[str, object])
    """Join a token response, or replace its own members."""
    rotate: bool = True
    """False: a refresh response bears no refresh token, and the old one stays good."""
    reuse_detection: bool = True
    grace: float = 0.0
    """Seconds in which a refresh token that was spent is taken once more."""
    previous: bool = False
    """A refresh token that was spent is taken again until its successor is used."""
    latency: float = 0.0
    """Seconds that a token request takes, half of them before anything is done."""
    form_encoded_tokens: bool = False
    revocation_status: int | None = None

    # The MCP server
    resource_in_metadata: str | None = None
    authorization_servers: tuple[str, ...] | None = None
    resource_metadata_at: Literal["path", "root", "nowhere"] = "path"
    resource_metadata_status: int | None = None
    resource_metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    """Members of its document that stand there instead; None leaves one out."""
    resource_metadata_absent: bool = False
    """The challenge has no `resource_metadata`."""
    resource_scopes: tuple[str, ...] | None = ("read", "write")
    challenge_scope: str | None = "read write"
    challenge: str | None = None
    """The whole `WWW-Authenticate` of a 401; "" sends none."""
    open_server: bool = False
    html_at_mcp: bool = False
    forbidden: bool = False
    always_401: bool = False
    sse_endpoint: str | None = None
    """Where an event stream (GET) says that messages go, as the transport of 2024-11-05 has it."""
    insufficient_scope: str | None = None
    """The tool `stamp` wants this scope too."""
    tool_scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tools, and the scope that each wants too."""
    never_enough: Literal["the same", "another"] | None = None
    """The tool `stamp` wants `more` whatever the token has, or `more-1`, `more-2` …"""
    insufficient_challenge: str | None = None
    """The whole `WWW-Authenticate` of such a 403."""

    older: bool = False
    """
    Its origin is an authorization server too, as of 2025-03-26, at the default places and again under `/oauth`.

    Such a server has no metadata of its resource: `resource_metadata_at="nowhere", resource_metadata_absent=True`.
    """

    # Both
    dpop: bool = False
    """
    Tokens are bound to the key of a proof (RFC 9449): the authority lists ES256 and gives no others, the MCP server asks for
    nothing else. Proofs are checked, and each is taken once.
    """
    authority_nonce: str | None = None
    """What a proof has to bear there."""
    server_nonce: str | None = None
    """Likewise."""
    another_nonce: bool = False
    """No proof is ever taken: each time, and at both, another nonce is wanted."""
    redirects: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """A path, and the status and the `Location` that it answers with whatever it is asked."""
    set_cookie: str | None = None
    """A `Set-Cookie` of every answer."""
    echoes: bool = False
    """
    What was sent comes back. At the MCP server the headers are in tools' names and descriptions, in the result of `whoami`, in
    what `add` fails with, in the error that answers `stamp`, and in challenges; at the authority header and form are in
    descriptions of errors.
    """

    @property
    def scheme(self) -> Literal["bearer", "dpop"]:
        """By which the MCP server takes a token."""
        return "dpop" if self.dpop else "bearer"
