"""TG11, TG20: the vault's key, its places, and the way from one to the next."""

from mutation.guard import Edit, Guard

REKEYING = "stores/rekeying.py"
PINNING = "stores/pinning.py"
PASSPHRASE = "stores/keys/passphrase.py"
COMMAND = "cli/rekey.py"

STORE = "tests/stores/test_rekey.py"
PASSPHRASES = "tests/stores/test_passphrase.py"
CLI = "tests/cli/test_rekey.py"

GUARDS = [
    Guard(
        "rekey: an error forgets both keys",
        (Edit(REKEYING, "    @forgetting_values()\n    def run", "    def run"),),
        tests=(f"{STORE}::TestRefusals::test_an_error_on_the_way_carries_no_key",),
    ),
    Guard(
        "rekey: a place in a header is no path",
        (Edit("stores/keys/places.py", "if not _ID.fullmatch(place):", "if False:"),),
        tests=(f"{STORE}::TestPlaces::test_a_place_that_a_header_makes_up_is_refused",),
    ),
    Guard(
        "rekey: the places are noted before a key is made",
        (Edit(REKEYING, "        self._note.add(old.pin, pin_of(provider))\n", ""),),
        tests=(f"{STORE}::TestPlaces::test_a_new_file_takes_the_place_of_the_old_one",),
    ),
    Guard(
        "rekey: what a crash left is swept first",
        (Edit(REKEYING, "        self._sweep()\n        allow(", "        allow("),),
        tests=(f"{STORE}::TestLeavings::test_what_a_crash_left_goes_even_if_nothing_comes_after_it",),
    ),
    Guard(
        "rekey: the key in use is never swept away",
        (Edit(REKEYING, "if pin != header[0][0]:", "if True:"),),
        tests=(f"{STORE}::TestLeavings::test_a_note_never_names_the_place_of_the_key_in_use_to_the_broom",),
    ),
    Guard(
        "rekey: every table is sealed anew",
        (Edit(REKEYING, '    "client_secrets": ("owner", "server", "client_id"),\n', ""),),
        tests=(
            f"{STORE}::TestValues::test_every_table_with_sealed_values_is_sealed_anew",
            f"{STORE}::TestOthers::test_a_program_that_has_the_vault_open_reads_and_writes_on",
        ),
    ),
    Guard(
        "rekey: a damaged value keeps its key",
        (
            Edit(
                REKEYING,
                "        except (VaultCorrupt, TypeError) as error:\n            raise",
                "        except (VaultCorrupt, TypeError) as error:\n            return sealed, number\n            raise",
            ),
        ),
        tests=(f"{STORE}::TestValues::test_a_damaged_value_keeps_the_key_with_which_it_may_yet_be_read",),
    ),
    Guard(
        "rekey: no value under the old key stays in the log",
        (Edit(REKEYING, "return self._database.erase_log()", "return True"),),
        tests=(f"{STORE}::TestValues::test_no_file_holds_a_value_under_the_old_key",),
    ),
    Guard(
        "rekey: a new key is another one",
        (Edit(REKEYING, "if key == old.key:", "if False:"),),
        tests=(f"{STORE}::TestPlaces::test_the_environment_needs_a_new_key_from_the_person",),
    ),
    Guard(
        "rekey: one at a time",
        (Edit("stores/sqlite.py", "            if not is_held:\n", "            if False:\n"),),
        tests=(f"{STORE}::TestOthers::test_two_rekeys_at_once_are_one_too_many",),
    ),
    Guard(
        "rekey: a row is opened with the key of its moment",
        (Edit(PINNING, "known := self._known.get(check)", "known := next(iter(self._known.values()), None)"),),
        tests=(
            f"{STORE}::TestOthers::test_a_program_that_has_the_vault_open_reads_and_writes_on",
            f"{STORE}::TestOthers::test_what_was_read_before_is_opened_with_the_key_of_then",
        ),
    ),
    Guard(
        "rekey: whoever comes as the old key goes looks again",
        (Edit(PINNING, "if rows and rows[0][-1] == check:", "if True:"),),
        tests=(f"{STORE}::TestOthers::test_one_that_starts_while_the_old_key_is_taken_away_finds_the_new_one",),
    ),
    Guard(
        "rekey: one thread asks for a key",
        (Edit(PINNING, "        with self._lock():\n            if check", "        if True:\n            if check"),),
        tests=(f"{STORE}::TestOthers::test_threads_that_come_first_ask_once",),
    ),
    Guard(
        "rekey: into a file with a yes alone",
        (Edit(COMMAND, 'if latter == "file" and former != "file" and not yes:', "if False:"),),
        tests=(f"{CLI}::test_the_key_moves_from_the_environment_into_a_file_only_with_a_yes",),
    ),
    Guard(
        "passphrase: what a header may cost is bounded",
        (Edit(PASSPHRASE, "or cost is None or not cost.is_bearable:", "or cost is None:"),),
        tests=(f"{PASSPHRASES}::test_a_header_that_asks_for_something_else_is_refused_before_anything_is_done",),
    ),
    Guard(
        "passphrase: its file is for its owner alone",
        (Edit(PASSPHRASE, "open_private(Path(path), os.O_RDONLY)", "os.open(path, os.O_RDONLY)"),),
        tests=(f"{PASSPHRASES}::test_a_file_that_others_may_read_is_refused_and_the_hint_mends_it",),
    ),
    Guard(
        "passphrase: the one to be replaced is not taken for the new one",
        (Edit(PASSPHRASE, "renewing=bool(self.place))", "renewing=False)"),),
        tests=(f"{PASSPHRASES}::TestRenewing::test_the_present_passphrase_is_not_taken_for_the_new_one",),
    ),
    Guard(
        "passphrase: a short one is refused",
        (Edit(PASSPHRASE, "if len(passphrase.reveal()) < SHORTEST:", "if False:"),),
        tests=(f"{PASSPHRASES}::test_a_new_passphrase_that_is_none_is_refused",),
    ),
    Guard(
        "passphrase: asked for at a terminal alone",
        (Edit("cli/session.py", "self.output.ask_secret if self.output.is_conversation else None", "self.output.ask_secret"),),
        tests=(f"{CLI}::test_at_a_terminal_the_yes_is_typed_and_the_passphrase_too",),
    ),
]
