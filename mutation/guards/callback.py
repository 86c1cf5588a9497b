"""TD: the callback."""

from mutation.guard import Edit, Guard

LISTENER, LOBBY, PAGE, VISIT = (f"callback/{name}.py" for name in ("listener", "lobby", "page", "visit"))

GUARDS = [
    Guard(
        "only the answer with this sign-in's state ends it",
        (
            Edit(
                "login.py",
                "is_answer_to(self.pending.authorization, parse_authorization_response(query))",
                "parse_authorization_response(query) is not None",
            ),
        ),
        rows=("TD1", "TD2", "TD16", "TD17"),
    ),
    Guard(
        "the first answer is the only one",
        (Edit(LISTENER, "if self._outcome is not None or self._query not in (None, query):", "if False:"),),
        rows=("TD3",),
    ),
    Guard(
        "each sign-in has a verifier of its own",
        (
            Edit(
                "protocol/authorization.py",
                "code_verifier=Secret(_base64url(random(ENTROPY))),",
                'code_verifier=Secret("known-to-everybody-who-has-the-same-program"),',
            ),
        ),
        rows=("TD4", "TD17"),
    ),
    Guard(
        "only the redirect address's own host is heard",
        (Edit(LISTENER, 'if visit.header("host") not in (self._authority, self._authority.removesuffix(":80")):', "if False:"),),
        rows=("TD5",),
    ),
    Guard(
        "only GET is answered",
        (Edit(LISTENER, 'if visit.method != "GET":', "if False:"),),
        rows=("TD6", "TD15"),
    ),
    Guard(
        "nothing but a navigation is answered",
        (Edit(VISIT, 'self.header("sec-fetch-mode") in (None, "navigate") and ', ""),),
        rows=("TD6",),
    ),
    Guard(
        "a frame's navigation takes nothing",
        (Edit(VISIT, ' and self.header("sec-fetch-dest") in (None, "document")', ""),),
        rows=("TD6",),
    ),
    Guard(
        "a prefetch takes nothing",
        (Edit(VISIT, "return is_tab and not is_early", "return is_tab"),),
        rows=("TD6",),
    ),
    Guard(
        "a WebSocket takes nothing",
        (Edit(VISIT, ' and self.header("upgrade") is None', ""),),
        rows=("TD6",),
    ),
    Guard(
        "what a server says is escaped on the page",
        (Edit(PAGE, "return escape(safe(value, limit))", "return safe(value, limit)"),),
        rows=("TD7",),
    ),
    Guard(
        "what a server says is cut on the page",
        (Edit(PAGE, "return escape(safe(value, limit))", "return escape(safe(value, 1_000_000))"),),
        tests=("tests/callback/test_page.py::test_what_a_server_says_is_cut",),
    ),
    Guard(
        "the page's policy runs and loads nothing",
        (Edit(PAGE, '        ("Content-Security-Policy", policy),\n', ""),),
        rows=("TD7",),
    ),
    Guard(
        "nobody frames the page",
        (
            Edit(PAGE, '        ("X-Frame-Options", "DENY"),\n', ""),
            Edit(PAGE, "; frame-ancestors 'none'", ""),
        ),
        rows=("TD7",),
    ),
    Guard(
        "a parameter counts only once",
        (Edit("protocol/authorization.py", "if name in _SINGLE and name in values:", "if False:"),),
        rows=("TD8",),
    ),
    Guard(
        "whoever was silent for longest makes room",
        (Edit(LOBBY, "self._seated.popleft().cancel()", "scope.cancel()"),),
        rows=("TD9",),
    ),
    Guard(
        "the listener has room for so many",
        (Edit(LOBBY, "if len(self._seated) > self._seats:", "if False:"),),
        rows=("TD9",),
    ),
    Guard(
        "a request has an end",
        (
            Edit(VISIT, "MAX_HEAD = 64 * 1024", "MAX_HEAD = 8 * 1024 * 1024"),
            Edit(VISIT, "if len(request.target) > MAX_ADDRESS:", "if False:"),
        ),
        rows=("TD7", "TD9"),
    ),
    Guard(
        "a request has seconds",
        (
            Edit(
                VISIT, "    with anyio.move_on_after(SECONDS):\n        try:", "    with anyio.move_on_after(None):\n        try:"
            ),
        ),
        rows=("TD9",),
    ),
    Guard(
        "the port is shared with nobody",
        (Edit(LISTENER, "backlog=MAX_WAITING)", "backlog=MAX_WAITING, reuse_port=True)"),),
        rows=("TD10",),
    ),
    Guard(
        "a fixed port that is taken is not replaced by another",
        (
            Edit(
                LISTENER,
                "            raise UsageError(self._explain(error)) from error\n",
                "            return await self._bind_all(0)\n",
            ),
        ),
        rows=("TD10",),
    ),
    Guard(
        "only loopback is bound",
        (Edit(LISTENER, '{"127.0.0.1": ("127.0.0.1",),', '{"127.0.0.1": ("0.0.0.0",),'),),
        rows=("TD11",),
    ),
    Guard(
        "no host but loopback's is taken for a redirect address",
        (Edit(LISTENER, "if host not in ADDRESSES:", "if False:"),),
        rows=("TD11",),
    ),
    Guard(
        "localhost is bound by its literal addresses",
        (Edit(LISTENER, '"localhost": ("127.0.0.1", "::1")', '"localhost": ("localhost",)'),),
        rows=("TD12",),
    ),
    Guard(
        "the browser ends on an address without the code",
        (Edit(LISTENER, 'return plain_reply(303, ("Location", self._done_path))', "return _show(self._outcome)"),),
        rows=("TD13",),
    ),
    Guard(
        "nobody else knows the last page's address",
        (Edit(LISTENER, '/done/{secrets.token_urlsafe(16)}"', '/done"'),),
        rows=("TD13",),
    ),
    Guard(
        "the listener closes with its sign-in",
        (
            Edit(
                LISTENER,
                "                resources.push_async_callback(listener.aclose)\n",
                "                _open.append(listener)\n",
            ),
            Edit(LISTENER, "MAX_VISITORS = 64\n", "MAX_VISITORS = 64\n_open: list[object] = []\n"),
        ),
        rows=("TD14",),
    ),
    Guard(
        "a sign-in has a deadline",
        (Edit("login.py", "with anyio.fail_after(until - anyio.current_time()):", "with anyio.fail_after(None):"),),
        rows=("TD14",),
    ),
    Guard(
        "a pasted address is the redirect address",
        (Edit("protocol/authorization.py", "return query if place.removeprefix(HTTP) in known else None", "return query"),),
        rows=("TD16",),
    ),
]
