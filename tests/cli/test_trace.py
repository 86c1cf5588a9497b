"""`-v`: what it shows of a request, and what it never does."""

import pytest

from handstamp.cli.trace import Trace, mask_url
from handstamp.errors import ConnectFailed
from handstamp.model import Secret
from handstamp.output import Output
from handstamp.protocol.exchange import Purpose, Request, Response

SECRET = "s3cret-of-the-test"
TOKEN_URL = "https://as.example/token"


def shown(capsys: pytest.CaptureFixture[str], request: Request, outcome: Response | ConnectFailed) -> str:
    Trace(Output()).observe(request, outcome)
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def answer(status: int, body: bytes = b"{}", *headers: tuple[str, str]) -> Response:
    return Response(status, (("content-type", "application/json"), *headers), body, TOKEN_URL)


@pytest.mark.parametrize(
    "request_",
    [
        Request(
            "POST", TOKEN_URL, Purpose.TOKEN, form=(("code", SECRET), ("refresh_token", Secret(SECRET)), ("assertion", SECRET))
        ),
        Request("POST", TOKEN_URL, Purpose.TOKEN, headers=(("Authorization", Secret(SECRET)), ("Cookie", SECRET))),
        Request("GET", f"https://mcp.example/mcp?key={SECRET}&state={SECRET}", Purpose.SERVER),
        Request("POST", "https://mcp.example/mcp", Purpose.SERVER, headers=(("X-Api-Key", SECRET),), json={"id": SECRET}),
        Request("POST", TOKEN_URL, Purpose.REGISTRATION, json={"client_secret": SECRET, "software_statement": SECRET}),
    ],
)
def test_no_place_of_a_request_shows_a_secret(request_: Request, capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, request_, answer(200, f'{{"access_token": "{SECRET}"}}'.encode()))

    assert SECRET not in said
    assert "← 200 application/json" in said


def test_what_is_harmless_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    form = (("grant_type", "refresh_token"), ("resource", "https://mcp.example/mcp"), ("refresh_token", Secret(SECRET)))

    said = shown(capsys, Request("POST", TOKEN_URL, Purpose.TOKEN, form=form), answer(200))

    assert said.splitlines() == [
        "→ POST https://as.example/token  (token request)",
        "    grant_type  refresh_token",
        "    resource  https://mcp.example/mcp",
        "    refresh_token  ***",
        "← 200 application/json",
    ]


def test_a_refusal_shows_the_servers_words_and_they_cannot_act(capsys: pytest.CaptureFixture[str]) -> None:
    body = b'{"error": "invalid_grant", "error_description": "gone \\u001b[2J"}'

    said = shown(capsys, Request("POST", TOKEN_URL, Purpose.TOKEN), answer(400, body))

    assert said.endswith("← 400 application/json  invalid_grant  gone \\x1b[2J\n")


def test_a_challenge_is_shown_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    challenge = ("www-authenticate", 'Bearer scope="read"')

    said = shown(capsys, Request("POST", "https://mcp.example/mcp", Purpose.SERVER), answer(401, b"", challenge))

    assert said.endswith('← 401 application/json  Bearer scope="read"\n')


def test_a_request_without_an_answer_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    said = shown(capsys, Request("GET", TOKEN_URL, Purpose.AUTHORIZATION_SERVER), ConnectFailed("Nothing listens there."))

    assert said.endswith("← Nothing listens there.\n")


def test_a_url_shows_the_names_of_all_its_parameters() -> None:
    masked = mask_url(f"https://as.example/authorize?response_type=code&state={SECRET}&code_challenge={SECRET}&scope=read+write")

    assert masked == "https://as.example/authorize?response_type=code&state=***&code_challenge=***&scope=read write"
