"""Whether a server's token may go to an address: its own origin, and there no path that belongs to another configured server."""

from handstamp.errors import InsecureUrl
from handstamp.protocol.urls import is_within, origin

__all__ = ["Coverage"]

AMBIGUOUS = ("//", "%", "\\", "/.")
"""What servers read in more than one way: empty and dot segments, encoded letters."""
KNOWN_URLS = 256
"""Verdicts that are remembered: a client asks for few URLs, very often."""


class Coverage:
    """Safe to share by threads: what two of them find out at once is the same."""

    def __init__(self, server: str, neighbours: tuple[str, ...] = ()) -> None:
        self._server = server
        self._neighbours = neighbours
        self._verdicts: dict[str, bool] = {}

    def __contains__(self, url: str) -> bool:
        verdict = self._verdicts.get(url)
        if verdict is None:
            if len(self._verdicts) >= KNOWN_URLS:
                self._verdicts.clear()
            verdict = self._verdicts[url] = self._judge(url)
        return verdict

    def _judge(self, url: str) -> bool:
        """TF1 to TF3, P14: the server's own origin, and there no path that a neighbour covers more closely than we do."""
        try:
            if origin(url) != origin(self._server):
                return False
        except InsecureUrl:
            return False  # not a URL that any server of ours has
        if self._neighbours and not is_within(url, self._server) and any(sign in url.split("://")[1] for sign in AMBIGUOUS):
            return False  # another spelling of a neighbour's path, perhaps
        closer = (other for other in self._neighbours if is_within(url, other) and not is_within(self._server, other))
        return next(closer, None) is None
