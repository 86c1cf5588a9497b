"""How the person wants us to get out: `proxy`, `ca_file` and `network` at the top of `servers.toml`."""

import re

from handstamp.errors import SettingsError, UsageError
from handstamp.model import Network
from handstamp.protocol.urls import split_url
from handstamp.settings.table import Table

__all__ = ["parse_network", "require_proxy"]

# RFC 3986 §3.2.1: what else stood there would end the part, and other readers would find another host.
USER_AND_PASSWORD = re.compile(
    r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*"
)


def parse_network(top: Table) -> Network:
    """How a whole document wants us to get out. Raises SettingsError with file and place."""
    proxy, ca_file, network = top.text("proxy"), top.text("ca_file"), top.text("network")
    if network not in (None, "public"):
        raise SettingsError(f'Expected network = "public" in {top.path}, or nothing, got {network!r}.')
    try:
        return Network(
            proxy=None if proxy is None else _require_proxy_reference(proxy),
            ca_file=ca_file,
            public_only=network == "public",
        )
    except UsageError as error:
        raise SettingsError(f"{top.path}: {error.message}") from error


def _require_proxy_reference(value: str) -> str:
    return value if value.startswith(("env:", "file:")) else require_proxy(value)


def require_proxy(value: str, *, password: bool = False) -> str:
    """
    The address of an HTTP proxy; one with a user and a `password` stands in no configuration file. Raises UsageError.

    What is wrong with it is not repeated: a password may be in it.
    """
    scheme, slashes, rest = value.partition("://")
    user, at, host = rest.rpartition("@")
    try:
        has_user = not at or USER_AND_PASSWORD.fullmatch(user) is not None
        is_proxy = bool(slashes) and has_user and split_url(f"{scheme}://{host}").path in ("", "/")
    except ValueError:
        is_proxy = False
    # Whoever dials ends the host there: what was judged would be a path of somebody else's, who gets the password.
    is_proxy = is_proxy and user.isprintable() and not set(user) & set("/?#\\ ")
    if not is_proxy or (at and not password):
        raise UsageError(
            "Expected proxy to be like http://proxy.example:3128, or env:NAME or file:PATH where it has a user and a password "
            "(percent-encoded where they hold / # ? @ or the like), got something else."
        )
    return value
