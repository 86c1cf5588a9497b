"""The servers that other tests rely on do what they say, rightly and wrongly."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal

import httpx2
import pytest

from authority import Authority, DemoServers, FormBrowser, Knobs, StartAuthority
from authority.client import CALLBACK, PlainClient
from handstamp.demo.ledger import SECRET_PATTERN, new_secret
from handstamp.demo.visitor import VisitFailed


@pytest.fixture
def demo(demo_servers: DemoServers) -> Iterator[PlainClient]:
    with PlainClient(demo_servers.issuer, demo_servers.server_url) as client:
        client.register()
        yield client


def signed_in(client: PlainClient, scope: str = "read write") -> dict[str, str]:
    answer: dict[str, str] = client.exchange(client.authorize(scope=scope)["code"]).raise_for_status().json()
    return answer


def client_of(running: Authority) -> PlainClient:
    client = PlainClient(running.issuer, running.server_url)
    client.register()
    return client


class TestTheDemo:
    def test_a_person_who_allows_gets_a_token_that_the_server_knows(self, demo: PlainClient) -> None:
        answer = demo.authorize()

        token = demo.exchange(answer["code"]).raise_for_status().json()

        assert answer["state"] == "a-state"
        assert answer["iss"] == demo.metadata["issuer"]
        assert token["expires_in"] == 60
        assert token["scope"] == "read write"
        assert "alice@example.com, allowed to read, write" in demo.call(token["access_token"]).text

    def test_a_person_who_denies_sends_an_error_that_names_the_issuer(self, demo: PlainClient) -> None:
        answer = demo.authorize(allow=False)

        assert answer["error"] == "access_denied"
        assert answer["iss"] == demo.metadata["issuer"]
        assert answer["state"] == "a-state"

    def test_an_error_before_any_page_names_the_issuer_too(self, demo: PlainClient) -> None:
        answer = demo.authorize(scope="no-such-scope")

        assert answer["error"] == "invalid_scope"
        assert answer["iss"] == demo.metadata["issuer"]

    def test_the_pages_name_the_client_its_host_and_what_it_asks_for(self, demo: PlainClient) -> None:
        login = demo.http.get(demo.authorization_url(), follow_redirects=True)
        transaction = login.url.params["transaction"]

        page = demo.http.post(str(login.url), data={"transaction": transaction, "username": "bob"}, follow_redirects=True)

        assert all(words in page.text for words in ("A test", "127.0.0.1:9", "read", "write", "bob", ">Allow<", ">Deny<"))
        assert "default-src 'none'" in page.headers["content-security-policy"]

    def test_a_refresh_rotates_and_the_old_token_ends_the_family(self, demo: PlainClient) -> None:
        first = signed_in(demo)

        second = demo.refresh(first["refresh_token"]).raise_for_status().json()
        reused = demo.refresh(first["refresh_token"])
        afterwards = demo.refresh(second["refresh_token"])

        assert second["refresh_token"] != first["refresh_token"]
        assert reused.json()["error"] == "invalid_grant"
        assert afterwards.json()["error"] == "invalid_grant"
        assert demo.call(second["access_token"]).status_code == 401

    def test_a_code_that_comes_back_ends_what_it_gave(self, demo: PlainClient) -> None:
        code = demo.authorize()["code"]
        token = demo.exchange(code).raise_for_status().json()

        again = demo.exchange(code)

        assert again.json()["error"] == "invalid_grant"
        assert demo.call(token["access_token"]).status_code == 401

    def test_a_public_client_may_revoke(self, demo: PlainClient) -> None:
        token = signed_in(demo)

        revoked = demo.revoke(token["refresh_token"])

        assert revoked.status_code == 200
        assert demo.call(token["access_token"]).status_code == 401
        assert demo.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"

    def test_another_resource_is_refused_and_nothing_is_spent(self, demo: PlainClient) -> None:
        token = signed_in(demo)

        refused = demo.refresh(token["refresh_token"], resource="https://other.example/mcp")

        assert refused.json()["error"] == "invalid_target"
        assert demo.refresh(token["refresh_token"]).status_code == 200

    def test_expiry_on_command_bites_at_once_and_a_refresh_helps(self, demo: PlainClient, demo_servers: DemoServers) -> None:
        token = signed_in(demo)

        demo_servers.expire_access_tokens()
        refused = demo.call(token["access_token"])
        renewed = demo.refresh(token["refresh_token"]).raise_for_status().json()

        assert refused.status_code == 401
        assert demo.call(renewed["access_token"]).status_code == 200

    def test_the_challenge_names_the_metadata_and_the_scopes(self, demo: PlainClient, demo_servers: DemoServers) -> None:
        challenge = demo.call(None).headers["www-authenticate"]

        origin = demo_servers.server_url.removesuffix("/mcp")
        metadata_url = f"{origin}/.well-known/oauth-protected-resource/mcp"
        document = demo.http.get(metadata_url).raise_for_status().json()
        assert f'resource_metadata="{metadata_url}"' in challenge
        assert 'scope="read write"' in challenge
        assert document["resource"] == demo_servers.server_url
        assert document["authorization_servers"] == [demo_servers.issuer]
        assert document["scopes_supported"] == ["read", "write"]

    def test_stamp_wants_write(self, demo: PlainClient) -> None:
        reader = signed_in(demo, scope="read")

        refused = demo.call(reader["access_token"], "stamp", text="hello")
        writer = signed_in(demo, scope="read write")
        stamped = demo.call(writer["access_token"], "stamp", text="hello")

        assert refused.status_code == 403
        assert 'error="insufficient_scope", scope="write"' in refused.headers["www-authenticate"]
        assert "hello" in stamped.text

    def test_the_server_speaks_with_a_session_too(self, demo: PlainClient) -> None:
        token = signed_in(demo)["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a-test", "version": "1"}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}

        begun = demo.http.post(demo.resource, json=message, headers=headers).raise_for_status()

        session = headers | {"Mcp-Session-Id": begun.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
        demo.http.post(demo.resource, json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session)
        call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 1, "b": 2}}}
        assert "3.0" in demo.http.post(demo.resource, json=call, headers=session).raise_for_status().text

    def test_openid_brings_an_id_token_with_an_address(self, demo: PlainClient) -> None:
        token = signed_in(demo, scope="read openid")

        claims = token["id_token"].split(".")[1]

        assert json.loads(base64.urlsafe_b64decode(claims + "=="))["email"] == "alice@example.com"

    def test_a_client_with_a_secret_has_to_show_it(self, demo: PlainClient) -> None:
        secret = demo.register(token_endpoint_auth_method="client_secret_post").json()["client_secret"]

        without = demo.exchange(demo.authorize()["code"])
        shown = demo.exchange(demo.authorize()["code"], client_secret=secret)

        assert without.status_code == 401
        assert shown.status_code == 200

    def test_the_control_routes_want_their_token_and_count(self, demo: PlainClient, demo_servers: DemoServers) -> None:
        before = demo_servers.counts
        token = signed_in(demo)
        demo.refresh(token["refresh_token"])

        after = demo_servers.counts

        for path in ("counts", "expire"):
            method = "GET" if path == "counts" else "POST"
            assert demo.http.request(method, f"{demo_servers.issuer}/control/{path}").status_code == 401
        assert demo.http.post(f"{demo_servers.issuer}/introspect", data={"token": "x"}).status_code == 401
        assert after["refreshes"]["ok"] == before["refreshes"]["ok"] + 1
        assert after["active_families"] == before["active_families"] + 1
        assert after["token_requests"]["authorization_code"] == before["token_requests"].get("authorization_code", 0) + 1

    def test_both_processes_end_when_they_are_told_to(self) -> None:
        with DemoServers(scope="read", lifetime=5) as servers:
            challenged = httpx2.post(servers.server_url, json={}, trust_env=False)

            statuses = servers.stop()

        assert 'scope="read"' in challenged.headers["www-authenticate"]
        assert statuses == [0, 0]


class TestTheBrowser:
    def test_it_visits_the_callback_and_what_that_points_to(self, demo: PlainClient, form_browser: FormBrowser) -> None:
        paths: list[str] = []

        class Callback(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                paths.append(self.path.partition("?")[0])
                done = self.path == "/done"
                self.send_response(200 if done else 303)
                self.send_header("Content-Type", "text/html")
                if not done:
                    self.send_header("Location", "/done")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # its own would print the code
                pass

        with HTTPServer(("127.0.0.1", 0), Callback) as listener:
            redirect_uri = f"http://127.0.0.1:{listener.server_port}/callback"

            def answer_twice() -> None:
                listener.handle_request()
                listener.handle_request()

            thread = Thread(target=answer_twice)
            thread.start()
            demo.register(redirect_uris=[redirect_uri])
            opened = form_browser.open(demo.authorization_url(redirect_uri=redirect_uri))
            visit = form_browser.wait()
            thread.join()

        assert opened
        assert paths == ["/callback", "/done"]
        assert visit.status == 200

    def test_it_tells_who_waits_that_nobody_answered(self) -> None:
        browser = FormBrowser()
        browser.open("http://127.0.0.1:9/")

        with pytest.raises(OSError, match="refused"):
            browser.wait()

    def test_it_refuses_other_addresses_than_http(self) -> None:
        browser = FormBrowser()
        browser.open("file:///etc/hostname")

        with pytest.raises(VisitFailed, match="http"):
            browser.wait()


class TestTheKnobs:
    def test_at_rest_everything_is_right(self, authority: StartAuthority) -> None:
        running = authority()

        with client_of(running) as client:
            answer = client.authorize()
            token = client.exchange(answer["code"]).raise_for_status().json()

            assert "alice@example.com" in client.call(token["access_token"]).raise_for_status().text
        assert answer["iss"] == running.issuer
        assert all(form["resource"] == running.server_url for form in running.token_requests)
        assert [seen.path for seen in running.log if seen.at == "server"] == ["/mcp"]

    def test_rotation_and_reuse_are_told_apart_in_the_counts(self, authority: StartAuthority) -> None:
        running = authority()
        with client_of(running) as client:
            first = signed_in(client)

            client.refresh(first["refresh_token"]).raise_for_status()
            reused = client.refresh(first["refresh_token"])

        assert reused.json() == {"error": "invalid_grant"}
        assert running.counts["refreshes"] == {"ok": 1, "reused": 1, "refused": 0}
        assert running.counts["active_families"] == 0

    def test_without_reuse_detection_the_family_lives_on(self, authority: StartAuthority) -> None:
        running = authority(Knobs(reuse_detection=False))
        with client_of(running) as client:
            first = signed_in(client)
            second = client.refresh(first["refresh_token"]).raise_for_status().json()

            assert client.refresh(first["refresh_token"]).status_code == 400
            assert client.refresh(second["refresh_token"]).status_code == 200

    def test_of_two_refreshes_at_once_one_wins_and_both_lose(self, authority: StartAuthority) -> None:
        running = authority()
        with client_of(running) as client, ThreadPoolExecutor(2) as threads:
            token = signed_in(client)["refresh_token"]

            answers = list(threads.map(client.refresh, [token, token]))

        assert sorted(answer.status_code for answer in answers) == [200, 400]
        assert running.counts["active_families"] == 0

    def test_without_rotation_a_refresh_bears_no_refresh_token(self, authority: StartAuthority) -> None:
        running = authority(Knobs(rotate=False))
        with client_of(running) as client:
            token = signed_in(client)

            refreshed = client.refresh(token["refresh_token"]).json()

            assert "refresh_token" not in refreshed
            assert client.refresh(token["refresh_token"]).status_code == 200

    def test_within_its_grace_a_spent_refresh_token_is_taken_once_more(self, authority: StartAuthority) -> None:
        running = authority(Knobs(grace=60))
        with client_of(running) as client:
            first = signed_in(client)["refresh_token"]
            client.refresh(first).raise_for_status()

            second = client.refresh(first).raise_for_status().json()["refresh_token"]
            client.refresh(second).raise_for_status()

            assert client.refresh(first).status_code == 400
        assert running.counts["refreshes"] == {"ok": 3, "reused": 1, "refused": 0}
        assert [each.spent for each in running.handed_out] == [None, first, first, second]

    def test_the_previous_refresh_token_is_good_until_the_next_is_used(self, authority: StartAuthority) -> None:
        running = authority(Knobs(previous=True))
        with client_of(running) as client:
            first = signed_in(client)["refresh_token"]
            lost = client.refresh(first).raise_for_status().json()["refresh_token"]
            client.refresh(first).raise_for_status()

            assert client.refresh(lost).status_code == 400
        assert running.counts["active_families"] == 0

    @pytest.mark.parametrize("status", [500, 503, 429])
    def test_a_failing_token_endpoint_spends_nothing(self, authority: StartAuthority, status: Literal[500, 503, 429]) -> None:
        running = authority()
        with client_of(running) as client:
            token = signed_in(client)
            running.turn(token_status=status, retry_after="7")

            failed = client.refresh(token["refresh_token"])
            running.turn(token_status=None)

            assert failed.status_code == status
            assert failed.headers["retry-after"] == "7"
            assert client.refresh(token["refresh_token"]).status_code == 200

    def test_a_held_token_request_goes_on_when_it_is_released(self, authority: StartAuthority) -> None:
        running = authority()
        with client_of(running) as client, ThreadPoolExecutor(1) as threads:
            token = signed_in(client)
            running.turn(token_status="hang")
            running.token_request_arrived.clear()

            pending = threads.submit(client.refresh, token["refresh_token"])
            assert running.token_request_arrived.wait(10)
            held = not pending.done()
            running.release()

            assert held
            assert pending.result().status_code == 200

    def test_a_lost_answer_has_spent_the_refresh_token(self, authority: StartAuthority) -> None:
        running = authority()
        with client_of(running) as client:
            token = signed_in(client)
            running.turn(token_status="lost")

            with pytest.raises(httpx2.RemoteProtocolError):
                client.refresh(token["refresh_token"])

        assert running.counts["refreshes"]["ok"] == 1

    @pytest.mark.parametrize(
        ("iss", "expected"), [("missing", None), ("wrong", "https://attacker.example"), ("trailing slash", "{issuer}/")]
    )
    def test_iss_lies_as_told(
        self, authority: StartAuthority, iss: Literal["missing", "wrong", "trailing slash"], expected: str | None
    ) -> None:
        running = authority(Knobs(iss=iss))

        with client_of(running) as client:
            answer = client.authorize()

        assert answer.get("iss") == (expected.format(issuer=running.issuer) if expected else None)

    def test_denied_means_denied(self, authority: StartAuthority) -> None:
        running = authority(Knobs(deny=True))

        with client_of(running) as client:
            answer = client.authorize()

        assert answer["error"] == "access_denied"
        assert running.token_requests == []

    @pytest.mark.parametrize(
        ("metadata_at", "path"),
        [
            ("oauth", "/.well-known/oauth-authorization-server/tenant1"),
            ("openid", "/.well-known/openid-configuration/tenant1"),
            ("openid appended", "/tenant1/.well-known/openid-configuration"),
        ],
    )
    def test_an_issuer_with_a_path_has_its_metadata_at_one_place(
        self, authority: StartAuthority, metadata_at: Literal["oauth", "openid", "openid appended"], path: str
    ) -> None:
        running = authority(Knobs(metadata_path_issuer="/tenant1", metadata_at=metadata_at))
        origin = running.issuer.removesuffix("/tenant1")

        with httpx2.Client(trust_env=False, base_url=origin) as http:
            document = http.get(path).raise_for_status().json()

            assert document["issuer"] == running.issuer
            assert http.get("/.well-known/oauth-authorization-server").status_code == 404

    @pytest.mark.parametrize(
        ("knobs", "status", "challenge"),
        [
            (Knobs(forbidden=True), 403, None),
            (Knobs(html_at_mcp=True), 200, None),
            (Knobs(open_server=True), 200, None),
            (Knobs(challenge="Basic realm=x"), 401, "Basic realm=x"),
            (Knobs(challenge=""), 401, None),
            (Knobs(resource_metadata_absent=True), 401, 'Bearer scope="read write"'),
            (Knobs(resource_metadata_absent=True, challenge_scope=None), 401, "Bearer"),
        ],
    )
    def test_the_server_answers_as_told(
        self, authority: StartAuthority, knobs: Knobs, status: int, challenge: str | None
    ) -> None:
        with client_of(authority(knobs)) as client:
            answer = client.call(None)

        assert answer.status_code == status
        assert answer.headers.get("www-authenticate") == challenge

    def test_a_token_without_the_tools_scope_is_told_which(self, authority: StartAuthority) -> None:
        running = authority(Knobs(insufficient_scope="admin"))
        with client_of(running) as client:
            token = signed_in(client)["access_token"]

            assert client.call(token, "add", a=1, b=2).status_code == 200
            refused = client.call(token, "stamp", text="x")

        assert refused.status_code == 403
        assert 'scope="admin"' in refused.headers["www-authenticate"]

    def test_a_pre_registered_client_is_held_to_its_method(self, authority: StartAuthority) -> None:
        running = authority(Knobs(clients={"crush": "a secret:+"}, auth_methods=("client_secret_basic",)))
        token = running.grant("crush").refresh_token
        assert token is not None
        with PlainClient(running.issuer, running.server_url) as client:
            form = {"grant_type": "refresh_token", "refresh_token": token}
            url = client.metadata["token_endpoint"]

            posted = client.http.post(url, data=form | {"client_id": "crush", "client_secret": "a secret:+"})
            basic = client.http.post(url, data=form, auth=httpx2.BasicAuth("crush", "a+secret%3A%2B"))

        assert posted.status_code == 401
        assert basic.status_code == 200

    def test_a_registration_is_refused_in_the_servers_words(self, authority: StartAuthority) -> None:
        running = authority(Knobs(registration_error="invalid_redirect_uri"))

        with PlainClient(running.issuer, running.server_url) as client:
            refused = client.register()

        assert refused.status_code == 400
        assert refused.json()["error"] == "invalid_redirect_uri"

    def test_a_form_may_be_the_answer(self, authority: StartAuthority) -> None:
        running = authority(Knobs(form_encoded_tokens=True))
        with client_of(running) as client:
            answer = client.exchange(client.authorize()["code"])

        assert answer.headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert "access_token=" in answer.text

    def test_revoked_and_expired_tokens_are_refused(self, authority: StartAuthority) -> None:
        running = authority()
        with client_of(running) as client:
            token = signed_in(client)

            running.expire_access_tokens()
            expired = client.call(token["access_token"]).status_code
            renewed = client.refresh(token["refresh_token"]).json()
            client.revoke(renewed["access_token"])

            assert expired == 401
            assert client.call(renewed["access_token"]).status_code == 401
        assert running.counts["revocations"] == 1

    def test_it_stops_while_a_connection_is_open(self) -> None:
        with Authority() as running, httpx2.Client(trust_env=False) as http:
            http.get(running.issuer)
            url = running.issuer

        with pytest.raises(httpx2.ConnectError):
            httpx2.get(url, trust_env=False)


def test_a_printed_secret_fails_the_test_that_printed_it(tmp_path: Path) -> None:
    conftest = Path(__file__).parent.parent / "conftest.py"
    (tmp_path / "conftest.py").write_text(conftest.read_text())
    (tmp_path / "test_it.py").write_text(
        "import logging, sys\n"
        "from handstamp.demo.ledger import new_secret\n"
        "def test_prints(): sys.stdout.write(new_secret('at'))\n"
        "def test_logs(): logging.warning(new_secret('rt'))\n"
        "def test_is_quiet(): sys.stdout.write('stamp_at_work')\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)}
    command = [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", "-q", str(tmp_path)]

    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)

    assert "3 passed, 2 errors" in ran.stdout
    assert "Captured stdout call bears a secret" in ran.stdout
    assert "Captured log call bears a secret" in ran.stdout


@pytest.mark.parametrize("kind", ["at", "rt", "ac", "cs", "ct"])
def test_every_secret_can_be_told_from_other_text(kind: str) -> None:
    assert SECRET_PATTERN.fullmatch(new_secret(kind))


def test_nobody_listens_at_the_callback_of_the_plain_client() -> None:
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(CALLBACK, trust_env=False)
