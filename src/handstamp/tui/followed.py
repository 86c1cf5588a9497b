"""What the app connects to."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from handstamp.errors import VaultError
from handstamp.model import Secret
from handstamp.standing import find_standings
from handstamp.vault import Vault

if TYPE_CHECKING:
    from handstamp.hosts.target import Target

__all__ = ["find_followed"]


def find_followed(vault: Vault, hide: Callable[[Iterable[Secret]], None]) -> "list[Target]":
    """
    The configured servers, then what somebody signed in to by its bare URL.

    Of a vault that cannot be opened nobody knows the accounts: then each server once, so that it is there and says why.
    """
    from handstamp.targets import build_target, find_targets

    try:
        nameless = [
            build_target(vault, each.server, each.account, hide)
            for each in find_standings(vault, None)
            if not each.server.is_configured and not each.is_former
        ]
        return find_targets(vault, hide) + nameless
    except VaultError:
        return [build_target(vault, each, "default", hide) for each in vault.settings.configured.values()]
