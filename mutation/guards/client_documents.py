"""Client ID metadata documents: what is refused in one, and which one counts."""

from mutation.guard import Edit, Guard

CHECK, SETTINGS = "protocol/document_check.py", "settings/__init__.py"
PROTOCOL, COMMANDS, SETTING = (
    "tests/protocol/test_client_document.py",
    "tests/cli/test_client_id.py",
    "tests/application/test_client_id_url.py",
)


BROKEN = (f"{PROTOCOL}::test_a_broken_document_is_refused_with_the_reason",)
SERVED = (f"{PROTOCOL}::test_a_document_that_is_served_wrongly_is_refused_with_the_reason",)
ADDRESS = (f"{PROTOCOL}::test_an_address_that_cannot_be_one_is_refused_and_not_asked",)

GUARDS = [
    Guard(
        "a document is at an https URL with a path",
        (Edit("protocol/client_document.py", 'if url.scheme != "https" or url.path in ("", "/"):', "if False:"),),
        tests=ADDRESS,
    ),
    Guard(
        "nobody is asked at an address that cannot be one",
        (Edit(CHECK, "    if find_faults(findings):\n        return tuple(findings)\n", ""),),
        tests=ADDRESS,
    ),
    Guard(
        "a document is served with 200",
        (Edit(CHECK, '_judge("status", status == 200,', '_judge("status", True,'),),
        tests=SERVED,
    ),
    Guard(
        "no redirect is followed to a document",
        (
            Edit(
                "protocol/exchange.py",
                "(Purpose.PROTECTED_RESOURCE, Purpose.AUTHORIZATION_SERVER)",
                "(Purpose.PROTECTED_RESOURCE, Purpose.AUTHORIZATION_SERVER, Purpose.CLIENT_DOCUMENT)",
            ),
        ),
        tests=(f"{PROTOCOL}::test_a_check_follows_no_redirect",),
    ),
    Guard(
        "a document is served as JSON",
        (Edit(CHECK, 'media_type == "application/json", "application/json", shown)', 'True, "application/json", shown)'),),
        tests=SERVED,
    ),
    Guard(
        "a document is small",
        (Edit(CHECK, '_judge("size", len(body) < MAX_DOCUMENT,', '_judge("size", True,'),),
        tests=SERVED,
    ),
    Guard(
        "a document names its own address, letter for letter",
        (Edit(CHECK, '_judge("client_id", client_id == url,', '_judge("client_id", str(client_id).lower().strip("/") == url,'),),
        rows=("TB20",),
        tests=BROKEN,
    ),
    Guard(
        "a document lists every address that is sent",
        (Edit(CHECK, '_judge("redirect_uris", not missing,', '_judge("redirect_uris", True,'),),
        tests=BROKEN,
    ),
    Guard(
        "no answer goes over plain http to another machine",
        (Edit(CHECK, "    if unsafe is not None:", "    if False:"),),
        tests=BROKEN,
    ),
    Guard(
        "a document asks for refresh tokens",
        (Edit(CHECK, '_judge("grant_types", not missing,', '_judge("grant_types", True,'),),
        tests=BROKEN,
    ),
    Guard(
        "a document names no method that needs a secret",
        (Edit(CHECK, "method in (NONE, PRIVATE_KEY), f", "True, f"),),
        tests=BROKEN,
    ),
    Guard(
        "a document holds no secret",
        (Edit(CHECK, "    if secrets:", "    if False:"),),
        tests=BROKEN,
    ),
    Guard(
        "a document holds no private key",
        (Edit(CHECK, "if any(not PRIVATE_MEMBERS.isdisjoint(key) for key in keys):", "if False:"),),
        tests=BROKEN,
    ),
    Guard(
        "private_key_jwt needs a key that fits",
        (Edit(CHECK, "is_good = any(_fits(key, algorithm) for key in keys)", "is_good = True"),),
        tests=BROKEN,
    ),
    Guard(
        "loopback alone is warned of",
        (Edit(CHECK, "    if all(map(is_loopback, listed)) and", "    if False and"),),
        tests=(f"{COMMANDS}::TestCheck::test_a_good_file_is_accepted_with_its_warning",),
    ),
    Guard(
        "nothing is written that servers would refuse",
        (
            Edit(
                "cli/client_id.py",
                "    for fault in find_faults(findings):\n        raise UsageError",
                "    for fault in ():\n        raise UsageError",
            ),
        ),
        tests=(f"{COMMANDS}::TestCreate::test_what_servers_would_refuse_is_not_written",),
    ),
    Guard(
        "a document that is served is the one file and nothing else",
        (Edit("cli/document_server.py", "self.path == self._site.path else None", "True else None"),),
        tests=(f"{COMMANDS}::TestServe::test_another_host_and_another_path",),
    ),
    Guard(
        "a client_id of the server's own goes before any document",
        (Edit(SETTINGS, "if server.client.client_id is not None:", "if False:"),),
        tests=(f"{SETTING}::test_a_client_id_of_the_servers_own_goes_before_any_document",),
    ),
    Guard(
        "what is no address of a document is refused before any server is asked",
        (Edit(SETTINGS, "_require_document(each) for each in chosen", "each for each in chosen"),),
        tests=(f"{SETTING}::test_what_is_no_address_of_a_document_is_an_error_that_names_its_place",),
    ),
    Guard(
        "a document with a key signs every call",
        (Edit("protocol/registration.py", "NONE if client.private_key_from is None else PRIVATE_KEY", "NONE"),),
        tests=("tests/protocol/test_registration.py::test_a_metadata_document_with_a_key_signs_every_call",),
    ),
]
