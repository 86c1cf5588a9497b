"""
The fuzzer's targets, fed with documents that are nearly right.

A fuzzer changes bytes and comes slowly to what is well-formed and wrong. Here the form is right, and a member is of another kind,
missing, there twice, from an attacker's hand. What has to hold is said in `fuzz/targets/`.
"""

import json
import sqlite3
from pathlib import Path
from tempfile import mkdtemp

import pytest
import tomlkit
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz import samples
from fuzz.targets import TARGETS
from fuzz.targets.disk import open_store, use_vault

NASTY = st.sampled_from(
    [
        "",
        " ",
        "\x1b[2J\x9b31m",
        "a\r\nx: y",
        "\u202egro.live",
        "e" + "\u0301" * 9,
        "\ud800",
        "a" * 5000,
        "%00",
        "<script>",
        samples.CLIENT_SECRET,
        samples.REFRESH_TOKEN,
        samples.CODE,
    ]
)
URLS = st.one_of(
    st.sampled_from(
        [
            samples.SERVER_URL,
            samples.ISSUER,
            "https://mcp.example",
            "https://mcp.example/mcp/",
            "https://mcp.example/mcp/../x",
            "https://MCP.example:443/mcp",
            "https://evil.example\\.mcp.example/",
            "https://mcp.example@evil.example/",
            "https://evil.example#@mcp.example/",
            "http://127.0.0.1:8080/",
            "http://169.254.169.254/latest/meta-data/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fe80::1%25eth0]/",
            "https://0x7f.1/",
            "https://mcp.example./",
            "javascript:alert(1)//https://",
            "https://auth.example/authorize?state=1",
            "https://auth.example/authorize?a=b;c=%20d",
        ]
    ),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["https://", "HTTPS://", "http://", "//", "https:"]),
        st.sampled_from(
            ["mcp.example", "[::1]", "127.0.0.1", "a_b.example", "xn--e1a.example", "\uff11.example", "a..b", "-a.b"]
        ),
        st.sampled_from(["", ":443", ":0", ":65536", ":080", ":"]),
        st.text("/.;%2eE?#@:\\ a", max_size=12),
    ),
)
TEXTS = NASTY | URLS | st.text(max_size=30)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 10**30, 10**120, 1e308, 3600, True])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def documents(usual: dict[str, object]) -> st.SearchStrategy[dict[str, object]]:
    """`usual` with some members of it gone or of another kind, and others added."""
    changes = st.dictionaries(st.sampled_from(sorted(usual)), JSON | TEXTS | st.lists(TEXTS, max_size=3), max_size=3)
    missing = st.sets(st.sampled_from(sorted(usual)), max_size=1)
    more = st.dictionaries(TEXTS, JSON, max_size=2)

    def change(changed: dict[str, object], gone: set[str], added: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in {**added, **usual, **changed}.items() if name not in gone}

    return st.builds(change, changes, missing, more)


def written(document: object) -> bytes:
    return json.dumps(document).encode()


RESOURCE: dict[str, object] = {
    "resource": samples.SERVER_URL,
    "authorization_servers": [samples.ISSUER],
    "scopes_supported": ["read", "write"],
}
SERVER: dict[str, object] = {
    "issuer": samples.ISSUER,
    "authorization_endpoint": f"{samples.ISSUER}/authorize",
    "token_endpoint": f"{samples.ISSUER}/token",
    "registration_endpoint": f"{samples.ISSUER}/register",
    "revocation_endpoint": f"{samples.ISSUER}/revoke",
    "scopes_supported": ["read", "offline_access"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["none"],
    "client_id_metadata_document_supported": True,
    "authorization_response_iss_parameter_supported": True,
}
REGISTRATION: dict[str, object] = {
    "client_id": "c1",
    "client_secret": "s",
    "client_secret_expires_at": 0,
    "redirect_uris": [samples.REDIRECT_URI],
    "token_endpoint_auth_method": "client_secret_basic",
    "error": "",
    "error_description": "",
}
TOKEN: dict[str, object] = {
    "access_token": "a",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "r",
    "scope": "read write",
    "id_token": "e30.e30.c2ln",
    "error": "",
    "error_description": "",
}
MEMBERS: dict[str, object] = {
    "resource": samples.SERVER_URL,
    "scopes": ["read"],
    "registration": {
        "issuer": samples.ISSUER,
        "kind": "dynamic",
        "client_id": "c",
        "redirect_uri": samples.REDIRECT_URI,
        "token_endpoint_auth_method": "none",
    },
    "token": {"access_token": "a", "obtained_at": 0.0, "expires_at": 1.0, "refresh_token": "r", "token_type": "Bearer"},
    "token_endpoint": f"{samples.ISSUER}/token",
    "granted_at": 0.0,
}

STATUSES = st.sampled_from([200, 201, 204, 206, 302, 307, 400, 401, 403, 404, 405, 410, 418, 429, 500, 503])
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "www-authenticate", "retry-after", "location", "x"]),
        st.sampled_from(
            ["application/json", "text/html", "text/event-stream", "Bearer", "1e9", "/", "Fri, 31 Dec 2027 23:59:59 GMT"]
        )
        | URLS.map('Bearer resource_metadata="{}", scope="read"'.format)
        | TEXTS,
    ),
    max_size=3,
)


