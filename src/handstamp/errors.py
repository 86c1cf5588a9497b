"""
Every way in which Handstamp fails, whose fault it is, and the one command that helps.

HandstampError                 .code (stable) · .hint (one command to run) · .exit_code
├─ UsageError                  you asked for something that makes no sense            2
├─ SettingsError               a configuration file, named with its line              2
├─ NetworkError                nobody said no: the answer is unknown                  3
│  ├─ ConnectFailed            nothing was sent (DNS, refused, unreachable)
│  ├─ TlsFailed                nothing was sent (certificate, protocol)
│  ├─ TimedOut                 the deadline passed
│  └─ TemporarilyUnavailable   5xx or 429, .retry_after in seconds where told
├─ LoginRequired               a person has to sign in                                4
│  └─ StepUpRequired           a person has to allow more scopes                      4
├─ VaultError                  the local store                                        5
│  ├─ VaultLocked              somebody else holds it, or it needs unlocking
│  ├─ KeyUnavailable           the key's provider does not answer or differs
│  ├─ VaultCorrupt             what is stored is not what was written
│  └─ StoreUnreachable         the files or the database cannot be used
├─ LoginCancelled              the person stopped it                                  1
├─ LoginTimedOut               the person did not finish in time                      1
├─ DocumentRefused             servers would refuse a client ID metadata document     1
├─ ServerSaidNo                a decision of the server, .error is the RFC's code     1
│  ├─ AccessDenied
│  ├─ InvalidGrant
│  ├─ InvalidClient
│  ├─ InvalidScope
│  └─ RegistrationRejected
└─ ServerBrokeProtocol         the server is wrong, and here is how                   1
   ├─ DiscoveryFailed          .tried names every URL and its verdict
   ├─ IssuerMismatch
   ├─ ResourceMismatch
   ├─ StateMismatch
   ├─ PkceUnsupported
   ├─ InsecureUrl
   ├─ ForbiddenAddress
   └─ MalformedResponse

A message is one sentence that says what was expected and what came. A hint is one runnable command, made by `hint()` from
`HINTS` and from nowhere else, so that a test can run every one of them through the real command line. Neither ever bears
a secret.
"""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import ClassVar, cast

__all__ = [
    "HINTS",
    "AccessDenied",
    "ConnectFailed",
    "DiscoveryFailed",
    "DocumentRefused",
    "ForbiddenAddress",
    "HandstampError",
    "InsecureUrl",
    "InvalidClient",
    "InvalidGrant",
    "InvalidScope",
    "IssuerMismatch",
    "KeyUnavailable",
    "LoginCancelled",
    "LoginRequired",
    "LoginTimedOut",
    "MalformedResponse",
    "NetworkError",
    "PkceUnsupported",
    "RegistrationRejected",
    "ResourceMismatch",
    "ServerBrokeProtocol",
    "ServerSaidNo",
    "SettingsError",
    "StateMismatch",
    "StepUpRequired",
    "StoreUnreachable",
    "TemporarilyUnavailable",
    "TimedOut",
    "TlsFailed",
    "UsageError",
    "VaultCorrupt",
    "VaultError",
    "VaultLocked",
    "account_hint",
    "chain",
    "find_error",
    "forgetting_values",
    "hint",
    "renewal_exit_code",
]

HINTS = {
    "add": "handstamp add {name} {url}",
    "add_client": "handstamp add {name} {url} --client-id CLIENT_ID",
    "add_issuer": "handstamp add {name} {url} --issuer ISSUER",
    "add_revision": "handstamp add {name} {url} --authorization-revision 2025-03-26",
    "add_scope": "handstamp add {name} {url} --scope {scope}",
    "chmod": "chmod {mode} {path}",
    "client_id_check": "handstamp client-id check {url}",
    "client_id_create": "handstamp client-id create {url}",
    "client_id_trace": "handstamp -v client-id check {url}",
    "doctor": "handstamp doctor {server}",
    "doctor_account": "handstamp doctor {server} --account {account}",
    "doctor_report": "handstamp doctor {server} --report",
    "enable": "handstamp enable {server}",
    "help": "handstamp --help",
    "help_command": "handstamp {command} --help",
    "help_subcommand": "handstamp {group} {subcommand} --help",
    "install_mcp": "pip install 'handstamp[mcp]'",
    "install_otel": "pip install 'handstamp[otel]'",
    "install_tui": "pip install 'handstamp[tui]'",
    "login": "handstamp login {server}",
    "login_account": "handstamp login {server} --account {account}",
    "login_again": "handstamp login {server} --again",
    "login_again_account": "handstamp login {server} --account {account} --again",
    "login_scope": "handstamp login {server} --scope {scope}",
    "login_scope_account": "handstamp login {server} --account {account} --scope {scope}",
    "login_scope_again": "handstamp login {server} --again --scope {scope}",
    "login_scope_again_account": "handstamp login {server} --account {account} --again --scope {scope}",
    "login_trace": "handstamp -v login {server}",
    "login_trace_account": "handstamp -v login {server} --account {account}",
    "logout": "handstamp logout {server}",
    "logout_account": "handstamp logout {server} --account {account}",
    "move_aside": "mv {path} {path}.broken",
    "new_key": "openssl rand -base64 32",
    "prompts": "handstamp prompts {server}",
    "rekey_yes": "handstamp vault rekey --to {provider} --yes",
    "remove_file": "rm {path}",
    "resources": "handstamp resources {server}",
    "status": "handstamp status",
    "tools": "handstamp tools {server}",
    "vault_backup": "handstamp vault backup {path}",
    "vault_check": "handstamp vault check",
    "vault_restore": "handstamp vault restore {path}",
    "vault_restore_yes": "handstamp vault restore --yes {path}",
}
"""The commands that an error may name: a key and the command, with its values in braces."""


