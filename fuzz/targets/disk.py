"""What stands in files that somebody may have changed: settings, the vault, what is sealed in it, its key."""

import atexit
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from fuzz.properties import check_refusal, check_scopes, check_shown, check_url
from fuzz.samples import GRANT, ISSUER, KEY, REGISTRATION, SECRETS
from fuzz.target import Target
from handstamp.errors import KeyUnavailable, SettingsError, VaultCorrupt, VaultError
from handstamp.model import Grant, GrantKey, Registration, Secret
from handstamp.settings import NAME_PATTERN, ProgramSettings, ServerSettings, Settings, load_settings
from handstamp.settings_file import add_server, render_server, set_enabled
from handstamp.stores.keys.encoding import decode_key, encode_key
from handstamp.stores.keys.environment import EnvironmentKey
from handstamp.stores.records import decode_grant, decode_registration, encode_grant, encode_registration
from handstamp.stores.sealing import KEY_BYTES, bind, seal, unseal
from handstamp.stores.sqlite import SqliteStore

__all__ = ["TARGETS", "open_store", "use_vault"]

ADDED = ServerSettings("added", "https://added.example/mcp")
SEALING_KEY = bytes(KEY_BYTES)


def read_settings(data: bytes) -> None:
    """`servers.toml`, and each of its servers written again."""
    settings = _load(data)
    proxy, ca_file = settings.network.proxy, settings.network.ca_file
    assert proxy is None or "@" not in proxy or proxy.startswith(("env:", "file:")), "a password in a configuration file"
    assert ca_file is None or isinstance(ca_file, str)
    for server in settings.servers.values():
        assert NAME_PATTERN.fullmatch(server.name)
        check_url(server.url)
        check_scopes(server.scopes)
        for name, value in server.headers:
            check_shown(name + value)
    for program in settings.programs.values():
        check_program(program)
    for each in settings.configured.values():
        assert _load(render_server(each).encode()).configured == {each.name: each}


def check_program(program: ProgramSettings) -> None:
    """It is the same one wherever it is started, and no text of it is cut."""
    head, paths = program.command[0], [program.directory or "/"]
    paths += [head] if set(head) & set("/\\") else []
    assert NAME_PATTERN.fullmatch(program.name)
    assert head
    assert all(path.startswith("~") or Path(path).is_absolute() for path in paths)
    assert "\0" not in "".join((*program.command, *paths))
    for name, value in program.environment:
        check_shown(name)
        assert name
        assert not set(name) & set("= ")
        assert "\0" not in value
        assert value not in ("env:", "file:")


def edit_settings(data: bytes) -> None:
    """A server more in somebody's `servers.toml`, then switched: what else it says stays, or the edit is refused."""
    settings = _load(data)
    if settings.path.read_bytes() != data:
        return
    try:
        add_server(settings, ADDED)
    except SettingsError as error:
        check_refusal(error)
        assert settings.path.read_bytes() == data, "a refused edit changed the file"
        return

    after = load_settings(settings.path.parent)
    rest = {name: each for name, each in settings.configured.items() if name != "added"}
    assert {**after.configured, **rest} == after.configured
    assert after.servers["added"].url == ADDED.url
    try:
        set_enabled(after, "added", not after.servers["added"].enabled)
    except SettingsError as error:
        check_refusal(error)
        return

    switched = load_settings(settings.path.parent)
    added = replace(after.servers["added"], enabled=not after.servers["added"].enabled)
    assert switched.configured == {**after.configured, "added": added}


def _load(data: bytes) -> Settings:
    directory = _directory("settings")
    path = directory / "servers.toml"
    path.write_bytes(data)
    try:
        return load_settings(directory)
    except SettingsError as error:
        check_refusal(error)
        path.write_bytes(b"# none")
        return Settings(path, {})


def open_vault(data: bytes) -> None:
    """
    `vault.db` with other bytes in it, read and then written to.

    Each line of `data` is an offset, a space and the bytes to put there; with a minus in front, the file is cut at the offset.
    """
    directory = _directory("vault")
    image = bytearray(_intact_vault())
    for line in data.split(b"\n"):
        _patch(image, line)
    for leftover in directory.glob("vault.db*"):
        leftover.unlink()
    vault = directory / "vault.db"
    vault.touch(0o600)
    vault.write_bytes(image)

    use_vault(directory)


def _patch(image: bytearray, line: bytes) -> None:
    head, _, rest = line.partition(b" ")
    digits = head.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 6:
        return
    at = int(digits) % (len(image) or 1)
    if head.startswith(b"-"):
        del image[at:]
    else:
        image[at : at + len(rest)] = rest


def use_vault(directory: Path) -> None:
    """All that a program does with a vault, whatever is in it: each call works or raises a VaultError."""
    store = open_store(directory)
    try:
        for step in _steps(store):
            try:
                step()
            except VaultError as error:
                check_refusal(error, *SECRETS)
    finally:
        store.close()


