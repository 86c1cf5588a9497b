"""TI: bridge, fleet, tenants."""

from mutation.guard import Edit, Guard

FIND_GRANT = "{GRANTS} WHERE owner = ? AND server = ? AND account = ? ORDER BY granted_at"

GUARDS = [
    Guard(
        "a vault keeps the tokens in memory by owner",
        (Edit("vault.py", "        key = (owner, server, account)\n", '        key = ("", server, account)\n'),),
        rows=("TI1",),
    ),
    Guard(
        "a sign-in that a request starts is shared by one owner's requests alone",
        (
            Edit(
                "vault.py",
                "                (owner, server, account, id(presenter)),",
                '                ("", server, account, id(presenter)),',
            ),
        ),
        rows=("TI1",),
    ),
    Guard(
        "the database finds a grant by its owner",
        (
            Edit(
                "stores/sqlite.py",
                FIND_GRANT,
                FIND_GRANT.replace("owner = ?", "owner <> ? || '/'"),
            ),
        ),
        rows=("TI1",),
    ),
    Guard(
        "the database lists one owner's grants",
        (
            Edit(
                "stores/sqlite.py",
                "issuer FROM grants WHERE owner = ? AND",
                "issuer FROM grants WHERE owner <> ? || '/' AND",
            ),
        ),
        rows=("TI1",),
    ),
    Guard(
        "the database forgets a grant by its owner",
        (
            Edit(
                "stores/sqlite.py",
                '_ONE_GRANT = "owner = ? AND server = ?',
                "_ONE_GRANT = \"owner <> ? || '/' AND server = ?",
            ),
        ),
        rows=("TI1",),
    ),
    Guard(
        "the database finds a registration by its owner",
        (
            Edit(
                "stores/sqlite.py",
                "{REGISTRATIONS} WHERE owner = ? AND",
                "{REGISTRATIONS} WHERE owner <> ? || '/' AND",
            ),
        ),
        rows=("TI1",),
    ),
    Guard(
        "owners that differ in capitals are two",
        (
            Edit(
                "stores/sqlite.py",
                FIND_GRANT,
                FIND_GRANT.replace("owner = ?", "owner = ? COLLATE NOCASE"),
            ),
        ),
        rows=("TI1",),
    ),
    Guard(
        "the store in memory finds a grant by its owner",
        (
            Edit(
                "stores/memory.py",
                "(key.owner, key.server, key.account) == (owner, server, account)",
                "(key.server, key.account) == (server, account)",
            ),
        ),
        rows=("TI1",),
    ),
]
