"""The demo's real authority and MCP server, each a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from handstamp.demo.process import CONTROL_TOKEN_VARIABLE

__all__ = ["DemoServers"]


class DemoServers:
    """A context manager: both processes run inside it. For tests from end to end, where everything has to be real."""

    issuer: str
    server_url: str

    def __init__(self, *, scope: str = "read write", lifetime: float = 60.0) -> None:
        self._scope = scope
        self._lifetime = lifetime
        self._processes: list[subprocess.Popen[str]] = []
        self._servers: dict[str, subprocess.Popen[str]] = {}
        self._control_token = ""

    @property
    def counts(self) -> dict[str, Any]:
        return self._control("GET", f"{self.issuer}/control/counts")

    @property
    def server_counts(self) -> dict[str, Any]:
        return self._control("GET", f"{self.server_url.removesuffix('/mcp')}/control/counts")

    def expire_access_tokens(self) -> None:
        self._control("POST", f"{self.issuer}/control/expire")

    def add_server(self, *, scope: str | None = None, port: int = 0) -> str:
        """One more, behind the same authority. Gives its URL."""
        url = self._start("server", "--issuer", self.issuer, "--scope", scope or self._scope, port=port)["url"]
        self._servers[url] = self._processes[-1]
        return url

    def end_server(self, url: str) -> None:
        """From now on nobody answers there, until one is added on that port again."""
        process = self._servers.pop(url)
        self._processes.remove(process)
        process.terminate()
        assert wait_for(process) == 0

    def __enter__(self) -> Self:
        try:
            authority = self._start("authority", "--lifetime", str(self._lifetime))
            self.issuer, self._control_token = authority["issuer"], authority["control_token"]
            self.server_url = self.add_server()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> list[int]:
        """The processes' exit statuses."""
        for process in self._processes:
            process.terminate()
        statuses = [wait_for(process) for process in self._processes]
        self._processes.clear()
        self._servers.clear()
        return statuses

    def _start(self, module: str, *arguments: str, port: int = 0) -> dict[str, str]:
        command = [sys.executable, "-m", f"handstamp.demo.{module}", "--port", str(port), *arguments]
        # The modules of this process, wherever a test has gone; warnings, because the processes are to end without any.
        environment = os.environ | {
            CONTROL_TOKEN_VARIABLE: self._control_token,
            "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
            "PYTHONWARNINGS": "default",
        }
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{module} ended with status {process.wait()} instead of saying where it listens"
        said: dict[str, str] = json.loads(line)
        return said

    def _control(self, method: str, url: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._control_token}"}
        with httpx2.Client(trust_env=False, headers=headers) as http:
            answer: dict[str, Any] = http.request(method, url).raise_for_status().json()
        return answer


def wait_for(process: "subprocess.Popen[str]") -> int:
    """Its exit status, once it has let go of everything. It was told to end, and only once: a second time would kill it."""
    status = process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()
    return status
