"""`handstamp client-id`: a client ID metadata document made, checked as an authorization server would, and served for tests."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handstamp.cli.commands import Command, CommandGroup, pass_session
from handstamp.cli.session import Session
from handstamp.errors import DocumentRefused, HandstampError, MalformedResponse, UsageError, hint
from handstamp.model import Named
from handstamp.output import Output, Styled
from handstamp.protocol.client_document import CLIENT_NAME, LISTED_PORTS, build_document
from handstamp.protocol.document_check import (
    Finding,
    Verdict,
    check_document,
    find_faults,
    judge_address,
    judge_document,
    judge_text,
)
from handstamp.protocol.exchange import parse_json
from handstamp.protocol.text import safe
from handstamp.settings import Settings, load_settings

if TYPE_CHECKING:
    from handstamp.cli.document_server import Certificate

__all__ = ["check", "client_id", "create", "serve"]

CHECK_DEADLINE = 15.0
GLYPHS = {Verdict.FINE: ("✓", "green"), Verdict.DOUBTFUL: ("!", "yellow"), Verdict.WRONG: ("✗", "red")}


@click.group(cls=CommandGroup)
def client_id() -> None:
    """
    Make, check and serve a client ID metadata document.

    Such a document is a JSON file on the web that says who a client is: its https URL is the client_id, and servers that take it
    need no registration. client_id_url in servers.toml names it, for one server or for all of them.
    """


@client_id.command(cls=Command)
@click.argument("url")
@click.option("--name", default=CLIENT_NAME, show_default=True, help="What people read when they are asked.")
@click.option("--client-uri", metavar="URL", help="A page about it, on the same host.")
@click.option("--logo", metavar="URL", help="Its picture.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A private key, PEM or JWK, by which the client proves itself. Its public half goes into the document.",
)
@click.option("--jwks-uri", metavar="URL", help="Instead of --key: where its public keys are.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there instead of to stdout.")
@pass_session
def create(
    session: Session,
    url: str,
    name: str,
    client_uri: str | None,
    logo: str | None,
    key: Path | None,
    jwks_uri: str | None,
    out: Path | None,
) -> None:
    """
    Write a document for the https URL at which you will host it.

    \b
      handstamp client-id create https://example.com/handstamp/client.json --out client.json
    """
    if key is not None and jwks_uri is not None:
        raise UsageError(
            "Expected --key or --jwks-uri, got both.", hint=hint("help_subcommand", group="client-id", subcommand="create")
        )
    jwk = None if key is None else _read_public_key(key)
    document = build_document(url, name=name, client_uri=client_uri, logo_uri=logo, jwk=jwk, jwks_uri=jwks_uri)
    findings = [*judge_address(url), *judge_document(url, document)]
    for fault in find_faults(findings):
        raise UsageError(f"Expected {fault.expected} as {fault.subject}, got {fault.actual}.")
    _give_document(session.output, url, document, out)
    for finding in findings:
        if finding.verdict is Verdict.DOUBTFUL:
            session.output.warn(f"{finding.subject}: {_words(finding)}.")


def _read_public_key(path: Path) -> dict[str, str]:
    from handstamp.wiring import read_signing_key

    key = read_signing_key(f"file:{path.absolute()}")
    named = {} if key.key_id is None else {"kid": key.key_id}
    return key.public_jwk() | {"use": "sig", "alg": key.algorithms[0]} | named


def _give_document(output: Output, url: str, document: dict[str, object], out: Path | None) -> None:
    if out is None:
        output.json_value(document)
    else:
        _write(out, document)
        if output.json:
            output.document({"url": url, "path": str(out), "document": document})
            return
        output.done(f"Wrote {out}")
    output.say(f"Host it at {safe(url)}: answered with HTTP 200 and Content-Type: application/json, without a redirect.")
    output.hint(hint("client_id_check", url=url))


def _write(path: Path, document: dict[str, object]) -> None:
    import json

    try:
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise UsageError(f"Expected to write {path}, got: {error.strerror}.") from error


@client_id.command(cls=Command)
@click.argument("source", metavar="URL|FILE")
@click.option("--url", metavar="URL", help="With a FILE: where it will be hosted, if that is not what it says itself.")
@pass_session
def check(session: Session, source: str, url: str | None) -> None:
    """
    Check a document as an authorization server would.

    A URL is asked for as such a server does: without following a redirect. ✓ is as it should be, ! may trouble you at some
    servers, ✗ is a reason to refuse it; then the exit code is 1.

    \b
      handstamp client-id check https://example.com/handstamp/client.json
      handstamp client-id check client.json --url https://example.com/handstamp/client.json
    """
    settings = load_settings()
    if "://" in source:
        if url is not None:
            raise UsageError("Expected --url with a file, got it with a URL.")
        url = source
        findings: Sequence[Finding] = _check_published(session, settings, url)
    else:
        body = _read(Path(source))
        url = url or _find_own_address(body)
        findings = [*judge_address(url), *judge_text(url, body, ports=_find_ports(settings, url))[1]]
    _show_findings(session.output, source, url, findings)


def _check_published(session: Session, settings: Settings, url: str) -> Sequence[Finding]:
    import anyio

    from handstamp.wiring import build_http

    if find_faults(judge_address(url)):
        return tuple(judge_address(url))  # nobody to ask
    step = check_document(url, ports=_find_ports(settings, url))
    driver = build_http(settings.network, session.build_observer(), Named(url))
    try:
        return anyio.run(partial(driver.run, step, deadline=CHECK_DEADLINE))
    except HandstampError as error:
        error.hint = error.hint or hint("client_id_trace", url=url)
        raise


def _find_ports(settings: Settings, url: str) -> list[int]:
    """Those that we listen on with this document: the listed ones, and what the person set for a server."""
    own = [each.callback_port for each in settings.servers.values() if settings.find(each.name).client.client_id_url == url]
    return [*LISTED_PORTS, *(port for port in own if port is not None)]


def _find_own_address(body: bytes) -> str:
    try:
        address = parse_json(body, "the document").get("client_id")
    except MalformedResponse:
        return ""
    return address if isinstance(address, str) else ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can be called so"
        raise UsageError(f"Expected the https URL or the file of a document, got {safe(str(path))}: {reason}.") from error


def _show_findings(output: Output, source: str, url: str, findings: Sequence[Finding]) -> None:
    faults = find_faults(findings)
    if output.json:
        output.document({"source": source, "url": url, "accepted": not faults, "findings": [_members(each) for each in findings]})
    else:
        output.table([(Styled(*GLYPHS[each.verdict]), each.subject, _words(each)) for each in findings], headings=False)
    if faults:
        reasons = "; ".join(f"{fault.subject}: {_words(fault)}" for fault in faults)
        is_usable = not find_faults(judge_address(url))
        create_it = (
            hint("client_id_create", url=url) if is_usable else hint("help_subcommand", group="client-id", subcommand="create")
        )
        raise DocumentRefused(
            f"Expected a document that authorization servers accept, got {safe(reasons, 2000)}.", hint=create_it
        )
    if not output.json:
        output.say(f'To use it, name it in servers.toml or in HANDSTAMP_CLIENT_ID_URL: client_id_url = "{safe(url)}"')


def _words(finding: Finding) -> str:
    return finding.expected if finding.actual is None else f"expected {finding.expected}, got {finding.actual}"


def _members(finding: Finding) -> dict[str, object]:
    return {
        "subject": finding.subject,
        "verdict": finding.verdict.value,
        "expected": finding.expected,
        "actual": finding.actual,
    }


@client_id.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="0, the default, takes a free one.")
@click.option(
    "--host", default="localhost", show_default=True, metavar="NAME", help="The host's name in the URL and certificate."
)
@click.option("--cert", type=click.Path(path_type=Path), metavar="FILE", help="A certificate of yours with its chain, PEM.")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="Its private key, PEM.")
@click.option(
    "--trust-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where ca.pem goes, by default a temporary directory: what a server under test has to trust.",
)
@pass_session
def serve(
    session: Session, file: Path, port: int, host: str, cert: Path | None, key: Path | None, trust_dir: Path | None
) -> None:
    """
    Serve a document over HTTPS on this machine, for tests.

    Prints its URL, and serves whatever the file holds at each request until Ctrl-C. Without --cert it makes an authority for
    this once, and says which file to trust. It listens on 127.0.0.1 alone: with --host, your server has to find that name there.

    \b
      handstamp client-id serve client.json --port 8443
    """
    from handstamp.cli.document_server import open_server

    if (cert is None) != (key is None):
        raise UsageError("Expected --cert and --key together, got one of them.")
    if cert is not None and trust_dir is not None:
        raise UsageError("Expected --trust-dir without --cert, whose authority you have, got both.")
    given: Certificate | None = None if cert is None or key is None else (cert, key)
    with open_server(file, host=host, port=port, certificate=given, folder=trust_dir, log=session.output.say) as server:
        _announce(session.output, server.url, file, server.ca_file)
        server.run()


def _announce(output: Output, url: str, file: Path, ca_file: Path | None) -> None:
    if output.json:
        output.document({"url": url, "path": str(file), "ca_file": None if ca_file is None else str(ca_file)})
        return
    output.data(url)
    if ca_file is not None:
        output.say(f"Let the server under test trust {ca_file}: NODE_EXTRA_CA_CERTS for Node, SSL_CERT_FILE for many others.")
    if not file.exists():
        output.warn(f"{file} is not there yet: until it is, the answer is 404.")
    output.say("Serving. Press Ctrl-C to stop.")
