"""The auth object: a header for the right requests, one refresh for a 401, and no lock over anybody's request."""

import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

import anyio
import httpx
import httpx2
import pytest

from fakes import SERVER, HandMovedClock, ScriptedHttp, make_grant, no_credentials
from handstamp.errors import AccessDenied, ConnectFailed, LoginRequired, StepUpRequired
from handstamp.http.auth import Auth, Interactive
from handstamp.model import Grant, Secret, Token
from handstamp.protocol.exchange import Request, Response
from handstamp.protocol.step_up import Refusal
from handstamp.source import SourceSettings, TokenSource
from handstamp.stores.memory import MemoryStore

CHALLENGE = 'Bearer resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"'


class Resource:
    """A protected server: takes the tokens that it knows, and remembers what was sent to it."""

    def __init__(self, *accepted: str) -> None:
        self.accepted = set(accepted)
        self.seen: list[tuple[str, str | None, bytes]] = []

    def answer(self, url: str, authorization: str | None, content: bytes) -> tuple[int, dict[str, str]]:
        self.seen.append((url, authorization, content))
        if authorization is not None and authorization.removeprefix("Bearer ") in self.accepted:
            return 200, {}
        return 401, {"www-authenticate": CHALLENGE}

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        status, headers = self.answer(str(request.url), request.headers.get("authorization"), request.content)
        return httpx2.Response(status, headers=headers)

    def handle_httpx(self, request: httpx.Request) -> httpx.Response:
        status, headers = self.answer(str(request.url), request.headers.get("authorization"), request.content)
        return httpx.Response(status, headers=headers)


class Client:
    """A source with one grant, and an authorization server that gives `at-1` for it."""

    def __init__(self, grant: Grant | None, *, neighbours: tuple[str, ...] = (), interactive: Interactive | None = None) -> None:
        self.clock = HandMovedClock()
        self.store = MemoryStore()
        if grant is not None:
            self.store.save_grant(grant)
        self.http = ScriptedHttp(self.refresh)
        self.source = TokenSource(
            SourceSettings("local", SERVER, "default", "example"),
            store=self.store,
            http=lambda: self.http,
            read_credentials=no_credentials,
            clock=self.clock,
        )
        self.auth = Auth(self.source, server=SERVER, name="example", neighbours=neighbours, interactive=interactive)

    def refresh(self, request: Request) -> Response:
        body = {"access_token": f"at-{len(self.http.requests)}", "token_type": "bearer", "expires_in": 3600}
        return Response(200, (("content-type", "application/json"),), json.dumps(body).encode(), request.url, self.clock())

    def post(self, handler: Callable[[httpx2.Request], httpx2.Response], url: str = SERVER) -> httpx2.Response:
        with httpx2.Client(transport=httpx2.MockTransport(handler), auth=self.auth) as client:
            return client.post(url, content=b"question")


def test_one_object_serves_both_libraries_sync_and_async() -> None:
    """Decision 1."""
    client, resource = Client(make_grant()), Resource("at-0")

    async def ask() -> list[int]:
        async with (
            httpx2.AsyncClient(transport=httpx2.MockTransport(resource.handle), auth=client.auth) as new,
            httpx.AsyncClient(transport=httpx.MockTransport(resource.handle_httpx), auth=client.auth) as old,
        ):
            return [(await new.get(SERVER)).status_code, (await old.get(SERVER)).status_code]

    with httpx.Client(transport=httpx.MockTransport(resource.handle_httpx), auth=client.auth) as old_sync:
        statuses = [client.post(resource.handle).status_code, old_sync.get(SERVER).status_code, *anyio.run(ask)]

    assert statuses == [200] * 4
    assert [authorization for _, authorization, _ in resource.seen] == ["Bearer at-0"] * 4


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/mcp",
        "https://mcp.example:8443/mcp",
        "https://mcp.example.evil.example/mcp",
        "https://sub.mcp.example/mcp",
    ],
)
def test_another_origin_never_gets_the_token(url: str) -> None:
    """TF1, TF2, P14."""
    client, resource = Client(make_grant()), Resource()

    response = client.post(resource.handle, url)

    assert response.status_code == 401
    assert resource.seen == [(url, None, b"question")]


