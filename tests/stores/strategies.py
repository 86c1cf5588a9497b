"""Any grant that there could be."""

from hypothesis import strategies as st

from handstamp.model import Failure, Grant, GrantKey, GrantType, Pending, Registration, RegistrationKind, Secret, Token, Uptime

__all__ = ["grants"]

SECONDS = st.floats(min_value=-1e12, max_value=1e12)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
"""Names are columns of a database, and a lone surrogate is no character."""
TEXTS = st.text(max_size=6)
SECRETS = st.builds(Secret, TEXTS)
SCOPES = st.lists(TEXTS, max_size=2).map(tuple)


def optional(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


def grants() -> st.SearchStrategy[Grant]:
    """With every part, or without it where it is optional."""
    registrations = st.builds(
        Registration,
        issuer=TEXTS,
        kind=st.sampled_from(RegistrationKind),
        client_id=TEXTS,
        redirect_uri=TEXTS,
        token_endpoint_auth_method=TEXTS,
        client_secret=optional(SECRETS),
        client_secret_from=optional(TEXTS),
        private_key_from=optional(TEXTS),
        signing_algorithm=optional(TEXTS),
        signing_algorithms_supported=optional(SCOPES),
        assertion_audience=optional(TEXTS),
        client_secret_expires_at=optional(SECONDS),
        scopes=SCOPES,
    )
    tokens = st.builds(
        Token,
        access_token=SECRETS,
        obtained_at=SECONDS,
        expires_at=optional(SECONDS),
        refresh_token=optional(SECRETS),
        token_type=TEXTS,
        dpop_key=optional(SECRETS),
        obtained_uptime=optional(st.builds(Uptime, TEXTS, SECONDS, SECONDS)),
    )
    return st.builds(
        Grant,
        key=st.builds(GrantKey, NAMES, NAMES, NAMES, NAMES),
        resource=TEXTS,
        scopes=SCOPES,
        registration=registrations,
        token=tokens,
        token_endpoint=TEXTS,
        revocation_endpoint=optional(TEXTS),
        identity=optional(TEXTS),
        granted_at=SECONDS,
        refused=optional(TEXTS),
        requested_scopes=SCOPES,
        refused_scopes=SCOPES,
        grant_type=st.sampled_from(GrantType),
        pending=optional(st.builds(Pending, SECONDS, TEXTS)),
        failure=optional(st.builds(Failure, SECONDS, TEXTS, TEXTS)),
    )
