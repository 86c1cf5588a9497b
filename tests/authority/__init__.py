"""
The authorization servers and MCP servers that the tests sign in to.

`Authority(Knobs(...))` runs in this process and misbehaves on purpose; `DemoServers()` are the demo's real processes, on the
official SDK, for what must simply work. `FormBrowser` is the person's browser at either.
"""

from authority.browser import FormBrowser
from authority.demo import DemoServers
from authority.knobs import Knobs
from authority.running import Authority, Place, StartAuthority
from authority.seen import Seen

__all__ = ["Authority", "DemoServers", "FormBrowser", "Knobs", "Place", "Seen", "StartAuthority"]
