"""`handstamp client-id`: a document made, checked and served."""

import json
import signal
import ssl
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certificates import Signer
from cli.commandline import CommandLine
from commands import assert_runnable
from handstamp.cli import run
from handstamp.protocol.client_document import build_document
from handstamp.protocol.jwt import generate_key

URL = "https://handstamp.example/client.json"


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def hint(self) -> str:
        (line,) = [line for line in self.stderr.splitlines() if line.startswith("hint: ")]
        return line.removeprefix("hint: ")


class Commands:
    """`handstamp client-id …` in this process, in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.servers_toml = folder / "servers.toml"
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Said:
        code = run(["client-id", *arguments])
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def write(self, document: object, name: str = "client.json") -> str:
        path = self.folder / name
        path.write_text(json.dumps(document))
        return str(path)


@pytest.fixture
def client_id(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("HANDSTAMP_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    return Commands(tmp_path, capsys)


class TestCreate:
    def test_the_document_goes_to_stdout_and_what_to_do_with_it_to_stderr(self, client_id: Commands) -> None:
        """A-46, A-47, A-51."""
        said = client_id("create", URL)

        assert said.code == 0
        assert said.json == build_document(URL)
        assert "Content-Type: application/json" in said.stderr
        assert said.hint == f"handstamp client-id check {URL}"

    def test_everything_that_can_be_said_is_in_it(self, client_id: Commands) -> None:
        said = client_id(
            "create", URL, "--name", "Ours", "--client-uri", "https://handstamp.example/", "--logo", "https://x.example/l.png"
        )

        assert said.json == build_document(
            URL, name="Ours", client_uri="https://handstamp.example/", logo_uri="https://x.example/l.png"
        )

    def test_a_private_key_leaves_its_public_half_there_and_nothing_else(self, client_id: Commands) -> None:
        """A-49: and what is made is accepted."""
        secret = generate_key(lambda count: bytes(range(count)))
        key = client_id.folder / "key.pem"
        key.write_text(secret.reveal())

        said = client_id("create", URL, "--key", str(key), "--out", str(client_id.folder / "out.json"))
        checked = client_id("check", str(client_id.folder / "out.json"))

        document = json.loads((client_id.folder / "out.json").read_text())
        (jwk,) = document["jwks"]["keys"]
        assert (said.code, said.stdout) == (0, "")
        assert set(jwk) == {"kty", "crv", "x", "y", "use", "alg"}
        assert document["token_endpoint_auth_method"] == "private_key_jwt"
        assert (checked.code, "!" in checked.stdout) == (0, False)

    def test_with_out_and_json_the_answer_says_where_it_is(self, client_id: Commands) -> None:
        path = client_id.folder / "out.json"

        said = client_id("create", URL, "--out", str(path), "--json")

        assert said.json == {"version": 1, "url": URL, "path": str(path), "document": build_document(URL)}
        assert json.loads(path.read_text()) == build_document(URL)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["http://handstamp.example/client.json"], "an https URL with a path"),
            (["https://handstamp.example"], "an https URL with a path"),
            (["https://me:hush@handstamp.example/c.json"], "a user name or a password"),
            ([URL, "--logo", "http://handstamp.example/logo.png"], "an https URL as logo_uri"),
            ([URL, "--jwks-uri", "keys.json"], "an https URL as jwks_uri"),
            ([URL, "--name", " "], "a name for people to read"),
            ([URL, "--key", "key.pem", "--jwks-uri", "https://handstamp.example/keys"], "got both"),
            ([URL, "--key", "nowhere.pem"], "No such file"),
            ([URL, "--out", "/nowhere/client.json"], "No such file"),
        ],
    )
    def test_what_servers_would_refuse_is_not_written(self, client_id: Commands, arguments: list[str], words: str) -> None:
        said = client_id("create", *arguments)

        assert (said.code, said.stdout) == (2, "")
        assert words in said.stderr
        assert "hush" not in said.stderr
        assert_runnable(said.hint)


class TestCheck:
    def test_a_good_file_is_accepted_with_its_warning(self, client_id: Commands) -> None:
        """A-52."""
        said = client_id("check", client_id.write(build_document(URL)))

        assert said.code == 0
        assert "✗" not in said.stdout
        assert "any program on a person's machine can pose as this client" in said.stdout
        assert f'client_id_url = "{URL}"' in said.stderr

    def test_a_fault_is_shown_with_what_was_expected_and_what_came(self, client_id: Commands) -> None:
        said = client_id("check", client_id.write(build_document(URL) | {"client_secret": "hush"}))

        assert said.code == 1
        assert "✗   client_secret" in said.stdout
        assert "error: Expected a document that authorization servers accept" in said.stderr
        assert "hush" not in said.stdout + said.stderr
        assert said.hint == f"handstamp client-id create {URL}"

    def test_a_file_for_another_address_is_measured_by_that(self, client_id: Commands) -> None:
        """A-47."""
        said = client_id("check", client_id.write(build_document(URL)), "--url", f"{URL}?v=2")

        assert said.code == 1
        assert f"its own address, {URL}?v=2, got {URL}" in said.stdout

    def test_json_has_every_finding(self, client_id: Commands) -> None:
        good = client_id("check", client_id.write(build_document(URL)), "--json")
        bad = client_id("check", client_id.write(build_document(URL) | {"grant_types": []}), "--json")

        assert good.json["accepted"] is True
        assert set(good.json["findings"][0]) == {"subject", "verdict", "expected", "actual"}
        assert bad.json["accepted"] is False
        assert json.loads(bad.stderr)["error"]["code"] == "document_refused"

    def test_a_port_that_a_server_of_yours_listens_on_has_to_be_listed(self, client_id: Commands) -> None:
        client_id.servers_toml.write_text(
            f'client_id_url = "{URL}"\n[servers.work]\nurl = "https://x.example/mcp"\ncallback_port = 8123\n'
        )

        said = client_id("check", client_id.write(build_document(URL)))

        assert said.code == 1
        assert "a list without http://127.0.0.1:8123/callback" in said.stdout

    @pytest.mark.parametrize(
        ("arguments", "code", "words"),
        [
            (["nowhere.json"], 2, "No such file"),
            (["/"], 2, "Is a directory"),
            (["a\0b"], 2, "no file can be called so"),
            ([URL, "--url", URL], 2, "--url with a file"),
            (["http://handstamp.example/c.json"], 1, "an https URL with a path"),
            (["https://127.0.0.1:1/c.json"], 3, "nothing listens there"),
        ],
    )
    def test_what_cannot_be_checked_is_an_error(self, client_id: Commands, arguments: list[str], code: int, words: str) -> None:
        said = client_id("check", *arguments)

        assert said.code == code
        assert words in said.stderr
        assert_runnable(said.hint)

    def test_what_is_no_document_at_all_is_refused(self, client_id: Commands) -> None:
        path = client_id.folder / "page.html"
        path.write_text("<html>")

        said = client_id("check", str(path))

        assert said.code == 1
        assert "got an HTML page" in said.stdout
        assert said.hint == "handstamp client-id create --help"


@contextmanager
def served(cli: CommandLine, *arguments: str) -> "Generator[tuple[subprocess.Popen[str], dict[str, Any]]]":
    """`client-id serve … --json`, and what it said of itself."""
    process = cli.start("client-id", "serve", *arguments, "--json")
    assert process.stdout is not None
    try:
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, process.communicate()
            text += line
        yield process, json.loads(text)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class TestServe:
    def test_a_document_is_made_served_checked_and_the_server_ends_with_ctrl_c(self, cli: CommandLine) -> None:
        """A-43, A-50: over HTTPS, with an authority that the checking side has to be told of."""
        with served(cli, "client.json") as (process, about):
            cli("client-id", "create", about["url"], "--out", "client.json")
            distrusted = cli("client-id", "check", about["url"])
            cli.servers_toml.parent.mkdir()
            cli.servers_toml.write_text(f'ca_file = "{about["ca_file"]}"\n')
            trusted = cli("client-id", "check", about["url"])
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)

        assert process.returncode == 0
        assert (distrusted.code, "certificate" in distrusted.stderr) == (3, True)
        assert trusted.code == 0, trusted.stderr
        assert "GET /client.json" in said
        assert "Traceback" not in said
        assert not Path(about["ca_file"]).exists()

    def test_another_host_and_another_path(self, cli: CommandLine, tmp_path: Path) -> None:
        """One certificate has the name that your server knows it by; nothing else is served."""
        (tmp_path / "client.json").write_text("{}")
        trust = tmp_path / "trust"
        with served(cli, "client.json", "--host", "client.example", "--trust-dir", str(trust)) as (_, about):
            url = httpx2.URL(about["url"])
            tls = ssl.create_default_context(cafile=about["ca_file"])
            with httpx2.Client(verify=tls, trust_env=False) as http:
                at = url.copy_with(host="127.0.0.1")
                found = http.get(at, extensions={"sni_hostname": "client.example"})
                missing = http.get(at.copy_with(path="/vault.db"), extensions={"sni_hostname": "client.example"})

        assert url.host == "client.example"
        assert about["ca_file"] == str(trust / "ca.pem")
        assert (found.status_code, found.headers["content-type"], found.text) == (200, "application/json", "{}")
        assert (missing.status_code, missing.text) == (404, "")
        assert all(path.stat().st_mode & 0o077 == 0 for path in trust.iterdir())

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--cert", "{cert}"], "--cert and --key together"),
            (["--cert", "{cert}", "--key", "{cert}", "--trust-dir", "x"], "--trust-dir without --cert"),
            (["--cert", "nowhere.pem", "--key", "nowhere.pem"], "No such file"),
            (["--cert", "{ca}", "--key", "{cert}"], "key values mismatch"),
            (["--host", "a/b"], "the name of a host"),
            (["--host", "127.0.0.1:1"], "the name of a host"),
            (["--port", "70000"], "70000"),
            (["--port", "{taken}", "--cert", "{cert}", "--key", "{cert}"], "Address already in use"),
        ],
    )
    def test_what_cannot_be_served_with_is_an_error(
        self, client_id: Commands, tmp_path: Path, arguments: list[str], words: str
    ) -> None:
        import socket

        signer = Signer(tmp_path / "authority")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            values = {"cert": signer.certify("localhost"), "ca": signer.ca_file, "taken": taken.getsockname()[1]}

            said = client_id("serve", "client.json", *(argument.format_map(values) for argument in arguments))

        assert (said.code, said.stdout) == (2, "")
        assert words in said.stderr
        assert_runnable(said.hint)