def test_a_path_of_another_configured_server_on_the_origin_gets_no_token() -> None:
    """P14: two servers behind one host."""
    client, resource = Client(make_grant(), neighbours=("https://mcp.example/drive",)), Resource("at-0")

    for url in (f"{SERVER}/messages", "https://mcp.example/drive", "https://mcp.example/drive/x", "https://mcp.example/drives"):
        client.post(resource.handle, url)

    assert [authorization for _, authorization, _ in resource.seen] == ["Bearer at-0", None, None, "Bearer at-0"]


@pytest.mark.parametrize("path", ["//drive", "/%64rive", "/x/../drive", "/./drive"])
def test_another_spelling_of_a_neighbour_s_path_gets_no_token(path: str) -> None:
    """P14: servers read empty and dot segments and encoded letters in more than one way."""
    client, resource = Client(make_grant(), neighbours=("https://mcp.example/drive",)), Resource()

    client.post(resource.handle, f"https://mcp.example{path}")

    assert [authorization for _, authorization, _ in resource.seen] == [None]


@pytest.mark.parametrize("url", ["https://other.example/x#part", "https://other.example/a|b", "https://me:pw@other.example/x"])
def test_an_address_that_no_server_of_ours_has_is_the_caller_s_own_affair(url: str) -> None:
    client, resource = Client(make_grant()), Resource()

    assert client.post(resource.handle, url).status_code == 401
    assert "Bearer" not in (resource.seen[0][1] or "")


def test_a_neighbour_above_our_path_takes_nothing_from_us() -> None:
    client, resource = Client(make_grant(), neighbours=("https://mcp.example",)), Resource("at-0")

    assert client.post(resource.handle).status_code == 200


def test_a_redirect_to_another_origin_loses_the_token() -> None:
    """TF1, A-103: even in a client that follows redirects."""
    client = Client(make_grant())
    seen: list[tuple[str, str | None]] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append((str(request.url), request.headers.get("authorization")))
        if request.url.host == "mcp.example":
            return httpx2.Response(307, headers={"location": "https://evil.example/mcp"})
        return httpx2.Response(200)

    with httpx2.Client(transport=httpx2.MockTransport(handle), auth=client.auth, follow_redirects=True) as http:
        http.post(SERVER)

    assert seen == [(SERVER, "Bearer at-0"), ("https://evil.example/mcp", None)]


def test_a_401_costs_one_refresh_and_the_same_body_is_sent_again() -> None:
    """P2, W2, A-104."""
    client, resource = Client(make_grant()), Resource("at-1")

    response = client.post(resource.handle)

    assert response.status_code == 200
    assert [(authorization, content) for _, authorization, content in resource.seen] == [
        ("Bearer at-0", b"question"),
        ("Bearer at-1", b"question"),
    ]
    assert len(client.http.requests) == 1


def test_a_streamed_body_is_sent_again_too() -> None:
    """W2."""
    client, resource = Client(make_grant()), Resource("at-1")

    async def post() -> int:
        async def body() -> AsyncGenerator[bytes]:
            yield b"a whole "
            yield b"question"

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(resource.handle), auth=client.auth) as http:
            return (await http.post(SERVER, content=body())).status_code

    assert anyio.run(post) == 200
    assert [content for _, _, content in resource.seen] == [b"a whole question"] * 2


def test_a_server_that_refuses_the_new_token_too_needs_a_person_not_a_loop() -> None:
    """TF7."""
    client, resource = Client(make_grant()), Resource()

    with pytest.raises(LoginRequired) as caught:
        client.post(resource.handle)

    assert len(resource.seen) == 2
    assert len(client.http.requests) == 1
    assert caught.value.hint == "handstamp login example"


def test_a_plain_403_is_the_caller_s_and_costs_nothing() -> None:
    """W5: a plan, an address, an administrator."""
    client = Client(make_grant())

    response = client.post(lambda request: httpx2.Response(403))

    assert response.status_code == 403
    assert client.http.requests == []
    assert client.source.grant() is not None


