"""TG: on disk."""

from mutation.guard import Edit, Guard

WAYS = "stores/ways.py"
FILES = "stores/private_files.py"
DATABASE = "stores/database.py"
OPENING = "stores/opening.py"
VAULT = "stores/sqlite.py"
MIGRATIONS = "stores/migrations.py"
KEYCHAIN = "stores/keys/keychain.py"
PINNING = "stores/pinning.py"
LOCKS = "stores/locks.py"
DIRECTORIES, DOCUMENT, TABLE, VALUES = (f"settings/{name}.py" for name in ("directories", "document", "table", "values"))
SETTINGS_FILE = "settings_file.py"

GUARDS = [
    Guard(
        "nobody else may write to the vault's directory", (Edit(FILES, "if found.st_mode & 0o022:", "if False:"),), rows=("TG1",)
    ),
    Guard(
        "the way to the vault is judged",
        (Edit(FILES, "    find_way(path)\n\n\ndef find_file", "\n\ndef find_file"),),
        rows=("TG1",),
    ),
    Guard(
        "a directory above that all may write to has the sticky bit",
        (
            Edit(
                WAYS,
                "if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX and not _is_read_only(path):",
                "if False:",
            ),
        ),
        rows=("TG1", "TG2"),
    ),
    Guard(
        "a directory above is yours or root's",
        (
            Edit(
                WAYS,
                "    if not is_trusted(found.st_uid):\n        raise StoreUnreachable(\n",
                "    if False:\n        raise StoreUnreachable(\n",
            ),
        ),
        rows=("TG1",),
    ),
    Guard(
        "a link on the way is yours or root's",
        (
            Edit(
                WAYS,
                "    if not is_trusted(found.st_uid):\n        raise StoreUnreachable(f",
                "    if False:\n        raise StoreUnreachable(f",
            ),
        ),
        rows=("TG1",),
    ),
    Guard(
        "nobody passes for root where root can be seen",
        (Edit(WAYS, 'line.split()[:1] == ["0"]', 'line.split()[:1] == ["1000"]'),),
        rows=("TG1",),
    ),
    Guard("a file has one name", (Edit(FILES, "if found.st_nlink > 1:", "if False:"),), rows=("TG2",)),
    Guard(
        "a file is a plain file",
        (Edit(FILES, "if not stat.S_ISREG(found.st_mode):", "if stat.S_ISFIFO(found.st_mode):"),),
        rows=("TG2",),
    ),
    Guard("others may not read a file", (Edit(FILES, "if found.st_mode & 0o077:", "if False:"),), rows=("TG2",)),
    Guard(
        "a FIFO does not keep us waiting",
        (Edit(FILES, "os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK", "os.O_NOFOLLOW | os.O_CLOEXEC"),),
        rows=("TG2",),
    ),
    Guard(
        "what is opened is no link",
        (Edit(FILES, "os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK", "os.O_CLOEXEC | os.O_NONBLOCK"),),
        rows=("TG2", "TG4"),
    ),
    Guard(
        "the log, the index and the journal are judged",
        (Edit(DATABASE, "            find_file(self._beside(suffix))\n", "            pass\n"),),
        rows=("TG2",),
    ),
    Guard(
        "not everybody may write to the settings",
        (Edit(FILES, 'if sys.platform != "win32" and found.st_mode & stat.S_IWOTH:', "if False:"),),
        rows=("TG2",),
    ),
    Guard(
        "settings are yours or root's",
        (Edit(FILES, "    if not is_trusted(found.st_uid):", "    if False:"),),
        rows=("TG2",),
    ),
    Guard(
        "settings are not written where they would be refused",
        (Edit(SETTINGS_FILE, "        check_trusted(draft)", "        "),),
        rows=("TG2",),
    ),
    Guard("a file is made private", (Edit(FILES, "os.O_EXCL | _GUARDS, 0o600)", "os.O_EXCL | _GUARDS, 0o666)"),), rows=("TG3",)),
    Guard("a lock is made private", (Edit(FILES, "flags | _GUARDS, 0o600)", "flags | _GUARDS, 0o644)"),), rows=("TG3",)),
    Guard("a directory is made private", (Edit(FILES, "each.mkdir(mode=0o700,", "each.mkdir(mode=0o777,"),), rows=("TG3",)),
    Guard(
        "the settings' directory is made private",
        (Edit(SETTINGS_FILE, "make_directory(target.parent)", "target.parent.mkdir(parents=True, exist_ok=True)"),),
        rows=("TG3",),
    ),
    Guard(
        "the vault that is open is the one that was looked at",
        (Edit(DATABASE, "            self._refuse_swapped(expected)\n", "            pass\n"),),
        rows=("TG4",),
    ),
    Guard(
        "a swapped file is known by its number",
        (Edit(DATABASE, "if found is None or not os.path.samestat(found, expected):", "if found is None:"),),
        rows=("TG4",),
    ),
    Guard("a seal is bound to its row", (Edit("stores/sealing.py", "[1, table, *place]", "[1, table]"),), rows=("TG5",)),
    Guard(
        "damage is told from other failures",
        (Edit(OPENING, "if code in _DAMAGE and", "if False and"),),
        rows=("TG6",),
    ),
    Guard(
        "an empty file is no new vault",
        (
            Edit(
                DATABASE,
                "made = self._find() is None and self._make()",
                "made = not self.path.exists() or not self.path.stat().st_size",
            ),
        ),
        rows=("TG6",),
    ),
    Guard(
        "another program's database is known by its mark",
        (Edit(DATABASE, "if found != APPLICATION_ID:", "if False:"),),
        rows=("TG6",),
    ),
    Guard(
        "a vault's schema is ours to the word",
        (Edit(DATABASE, "            self._judge(looking)\n", ""),),
        rows=("TG7",),
    ),
    Guard(
        "a stranger is opened for reading",
        (Edit(DATABASE, 'self._connect(found, "ro")', 'self._connect(found, "rw")'),),
        rows=("TG7",),
    ),
    Guard(
        "the header is a table before it is asked",
        (Edit(MIGRATIONS, "if not _made_by(()) <= found:", "if False:"),),
        rows=("TG7",),
    ),
    Guard(
        "SQLite's notes are known by their words",
        (
            Edit(
                MIGRATIONS,
                "stray := (found - STATISTICS) ^ _made_by(tuple(migrations[:schema]))",
                'stray := {each for each in found if not each[1].startswith("sqlite_stat")}'
                " ^ _made_by(tuple(migrations[:schema]))",
            ),
        ),
        rows=("TG7",),
    ),
    Guard(
        "one value has a bound",
        (Edit(OPENING, "    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)\n", ""),),
        rows=("TG7",),
    ),
    Guard(
        "settings have a bound",
        (Edit(DOCUMENT, "read_trusted(path, LARGEST_FILE)", "read_trusted(path, 1 << 28)"),),
        rows=("TG8",),
    ),
    Guard("keys of the settings have a bound", (Edit(DOCUMENT, 'if token["deep"]:', "if False:"),), rows=("TG8",)),
    Guard(
        "nesting has an end",
        (Edit(DOCUMENT, "except (ValueError, RecursionError) as error:", "except OSError as error:"),),
        rows=("TG8",),
    ),
    Guard("a key that is unknown is refused", (Edit(TABLE, "if key not in self.known:", "if False:"),), rows=("TG8",)),
    Guard(
        "a server's name does not climb",
        (Edit(VALUES, "if NAME_PATTERN.fullmatch(name) is None:", "if False:"),),
        rows=("TG8", "TG21"),
    ),
    Guard(
        "an issuer in the settings is an https URL",
        (Edit(TABLE, "return None if value is None else require_secure(value, key, near=near)", "return value"),),
        rows=("TG8",),
    ),
    Guard(
        "a header in the settings is visible ASCII",
        (Edit(VALUES, "if not isinstance(value, str) or not is_header_value(value):", "if not isinstance(value, str):"),),
        rows=("TG8",),
    ),
    Guard(
        "a program runs in no relative directory",
        (Edit(VALUES, 'if "\\0" in value or not _is_the_same_everywhere(value):', "if False:"),),
        rows=("TG9",),
    ),
    Guard(
        "a variable of a program is not repeated",
        (
            Edit(
                VALUES,
                'raise UsageError(f"Expected a string as the value of the environment variable {name}.")',
                'raise UsageError(f"Expected a string as the value of the environment variable {name}, got {value!r}.")',
            ),
        ),
        tests=("tests/application/test_program_settings.py::test_a_value_that_is_refused_is_not_repeated",),
    ),
    Guard(
        "a server is behind a URL or a program",
        (Edit("settings/__init__.py", 'if ("url" in values) == ("command" in values):', "if False:"),),
        tests=("tests/bad_input/test_settings.py::test_a_broken_servers_toml_names_the_file_and_the_place",),
    ),
    Guard(
        "nobody is asked to sign in to a program",
        (Edit("settings/__init__.py", "if name_or_url in self.programs:", "if False:"),),
        tests=("tests/application/test_program_settings.py::test_nobody_signs_in_to_a_program",),
    ),
    Guard(
        "a relative variable of ours is refused", (Edit(DIRECTORIES, "if not path.is_absolute():", "if False:"),), rows=("TG9",)
    ),
    Guard(
        "a relative variable of the desktop's is passed over",
        (Edit(DIRECTORIES, 'os.environ.get(xdg, "")).startswith("/")', 'os.environ.get(xdg, ""))'),),
        rows=("TG9",),
    ),
    Guard(
        "a file that the settings name has its whole path",
        (Edit("wiring.py", "if not place.is_absolute():", "if False:"),),
        rows=("TG9",),
    ),
    Guard(
        "certificates are yours or root's",
        (Edit("wiring.py", "            check_trusted(place)\n", "            pass\n"),),
        rows=("TG2",),
    ),
    Guard(
        "what is stored is read as JSON",
        (Edit("stores/records.py", "found = _Record(json.loads(payload))", "found = _Record(eval(payload))"),),
        rows=("TG10",),
    ),
    Guard(
        "a keychain that hangs is not absent",
        (
            Edit(
                KEYCHAIN,
                "        if not answers:\n            raise KeyUnavailable(",
                "        if not answers:\n            raise _NoKeychain(",
            ),
        ),
        rows=("TG11",),
    ),
    Guard(
        "a keychain that is locked is not absent",
        (
            Edit(
                KEYCHAIN,
                'return KeyUnavailable("The system keychain is locked.")',
                'return _NoKeychain("The system keychain is locked.")',
            ),
        ),
        rows=("TG11",),
    ),
    Guard("a keychain has three seconds", (Edit(KEYCHAIN, "limit: float = 3.0", "limit: float = 30.0"),), rows=("TG11",)),
    Guard("the program leaves no core", (Edit("cli/__init__.py", "    _leave_no_core()\n    _end", "    _end"),), rows=("TG13",)),
    Guard(
        "a browser gets no variable of ours",
        (Edit("callback/browser.py", ' and not name.startswith("HANDSTAMP_")', ""),),
        rows=("TG13",),
    ),
    Guard(
        "backups are told to leave the vault out",
        (Edit(DATABASE, "            self._tell_backups()\n", "            pass\n"),),
        rows=("TG13",),
    ),
    Guard(
        "only a directory of our making is left out of backups",
        (Edit(DATABASE, "if prepare_directory(self._directory):", "if prepare_directory(self._directory) or True:"),),
        rows=("TG13",),
    ),
    Guard(
        "a secret on the command line is refused",
        (
            Edit(
                "cli/add.py",
                'if place is None or (scheme in ("env", "file") and colon and rest):',
                "if True:",
            ),
        ),
        rows=("TG14",),
    ),
    Guard(
        "a secret in the settings is not repeated",
        (
            Edit(
                TABLE,
                'raise UsageError(f"Expected {key} to be {places}, got something else.")',
                'raise UsageError(f"Expected {key} to be {places}, got {value}.")',
            ),
        ),
        rows=("TG14",),
    ),
    Guard(
        "a draft of the vault is swept away",
        (Edit(DATABASE, "        _remove_draft(draft)\n        create_private", "        create_private"),),
        rows=("TG15",),
    ),
    Guard("a killed edit's draft is swept away", (Edit(SETTINGS_FILE, "        _sweep(target)\n", ""),), rows=("TG15",)),
    Guard(
        "a draft of the settings is made exclusively",
        (
            Edit(
                SETTINGS_FILE,
                "        draft.unlink(missing_ok=True)\n        create_private(draft, text.encode())\n",
                "        draft.write_text(text)\n",
            ),
        ),
        rows=("TG15",),
    ),
    Guard(
        "settings are replaced in one step",
        (
            Edit(
                SETTINGS_FILE,
                "        draft.replace(target)\n",
                "        target.write_text(text)\n        draft.replace(target)\n",
            ),
        ),
        rows=("TG15",),
    ),
    Guard(
        "what is forgotten is overwritten",
        (Edit(OPENING, '"PRAGMA secure_delete = ON"', '"PRAGMA secure_delete = OFF"'),),
        rows=("TG16",),
    ),
    Guard("the log is emptied", (Edit(VAULT, "if not self.database.erase_log():", "if False:"),), rows=("TG16",)),
    Guard(
        "a child forgets its parent's locks",
        (Edit(LOCKS, "        for lock in list(_held):\n            lock.forget_inherited()\n", ""),),
        rows=("TG17",),
    ),
    Guard("a child opens the vault anew", (Edit(DATABASE, "if not self._process.is_here:", "if False:"),), rows=("TG17",)),
    Guard(
        "a vault on a network is refused", (Edit(DATABASE, "            refuse_network(self._directory)\n", ""),), rows=("TG18",)
    ),
    Guard(
        "Windows' disks are known by their source",
        (Edit("stores/mounts.py", 'return "drvfs" if kind', 'return "drvfs" if False and kind'),),
        rows=("TG18",),
    ),
    Guard(
        "a newer vault is refused",
        (Edit(MIGRATIONS, "    if found != expected:", "    if False:"),),
        rows=("TG19",),
    ),
    Guard(
        "a running program looks at the schema before it writes",
        (Edit(VAULT, "        refuse_schema(schema, self.database.path, len(self._migrations))\n", ""),),
        rows=("TG19",),
    ),
    Guard(
        "only the pinned provider is asked",
        (
            Edit(
                PINNING,
                "(provider for provider in providers if provider.name == name)",
                "(provider for provider in providers if provider.is_available())",
            ),
        ),
        rows=("TG20",),
    ),
    Guard(
        "the check is bound to the provider's name",
        (
            Edit(PINNING, 'seal(self.key, bind("header", self.pin), b"")', 'seal(self.key, bind("header"), b"")'),
            Edit(PINNING, 'unseal(key, bind("header", str(pin)), check)', 'unseal(key, bind("header"), check)'),
        ),
        rows=("TG20",),
    ),
    Guard(
        "a lock is called by a hash",
        (Edit(VAULT, 'sha256(bind("lock", *_columns(key))).hexdigest()', '"-".join(_columns(key))'),),
        rows=("TG21",),
    ),
    Guard(
        "a waiter has a deadline",
        (
            Edit(
                "flight.py",
                "            with anyio.fail_after(patience):\n                await self._landed()",
                "            await self._landed()",
            ),
        ),
        rows=("TG22",),
    ),
    Guard(
        "a good token needs no lock",
        (
            Edit(
                "source.py",
                "        with self._mutex:\n            now = self._clock()  #",
                "        keys = self._store.list_keys(self._settings.owner)\n"
                "        with self._store.lock(keys[0]), self._mutex:\n            now = self._clock()  #",
            ),
        ),
        rows=("TG22",),
    ),
]