def answers(*bodies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes that `fuzz.conversation` reads as one answer a body."""

    def head(status: int, headers: list[tuple[str, str]]) -> bytes:
        lines = "\n".join([str(status), *(f"{name}: {value}" for name, value in headers)])
        return lines.encode("latin-1", "replace").replace(b"\n\n", b"\n")

    one = [st.builds(lambda before, body: before + b"\n\n" + body, st.builds(head, STATUSES, HEADERS), body) for body in bodies]
    return st.tuples(*one).map(b"\n%%\n".join)


@given(documents(RESOURCE).map(written))
def test_a_resource_says_only_what_it_may(data: bytes) -> None:
    """TB3, TB4, TB5."""
    TARGETS["resource_metadata"].run(data)


@given(documents(SERVER).map(written))
def test_an_authorization_server_s_endpoints_are_read_in_one_way(data: bytes) -> None:
    """TA6, TA11, TB22, TC1, TC5."""
    TARGETS["server_metadata"].run(data)


@given(answers(st.just(b""), documents(RESOURCE).map(written), documents(SERVER).map(written), documents(SERVER).map(written)))
def test_discovery_ends_whatever_is_answered(data: bytes) -> None:
    """TA18, TA22."""
    TARGETS["discovery"].run(data)


@given(answers(documents(REGISTRATION).map(written), documents(REGISTRATION).map(written)))
def test_a_registration_can_be_used_or_is_refused(data: bytes) -> None:
    """TB15."""
    TARGETS["registration"].run(data)


@pytest.mark.parametrize("target", ["token", "refresh", "revocation"])
@given(data=answers(documents(TOKEN).map(written)))
def test_an_answer_with_a_token_can_be_used_or_is_refused(data: bytes, target: str) -> None:
    """TE3, TE4, TE5."""
    TARGETS[target].run(data)


@given(st.lists(st.tuples(st.sampled_from(["state", "code", "iss", "error", "error_description", "x"]), TEXTS), max_size=6))
def test_an_answer_s_code_is_this_login_s(pairs: list[tuple[str, str]]) -> None:
    """TB7, TB10, TD1, TD8."""
    from urllib.parse import quote

    query = "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs)
    usual = f"&state={samples.STATE}&iss={quote(samples.ISSUER)}"

    TARGETS["callback_query"].run(query.encode())
    TARGETS["callback_query"].run((query + usual).encode())


@given(st.lists(TEXTS, min_size=3, max_size=12))
def test_a_page_has_the_same_tags_whatever_it_shows(words: list[str]) -> None:
    """TD7."""
    TARGETS["callback_page"].run("\n".join(words).encode("utf-8", "replace"))


@given(
    st.sampled_from(["GET", "POST", "OPTIONS", "get", "G\x00T"]),
    TEXTS,
    st.lists(
        st.tuples(st.sampled_from(["Host", "Origin", "Content-Length", "Transfer-Encoding", "Sec-Purpose"]), TEXTS), max_size=3
    ),
)
def test_no_visitor_breaks_the_listener(method: str, target: str, headers: list[tuple[str, str]]) -> None:
    """TD9."""
    lines = [f"{method} /{target} HTTP/1.1", "Host: 127.0.0.1:1", *(f"{name}: {value}" for name, value in headers), "", ""]

    TARGETS["callback_visit"].run("\r\n".join(lines).encode("utf-8", "replace")[:10_000])


@given(URLS, URLS)
def test_what_we_take_for_a_url_everybody_reads_alike(one: str, other: str) -> None:
    """TA5, TA6."""
    TARGETS["url"].run(f"{one}\n{other}".encode())


@given(URLS | TEXTS)
def test_a_redirect_stays_where_it_was(location: str) -> None:
    """TA9, TA10."""
    TARGETS["redirect"].run(location.encode("latin-1", "replace"))


@given(st.text("/:@?#\\[]% a1", max_size=12), st.text("/:@?#\\[]% a1", max_size=12))
def test_a_proxy_s_password_goes_to_the_host_that_was_judged(user: str, password: str) -> None:
    TARGETS["proxy"].run(f"http://{user}:{password}@proxy.example:3128".encode())


@given(st.ip_addresses().map(str))
def test_an_inner_address_stays_inner(address: str) -> None:
    """TA3, TA4."""
    TARGETS["address"].run(address.encode())


KEYS = [
    "url",
    "scopes",
    "headers",
    "callback_port",
    "client_id",
    "client_secret_from",
    "transport",
    "command",
    "env",
    "cwd",
    "enabled",
    "x",
]


@given(
    st.dictionaries(
        TEXTS,
        st.dictionaries(
            st.sampled_from(KEYS),
            TEXTS
            | st.lists(TEXTS, max_size=2)
            | st.dictionaries(TEXTS, TEXTS, max_size=2)
            | st.integers(-1, 70_000)
            | st.booleans(),
            max_size=4,
        ),
        max_size=2,
    ),
    st.sampled_from([{"url": samples.SERVER_URL}, {"command": ["files"]}]),
)
def test_no_settings_break_their_reader(servers: dict[str, dict[str, object]], start: dict[str, object]) -> None:
    document = tomlkit.dumps({"servers": {name: {**start, **table} for name, table in servers.items()}})

    TARGETS["servers_toml"].run(document.encode("utf-8", "replace"))


@given(documents(MEMBERS).map(written))
def test_a_record_is_what_was_written_or_is_refused(data: bytes) -> None:
    TARGETS["record"].run(data)


RESULT: dict[str, object] = {
    "content": [{"type": "text", "text": "42"}, {"type": "image", "data": "AA==", "mimeType": "image/png"}],
    "structuredContent": {"a": [1]},
    "isError": False,
}
TOOLS: dict[str, object] = {"tools": [{"name": "add", "description": "Adds.", "inputSchema": {"type": "object"}}]}


@pytest.mark.parametrize(("target", "usual"), [("mcp_call", RESULT), ("mcp_tools", TOOLS)])
@given(data=st.data())
def test_nothing_of_a_tool_acts_on_a_terminal(target: str, usual: dict[str, object], data: st.DataObject) -> None:
    """TH1, TH2."""
    text = data.draw(TEXTS.map(lambda text: text.encode("utf-8", "replace").decode()))
    members = [
        {"type": "text", "text": text},
        {"type": "resource_link", "uri": text, "name": text},
        {"name": text, "title": text, "description": text, "inputSchema": {}},
    ]
    result = data.draw(documents({**usual, "content": members[:2], "tools": members[2:]}))

    TARGETS[target].run(written({"jsonrpc": "2.0", "id": 1, "result": result}))
    TARGETS[target].run(written({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": text, "data": result}}))


COLUMNS = [
    *(f"grants.{name}" for name in ("owner", "server", "account", "issuer", "generation", "granted_at", "sealed")),
    *(f"registrations.{name}" for name in ("owner", "issuer", "sealed")),
    *(f"client_secrets.{name}" for name in ("server", "client_id", "sealed")),
    *(f"header.{name}" for name in ("schema", "key_provider", "key_check", "highest_forgotten")),
]
CELLS = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=40)
    | TEXTS.filter(lambda text: text != "\ud800" and text not in samples.SECRETS)
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.dictionaries(st.sampled_from(COLUMNS), CELLS, min_size=1, max_size=3))
@example(cells={"grants.server": b"\x00"})
@example(cells={"grants.account": b"\x00", "grants.sealed": 1})
@example(cells={"grants.generation": 2**63 - 1})
@example(cells={"header.schema": -2})
@example(cells={"header.highest_forgotten": "", "grants.issuer": ""})
def test_no_cell_of_the_vault_breaks_it(tmp_path: Path, cells: dict[str, object]) -> None:
    """TG5, TG6. SQLite takes any kind of value in any column."""
    directory = Path(mkdtemp(dir=tmp_path))
    store = open_store(directory)
    store.save_grant(samples.GRANT)
    store.save_registration(samples.KEY.owner, samples.REGISTRATION)
    store.close()
    connection = sqlite3.connect(directory / "vault.db")
    for column, value in cells.items():
        table, _, name = column.partition(".")
        connection.execute(f"UPDATE {table} SET {name} = ?", (value,))
    connection.commit()
    connection.close()

    use_vault(directory)
