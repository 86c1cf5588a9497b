"""A key that is made from a passphrase."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from handstamp.errors import KeyUnavailable
from handstamp.model import Secret
from handstamp.stores.keys.passphrase import COSTS, Cost, PassphraseKey
from handstamp.stores.sqlite import SqliteStore
from stores.samples import GRANT, KEY

PASSPHRASE = "correct horse battery"
OTHER = "staple in another horse"
CHEAP = (Cost(14, 1),)
SALT = "00" * 16


class Person:
    """Types what they are told to, and keeps what they were asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.questions: list[str] = []

    def __call__(self, question: str) -> Secret:
        self.questions.append(question)
        if not self.answers:
            raise EOFError
        return Secret(self.answers.pop(0))


def provider(ask: Callable[[str], Secret] | None = None, **environ: str) -> PassphraseKey:
    return PassphraseKey({f"HANDSTAMP_{name}": value for name, value in environ.items()}, ask, costs=CHEAP)


def made(passphrase: str = PASSPHRASE) -> tuple[str, bytes]:
    """A place, and its key."""
    maker = provider(PASSPHRASE=passphrase)
    key = maker.create()
    return maker.place, key


def private(path: Path, text: str) -> str:
    path.touch(0o600)
    path.write_text(text, "utf-8")
    return str(path)


def test_the_same_passphrase_and_place_give_the_same_key() -> None:
    place, key = made()

    assert len(key) == 32
    assert provider(PASSPHRASE=PASSPHRASE).at(place).load() == key


def test_two_vaults_with_one_passphrase_have_two_keys() -> None:
    assert made() != made()


def test_the_place_tells_nothing_but_how_the_key_was_made() -> None:
    place, key = made()

    kind, exponent, passes, salt, _ = place.split(":")
    assert (kind, exponent, passes, len(salt)) == ("scrypt", "14", "1", 32)
    assert key.hex()[:8] not in place


def test_a_new_vault_pays_128_mebibytes_or_where_there_is_less_as_much_in_time() -> None:
    assert (Cost(17, 1), Cost(16, 2), Cost(15, 3)) == COSTS
    assert [cost.memory for cost in COSTS] == ["128 MiB", "64 MiB", "32 MiB"]


def test_it_is_set_up_only_where_a_passphrase_is_given() -> None:
    assert provider(PASSPHRASE="").is_available()
    assert provider(PASSPHRASE_FILE="/x").is_available()
    assert not provider(Person(PASSPHRASE)).is_available()
    assert not provider(NEW_PASSPHRASE=PASSPHRASE).is_available()


