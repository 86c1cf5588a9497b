"""What a person does with a program of their own: signs in, at the beginning or in the middle of it, and signs out."""

from typing import TYPE_CHECKING

from handstamp.errors import VaultError
from handstamp.model import Grant, GrantKey, Registration, RegistrationKind, Secret, Token
from simulation.processes import Process
from simulation.store import SimulatedStore

if TYPE_CHECKING:
    from simulation.world import World

__all__ = ["KEY", "new_grant", "sign_in", "sign_in_within", "sign_out"]

KEY = GrantKey("local", "https://mcp.example/mcp", "default", "https://auth.example")
_REGISTRATION = Registration(KEY.issuer, RegistrationKind.DYNAMIC, "client-1", "http://127.0.0.1:5000/callback")


def new_grant(world: "World") -> Grant:
    """What a login brings, not stored yet."""
    issued, now = world.server.sign_in(), world.machine.clock()
    token = Token(
        Secret(issued.access),
        now,
        now + world.setting.lifetime if world.setting.tells_lifetime else None,
        Secret(issued.refresh),
        obtained_uptime=world.machine.read_uptime(),
    )
    return Grant(
        key=KEY,
        resource=KEY.server,
        scopes=("read",),
        registration=_REGISTRATION,
        token=token,
        token_endpoint=f"{KEY.issuer}/token",
        revocation_endpoint=f"{KEY.issuer}/revoke",
        granted_at=now,
    )


def sign_in(person: Process) -> None:
    """As `handstamp.login` ends: the new grant replaces what is there."""
    try:
        SimulatedStore(person).save_grant(new_grant(person.world))
    except VaultError as error:
        person.world.tell(person, f"could not sign in: {error.message}")


def sign_in_within(program: Process) -> None:
    """The same in a program that uses the sign-in, as `Vault.login` does."""
    sign_in(program)
    program.source.look_again()


def sign_out(person: Process) -> None:
    """As `Vault.logout` does: under the grant's lock, the server first."""
    world, store = person.world, SimulatedStore(person)
    try:
        with store.lock(KEY):
            grant = store.find_grant(KEY.owner, KEY.server, KEY.account)
            if grant is not None and grant.token.refresh_token is not None:
                world.scheduler.park(0.05)
                world.server.refresh_tokens[grant.token.refresh_token.reveal()].family.revoked = "the person signed out"
            store.forget_grant(KEY)
    except VaultError as error:
        world.tell(person, f"could not sign out: {error.message}")