def test_insufficient_scope_names_the_scopes_to_ask_for() -> None:
    """A-111, A-114: what was requested before, and what is asked now."""
    client = Client(replace(make_grant(), requested_scopes=("read", "list")))
    challenge = 'Bearer error="insufficient_scope", scope="write read"'

    with pytest.raises(StepUpRequired) as caught:
        client.post(lambda request: httpx2.Response(403, headers={"www-authenticate": challenge}))

    assert caught.value.scopes == ("read", "list", "write")
    assert caught.value.hint == "handstamp login example --scope 'read list write'"


def test_without_a_grant_an_open_server_works() -> None:
    """A-01, 4.14."""
    client = Client(None)

    response = client.post(lambda request: httpx2.Response(200, headers={"got": request.headers.get("authorization", "-")}))

    assert response.headers["got"] == "-"


def test_without_a_grant_a_401_says_which_command_to_run() -> None:
    """4.14, decision 9: nothing opens a browser by itself."""
    client, resource = Client(None), Resource()

    with pytest.raises(LoginRequired) as caught:
        client.post(resource.handle)

    assert caught.value.hint == "handstamp login example"


def test_a_dead_network_during_the_refresh_is_no_login() -> None:
    """W17."""
    client, resource = Client(make_grant()), Resource()

    def answer(request: Request) -> Response:
        raise ConnectFailed("no route")

    client.http.answer = answer

    with pytest.raises(ConnectFailed):
        client.post(resource.handle)


class Person:
    """Signs in with the token at hand, or says no. Remembers why they were asked."""

    def __init__(self, token: Token | None = None) -> None:
        self.token = token
        self.refusals: list[Refusal] = []

    @property
    def asked(self) -> int:
        return len(self.refusals)

    def blocking(self, refusal: Refusal) -> Token:
        self.refusals.append(refusal)
        if self.token is None:
            raise AccessDenied("You said no.")
        return self.token

    async def awaiting(self, refusal: Refusal) -> Token:
        return self.blocking(refusal)


def test_an_interactive_login_is_used_once_and_its_denial_is_the_caller_s() -> None:
    """W4: one denied login opens one browser, not one for each request that waits."""
    person = Person()
    client, resource = Client(None, interactive=person), Resource()

    with pytest.raises(AccessDenied):
        client.post(resource.handle)

    assert person.asked == 1


def test_an_interactive_login_s_token_is_sent_with_the_same_request() -> None:
    client, resource = Client(None, interactive=Person(Token(Secret("at-new"), 0.0))), Resource("at-new")

    assert client.post(resource.handle).status_code == 200


def test_a_login_is_told_what_the_server_answered() -> None:
    """A-09, A-72: so that nobody asks it again."""
    person = Person(Token(Secret("at-new"), 0.0))
    client, resource = Client(None, interactive=person), Resource("at-new")

    client.post(resource.handle)

    [refusal] = person.refusals
    assert refusal.token is None
    assert refusal.challenge is not None
    assert refusal.challenge.resource_metadata == "https://mcp.example/.well-known/oauth-protected-resource/mcp"
    assert len(resource.seen) == 2


def test_a_401_without_a_challenge_is_an_answer_too() -> None:
    person = Person(Token(Secret("at-new"), 0.0))
    client = Client(None, interactive=person)

    client.post(lambda request: httpx2.Response(200 if "authorization" in request.headers else 401))

    [refusal] = person.refusals
    assert refusal.answer is not None
    assert (refusal.answer.asks, refusal.answer.challenge) == (True, None)


class Guarded:
    """Takes `at-0` for everything but what needs `write`, for which it wants another token; counts what it said."""

    def __init__(self, *enough: str, then: int = 403) -> None:
        self.enough = {f"Bearer {token}" for token in enough}
        self.then = then
        self.statuses: list[int] = []

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("authorization") in self.enough:
            self.statuses.append(200)
        else:
            self.statuses.append(self.then if 403 in self.statuses else 403)
        return httpx2.Response(self.statuses[-1], headers={"www-authenticate": f'Basic realm="x", {INSUFFICIENT}'})


INSUFFICIENT = 'Bearer error="insufficient_scope", scope="write"'


