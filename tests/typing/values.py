"""What must and what must not type-check: a line that must not names mypy's code for it."""

from dataclasses import replace

from handstamp.errors import HandstampError, LoginRequired, TemporarilyUnavailable, find_error
from handstamp.events import Event, Failed, NeedsLogin, Revoked
from handstamp.model import Grant, Registration, RegistrationKind, Secret, Token
from handstamp.protocol.exchange import Exchange, Purpose, Request, Response
from handstamp.vault import Vault

token = Token(access_token=Secret("a"), obtained_at=0.0)
Token(access_token="a", obtained_at=0.0)  # expect: arg-type
token.expires_at = 5.0  # expect: misc
later = replace(token, expires_at=5.0)

shown: str = Secret("a").reveal()
hidden: str = Secret("a")  # expect: assignment

Registration("https://as.example", RegistrationKind.DYNAMIC, "id", "http://127.0.0.1/callback")
Registration("https://as.example", "dynamic", "id", "http://127.0.0.1/callback")  # expect: arg-type


def owner_of(grant: Grant) -> str:
    return grant.key.owner


def fetch(url: str) -> Exchange[int]:
    response = yield Request("GET", url, Purpose.SERVER)
    status: int = response.status
    return status


def fetch_twice(url: str) -> Exchange[tuple[int, str]]:
    first = yield from fetch(url)
    second: str = yield from fetch(url)  # expect: assignment
    return first, second


def fetch_nothing() -> Exchange[None]:
    yield "https://as.example"  # expect: misc


def answer(step: Exchange[int], response: Response) -> None:
    step.send(response)
    step.send(b"raw bytes")  # expect: arg-type


def wait_for(error: BaseException) -> float | None:
    match find_error(error):
        case TemporarilyUnavailable(retry_after=seconds):
            return seconds
        case LoginRequired() as needed:
            return len(needed.message)
        case HandstampError() | None:
            return None


def read(event: Event) -> str | None:
    event.at = 0.0  # expect: misc
    match event:
        case Failed(code=code):
            return code
        case NeedsLogin(message=message):
            return message
        case Revoked(reason=reason):
            return reason
        case _:
            _ = event.message  # expect: attr-defined
            return None


def listen(vault: Vault) -> None:
    stop = vault.subscribe(read)
    stop()
    vault.subscribe(len)  # expect: arg-type


async def follow(vault: Vault) -> None:
    async for event in vault.events():
        kind: str = event.kind
        at: str = event.at  # expect: assignment
        del kind, at


async def renew(vault: Vault) -> Grant:
    soon: Grant = vault.refresh("linear")  # expect: assignment
    version: str = vault.data_version()  # expect: assignment
    is_other: bool = vault.reload()
    blocking: Grant = vault.sync.refresh("linear", account="work")
    del soon, version, is_other, blocking
    return await vault.refresh("linear")