def test_a_passphrase_in_a_file_ends_before_its_line_does(tmp_path: Path) -> None:
    place, key = made()

    for end in ("", "\n", "\r\n"):
        path = private(tmp_path / "passphrase", PASSPHRASE + end)
        assert provider(PASSPHRASE_FILE=path).at(place).load() == key


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (lambda path: None, "is not there"),
        (lambda path: path.write_bytes(b""), "empty passphrase"),
        (lambda path: path.write_bytes(b"\n"), "empty passphrase"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "no UTF-8"),
        (lambda path: path.write_bytes(b"x" * 5000), "larger than 4 KiB"),
    ],
)
def test_a_file_without_a_passphrase_is_named(write: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    place, _ = made()
    path = tmp_path / "passphrase"
    old = os.umask(0o077)
    write(path)
    os.umask(old)

    with pytest.raises(KeyUnavailable, match=told) as caught:
        provider(PASSPHRASE_FILE=str(path)).at(place).load()

    assert str(path) in caught.value.message


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes and links")
def test_a_file_that_others_may_read_is_refused_and_the_hint_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    private(path, PASSPHRASE)
    path.chmod(0o640)

    with pytest.raises(KeyUnavailable, match="open to others") as caught:
        provider(PASSPHRASE_FILE=str(path)).create()

    assert caught.value.hint == f"chmod 600 {path}"


def test_a_file_is_not_looked_for_in_the_directory_where_a_program_was_started() -> None:
    with pytest.raises(KeyUnavailable, match="absolute path"):
        provider(PASSPHRASE_FILE="passphrase").create()


def test_composed_and_decomposed_letters_are_one() -> None:
    place, key = made("fiance\u0301e of a horse")

    assert provider(PASSPHRASE="fianc\u00e9e of a horse").at(place).load() == key


@pytest.mark.parametrize("passphrase", ["", "seven c"])
def test_a_new_passphrase_that_is_none_is_refused(passphrase: str) -> None:
    with pytest.raises(KeyUnavailable):
        provider(PASSPHRASE=passphrase).create()


class TestWrong:
    def test_another_passphrase_is_told_and_not_shown(self) -> None:
        place, _ = made()

        with pytest.raises(KeyUnavailable, match="another passphrase than the vault's") as caught:
            provider(PASSPHRASE=OTHER).at(place).load()

        assert OTHER not in str(caught.value)

    def test_without_one_the_three_ways_to_give_it_are_told(self) -> None:
        place, _ = made()

        with pytest.raises(KeyUnavailable, match=r"HANDSTAMP_PASSPHRASE.*HANDSTAMP_PASSPHRASE_FILE.*terminal"):
            provider().at(place).load()

    def test_one_that_is_set_and_wrong_is_not_asked_for(self) -> None:
        place, _ = made()
        person = Person(PASSPHRASE)

        with pytest.raises(KeyUnavailable):
            provider(person, PASSPHRASE=OTHER).at(place).load()

        assert person.questions == []


class TestTyped:
    def test_a_person_may_be_wrong_twice(self) -> None:
        place, key = made()
        person = Person(OTHER, OTHER, PASSPHRASE)

        assert provider(person).at(place).load() == key

        assert person.questions[0] == "Passphrase of the vault"
        assert len(person.questions) == 3

    def test_a_person_is_not_asked_forever(self) -> None:
        place, _ = made()
        person = Person(*[OTHER] * 9)

        with pytest.raises(KeyUnavailable, match="another passphrase"):
            provider(person).at(place).load()

        assert len(person.questions) == 3

    def test_a_person_may_end_it(self) -> None:
        place, _ = made()

        with pytest.raises(KeyUnavailable, match="was closed"):
            provider(Person()).at(place).load()

    def test_a_new_one_is_typed_twice(self) -> None:
        person = Person(PASSPHRASE, PASSPHRASE)
        renewed = provider(person).renew()

        key = renewed.create()

        assert provider(PASSPHRASE=PASSPHRASE).at(renewed.place).load() == key

    def test_a_new_one_that_differs_is_refused(self) -> None:
        with pytest.raises(KeyUnavailable, match="twice"):
            provider(Person(PASSPHRASE, OTHER)).renew().create()


class TestRenewing:
    def test_the_present_passphrase_is_not_taken_for_the_new_one(self) -> None:
        place, _ = made()

        with pytest.raises(KeyUnavailable, match="HANDSTAMP_NEW_PASSPHRASE"):
            provider(PASSPHRASE=PASSPHRASE).at(place).renew().create()

    def test_for_a_vault_with_its_key_elsewhere_it_is(self) -> None:
        renewed = provider(PASSPHRASE=PASSPHRASE).renew()

        assert renewed.create() == provider(PASSPHRASE=PASSPHRASE).at(renewed.place).load()

    def test_a_program_that_has_both_opens_the_vault_before_and_after(self) -> None:
        both = provider(PASSPHRASE=PASSPHRASE, NEW_PASSPHRASE=OTHER)

        for passphrase in (PASSPHRASE, OTHER):
            place, key = made(passphrase)
            assert both.at(place).load() == key


@pytest.mark.parametrize(
    "place",
    [
        "",
        "scrypt",
        f"argon2:17:1:{SALT}:{'0' * 16}",
        f"scrypt:13:1:{SALT}:{'0' * 16}",
        f"scrypt:30:1:{SALT}:{'0' * 16}",
        f"scrypt:99:1:{SALT}:{'0' * 16}",
        f"scrypt:17:0:{SALT}:{'0' * 16}",
        f"scrypt:17:99:{SALT}:{'0' * 16}",
        f"scrypt:18:2:{SALT}:{'0' * 16}",
        f"scrypt:17:1:{'0' * 99}:{'0' * 16}",
        f"scrypt:１７:1:{SALT}:{'0' * 16}",
        f"scrypt:17:1:{SALT}:{'0' * 16}\n",
    ],
)
def test_a_header_that_asks_for_something_else_is_refused_before_anything_is_done(place: str) -> None:
    """TG20: who writes a header would else have a program take all memory of the machine."""
    person = Person(PASSPHRASE)

    with pytest.raises(KeyUnavailable, match="unknown here, or too dear"):
        provider(person, PASSPHRASE=PASSPHRASE).at(place)

    assert person.questions == []


def test_a_vault_asks_once_a_process_and_its_header_says_all_that_is_needed(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path, [provider(PASSPHRASE=PASSPHRASE)])) as store:
        saved = store.save_grant(GRANT)
        assert store.describe_key() == "your passphrase, which makes it anew each time"
    person = Person(PASSPHRASE)

    with closing(SqliteStore(tmp_path, [provider(person)])) as again:
        for _ in range(3):
            assert again.find_grant(KEY.owner, KEY.server, KEY.account) == saved
        again.save_grant(GRANT)

    assert len(person.questions) == 1
    assert not list(tmp_path.glob("*.key"))