def test_more_access_comes_from_a_login_and_never_from_a_refresh() -> None:
    """A-109, A-111, A-112: the grant has a refresh token, and it could widen nothing."""
    person = Person(Token(Secret("at-wide"), 0.0))
    client, server = Client(make_grant(), interactive=person), Guarded("at-wide")

    response = client.post(server.handle)

    assert (response.status_code, server.statuses) == (200, [403, 200])
    assert client.http.requests == []
    [refusal] = person.refusals
    assert (refusal.wanted, refusal.operation) == (("write",), ("POST", "/mcp", "", "", ""))


def test_a_request_waits_for_two_step_ups_and_no_third() -> None:
    """A-115: whatever they bring."""
    person = Person(Token(Secret("at-wide"), 0.0))
    client, server = Client(make_grant(), interactive=person), Guarded()

    with pytest.raises(StepUpRequired, match="still wants more access after you were asked for it: write"):
        client.post(server.handle)

    assert (person.asked, server.statuses) == (2, [403, 403, 403])


def test_a_new_token_with_more_access_that_is_answered_with_401_ends_it() -> None:
    """TF7. After one more sign-in, for the server may have moved (A-61); `OnDemandLogin` asks nobody where it has not."""
    person = Person(Token(Secret("at-wide"), 0.0))
    client, server = Client(make_grant(), interactive=person), Guarded(then=401)

    with pytest.raises(LoginRequired, match="answers 401 to a token that it has just given"):
        client.post(server.handle)

    assert (person.asked, server.statuses) == (2, [403, 401, 401])


@pytest.mark.parametrize("interactive", [None, Person()], ids=["unattended", "attended"])
def test_what_another_process_got_meanwhile_is_used_and_nobody_is_asked(interactive: Person | None) -> None:
    client, server = Client(make_grant(), interactive=interactive), Guarded("at-wide")
    client.source.token()

    def handle(request: httpx2.Request) -> httpx2.Response:
        client.store.save_grant(replace(make_grant(access="at-wide"), scopes=("read", "write")))
        return server.handle(request)

    assert client.post(handle).status_code == 200
    assert server.statuses == [403, 200]


@pytest.mark.parametrize("interactive", [None, Person()], ids=["unattended", "attended"])
def test_what_was_refused_is_not_asked_for_again(interactive: Person | None) -> None:
    """A-117: neither of a person nor in the hint."""
    client = Client(replace(make_grant(), refused_scopes=("write",)), interactive=interactive)

    with pytest.raises(StepUpRequired, match="asked for and refused: write") as caught:
        client.post(Guarded().handle)

    assert caught.value.hint == "handstamp status"
    assert interactive is None or interactive.asked == 0


def test_an_account_of_its_own_is_named_in_the_command() -> None:
    client = Client(None)
    client.auth = Auth(client.source, server=SERVER, name="example", account="work")

    with pytest.raises(LoginRequired) as caught:
        client.post(Resource().handle)

    assert caught.value.hint == "handstamp login example --account work"


class Barrier:
    """Answers nobody before fifty are there."""

    def __init__(self) -> None:
        self.together = 0
        self.everybody = anyio.Event()

    async def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.together += 1
        if self.together == 50:
            self.everybody.set()
        await self.everybody.wait()
        return httpx2.Response(200)


def test_fifty_concurrent_requests_run_side_by_side() -> None:
    """P7: nothing is held while the caller's request runs."""
    client = Client(make_grant())

    async def run() -> int:
        barrier = Barrier()
        async with (
            httpx2.AsyncClient(transport=httpx2.MockTransport(barrier.handle), auth=client.auth) as http,
            anyio.create_task_group() as group,
        ):
            for _ in range(50):
                group.start_soon(http.get, SERVER)
        return barrier.together

    assert anyio.run(run) == 50


def test_a_request_that_is_abandoned_at_any_point_leaves_nothing_locked() -> None:
    """P7: the flow of one request, closed from elsewhere, stops no other."""
    client, resource = Client(make_grant()), Resource("at-0")
    request = httpx2.Request("GET", SERVER)

    async def abandon() -> None:
        flow = client.auth.async_auth_flow(request)
        await anext(flow)
        await flow.aclose()

    anyio.run(abandon)

    assert client.post(resource.handle).status_code == 200
