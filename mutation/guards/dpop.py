"""Tokens that are bound to a key, and their proofs."""

from mutation.guard import Edit, Guard

PROTOCOL = "tests/protocol/test_dpop.py::test_"
REQUESTS = "tests/http/test_proofs.py::test_"
APPLICATION = "tests/application/test_dpop.py::test_"

GUARDS = [
    Guard(
        "a demand for a nonce is answered once",
        (
            Edit(
                "protocol/dpop.py",
                "if prover is not None and prover.is_asked_again(response):",
                "while prover is not None and prover.is_asked_again(response):",
            ),
            Edit("http/proofs.py", "TRIES = 2", "TRIES = 20"),
        ),
        rows=("TE22",),
    ),
    Guard(
        "a proof is for one request",
        (Edit("protocol/dpop.py", 'claims = {"htm": method, "htu": _target(url)}', 'claims = {"htm": "POST", "htu": url}'),),
        tests=(f"{REQUESTS}each_request_of_each_client_bears_a_proof_of_its_own",),
    ),
    Guard(
        "a proof is for the token that goes along",
        (Edit("protocol/dpop.py", "if access_token is not None:", "if False:"),),
        tests=(f"{PROTOCOL}a_proof_names_the_token_that_goes_along",),
    ),
    Guard(
        "a nonce is a nonce",
        (Edit("protocol/dpop.py", "if len(nonces) != 1 or not NONCE.fullmatch(nonces[0]):", "if not nonces:"),),
        tests=(f"{PROTOCOL}a_nonce_that_is_none_is_not_signed_and_brings_no_second_try",),
    ),
    Guard(
        "nobody signs in for a token that would be refused",
        (
            Edit(
                "protocol/dpop.py",
                "if resource.dpop_bound_access_tokens_required or (asked and len(asked) == len(challenges)):",
                "if False:",
            ),
        ),
        tests=(f"{APPLICATION}nobody_signs_in_for_a_token_that_would_be_refused",),
    ),
    Guard(
        "no proof goes to another origin",
        (Edit("http/auth.py", 'request.headers.pop("DPoP", None)', "pass"),),
        tests=(f"{REQUESTS}a_client_that_asks_before_each_hop_takes_no_proof_along",),
    ),
    Guard(
        "a stranger's nonce is not heard",
        (Edit("http/proofs.py", "if not covers(str(response.url)):", "if False:"),),
        tests=(f"{REQUESTS}a_client_that_follows_by_itself_takes_no_token_along_and_hears_no_nonce",),
    ),
    Guard(
        "a proof that is not taken costs no token",
        (Edit("http/proofs.py", "_require_proof_taken(answer)\n            return", "return"),),
        tests=(f"{REQUESTS}a_proof_that_is_not_taken_costs_no_token",),
    ),
    Guard(
        "a prover serves one key",
        (Edit("source.py", "if prover is None or prover.key != token.dpop_key:", "if prover is None:"),),
        tests=(f"{REQUESTS}a_new_sign_in_s_token_is_proved_by_its_own_key",),
    ),
    Guard(
        "no command prints a bound token",
        (Edit("cli/plain.py", "if token.dpop_key is not None:", "if False:"),),
        tests=(f"{APPLICATION}no_command_prints_a_token_that_nobody_else_can_use",),
    ),
]
