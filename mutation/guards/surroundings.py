"""TJ: where it runs and what it is made of."""

from mutation.guard import Edit, Guard

GUARDS = [
    Guard(
        "an address is written in one way by every version of Python",
        (
            Edit(
                "protocol/urls.py",
                '    high, low = divmod(int(address.ipv4_mapped), 0x10000)\n    return f"::ffff:{high:x}:{low:x}"\n',
                '    return f"::ffff:{address.ipv4_mapped}"  # as Python 3.13 does\n',
            ),
        ),
        rows=("TJ3",),
    ),
    Guard(
        "the host of a URL is read by a grammar of our own",
        (
            Edit(
                "protocol/urls.py",
                '_AUTHORITY = re.compile(r"(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)',
                '_AUTHORITY = re.compile(r"(\\[[^\\]]+\\]|[^:]+)',
            ),
        ),
        rows=("TJ3",),
    ),
    Guard(
        "a keychain is not looked for among plug-ins",
        (
            Edit(
                "stores/keys/keychain.py",
                "_find_chosen_backend() or _SystemKeychains(list(_find_system_backends()))",
                'cast("_Backend", import_module("keyring").get_keyring())',
            ),
        ),
        rows=("TJ5",),
    ),
]
