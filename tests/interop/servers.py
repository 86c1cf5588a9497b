"""
Other people's authorization servers with a real MCP server behind them, started for one test and stopped with it.

`with oidc() as site:` is oidc-provider and an MCP server on the official SDK; `with sdk() as site:` is the SDK's own
authorization server. Both answer to `Site`.
"""

import fcntl
import hashlib
import json
import os
import secrets
import select
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

import httpx2
import pytest

from requires import require

__all__ = [
    "BetterAuthSite",
    "Counts",
    "OidcSite",
    "Program",
    "SdkSite",
    "ServerFailed",
    "Site",
    "better_auth",
    "oidc",
    "prepare_node",
    "sdk",
]

HERE = Path(__file__).parent
NODE = HERE / "node"
START_LIMIT = 90.0  # Node from a cold disk, beside another site that starts
STOP_LIMIT = 5.0


class ServerFailed(AssertionError):
    """A test server did not start or died; the message bears what it wrote to stderr."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What a site's authorization server has answered since its first start; a restart keeps it."""

    registrations: int
    codes: int
    """Authorization codes exchanged for a token."""
    refreshes: int
    refused: tuple[str, ...]
    """Of every refused token request, in order: grant type and error, as in `refresh_token invalid_grant`."""
    revocations: int
    """Revocation requests answered with 200, whatever they ended."""
    ended_grants: int
    """Grants ended by a revocation or by the reuse of a refresh token."""


class Site(Protocol):
    """One MCP server that people sign in to."""

    @property
    def server_url(self) -> str:
        """The MCP endpoint, which is the `resource`."""
        ...

    @property
    def issuer(self) -> str: ...

    def counts(self) -> Counts: ...

    def expire(self) -> None:
        """The MCP server refuses every access token issued until now, whatever `expires_in` said. Refresh tokens stay good."""
        ...

    def end_grants(self) -> None:
        """What an administrator's "remove this app" does: access and refresh tokens are dead, and nobody was told."""
        ...

    def forget_clients(self) -> None:
        """The authorization server no longer knows any dynamically registered client."""
        ...

    def stop(self) -> None:
        """Nothing listens at the authorization server's port any more."""
        ...

    def start(self) -> None:
        """After `stop`: the same port, and everything is remembered."""
        ...


