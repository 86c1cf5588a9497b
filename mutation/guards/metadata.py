"""
TB: metadata, mix-up, binding.

TB16 has none: what would call the address for managing a registration was never written. TB21's is a cache that is put in.
"""

from mutation.guard import Edit, Guard

METADATA_CACHE = """\
        kept = vars(Login).get("kept", {})
        Login.kept = kept
        if self.request.url not in kept:
            kept[self.request.url] = await self._http.run(step, deadline=DISCOVERY_DEADLINE)
        discovered = kept[self.request.url]
"""

GUARDS = [
    Guard(
        "the issuer in a document is the one that was asked",
        (Edit("protocol/server.py", "if named != issuer:", "if False:"),),
        rows=("TB1", "TB2"),
    ),
    Guard(
        "two spellings of an issuer are two issuers",
        (Edit("protocol/server.py", "if named != issuer:", "if str(split_url(named)) != str(split_url(issuer)):"),),
        rows=("TB2",),
    ),
    Guard(
        "resource metadata is of the server's own origin",
        (
            Edit(
                "protocol/resource.py",
                'return same_url(resource.removesuffix("/"), server.removesuffix("/"))',
                'return resource.removesuffix("/").rpartition("/")[2] == server.removesuffix("/").rpartition("/")[2]',
            ),
        ),
        rows=("TB3",),
    ),
    Guard(
        "a resource above the server is vouched for by its own well-known address",
        (Edit("protocol/resource.py", " and same_url(well_known_url(resource, SUFFIX), document_url)", ""),),
        rows=("TB4",),
    ),
    Guard(
        "paths are cut at slashes",
        (Edit("protocol/urls.py", 'inner.path.startswith(base + "/")', "inner.path.startswith(base)"),),
        rows=("TB4",),
    ),
    Guard(
        "resource metadata names its resource",
        (
            Edit(
                "protocol/resource.py",
                'resource = require_text(document, "resource", what)',
                'resource = str(document.get("resource") or server)',
            ),
        ),
        rows=("TB5",),
    ),
    Guard(
        "resource metadata names an authorization server",
        (
            Edit(
                "protocol/resource.py",
                'issuers = read_strings(document, "authorization_servers")',
                'issuers = read_strings(document, "authorization_servers") or (origin(server),)',
            ),
        ),
        rows=("TB5",),
    ),
    Guard(
        "a sign-in page on a third host needs a yes",
        (Edit("confirmations.py", "if server.authorizes_elsewhere:", "if False:"),),
        rows=("TB6",),
    ),
    Guard(
        "the library says yes for nobody",
        (
            Edit(
                "vault.py",
                "async def confirm(self, question: str) -> bool:\n        return False",
                "async def confirm(self, question: str) -> bool:\n        return True",
            ),
        ),
        rows=("TB6", "TB12"),
    ),
    Guard(
        "without a terminal nobody has said yes",
        (
            Edit(
                "cli/terminal.py",
                "if not self._output.is_conversation:\n            return False\n        # On a line",
                "if not self._output.is_conversation:\n            return True\n        # On a line",
            ),
        ),
        rows=("TB6",),
    ),
    Guard(
        "an answer with another iss is refused",
        (Edit("protocol/authorization.py", "if response.iss != request.issuer:", "if False:"),),
        rows=("TB6", "TB7", "TB10", "TB18"),
    ),
    Guard(
        "iss is compared as it came",
        (
            Edit(
                "protocol/authorization.py",
                "if response.iss != request.issuer:",
                'if response.iss.rstrip("/") != request.issuer.rstrip("/"):',
            ),
        ),
        rows=("TB7",),
    ),
    Guard(
        "a promised iss has to come",
        (Edit("protocol/authorization.py", "if request.iss_expected:", "if False:"),),
        rows=("TB8",),
    ),
    Guard(
        "each issuer has a redirect path of its own",
        (
            Edit(
                "login.py",
                'CallbackPlan(path=f"/callback/{sha256(discovered.server.issuer.encode()).hexdigest()[:16]}")',
                "CallbackPlan()",
            ),
        ),
        rows=("TB9",),
    ),
    Guard(
        "the issuer is judged before the error",
        (
            Edit(
                "protocol/authorization.py",
                "    _require_issuer(request, response)\n    if",
                "    if response.error is None:\n        _require_issuer(request, response)\n    if",
            ),
        ),
        rows=("TB10",),
    ),
    Guard(
        "a configured client stays with its first issuer",
        (Edit("login.py", "        self.check_pin(issuer)\n", ""),),
        rows=("TB11",),
    ),
    Guard(
        "a configured secret goes to an issuer that somebody named",
        (Edit("login.py", "if login.has_unplaced_secret(discovered):", "if False:"),),
        rows=("TB11",),
    ),
    Guard(
        "a server that moved to another issuer is told",
        (Edit("login.py", "if proposal.former_issuer is not None:", "if False:"),),
        rows=("TB11",),
    ),
    Guard(
        "a token endpoint that moved needs a yes",
        (Edit("confirmations.py", "if has_moved:", "if False:"),),
        rows=("TB12",),
    ),
    Guard(
        "the token endpoint is the same for all servers of an issuer",
        (
            Edit(
                "login.py",
                "for grant in grants if grant.key.issuer == issuer}",
                "for grant in grants if (grant.key.issuer, grant.key.server) == (issuer, self.request.url)}",
            ),
        ),
        rows=("TB12",),
    ),
    Guard(
        "a login wants PKCE",
        (
            Edit(
                "login.py",
                "            require_pkce(discovered.server, self.request.code_challenge_methods_supported)",
                "            pass",
            ),
        ),
        rows=("TB13",),
    ),
    Guard(
        "PKCE is S256 and nothing less",
        (Edit("protocol/server.py", 'if methods is not None and "S256" in methods:', "if methods:"),),
        rows=("TB13",),
    ),
    Guard(
        "a client with a secret is never a public one",
        (
            Edit(
                "protocol/client_auth.py",
                "    if not has_secret:",
                "    if not has_secret or (supported is not None and NONE in supported):",
            ),
        ),
        rows=("TB14",),
    ),
    Guard(
        "a client proves itself by the registered method",
        (
            Edit(
                "protocol/client_auth.py",
                "if registration.token_endpoint_auth_method == POST:",
                "if registration.token_endpoint_auth_method in (BASIC, POST):",
            ),
        ),
        rows=("TB14",),
    ),
    Guard(
        "a registration has our redirect address and no other",
        (Edit("protocol/registration.py", "    _require_same_redirect_uri(body, redirect_uri)\n", ""),),
        rows=("TB15",),
    ),
    Guard(
        "a registration allows the code flow",
        (Edit("protocol/registration.py", "    _require_the_code_flow(body)\n", ""),),
        rows=("TB15",),
    ),
    Guard(
        "a client's name and secret are plain ASCII",
        (Edit("protocol/registration.py", " or not (value.isascii() and value.isprintable())", ""),),
        rows=("TB15",),
    ),
    Guard(
        "a client's name and secret are bounded",
        (Edit("protocol/registration.py", " or len(value) > MAX_VALUE_LENGTH", ""),),
        rows=("TB15",),
    ),
    Guard(
        "a token belongs to one server",
        (
            Edit(
                "stores/sqlite.py",
                "WHERE owner = ? AND server = ? AND account = ? ORDER BY",
                "WHERE owner = ? AND ? <> '' AND account = ? ORDER BY",
            ),
        ),
        rows=("TB17",),
    ),
    Guard(
        "server and host are shown before the browser opens",
        (
            Edit(
                "login.py",
                "    notes = tuple(_notes(discovered, proposal))\n",
                "    notes = tuple(_notes(discovered, proposal))\n    browser.open(server.authorization_endpoint)\n",
            ),
        ),
        rows=("TB18",),
    ),
    Guard(
        "no client is registered before the person has said a word",
        (
            Edit(
                "login.py",
                "    notes = tuple(_notes(discovered, proposal))\n",
                "    notes = tuple(_notes(discovered, proposal))\n    await login.begin(discovered, proposal, 'http://127.0.0.1:1/')\n",
            ),
        ),
        tests=("tests/application/test_turned_away.py::test_a_login_that_is_turned_away_registers_no_client",),
    ),
    Guard(
        "a code of another program's is not taken",
        (
            Edit(
                "protocol/authorization.py",
                "return response.state is not None and response.state == request.state",
                "return response.state is not None",
            ),
        ),
        rows=("TB19",),
    ),
    Guard(
        "metadata is asked for anew",
        (Edit("login.py", "        discovered = await self._http.run(step, deadline=DISCOVERY_DEADLINE)\n", METADATA_CACHE),),
        rows=("TB21",),
    ),
    Guard(
        "an issuer has no query",
        (Edit("protocol/server.py", 'if "?" in issuer:', "if False:"),),
        rows=("TB22",),
    ),
    Guard(
        "lists of scopes are bounded",
        (Edit("protocol/scopes.py", "if len(found) == limit:", "if False:"),),
        rows=("TB23",),
    ),
    Guard(
        "a scope is what the grammar says",
        (Edit("protocol/scopes.py", "isinstance(value, str) and _SCOPE.fullmatch(value)", "isinstance(value, str)"),),
        rows=("TB23",),
    ),
    Guard(
        "what the challenge wants is all that is asked for",
        (Edit("protocol/discovery.py", "    if challenged:\n", "    if False:\n"),),
        rows=("TB23",),
    ),
    Guard(
        "no scope is cut from the prompt",
        (Edit("cli/terminal.py", "SCOPES_LIMIT = 8192", "SCOPES_LIMIT = 1000"),),
        rows=("TB23",),
    ),
]
