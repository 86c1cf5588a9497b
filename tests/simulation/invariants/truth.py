"""What is so, whatever the programs take it for."""

from typing import TYPE_CHECKING

from handstamp.model import Grant, Secret, Token
from handstamp.renewal import fingerprint

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["fingerprint_of", "has_ended", "is_alive", "is_ancestor", "is_another", "is_older", "moment", "refresh_of"]


def fingerprint_of(refresh: str) -> str | None:
    return fingerprint(Secret(refresh))


def is_another(token: Token, rejected: Token | None) -> bool:
    return rejected is None or token.access_token != rejected.access_token


def moment(world: "World", token: Token) -> float:
    """What the programs of that machine take the time to be."""
    return token.now(world.machine.clock(), world.machine.read_uptime())


def is_alive(world: "World", token: Token) -> bool:
    """And every program can know it."""
    return world.machine.is_known and not has_ended(world, token)


def has_ended(world: "World", token: Token) -> bool:
    return world.server.tells_lifetime and world.machine.time >= world.server.ends(token.access_token.reveal())


def refresh_of(grant: Grant) -> str:
    secret = grant.token.refresh_token
    return "" if secret is None else secret.reveal()


def is_ancestor(world: "World", one: str, other: str) -> bool:
    """Whether the server gave the one before the other, for the same sign-in."""
    issued = world.server.refresh_tokens
    return issued[one].family is issued[other].family and is_older(world, one, other)


def is_older(world: "World", one: str, other: str) -> bool:
    """Whether the server gave the one before the other."""
    issued, known = world.server.refresh_tokens, world.server.refresh_tokens
    if one not in issued or other not in known:
        return False
    first, second = issued[one], known[other]
    if first.family is not second.family:
        return first.family.number < second.family.number
    return first.depth < second.depth
