"""A server that is a program, as a user of the SDK writes it; and some that are not as they should be: `program.py KIND`."""

import os
import signal
import sys
import time
from pathlib import Path


def serve() -> None:
    from mcp.server.mcpserver import Context, MCPServer

    server = MCPServer("a program", version="1.2", instructions="Add with care.")

    @server.tool()
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @server.tool()
    def variable(name: str) -> str:
        """What a variable of the environment says."""
        return os.environ.get(name, "(none)")

    @server.tool()
    async def ask(context: Context) -> str:
        """Ask the person for a name."""
        from pydantic import BaseModel

        class Name(BaseModel):
            name: str

        answer = await context.elicit("Who are you?", Name)
        return f"{answer.action} {getattr(getattr(answer, 'data', None), 'name', '')}".strip()

    @server.tool()
    def end() -> str:
        """End, in the middle of a call."""
        os._exit(3)

    @server.prompt()
    def greet(name: str) -> str:
        """Greet somebody."""
        return f"Greet {name}."

    @server.resource("notes://today")
    def today() -> str:
        """What is on today."""
        return "Nothing."

    sys.stderr.write("ready to serve" + "\n")
    server.run()


def die() -> None:
    sys.stderr.write("no such option: --please" + "\n")
    sys.exit(2)


def stay() -> None:
    """Answers nothing and will not end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(sys.argv[2]).write_text(str(os.getpid()))
    sys.stderr.write("here to stay\n")
    sys.stderr.flush()
    while True:
        time.sleep(60)


def flood() -> None:
    for number in range(20_000):
        sys.stderr.write(f"line {number}\n")
    sys.stderr.flush()
    sys.stdin.read()


if __name__ == "__main__":
    {"serve": serve, "die": die, "stay": stay, "flood": flood}[sys.argv[1]]()
