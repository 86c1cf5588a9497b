"""
Sign in once, stay signed in, to every MCP server.

    vault = handstamp.Vault.open()
    async with httpx2.AsyncClient(auth=vault.auth("https://mcp.linear.app/mcp")) as http:
        ...

Importing this package loads nothing else: each name below is fetched from its module when it is first used.
"""

# Type checkers take the name for true; `typing` itself would be most of what this package costs to import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from handstamp.errors import (
        AccessDenied,
        HandstampError,
        LoginCancelled,
        LoginRequired,
        LoginTimedOut,
        NetworkError,
        ServerBrokeProtocol,
        ServerSaidNo,
        SettingsError,
        StepUpRequired,
        UsageError,
        VaultError,
        find_error,
    )
    from handstamp.logout import LogoutReport, Revocation
    from handstamp.model import (
        DISCOVERED,
        ClientSettings,
        Grant,
        GrantKey,
        GrantType,
        IdentityProvider,
        Registration,
        RegistrationKind,
        Secret,
        Status,
        Token,
    )
    from handstamp.ports import Browser, Presenter
    from handstamp.settings import ServerSettings
    from handstamp.vault import SyncVault, Vault

__all__ = [
    "DISCOVERED",
    "AccessDenied",
    "Browser",
    "ClientSettings",
    "Grant",
    "GrantKey",
    "GrantType",
    "HandstampError",
    "IdentityProvider",
    "LoginCancelled",
    "LoginRequired",
    "LoginTimedOut",
    "LogoutReport",
    "NetworkError",
    "Presenter",
    "Registration",
    "RegistrationKind",
    "Revocation",
    "Secret",
    "ServerBrokeProtocol",
    "ServerSaidNo",
    "ServerSettings",
    "SettingsError",
    "Status",
    "StepUpRequired",
    "SyncVault",
    "Token",
    "UsageError",
    "Vault",
    "VaultError",
    "find_error",
]

_MODULES = {
    "handstamp.logout": ("LogoutReport", "Revocation"),
    "handstamp.model": (
        "DISCOVERED",
        "ClientSettings",
        "Grant",
        "GrantKey",
        "GrantType",
        "IdentityProvider",
        "Registration",
        "RegistrationKind",
        "Secret",
        "Status",
        "Token",
    ),
    "handstamp.ports": ("Browser", "Presenter"),
    "handstamp.settings": ("ServerSettings",),
    "handstamp.vault": ("SyncVault", "Vault"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'handstamp' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_HOME.get(name, "handstamp.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