def hint(command: str, /, **values: str) -> str:
    """One command for a person to run, every value quoted for their shell. Raises KeyError for one that `HINTS` lacks."""
    from shlex import quote

    return HINTS[command].format_map({key: quote(value) for key, value in values.items()})


def account_hint(command: str, *, account: str, **values: str) -> str:
    """A command for one account: the label is named where it is not the usual one."""
    return hint(command, **values) if account == "default" else hint(f"{command}_account", account=account, **values)


class HandstampError(Exception):
    """The root of everything that Handstamp raises on purpose."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HandstampError):
    """What you asked for cannot be done as asked."""

    code = "usage"
    exit_code = 2


class SettingsError(HandstampError):
    """A configuration file says something that cannot be used; the message names the file and the place."""

    code = "settings"
    exit_code = 2


class NetworkError(HandstampError):
    """Nobody said no: what the server would have answered is unknown, and nothing stored is touched."""

    code = "network"
    exit_code = 3

    maybe_done: bool = True
    """Whether the server may have done what was asked, although no answer came: it may have rotated a refresh token."""


class ConnectFailed(NetworkError):
    """No connection came about: the name does not resolve, or nothing listens there."""

    code = "connect_failed"
    maybe_done = False


class TlsFailed(NetworkError):
    """The server's certificate or TLS version is not acceptable."""

    code = "tls_failed"
    maybe_done = False


class TimedOut(NetworkError):
    """The deadline passed before the whole answer was there."""

    code = "timed_out"


