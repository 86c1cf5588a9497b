"""A person at the keyboard: their Chromium, and how the links that a program opens come to it."""

import os
import stat
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from chromium import Chromium, Tab

__all__ = ["Person"]

PATIENCE = 30.0
HEADING = "document.querySelector('h1').innerText"


class Person:
    """
    Has a Chromium open, and does nothing there until a test says so: then takes the next link, and allows or refuses.

    `browser` is what `$BROWSER` names. It hands its link on through a pipe, so that no link ever lies in a file.
    """

    def __init__(self, chromium: Chromium, place: Path) -> None:
        self._chromium = chromium
        self._links = SimpleQueue[str]()
        pipe, self.browser = place / "links", place / "browser"
        os.mkfifo(pipe, stat.S_IRUSR | stat.S_IWUSR)
        self.browser.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$1\" > '{pipe}'\n", "utf-8")
        self.browser.chmod(stat.S_IRWXU)
        # Open for writing too, or it would end with the first who wrote.
        self._pipe = os.open(pipe, os.O_RDWR)
        Thread(target=self._listen, name="links", daemon=True).start()

    def allow(self, link: str | None = None) -> str:
        """Signs in at the next link, or at this one, and allows. Gives the heading of the page where that ends."""
        return self._decide("allow", link)

    def deny(self, link: str | None = None) -> str:
        return self._decide("deny", link)

    def next_link(self) -> str:
        """The link that a program opened, once it has."""
        try:
            return self._links.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"Expected a program to open a browser within {PATIENCE:.0f} seconds.") from None

    def is_left_alone(self) -> bool:
        """True where no browser was opened that nobody has looked at."""
        return self._links.empty()

    def copy_answer(self, link: str) -> str:
        """Signs in and allows where nothing listens at this machine's callback, and gives what the address bar shows then."""
        tab = self._sign_in(link)
        tab.send("Network.setBlockedURLs", urls=["*/callback*"])
        tab.run(_press("allow"))
        answer = tab.wait_until(lambda: _answer_of(tab), "the address of the answer")
        tab.close()
        return answer

    def _decide(self, button: str, link: str | None) -> str:
        tab = self._sign_in(self.next_link() if link is None else link)
        tab.load(lambda: tab.run(_press(button)))
        heading = str(tab.run(HEADING))
        tab.close()
        return heading

    def _sign_in(self, link: str) -> Tab:
        """In a tab without anybody's cookies, up to the question whether to allow."""
        tab = self._chromium.open_tab()
        tab.go(link)
        tab.run("document.forms[0].username.value = 'mia'")
        tab.load(lambda: tab.run("document.forms[0].querySelector('button').click()"))
        return tab

    def _listen(self) -> None:
        with os.fdopen(self._pipe, encoding="utf-8") as links:
            for line in links:
                self._links.put(line.strip())


def _press(button: str) -> str:
    return f"document.querySelector('button[value={button}]').click()"


def _answer_of(tab: Tab) -> str | None:
    asked = [event["request"]["url"] for event in tab.happened("Network.requestWillBeSent")]
    return next((url for url in asked if "127.0.0.1" in url and "code=" in url), None)
