"""What a server gave, fit to be drawn; and kept in a file where a person wants it."""

import base64
import os
import sys
import threading
from pathlib import Path

import pytest
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    GetPromptResult,
    ImageContent,
    PromptMessage,
    ReadResourceResult,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from textual.content import Content

from handstamp.errors import MalformedResponse
from handstamp.tui.results import Attachment, Part, parts_of_messages, parts_of_resource, parts_of_result, with_links
from handstamp.tui.saving import can_open, open_file, save_attachment

HOSTILE = "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07\x9b2J\u202e[@click=app.quit]x[/]"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
NOON = 1_795_435_200.0


def links(content: Content) -> list[str]:
    return [str(getattr(span.style, "link", "")) for span in content.spans]


def only(*content: object, **members: object) -> Part:
    [part] = parts_of_result(CallToolResult(content=list(content), **members), str)
    return part


def test_text_that_is_json_gets_its_lines() -> None:
    assert only(TextContent(text='{"a":[1]}')).body.plain == '{\n  "a": [\n    1\n  ]\n}'


def test_data_that_is_there_as_text_too_is_shown_once() -> None:
    part = only(TextContent(text='{"a": 1}'), structured_content={"a": 1})

    assert (part.heading.plain, part.body.plain) == ("Data", '{\n  "a": 1\n}')


def test_nothing_is_said() -> None:
    assert only().body.plain == "The tool gave no content."


def test_a_long_text_is_cut_and_can_be_saved_whole() -> None:
    part = only(TextContent(text="x" * 60_000))

    assert part.body.plain.endswith("… and 10,000 more characters; save it to see all of it.")
    assert part.attachment is not None
    assert len(part.attachment.data) == 60_000


def test_a_link_leads_where_it_reads() -> None:
    shown = with_links(Content("see https://example.com/a?b=c. or http://example.com or https://user@evil.example/"))

    assert links(shown) == ["https://example.com/a?b=c"]


def test_pictures_sounds_and_files_are_described() -> None:
    blob = EmbeddedResource(resource=BlobResourceContents(uri="file:///a.zip", blob=PNG))
    parts = parts_of_result(
        CallToolResult(
            content=[ImageContent(data=PNG, mime_type="image/png"), AudioContent(data="", mime_type="audio/wav"), blob]
        ),
        str,
    )

    assert [part.heading.plain for part in parts] == ["Image", "Audio", "File · file:///a.zip"]
    assert [part.body.plain for part in parts] == ["image/png, 12 bytes", "audio/wav, 0 bytes", "of no kind, 12 bytes"]


def test_a_link_to_a_resource_is_read() -> None:
    part = only(ResourceLink(name="readme", uri="file:///readme.md", description="How to begin"))

    assert part.body.plain == "readme\nHow to begin\nfile:///readme.md"


def test_messages_stand_under_whose_they_are() -> None:
    [part] = parts_of_messages(GetPromptResult(messages=[PromptMessage(role="user", content=TextContent(text="Hi"))]), str)

    assert (part.heading.plain, part.body.plain) == ("user · Text", "Hi")


def test_what_a_server_gives_only_draws() -> None:
    """TH1 to TH3."""
    result = CallToolResult(
        content=[
            TextContent(text=HOSTILE),
            ImageContent(data="", mime_type=HOSTILE),
            ResourceLink(name=HOSTILE, uri=HOSTILE, title=HOSTILE, description=HOSTILE),
            EmbeddedResource(resource=TextResourceContents(uri=HOSTILE, text=HOSTILE, mime_type=HOSTILE)),
        ],
        structured_content={HOSTILE: HOSTILE},
    )
    contents = ReadResourceResult(contents=[BlobResourceContents(uri=HOSTILE, blob=HOSTILE, mime_type=HOSTILE)])

    parts = [*parts_of_result(result, str), *parts_of_resource(contents, str)]

    drawn = [text for part in parts for text in (part.heading, part.body)]
    assert all(text.plain.replace("\n", "").isprintable() for text in drawn)
    assert {link for text in drawn for link in links(text)} <= {"", "https://evil.example/x", "https://evil.example"}


def test_secrets_that_a_server_repeats_are_masked_on_the_screen_and_in_the_file() -> None:
    [part] = parts_of_result(
        CallToolResult(content=[TextContent(text="token s3cret")]), lambda text: text.replace("s3cret", "***")
    )

    assert part.body.plain == "token ***"
    assert part.attachment is not None
    assert part.attachment.data == "token ***"


@pytest.mark.parametrize(
    ("kind", "data", "ending"),
    [
        ("image/png", b"\x89PNG\r\n\x1a\n", ".png"),
        ("image/PNG; x=y", b"\x89PNG\r\n\x1a\n", ".png"),
        ("image/png", b"<html><script>", ".bin"),
        ("image/webp", b"RIFF0000WEBP", ".webp"),
        ("image/svg+xml", b"<svg>", ".bin"),
        ("text/html", b"<html>", ".bin"),
        ("application/x-sh", b"#!/bin/sh", ".bin"),
        ("../../evil", b"x", ".bin"),
    ],
)
def test_a_file_has_our_name_and_an_ending_that_its_bytes_bear_out(tmp_path: Path, kind: str, data: bytes, ending: str) -> None:
    path = save_attachment(Attachment(base64.b64encode(data).decode(), kind), tmp_path / "saved", NOON)

    assert path == tmp_path / "saved" / f"handstamp-20261123-120000-1{ending}"
    assert path.read_bytes() == data


def test_a_text_is_saved_as_text_whatever_it_is(tmp_path: Path) -> None:
    attachment = Attachment("<script>", "text/html", is_text=True)

    assert save_attachment(attachment, tmp_path / "saved", NOON).suffix == ".txt"


@pytest.mark.skipif(sys.platform == "win32", reason="the profile's access lists do this work")
def test_a_saved_file_is_yours_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = save_attachment(Attachment(PNG, "image/png"), tmp_path / "saved", NOON)
    finally:
        os.umask(before)

    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    first, second = (save_attachment(Attachment(PNG, "image/png"), tmp_path / "saved", NOON) for _ in range(2))

    assert (first.name, second.name) == ("handstamp-20261123-120000-1.png", "handstamp-20261123-120000-2.png")


@pytest.mark.parametrize("data", ["not base64!", "AAA"])
def test_what_is_no_base64_is_told(tmp_path: Path, data: str) -> None:
    with pytest.raises(MalformedResponse, match="base64"):
        save_attachment(Attachment(data, "image/png"), tmp_path / "saved", NOON)


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.bin", "a.txt", "a.json", "a.desktop", "a"])
def test_what_can_hold_a_program_is_not_opened(name: str) -> None:
    assert not can_open(Path(name))
    assert not open_file(Path(name))


@pytest.mark.skipif(sys.platform != "linux", reason="the opener is another one")
def test_a_picture_is_opened_by_the_systems_program_without_a_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opener, told = tmp_path / "xdg-open", tmp_path / "told"
    opener.write_text(f'#!/bin/sh\nenv | grep -c ^HANDSTAMP_ > {told}; printf "%s" "$1" >> {told}\n')
    opener.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("HANDSTAMP_KEY", "only ours")

    assert open_file(Path("/x/$(evil) a.png"))

    for thread in threading.enumerate():
        if thread.name == "handstamp-opener":
            thread.join()
    assert told.read_text() == "0\n/x/$(evil) a.png"


def test_without_a_display_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)

    assert sys.platform != "linux" or not open_file(Path("/x/a.png"))