class TemporarilyUnavailable(NetworkError):
    """The server answered 429 or 5xx."""

    code = "temporarily_unavailable"

    def __init__(
        self, message: str, *, hint: str | None = None, retry_after: float | None = None, maybe_done: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.maybe_done = maybe_done
        self.retry_after = retry_after
        """Seconds to wait, where the server named them (RFC 9110 §10.2.3); at most 3600."""


class LoginRequired(HandstampError):
    """A person has to sign in; Handstamp never opens a browser by itself."""

    code = "login_required"
    exit_code = 4


class StepUpRequired(LoginRequired):
    """The server wants more scopes than the grant has (`insufficient_scope`)."""

    code = "step_up_required"

    def __init__(self, message: str, *, hint: str | None = None, scopes: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.scopes = tuple(scopes)
        """What to ask for: the scopes requested before and those of the challenge (A-114)."""


class VaultError(HandstampError):
    """The local store cannot be used."""

    code = "vault"
    exit_code = 5


class VaultLocked(VaultError):
    """Another process holds what is needed, or the vault waits to be unlocked."""

    code = "vault_locked"


class KeyUnavailable(VaultError):
    """The provider that is pinned in the vault's header does not give its key, or gives another one."""

    code = "key_unavailable"


class VaultCorrupt(VaultError):
    """What is stored is not what was written; nothing is overwritten."""

    code = "vault_corrupt"


class StoreUnreachable(VaultError):
    """The files or the database cannot be opened, read or written."""

    code = "store_unreachable"


class LoginCancelled(HandstampError):
    """The person stopped the login."""

    code = "login_cancelled"


class LoginTimedOut(HandstampError):
    """The person did not finish in time; the login can simply be started again."""

    code = "login_timed_out"


class DocumentRefused(HandstampError):
    """A client ID metadata document is not as authorization servers want it."""

    code = "document_refused"


class ServerSaidNo(HandstampError):
    """The server understood and refused; `error` is its code, in the RFC's words."""

    code = "server_said_no"

    def __init__(self, message: str, *, hint: str | None = None, error: str = "") -> None:
        super().__init__(message, hint=hint)
        self.error = error


class AccessDenied(ServerSaidNo):
    """The person, or a rule of the server, refused (RFC 6749 §4.1.2.1 `access_denied`)."""

    code = "access_denied"


class InvalidGrant(ServerSaidNo):
    """The code or the refresh token is no longer good (RFC 6749 §5.2 `invalid_grant`)."""

    code = "invalid_grant"


class InvalidClient(ServerSaidNo):
    """The server does not know this client, or not with this secret (`invalid_client`, `unauthorized_client`). Tokens stay."""

    code = "invalid_client"


class InvalidScope(ServerSaidNo):
    """The server does not give the scopes, or not for this resource (`invalid_scope`, `invalid_target`)."""

    code = "invalid_scope"


class RegistrationRejected(ServerSaidNo):
    """No `client_id` could be had: the server refused to register us, or offers no way (RFC 7591 §3.2.2)."""

    code = "registration_rejected"


class ServerBrokeProtocol(HandstampError):
    """The server's answer breaks a rule that Handstamp does not bend."""

    code = "server_broke_protocol"


class DiscoveryFailed(ServerBrokeProtocol):
    """No usable metadata was found; `tried` holds a line for every URL: the URL and what was wrong with its answer."""

    code = "discovery_failed"

    def __init__(
        self, message: str, *, hint: str | None = None, tried: Sequence[str] = (), absent: bool = False, definite: bool = False
    ) -> None:
        super().__init__(message, hint=hint)
        self.tried = tuple(tried)
        self.absent = absent
        """True where nothing is there at any URL (404, 405, 410, a web page)."""
        self.definite = definite
        """True where every URL said 404 or 410: then, and only then, older ways may be asked (4.5)."""


class IssuerMismatch(ServerBrokeProtocol):
    """A document or a response names another issuer than the one that was asked (RFC 8414 §3.3, RFC 9207 §2.4)."""

    code = "issuer_mismatch"


class ResourceMismatch(ServerBrokeProtocol):
    """Protected resource metadata describes another resource than this server (RFC 9728 §3.3)."""

    code = "resource_mismatch"


class StateMismatch(ServerBrokeProtocol):
    """An authorization response does not belong to this login (RFC 6749 §10.12)."""

    code = "state_mismatch"


class PkceUnsupported(ServerBrokeProtocol):
    """The authorization server does not say that it supports PKCE with S256 (A-32 to A-35)."""

    code = "pkce_unsupported"


class InsecureUrl(ServerBrokeProtocol):
    """A URL is neither https nor plain http on loopback (A-78, A-119)."""

    code = "insecure_url"


class ForbiddenAddress(ServerBrokeProtocol):
    """A host's address is none that we may connect to for this server: a network's inside, or nobody's (4.13)."""

    code = "forbidden_address"


class MalformedResponse(ServerBrokeProtocol):
    """An answer is not what its RFC says: wrong type, missing member, too large."""

    code = "malformed_response"


def find_error(error: BaseException) -> HandstampError | None:
    """
    The Handstamp error inside `error`, however deep it sits.

    The MCP SDK runs its transport in a task group, so what Handstamp raises reaches you inside an ExceptionGroup, or as the
    cause of another error. Looks through groups, then causes and contexts; None if there is none.
    """
    return next((each for each in chain(error) if isinstance(each, HandstampError)), None)


def renewal_exit_code(code: str) -> int:
    """Of what kept a token from being renewed: nobody here can mend the network, or a server; all else is a person's."""
    for kind in _every_error(HandstampError):
        if kind.code == code and issubclass(kind, NetworkError | ServerBrokeProtocol):
            return NetworkError.exit_code
        if kind.code == code and issubclass(kind, VaultError):
            return VaultError.exit_code
    return LoginRequired.exit_code


def _every_error(kind: type[HandstampError]) -> Iterator[type[HandstampError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _every_error(below)


def chain(error: BaseException, *, until: BaseException | None = None) -> Iterator[BaseException]:
    """`error`, then what its group holds, its causes and contexts, each once, the nearest first; nothing from `until` on."""
    seen = {id(None), id(until)}
    queue: list[BaseException | None] = [error]
    while queue:
        current = queue.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            queue.extend(cast("BaseExceptionGroup[BaseException]", current).exceptions)
        queue += [current.__cause__, current.__context__]


SUSPENDABLE = 0x20 | 0x80 | 0x200
"""The flags of a generator's code, a coroutine's and an asynchronous generator's (`inspect.CO_GENERATOR` and on)."""
WITH_SECRETS = frozenset(("handstamp", "httpx2", "httpcore2", "anyio"))
"""Whose coroutines and generators handle what is sent and received."""


@contextmanager
def forgetting_values() -> Generator[None]:
    """
    For a block, or as a decorator a function, that handles secrets in the clear: an error that leaves it says where it happened
    and no longer what the variables were. Some programs print those, or send them away (TH6).

    So do its causes; what `from None` hid is gone. Frames that still run keep their variables, those of other people's
    coroutines and generators, and so does an error that was being handled before.
    """
    before = sys.exception()
    try:
        yield
    except BaseException as error:
        for each in chain(error, until=before):
            _clear_frames(each.__traceback__)
            if each.__suppress_context__:
                each.__context__ = each.__cause__
        raise


def _clear_frames(trace: TracebackType | None) -> None:
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        # An error that was kept and is raised again names whom it went through before, a caller's task that waits for something
        # else by now perhaps: Python before 3.13 would close it.
        if not frame.f_code.co_flags & SUSPENDABLE or frame.f_globals.get("__name__", "").partition(".")[0] in WITH_SECRETS:
            with suppress(RuntimeError):  # it still runs
                frame.clear()