class Program:
    """One server process. Its first line on stdout is JSON and tells where it listens; it ends when stdin does."""

    def __init__(self, *command: str, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
        self.command = command
        self.cwd = cwd
        self.environment = {**os.environ, **(environment or {})}
        self.announced: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the program

    def start(self) -> None:
        """Returns once it listens. A second start asks for the port of the first."""
        port = ["--port", str(self.announced["port"])] if self.announced else []
        self._process = subprocess.Popen(
            [*self.command, *port],
            cwd=self.cwd,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        try:
            self.announced = self._read_announcement(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Safe to call twice."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            process.terminate()
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()

    def close(self) -> None:
        self.stop()
        self._stderr.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """A request to the program's control port, which is no part of what it serves."""
        with httpx2.Client(trust_env=False) as http:
            try:
                answer = http.request(method, self.announced["control_url"] + path, json=body)
            except httpx2.TransportError as error:
                raise self._failure(f"does not answer {method} {path}") from error
        if answer.status_code != 200:
            raise self._failure(f"answers {answer.status_code} to {method} {path}")
        return answer.json()

    def _read_announcement(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], START_LIMIT)
        line = process.stdout.readline() if ready else b""
        try:
            return cast("dict[str, Any]", json.loads(line))
        except ValueError:
            problem = f"said {line!r}" if line else "died" if ready else f"said nothing for {START_LIMIT:.0f} s"
            raise self._failure(f"{problem} where its address was expected") from None

    def _failure(self, problem: str) -> ServerFailed:
        self._stderr.seek(0)
        return ServerFailed(f"{' '.join(self.command)} {problem}\n{self._stderr.read().decode(errors='replace')[-4000:]}")


@dataclass(frozen=True)
class OidcSite:
    """oidc-provider, and an MCP server of another process that takes its tokens."""

    authority: Program
    gate: Program

    @property
    def server_url(self) -> str:
        return f"{self.gate.announced['origin']}/mcp"

    @property
    def issuer(self) -> str:
        return cast("str", self.authority.announced["issuer"])

    def counts(self) -> Counts:
        return read_counts(self.authority)

    def expire(self) -> None:
        self.gate.ask("POST", "/control/reject", self.authority.ask("POST", "/control/expire"))

    def end_grants(self) -> None:
        self.expire()
        self.authority.ask("POST", "/control/end-grants")

    def demand(self, *scopes: str) -> None:
        """From now on the MCP server wants all of these: a token with less is answered with 403 `insufficient_scope`."""
        self.gate.ask("POST", "/control/demand", {"scopes": scopes})

    def forget_clients(self) -> None:
        self.authority.ask("POST", "/control/forget-clients")

    def stop(self) -> None:
        self.authority.stop()

    def start(self) -> None:
        self.authority.start()


@dataclass(frozen=True)
class BetterAuthSite:
    """Better Auth, and an MCP server of another process that takes its tokens."""

    authority: Program
    gate: Program

    @property
    def server_url(self) -> str:
        return f"{self.gate.announced['origin']}/mcp"

    @property
    def issuer(self) -> str:
        return cast("str", self.authority.announced["issuer"])

    def counts(self) -> Counts:
        return read_counts(self.authority)


@dataclass(frozen=True)
class SdkSite:
    """The SDK's authorization server and MCP server: one process, one origin."""

    program: Program

    @property
    def server_url(self) -> str:
        return f"{self.issuer}/mcp"

    @property
    def issuer(self) -> str:
        return cast("str", self.program.announced["origin"])

    def counts(self) -> Counts:
        return read_counts(self.program)

    def expire(self) -> None:
        self.program.ask("POST", "/control/expire")

    def end_grants(self) -> None:
        self.program.ask("POST", "/control/end-grants")

    def forget_clients(self) -> None:
        self.program.ask("POST", "/control/forget-clients")

    def stop(self) -> None:
        self.program.stop()

    def start(self) -> None:
        self.program.start()


@contextmanager
def oidc(
    *,
    mount: str = "",
    ttl: int = 3600,
    opaque: bool = False,
    strict: bool = False,
    always_refresh: bool = False,
    registration: bool = True,
    clients: Sequence[Mapping[str, object]] = (),
    slow_token: float = 0,
    bare_challenge: bool = False,
    dpop: bool = False,
    dpop_nonces: bool = False,
    documents: Path | None = None,
) -> Generator[OidcSite, None, None]:
    """
    oidc-provider with its own login and consent pages; times are seconds, but `slow_token` counts before every token request.

    As the library comes, a refresh token needs the scope `offline_access` and `prompt=consent`, rotates, and its reuse ends the
    grant. `strict` compares redirect addresses and resources byte for byte and wants `resource` at every token request.
    `always_refresh` is for the many services that ask for neither. `clients` are pre-registered, as RFC 7591 metadata.
    A `bare_challenge` is the SDK's own, which names no scope. With `dpop` the MCP server takes bound tokens alone, and
    with `dpop_nonces` both servers want a nonce in each proof. With `documents` it takes client ID metadata documents from
    whoever that authority's certificate vouches for.
    """
    node = prepare_node()
    environment = {"INTEROP_GATE_SECRET": secrets.token_urlsafe(), **trusting(documents)}
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "state.json"
        authority = Program(
            node,
            "oidc.mjs",
            f"--mount={mount}",
            f"--ttl={ttl}",
            f"--slow-token={slow_token * 1000:.0f}",
            f"--state={state}",
            *switches(
                opaque=opaque,
                strict=strict,
                always_refresh=always_refresh,
                no_registration=not registration,
                dpop_nonces=dpop_nonces,
                documents=documents is not None,
            ),
            *(f"--client={json.dumps(client)}" for client in clients),
            cwd=NODE,
            environment=environment,
        )
        stack.callback(authority.close)
        authority.start()
        gate = Program(
            sys.executable,
            "-m",
            "interop.gate",
            f"--issuer={authority.announced['issuer']}",
            *switches(introspect=opaque, bare_challenge=bare_challenge, dpop=dpop),
            *(["--dpop-nonce=of-the-gate"] if dpop_nonces else []),
            cwd=HERE.parent,
            environment=environment,
        )
        stack.callback(gate.close)
        gate.start()
        site = OidcSite(authority, gate)
        # Each has to know the other's address, and both take a free port: the resource is told afterwards.
        authority.ask("POST", "/control/resources", {"resource": site.server_url})
        yield site


@contextmanager
def better_auth(*, documents: Path) -> Generator[BetterAuthSite, None, None]:
    """Better Auth's OAuth provider. It registers nobody: a client comes by its metadata document, as of `oidc`, or not at all."""
    node = prepare_node()
    with ExitStack() as stack:
        authority = Program(node, "better_auth.mjs", cwd=NODE, environment=trusting(documents))
        stack.callback(authority.close)
        authority.start()
        gate = Program(sys.executable, "-m", "interop.gate", f"--issuer={authority.announced['issuer']}", cwd=HERE.parent)
        stack.callback(gate.close)
        gate.start()
        site = BetterAuthSite(authority, gate)
        authority.ask("POST", "/control/resources", {"resource": site.server_url})
        yield site


@contextmanager
def sdk(*, ttl: int = 3600) -> Generator[SdkSite, None, None]:
    """The SDK's authorization server: no `iss`, no `none` in its methods, no revocation by public clients, no reuse detection."""
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "state.json"
        program = Program(sys.executable, "-m", "interop.sdk_server", f"--ttl={ttl}", f"--state={state}", cwd=HERE.parent)
        stack.callback(program.close)
        program.start()
        yield SdkSite(program)


def trusting(ca_file: Path | None) -> dict[str, str]:
    """The environment of a Node program that trusts one more authority."""
    return {} if ca_file is None else {"NODE_EXTRA_CA_CERTS": str(ca_file)}


def read_counts(program: Program) -> Counts:
    counted: dict[str, Any] = program.ask("GET", "/control/counts")
    return Counts(refused=tuple(counted.pop("refused")), **counted)


def switches(**given: bool) -> list[str]:
    return [f"--{name.replace('_', '-')}" for name, on in given.items() if on]


def prepare_node() -> str:
    """The path of Node, its packages installed as the lock file says; skips, or fails, as `require` does."""
    node, npm = require("node"), require("npm")
    wanted = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()
    marker = NODE / "node_modules" / ".installed"
    # One of several test processes installs, the others wait for it.
    with (NODE / "package-lock.json").open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        if not marker.exists() or marker.read_text() != wanted:
            install_packages(npm)
            marker.write_text(wanted)
    return node


def install_packages(npm: str) -> None:
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    reason = f"`npm ci` in tests/interop/node failed: {done.stderr.strip()[:500]}"
    if os.environ.get("HANDSTAMP_REQUIRE") == "all":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