def _steps(store: SqliteStore) -> Iterator[Callable[[], object]]:
    yield lambda: _check_keys(store.list_keys(KEY.owner))
    yield lambda: _check_grants(store.list_grants(KEY.owner))
    yield lambda: _check_grants(filter(None, [store.find_grant(KEY.owner, KEY.server, KEY.account)]))
    yield lambda: _check_registration(store.find_registration(KEY.owner, ISSUER))
    yield lambda: store.find_client_secret(KEY.owner, KEY.server, "client-1")
    yield store.data_version
    yield lambda: store.replace_grant(GRANT)
    yield lambda: store.save_grant(GRANT)
    yield lambda: store.forget_grant(KEY)


def _check_keys(keys: Iterable[GrantKey]) -> None:
    for key in keys:
        _check_texts(key.owner, key.server, key.account, key.issuer)


def _check_grants(grants: Iterable[Grant]) -> None:
    """The seal leaves no other possibility."""
    for grant in grants:
        assert replace(grant, generation=0) == replace(GRANT, generation=0)


def _check_registration(registration: Registration | None) -> None:
    assert registration in (None, REGISTRATION)


def open_store(directory: Path) -> SqliteStore:
    """Impatient: nobody else holds the vault."""
    key = EnvironmentKey({"HANDSTAMP_KEY": b64encode(SEALING_KEY).decode()})
    return SqliteStore(directory, [key], patience=0.0)


@cache
def _intact_vault() -> bytes:
    with tempfile.TemporaryDirectory(prefix="handstamp-fuzz-") as place:
        directory = Path(place) / "state"
        store = open_store(directory)
        store.save_grant(GRANT)
        store.save_registration(KEY.owner, REGISTRATION)
        store.save_client_secret(KEY.owner, KEY.server, "client-1", Secret("the-secret-of-the-client"))
        store.close()
        return (directory / "vault.db").read_bytes()


def read_record(data: bytes) -> None:
    """What a seal held: a grant, and a registration."""
    try:
        grant = decode_grant(KEY, 1, data)
    except VaultCorrupt as error:
        check_refusal(error)
    else:
        assert decode_grant(KEY, 1, encode_grant(grant)) == grant
        assert repr(grant)
        _check_texts(
            grant.resource, grant.token_endpoint, grant.token.access_token.reveal(), *grant.scopes, *grant.requested_scopes
        )
        grant.token.is_fresh(0.0)
        grant.token.renew_from(1.0)
    try:
        registration = decode_registration(data)
    except VaultCorrupt as error:
        check_refusal(error)
    else:
        assert decode_registration(encode_registration(registration)) == registration
        _check_texts(registration.issuer, registration.client_id, registration.redirect_uri)
        registration.is_usable(0.0)


def _check_texts(*values: object) -> None:
    assert all(isinstance(value, str) for value in values)


def open_sealed(data: bytes) -> None:
    """Bytes where a sealed value should be, and a sealed value with one of its bytes changed."""
    place = bind("grants", "me", 1)
    try:
        unseal(SEALING_KEY, place, data)
    except VaultCorrupt as error:
        check_refusal(error)
    else:
        raise AssertionError("opened what nobody sealed")
    sealed = bytearray(seal(SEALING_KEY, place, data[:100]))
    assert unseal(SEALING_KEY, place, bytes(sealed)) == data[:100]
    sealed[sum(data) % len(sealed)] ^= 1 + len(data) % 255
    try:
        unseal(SEALING_KEY, place, bytes(sealed))
    except VaultCorrupt:
        return
    raise AssertionError("opened what was changed")


def read_key(data: bytes) -> None:
    """A key as text: from the environment, a file, a credential, a keychain."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        key = decode_key(text, "HANDSTAMP_KEY")
    except KeyUnavailable as error:
        check_refusal(error, *([text] if len(text) > 20 else []))
        return

    assert len(key) == KEY_BYTES
    assert decode_key(encode_key(key), "it") == key


@cache
def _directory(name: str) -> Path:
    """Removed at the end of the program; libFuzzer's ends without a word, and who started it removes what is left."""
    place = Path(tempfile.mkdtemp(prefix=f"handstamp-fuzz-{name}-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


TARGETS = (
    Target(
        "servers_toml",
        read_settings,
        words=(
            "[servers.",
            "url = ",
            '"https://',
            "headers = {",
            "scopes = [",
            "callback_port = ",
            "client_id = ",
            "issuer = ",
            "[[",
            "'''",
            "\\u",
            "proxy = ",
            "ca_file = ",
            "network = ",
            "command = [",
            "env = {",
            "cwd = ",
            "enabled = false",
            "transport = ",
        ),
    ),
    Target(
        "edited_toml",
        edit_settings,
        max_length=1024,
        words=("[servers.", "[servers]\n", "servers.a.url=", "{url=", '"https://', "added", "# ", "enabled = ", "command = ["),
    ),
    Target("vault", open_vault, max_length=256, words=("-4096 ", "4096 ", "100 ", "\n", "\x0d", "SQLite format 3")),
    Target(
        "record",
        read_record,
        words=(
            '"resource":',
            '"registration":{',
            '"token":{',
            '"scopes":[',
            '"kind":"dynamic"',
            '"access_token":',
            '"expires_at":',
            "null",
            "1e999",
            "NaN",
        ),
    ),
    Target("sealed", open_sealed, max_length=256),
    Target("key", read_key, max_length=128, words=("=", "-_", "+/", "AAAA")),
)
