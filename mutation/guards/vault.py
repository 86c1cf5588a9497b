"""The vault as a file: copied, put back, looked through, and changed as a whole."""

from mutation.guard import Edit, Guard

BACKUPS = "stores/backups.py"
RESTORING = "stores/restoring.py"
CHECKING = "stores/checking.py"
DATABASE = "stores/database.py"
SQLITE = "stores/sqlite.py"
CHECKS = "tests/stores/test_checking.py"


def backups(*names: str) -> tuple[str, ...]:
    """Tests of copies."""
    return tuple(f"tests/stores/test_backups.py::{name}" for name in names)


GUARDS = [
    Guard(
        "a restored refresh token is marked as one that may have been used",
        (Edit(RESTORING, "return replace(grant, pending=", "return grant or replace(grant, pending="),),
        rows=("TE15",),
        tests=backups("TestRestoring::test_a_refresh_token_is_marked_as_one_that_may_have_been_used"),
    ),
    Guard(
        "a migration waits for the refreshes that are under way",
        (
            Edit(
                SQLITE, "            with self.alone():\n                migrate", "            if True:\n                migrate"
            ),
        ),
        rows=("TG19",),
    ),
    Guard(
        "who refreshes later waits for whoever wants the vault alone",
        (Edit("stores/turns.py", "        if not passed:\n", "        if False:\n"),),
        tests=("tests/stores/test_turns.py::test_refreshes_that_come_later_do_not_keep_anybody_waiting_for_ever",),
    ),
    Guard(
        "the gate opens again for a refresh that takes long",
        (Edit("stores/turns.py", "_try(whole, SHUT)\n", "_try(whole, PATIENCE)\n"),),
        tests=("tests/stores/test_turns.py::test_one_that_takes_long_holds_up_the_others_for_a_moment_only",),
    ),
    Guard(
        "a failure after a restore is none of it",
        (Edit(RESTORING, "    with suppress(VaultError):\n", "    with suppress():\n"),),
        tests=backups("TestRestoring::test_a_log_that_cannot_be_emptied_is_no_failure"),
    ),
    Guard(
        "a backup waits to be put back until no refresh is under way",
        (Edit(RESTORING, "    with store.alone():\n", "    if True:\n"),),
        tests=backups("TestRestoring::test_a_refresh_that_is_under_way_is_waited_for_and_is_in_the_copy"),
    ),
    Guard(
        "a backup replaces nothing",
        (
            Edit(BACKUPS, "    if os.path.lexists(place):\n        raise _not_so", "    if False:\n        raise _not_so"),
            Edit(BACKUPS, "        os.link(draft, place)\n", "        os.replace(draft, place)\n"),
        ),
        tests=backups("TestWriting::test_a_name_that_is_taken_is_refused"),
    ),
    Guard(
        "a backup gets its name when it is whole",
        (Edit(BACKUPS, 'directory / f".{target.name}.handstamp"\n', "directory / target.name\n"),),
        tests=backups("TestWriting::test_a_kill_leaves_no_half_under_its_name"),
    ),
    Guard(
        "the way to a backup is judged",
        (Edit(BACKUPS, "    directory = find_way(target.parent)\n", "    directory = target.parent\n"),),
        tests=backups("TestWriting::test_a_directory_in_which_anybody_could_swap_it_is_refused"),
    ),
    Guard(
        "a backup that anybody could have written is refused",
        (Edit(BACKUPS, "        check_trusted(path)\n", ""),),
        tests=backups("TestReading::test_a_file_that_anybody_could_have_written_is_refused"),
    ),
    Guard(
        "a backup's schema is ours to the word",
        (Edit(BACKUPS, "        judge_schema(memory, path)\n        memory.rollback()\n", ""),),
        tests=backups("TestReading::test_a_file_that_is_no_backup_is_refused"),
    ),
    Guard(
        "a backup is read without what lies beside it only where that is nothing",
        (
            Edit(
                BACKUPS,
                ".stat().st_size:\n            raise VaultCorrupt(",
                ".stat().st_size < 0:\n            raise VaultCorrupt(",
            ),
        ),
        tests=backups("TestReading::test_a_file_that_is_no_backup_is_refused"),
    ),
    Guard(
        "what a backup takes the place of is kept",
        (Edit(RESTORING, "                write_backup(former, kept, progress)\n", "                pass\n"),),
        tests=backups("TestRestoring::test_everything_comes_back_and_what_was_there_is_kept"),
    ),
    Guard(
        "generations count on over a restore",
        (
            Edit(
                RESTORING, "max(highest_forgotten, ?, ifnull((SELECT max(CAST(generation AS INTEGER)) FROM grants), 0))", "? * 0"
            ),
        ),
        tests=backups("TestRestoring::test_no_generation_comes_back"),
    ),
    Guard(
        "a damaged vault is moved aside, not overwritten",
        (Edit(RESTORING, "        store.database.set_aside(kept)\n", "        store.database.path.unlink()\n"),),
        tests=backups("TestRestoring::test_a_vault_that_is_no_database_any_more_is_moved_aside_as_it_is"),
    ),
    Guard(
        "a vault that was moved away is let go",
        (
            Edit(DATABASE, "        if held.is_at(self.path):\n", "        if True:\n"),
            Edit(DATABASE, "                self._refuse_swapped(held.file)\n", ""),
        ),
        tests=backups("test_a_vault_that_is_moved_away_under_a_program_is_not_written_to_any_more"),
    ),
    Guard(
        "a restore asks a person",
        (Edit("cli/vault.py", "    if not yes and not _agrees(", "    if False and not _agrees("),),
        tests=("tests/cli/test_vault.py::test_where_nobody_can_be_asked_a_yes_is_expected",),
    ),
    Guard(
        "a check opens no file that is not yours alone",
        (Edit(CHECKING, "    if not faults:\n        yield from _look_inside", "    if True:\n        yield from _look_inside"),),
        tests=(f"{CHECKS}::test_files_that_are_not_yours_alone_are_named_and_nothing_below_is_opened",),
    ),
]
