"""uvicorn without its tenths of a second: it tells when it listens, ends when told, and drops what is open."""

import asyncio
import socket
from threading import Event

import uvicorn

__all__ = ["AbruptServer"]

TURNS = 5
"""Of the loop: in fewer, whatever was accepted has become a connection, and whatever was aborted is gone."""


class AbruptServer(uvicorn.Server):
    """Runs in a thread of its own; `ready` and `stop` are for the others."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._told_to_stop.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told_to_stop = asyncio.Event()
        await self.on_tick(0)
        self.ready.set()
        await self._told_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # asyncio loses, without a word, what it has accepted for a server that is closed before the connection is set up.
        for listener in sockets or ():
            self._loop.remove_reader(listener)
        for _ in range(TURNS):
            await asyncio.sleep(0)
            for connection in list(self.server_state.connections):
                connection.transport.abort()
        for server in self.servers:
            server.close()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()
