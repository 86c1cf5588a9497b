"""TA: discovery and the network."""

from mutation.guard import Edit, Guard

ADDRESSES = "http/addresses.py"
BODY = "http/body.py"
DRIVE = "http/drive.py"
GUARD = "http/guard.py"
TRUST = "http/trust.py"
JSON = "protocol/exchange.py"
METADATA = "protocol/metadata.py"
URLS = "protocol/urls.py"
WIRE = "http/wire.py"

REDIRECT = "if there.userinfo or _origin(there) != _origin(here):"

GUARDS = [
    Guard(
        "nobody is let into addresses that nobody serves at",
        (
            Edit(GUARD, "zone = max(zones)\n        if zone is Zone.NOWHERE:", "zone = max(zones)\n        if False:"),
            Edit(GUARD, "if zone > await self._find_reach():", "if zone is not Zone.NOWHERE:"),
        ),
        rows=("TA1", "TA3"),
    ),
    Guard(
        "a public server does not point inside",
        (Edit(GUARD, "if zone > await self._find_reach():", "if False:"),),
        rows=("TA2", "TA7", "TA8", "TA12"),
    ),
    Guard(
        "a private server does not point at this machine",
        (
            Edit(
                GUARD,
                "if zone > await self._find_reach():",
                "if await self._find_reach() is Zone.PUBLIC:",
            ),
        ),
        rows=("TA2",),
    ),
    Guard(
        "the inner services of clouds have a list of their own",
        (
            Edit(
                ADDRESSES,
                '            "100.100.100.200/32",\n            "168.63.129.16/32",\n            "fd00:ec2::/32",\n',
                "",
            ),
        ),
        rows=("TA3",),
    ),
    Guard("an address inside of another is judged", (Edit(ADDRESSES, "address = _translated(address)", "pass"),), rows=("TA4",)),
    Guard("6to4 leads nowhere", (Edit(ADDRESSES, '            "2002::/16",\n', ""),), rows=("TA4",)),
    Guard(
        "an address in disguise is refused when it is read",
        (Edit(URLS, "if _NUMBER.fullmatch(labels[-1]) and not", "if False and not"),),
        rows=("TA5",),
    ),
    Guard(
        "an address in disguise is refused when it is sent",
        (Edit(WIRE, 'and not NUMBER.fullmatch(url.raw_host.rpartition(b".")[2])', ""),),
        rows=("TA5",),
    ),
    Guard(
        "what a name resolves to is judged, however it is written",
        (Edit(GUARD, "[find_zone(address) for address in addresses]", "[_zone_by_name(host)]"),),
        rows=("TA2", "TA8"),
    ),
    Guard(
        "a host is read by a strict grammar",
        (Edit(URLS, "not all(_LABEL.fullmatch(label) for label in labels)", "False"),),
        rows=("TA6",),
    ),
    Guard("a host is sent by a strict grammar", (Edit(WIRE, "or not _is_host(url) or", "or"),), rows=("TA6",)),
    Guard(
        "the judged addresses are the dialled ones",
        (Edit("http/dial.py", "await self._tcp.connect_tcp(str(address), port,", "await self._tcp.connect_tcp(host, port,"),),
        rows=("TA7",),
    ),
    Guard(
        "a server that has moved inside is refused",
        (Edit(GUARD, "if self._innermost is not None and max(zones) > self._innermost:", "if False:"),),
        rows=("TA7",),
    ),
    Guard(
        "a set of addresses is judged by its innermost",
        (Edit(GUARD, "zone = max(zones)\n", "zone = min(zones)\n"),),
        rows=("TA8",),
    ),
    Guard(
        "a server with an address outside counts as one outside",
        (Edit(GUARD, "reach = min(zones)", "reach = max(zones)"),),
        rows=("TA8",),
    ),
    Guard(
        "this machine shares its name with no other",
        (Edit(GUARD, "if zone is Zone.LOOPBACK and min(zones) is not zone:", "if False:"),),
        rows=("TA8",),
    ),
    Guard("a redirect stays within its origin", (Edit(WIRE, REDIRECT, "if there.userinfo:"),), rows=("TA9", "TA10")),
    Guard("redirects are few", (Edit(DRIVE, "for _ in range(MAX_REDIRECTS):", "for _ in range(9):"),), rows=("TA9",)),
    Guard(
        "only metadata is redirected",
        (Edit(WIRE, "if not request.may_redirect or response.status", "if response.status"),),
        rows=("TA9",),
    ),
    Guard(
        "plain http is for a server on this machine",
        (Edit(URLS, 'if parts.scheme == "https" or (parts.is_loopback and is_loopback(near)):', "if True:"),),
        rows=("TA11", "TA12"),
    ),
    Guard(
        "a server is named with https",
        (Edit(URLS, 'if url.scheme == "http" and not url.is_loopback:', "if False:"),),
        rows=("TA11",),
    ),
    Guard(
        "nothing but https leaves the machine",
        (Edit(WIRE, 'or (url.scheme == "http" and _is_loopback(_host(url))):', 'or url.scheme == "http":'),),
        rows=("TA11",),
    ),
    Guard(
        "a compressed body is unpacked under the cap",
        (
            Edit(BODY, "self._decoder.decompress(chunk, room + 1)", "self._decoder.decompress(chunk)"),
            Edit(BODY, "if self._received > MAX_CODED:", "if False:"),
            Edit(BODY, "if len(chunk) > room:", "if False:"),
        ),
        rows=("TA13",),
    ),
    Guard("a compressed body has a cap of its own", (Edit(BODY, "if self._received > MAX_CODED:", "if False:"),), rows=("TA13",)),
    Guard("one content coding is undone at most", (Edit(BODY, "if len(codings) > 1 or", "if"),), rows=("TA13",)),
    Guard(
        "no compression is asked for", (Edit(WIRE, '"accept-encoding": "identity"', '"accept-encoding": "gzip"'),), rows=("TA13",)
    ),
    Guard("a body ends at the cap", (Edit(BODY, "if len(chunk) > room:", "if False:"),), rows=("TA14",)),
    Guard(
        "a deadline holds for the whole answer",
        (Edit(DRIVE, "with anyio.CancelScope(deadline=ends_at):", "with anyio.CancelScope(deadline=ends_at + 9):"),),
        rows=("TA15",),
    ),
    Guard("JSON is nested within bounds", (Edit(JSON, "_check_depth(text, what)", "pass"),), rows=("TA16",)),
    Guard("a member of JSON occurs once", (Edit(JSON, "if len(members) != len(pairs):", "if False:"),), rows=("TA16",)),
    Guard(
        "numbers of JSON are finite", (Edit(JSON, 'raise ValueError(f"{name} is not JSON")', "raise KeyError"),), rows=("TA16",)
    ),
    Guard(
        "header lines are numbered", (Edit(WIRE, "if len(answer.headers.raw) > MAX_HEADER_LINES:", "if False:"),), rows=("TA17",)
    ),
    Guard(
        "what is no document leaves the next address to be asked",
        (Edit(METADATA, "            failures.append(Tried(purpose, url, status, error))\n", "            raise\n"),),
        rows=("TA18",),
    ),
    Guard(
        "nobody makes us wait for more than an hour",
        (Edit("protocol/answers.py", "MAX_RETRY_AFTER = 3600.0", "MAX_RETRY_AFTER = 1e300"),),
        rows=("TA18",),
    ),
    Guard(
        "a failure is no absence",
        (
            Edit(METADATA, "    refuse_unavailable(request, response)\n", ""),
            Edit(METADATA, "(404, 405, 410)", "(404, 405, 410, 429, 500, 503)"),
        ),
        rows=("TA19",),
    ),
    Guard(
        "certificates are verified",
        (
            Edit(
                TRUST,
                "context.minimum_version = ssl.TLSVersion.TLSv1_2\n",
                "context.check_hostname = False\n    context.verify_mode = ssl.CERT_NONE\n",
            ),
        ),
        rows=("TA20",),
    ),
    Guard(
        "certificates are of the host that was asked",
        (Edit(TRUST, "context.minimum_version = ssl.TLSVersion.TLSv1_2\n", "context.check_hostname = False\n"),),
        rows=("TA20",),
    ),
    Guard(
        "the environment brings no certificates",
        (Edit(TRUST, "create_ssl_context(trust_env=False)", "create_ssl_context(trust_env=True)"),),
        rows=("TA21",),
    ),
    Guard(
        "a proxy is not asked for what lies inside",
        (Edit(GUARD, "await self._guard.admit_unresolved(host, request.url.port or 443)", "pass"),),
        rows=("TA21",),
    ),
    Guard(
        "a proxy is asked for no address in disguise",
        (Edit(GUARD, ' or NUMBER.fullmatch(name.rpartition(".")[2])', ""),),
        tests=("tests/http/test_guard.py::test_a_proxy_is_asked_for_no_address_in_disguise",),
    ),
    Guard(
        "nothing but https leaves by a lent transport",
        (Edit(GUARD, 'if request.url.scheme != "https":', "if False:"),),
        tests=("tests/http/test_guard.py::test_a_lent_transport_speaks_plain_http_to_this_machine_alone",),
    ),
    Guard(
        "how far inside a server lies is only ever narrowed",
        (Edit(GUARD, "reach if self._reach is None else min(reach, self._reach)", "reach"),),
        tests=("tests/http/test_guard.py::test_the_reach_of_a_server_is_never_widened",),
    ),
    Guard(
        "names that mean something inside count as private",
        (Edit(GUARD, "return Zone.PRIVATE if is_inner else Zone.PUBLIC", "return Zone.PUBLIC"),),
        rows=("TA21",),
    ),
    Guard(
        "the names of clouds' services are known",
        (Edit(GUARD, "if name in METADATA_NAMES or", "if"),),
        rows=("TA21",),
    ),
    Guard(
        "an exchange has a budget of requests",
        (Edit(DRIVE, "if self._requests > MAX_REQUESTS:", "if False:"),),
        rows=("TA22",),
    ),
    Guard(
        "a platform knocks at the ports of https alone",
        (Edit(GUARD, "if port not in PUBLIC_PORTS:", "if False:"),),
        rows=("TA22",),
    ),
    Guard(
        "what was answered is described and not repeated",
        (
            Edit(JSON, 'return f"{len(body)} bytes of something else"', "return body.decode()"),
            Edit(
                METADATA,
                'got HTTP {response.status}.")\n    if response.media_type',
                'got {response.body!r}.")\n    if response.media_type',
            ),
        ),
        rows=("TA23",),
    ),
    Guard(
        "no other address of a document is fetched",
        (
            # The other way round: there is nothing to take out, so a fetch is put in.
            Edit(
                METADATA,
                "            found = judge(url, _read_document(request, response))\n",
                "            document = _read_document(request, response)\n"
                '            if "jwks_uri" in document:\n'
                '                yield Request("GET", str(document["jwks_uri"]), purpose)\n'
                "            found = judge(url, document)\n",
            ),
        ),
        rows=("TA24",),
    ),
    Guard(
        "localhost is this machine whatever a resolver says",
        (Edit(GUARD, "if _is_localhost(host):", "if False:"),),
        tests=("tests/http/test_guard.py::test_localhost_is_this_machine_whatever_a_resolver_says",),
    ),
    Guard(
        "a proxy of a person's own settings is verified like a server",
        (Edit(GUARD, "self._tls if proxy.url.scheme", "ssl._create_unverified_context() if proxy.url.scheme"),),
        tests=("tests/http/test_guard.py::test_a_proxy_over_tls_is_verified_too",),
    ),
    Guard(
        "a resolver that hangs holds up no event loop",
        (Edit("http/dial.py", "        flight.start()\n", "        raise RuntimeError\n"),),
        tests=("tests/http/test_dial.py::test_a_resolver_that_hangs_ends_with_the_connections_time_out",),
    ),
]
