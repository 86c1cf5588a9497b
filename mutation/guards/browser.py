"""TC: the request and the browser."""

from mutation.guard import Edit, Guard

GUARDS = [
    Guard(
        "metadata may name addresses of the web alone",
        (
            Edit("protocol/urls.py", "if scheme not in DEFAULT_PORTS:\n        raise", "if False:\n        raise"),
            Edit("protocol/urls.py", 'if parts.scheme == "https" or (', "if True or ("),
            # It is another origin besides, which needs a person's yes.
            Edit("confirmations.py", "if server.authorizes_elsewhere:", "if False:"),
            Edit("protocol/urls.py", "None if port == DEFAULT_PORTS[scheme]", "None if port == DEFAULT_PORTS.get(scheme)"),
        ),
        rows=("TC1",),
    ),
    Guard(
        "the browser opens web addresses alone",
        (Edit("callback/browser.py", "or not WEB_ADDRESS.fullmatch(url)", ""),),
        rows=("TC1", "TC2", "TC3"),
    ),
    Guard(
        "an address holds a URL's characters alone",
        (Edit("protocol/urls.py", "if not _PATH_OR_QUERY.fullmatch(path + query):", "if False:"),),
        rows=("TC2",),
    ),
    Guard(
        "our own parameters are escaped in the address",
        (
            Edit(
                "protocol/authorization.py",
                'own = urlencode(self._parameters(), quote_via=quote, safe="")',
                'own = "&".join(f"{n}={v}" for n, v in self._parameters())',
            ),
        ),
        rows=("TC2",),
    ),
    Guard(
        "a browser is one program and no line of a shell",
        (
            Edit(
                "callback/browser.py",
                'if not PROGRAM.fullmatch(chosen) or ("/" in chosen and not chosen.startswith("/")):',
                "chosen = chosen.partition(' ')[0]\n        if not chosen:",
            ),
        ),
        rows=("TC4",),
    ),
    Guard(
        "a shell or an interpreter is no browser",
        (Edit("callback/browser.py", " or _is_runner(chosen) or _is_runner(os.path.realpath(found))", ""),),
        rows=("TC4",),
    ),
    Guard(
        "a link to a shell is no browser",
        (Edit("callback/browser.py", " or _is_runner(os.path.realpath(found))", ""),),
        rows=("TC4",),
    ),
    Guard(
        "a browser that was declined is not passed on",
        (Edit("callback/browser.py", 'if name != "BROWSER" and not', "if not"),),
        rows=("TC4",),
    ),
    Guard(
        "the endpoint's own query sets no parameter of ours",
        (Edit("protocol/authorization.py", "if name in reserved:", "if False:"),),
        rows=("TC5",),
    ),
    Guard(
        "an address has no fragment",
        (Edit("protocol/urls.py", "if fragment:", "if False:"),),
        rows=("TC5", "TC13"),
    ),
    Guard(
        "an address has no user name",
        (
            Edit("protocol/urls.py", 'if "@" in authority:', "if False:"),
            Edit(
                "protocol/urls.py",
                "    match = _AUTHORITY.fullmatch(authority)",
                '    match = _AUTHORITY.fullmatch(authority.rpartition("@")[2])',
            ),
        ),
        rows=("TC6", "TC13"),
    ),
    Guard(
        "a host is written in ASCII",
        (
            Edit("protocol/urls.py", r"|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", r"|[\w.。⒈-]+)(?::([0-9]{1,5}))?"),
            Edit("protocol/urls.py", "or not all(_LABEL.fullmatch(label) for label in labels)", ""),
            Edit("confirmations.py", "if server.authorizes_elsewhere:", "if False:"),
        ),
        rows=("TC6",),
    ),
    Guard(
        "an address is bounded",
        (
            Edit("protocol/urls.py", "if len(url) > MAX_LENGTH:", "if False:"),
            Edit("protocol/metadata.py", "0 < len(value) <= MAX_ENTRY_LENGTH", "len(value)"),
            Edit("protocol/authorization.py", "if len(self.url) > MAX_URL_LENGTH:", "if False:"),
            Edit("callback/browser.py", "len(url) > MAX_ADDRESS or ", ""),
        ),
        rows=("TC7",),
    ),
    Guard(
        "the address bears the challenge and not the verifier",
        (
            Edit(
                "protocol/authorization.py",
                '("code_challenge", _code_challenge(self.code_verifier)),',
                '("code_challenge", _code_challenge(self.code_verifier)), ("code_verifier", self.code_verifier.reveal()),',
            ),
        ),
        rows=("TC8",),
    ),
    Guard(
        "state and verifier have 256 bits",
        (Edit("protocol/authorization.py", "ENTROPY = 32", "ENTROPY = 8"),),
        rows=("TC9",),
    ),
    Guard(
        "the verifier is not the state",
        (
            Edit(
                "protocol/authorization.py",
                "        state=Secret(_base64url(random(ENTROPY))),\n        code_verifier=Secret(_base64url(random(ENTROPY))),",
                "        state=Secret(once := _base64url(random(ENTROPY))),\n        code_verifier=Secret(once),",
            ),
        ),
        rows=("TC9",),
    ),
    Guard(
        "chance comes from the system's generator",
        (Edit("wiring.py", "random: RandomBytes = os.urandom,", "random: RandomBytes = lambda number: bytes(number),"),),
        rows=("TC9",),
    ),
    Guard(
        "a request of a program opens no browser",
        (
            Edit(
                "http/auth.py",
                '        if self._interactive is None:\n            raise self._login_required("asks you to sign in")\n',
                '        import subprocess\n\n        subprocess.run(["xdg-open", "x"])\n',
            ),
        ),
        rows=("TC10",),
    ),
    Guard(
        "nothing opens where nobody sits",
        (
            Edit("callback/browser.py", "        if self._is_headless():\n            return\n", ""),
            Edit("cli/login.py", "else find_browser_obstacle()", "else None"),
        ),
        rows=("TC10",),
    ),
    Guard(
        "one login at a time",
        (Edit("on_demand.py", "if self._flight is None or not self._flight.board():", "if True:"),),
        rows=("TC11",),
    ),
    Guard(
        "a minute passes after a login that failed",
        (Edit("on_demand.py", "if self._failed is not None and self._is_recent(self._failed[0]):", "if False:"),),
        rows=("TC11",),
    ),
    Guard(
        "a server that refuses a new token brings up no other login",
        (Edit("on_demand.py", "elif self._is_young(refusal):", "elif False:"),),
        rows=("TC11",),
    ),
    Guard(
        "a server that moves on and on is not followed each time",
        (Edit("on_demand.py", "if self._is_recent(self._followed_at) or not", "if not"),),
        tests=("tests/application/test_on_demand.py::test_a_server_that_moves_on_and_on_is_followed_once_a_minute",),
    ),
    Guard(
        "tokens that end at once bring up one login a minute",
        (
            Edit(
                "on_demand.py", "return self._is_recent(self._signed_in_at) and self._source.grant() is not None", "return False"
            ),
        ),
        tests=("tests/application/test_on_demand.py::test_a_server_whose_tokens_end_at_once_is_signed_in_to_once_a_minute",),
    ),
    Guard(
        "the refresh bears the resource",
        (Edit("protocol/tokens.py", '("refresh_token", old), ("resource", grant.resource))', '("refresh_token", old))'),),
        rows=("TC13",),
    ),
    Guard(
        "a server's address has one spelling",
        (Edit("protocol/urls.py", "    return str(url)\n", "    return text.strip()\n"),),
        rows=("TC13",),
    ),
]
