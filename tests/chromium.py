"""
A real Chromium without a window: as much of the DevTools protocol, over a pipe, as the tests need.

Its profile is thrown away, and it reaches this machine's loopback and nothing else.
"""

import json
import subprocess
from base64 import b64decode
from collections.abc import Callable
from io import BufferedReader
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from threading import Condition, Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar, cast

__all__ = ["Chromium", "Tab", "Unanswered"]

T = TypeVar("T")
Message = dict[str, Any]

PATIENCE = 30.0
SWITCHES = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # the tests may run as root; it only ever visits pages of theirs
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",
    "--password-store=basic",
)
# Chromium speaks DevTools on the descriptors 3 and 4, and subprocess knows 0 and 1.
PIPE = 'exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null'


class Unanswered(AssertionError):
    """Chromium refused a command, or what was waited for did not happen."""


class _Happenings:
    """What has happened so far, by the names of DevTools' events."""

    def __init__(self) -> None:
        self._happened: list[tuple[str, Message]] = []
        self._changed = Condition()

    def notice(self, method: str, parameters: Message) -> None:
        with self._changed:
            self._happened.append((method, parameters))
            self._changed.notify_all()

    def happened(self, method: str) -> list[Message]:
        """The events of this name."""
        with self._changed:
            return [parameters for name, parameters in self._happened if name == method]

    def wait_until(self, look: Callable[[], T | None], what: str) -> T:
        """What `look` gives, asked again with each event until it gives something. Raises Unanswered."""
        found: T | None = None

        def finds() -> bool:
            nonlocal found
            found = look()
            return found is not None

        with self._changed:
            self._changed.wait_for(finds, PATIENCE)
        if found is None:
            raise Unanswered(f"Expected {what} within {PATIENCE:.0f} seconds.")
        return found


class Chromium(_Happenings):
    """
    A context manager. `names` are hosts besides 127.0.0.1 that lead there; no other name leads anywhere.

    Safe to use from many threads.
    """

    def __init__(self, program: str, profile: Path, *names: str) -> None:
        super().__init__()
        hosts = ", ".join([*(f"MAP {name} 127.0.0.1" for name in names), "MAP * ~NOTFOUND", "EXCLUDE 127.0.0.1"])
        switches = (*SWITCHES, f"--user-data-dir={profile}", f"--host-resolver-rules={hosts}")
        self._command = ["/bin/sh", "-c", PIPE, program, *switches, "about:blank"]
        self._numbers = count(1)
        self._answers: dict[int, SimpleQueue[Message]] = {}
        self._tabs: dict[str, Tab] = {}
        self._writing = Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self._reader = Thread(target=self._read, name="chromium", daemon=True)
        self._reader.start()
        self.send("Target.setDiscoverTargets", discover=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._process:
            try:
                self.send("Browser.close")
                self._process.wait(PATIENCE)
            except (OSError, Unanswered, subprocess.TimeoutExpired):
                self._process.kill()
        self._reader.join()

    def send(self, method: str, session: str | None = None, **parameters: object) -> Message:
        """One command, and what it gives. Raises Unanswered."""
        number, answer = next(self._numbers), SimpleQueue[Message]()
        self._answers[number] = answer
        message: Message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        assert self._process.stdin is not None
        with self._writing:
            self._process.stdin.write(json.dumps(message).encode() + b"\0")
            self._process.stdin.flush()
        answered = answer.get(timeout=PATIENCE)
        if "error" in answered:
            raise Unanswered(f"{method}: {answered['error']['message']}")
        result: Message = answered["result"]
        return result

    def open_tab(self, *, private: bool = True) -> "Tab":
        """An empty tab: `private` with cookies and a history of its own, otherwise of the profile."""
        context = {"browserContextId": self.send("Target.createBrowserContext")["browserContextId"]} if private else {}
        return self._attach(self.send("Target.createTarget", url="about:blank", **context)["targetId"])

    def find_tab(self, url: str) -> "Tab":
        """The tab at this address that a page has opened, or opens just now. Raises Unanswered where there is none."""

        def find() -> str | None:
            targets = [event["targetInfo"] for event in self.happened("Target.targetInfoChanged")]
            return next((target["targetId"] for target in targets if target["type"] == "page" and target["url"] == url), None)

        tab = self._attach(self.wait_until(find, f"a tab at {url}"))
        tab.run("new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))")
        return tab

    def _attach(self, target: str) -> "Tab":
        session: str = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session, target)
        for domain in ("Page", "Network", "Log", "Preload"):
            tab.send(f"{domain}.enable")
        return tab

    def _read(self) -> None:
        stdout, rest = cast("BufferedReader", self._process.stdout), b""
        while data := stdout.read1(1 << 16):
            *whole, rest = (rest + data).split(b"\0")
            for message in map(json.loads, whole):
                self._deliver(message)
        for answer in self._answers.values():
            answer.put({"error": {"message": "Chromium has ended."}})

    def _deliver(self, message: Message) -> None:
        if "id" in message:
            self._answers.pop(message["id"]).put(message)
        else:
            whose = self._tabs.get(message["sessionId"]) if "sessionId" in message else self
            if whose is not None:
                whose.notice(message["method"], message["params"])


class Tab(_Happenings):
    """One tab."""

    def __init__(self, browser: Chromium, session: str, target: str) -> None:
        super().__init__()
        self._browser = browser
        self._session = session
        self._target = target

    def send(self, method: str, **parameters: object) -> Message:
        return self._browser.send(method, self._session, **parameters)

    def close(self) -> None:
        self._browser.send("Target.closeTarget", targetId=self._target)

    def load(self, act: Callable[[], object]) -> None:
        """Does what leads to another page, and waits until that one is there."""
        before = len(self.happened("Page.loadEventFired"))
        act()
        self.wait_until(lambda: True if len(self.happened("Page.loadEventFired")) > before else None, "another page")

    def go(self, url: str) -> None:
        self.load(lambda: self.send("Page.navigate", url=url))

    def run(self, script: str) -> Any:
        """What the expression, or the promise that it gives, comes to. Raises Unanswered where it throws."""
        done = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in done:
            raise Unanswered(f"{script}: {done['exceptionDetails']['exception'].get('description')}")
        return done["result"].get("value")

    @property
    def address(self) -> str:
        """What the address bar shows."""
        return str(self.run("location.href"))

    @property
    def history(self) -> list[str]:
        """Where Back and Forward lead."""
        return [entry["url"] for entry in self.send("Page.getNavigationHistory")["entries"]]

    @property
    def statuses(self) -> dict[str, int]:
        """The answers on the wire, by the address that was asked: also those that no page may read."""
        asked = {event["requestId"]: event["request"]["url"] for event in self.happened("Network.requestWillBeSent")}
        came = self.happened("Network.responseReceivedExtraInfo")
        return {asked[event["requestId"]]: event["statusCode"] for event in came if event["requestId"] in asked}

    def shoot(self, *, width: int, height: int, scheme: str) -> bytes:
        """A PNG of the page as it stands when nothing moves, in the colour scheme `light` or `dark`."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        self.send("Emulation.setEmulatedMedia", features=[{"name": name, "value": value} for name, value in features.items()])
        return b64decode(self.send("Page.captureScreenshot", format="png")["data"])
