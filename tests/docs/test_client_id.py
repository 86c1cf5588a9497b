"""The project's own client ID metadata document, as it stands ready for hosting."""

import json

from handstamp.protocol.client_document import build_document
from handstamp.protocol.document_check import find_faults, judge_text
from source_tree import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "client-id" / "handstamp.json"


def test_the_document_is_what_the_command_writes_and_servers_accept_it() -> None:
    """A-46 to A-48, A-51."""
    body = DOCUMENT.read_bytes()
    document = json.loads(body)
    _, findings = judge_text(document["client_id"], body)

    assert body.decode() == json.dumps(build_document(document["client_id"]), indent=2) + "\n"
    assert find_faults(findings) == []
