"""TB: metadata, mix-up, binding."""

from mutation.guard import Edit, Guard

GUARDS = [
    Guard(
        "the issuer in a document is the one that was asked",
        (Edit("protocol/server.py", "if named != issuer:", "if False:"),),
        rows=("TB1",),
    ),
]
