"""The two pages that a person meets at the demo's authorization server: who are you, and do you allow this."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

__all__ = ["consent_page", "headers_for", "login_page", "problem_page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1c1b22; --paper: #fff; --ground: #f3f1f7; --line: #8a8594;
  --stamp: #5b2a9d; --on-stamp: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eeebf4; --paper: #26232e; --ground: #17151c; --line: #8d8799; --stamp: #c6a5ff; --on-stamp: #201235 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(30rem, 100%); background: var(--paper); border-radius: 1rem; padding: 2rem; box-shadow: 0 .5rem 2rem #0002 }
.mark { display: inline-grid; place-items: center; width: 3rem; height: 3rem; border: .2rem solid var(--stamp);
  border-radius: 50%; color: var(--stamp); font-weight: 700; transform: rotate(-12deg) }
h1 { font-size: 1.35rem; line-height: 1.25; margin: 1rem 0 .5rem }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0 }
dt { opacity: .75 } dd { margin: 0; overflow-wrap: anywhere }
label { display: block; margin: 1rem 0 .25rem }
input { width: 100%; padding: .6rem .75rem; border: 1px solid var(--line); border-radius: .5rem;
  background: transparent; color: inherit; font: inherit }
.buttons { display: flex; gap: .75rem; margin-top: 1.5rem }
button { flex: 1; padding: .65rem 1rem; border-radius: .5rem; border: 1px solid var(--line);
  background: transparent; color: inherit; font: inherit; cursor: pointer }
button.go { background: var(--stamp); border-color: var(--stamp); color: var(--on-stamp); font-weight: 600 }
:focus-visible { outline: .2rem solid var(--stamp); outline-offset: .15rem }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

MEANING = {
    "read": "see your stamps",
    "write": "give stamps in your name",
    "openid": "know who you are",
    "offline_access": "stay signed in while you are away",
}


def login_page(transaction: str) -> str:
    """Asks for a name. Any name will do: nothing here is worth a password."""
    return _page(
        "Sign in",
        f"""<form method="post" action="login">
<input type="hidden" name="transaction" value="{escape(transaction)}">
<label for="username">Your name or address</label>
<input id="username" name="username" type="text" autocomplete="username" required autofocus placeholder="you@example.com">
<div class="buttons"><button class="go" type="submit">Sign in</button></div>
</form>""",
    )


def consent_page(
    transaction: str, *, user: str, client_name: str, redirect_uri: str, scopes: Sequence[str], resource: str
) -> str:
    """Names the client, where the answer goes and every scope (A-52: a loopback client can be impersonated, so show the host)."""
    wishes = "".join(f"<dt>{escape(scope)}</dt><dd>{escape(MEANING.get(scope, 'whatever that means'))}</dd>" for scope in scopes)
    return _page(
        f"{client_name} asks to act for you",
        f"""<dl>
<dt>You are</dt><dd>{escape(user)}</dd>
<dt>For</dt><dd>{escape(resource or "no particular server")}</dd>
<dt>Answer goes to</dt><dd>{escape(urlsplit(redirect_uri).netloc)}</dd>
</dl>
<dl>{wishes}</dl>
<form method="post" action="consent">
<input type="hidden" name="transaction" value="{escape(transaction)}">
<div class="buttons">
<button type="submit" name="decision" value="deny">Deny</button>
<button class="go" type="submit" name="decision" value="allow">Allow</button>
</div>
</form>""",
    )


def problem_page(what: str) -> str:
    """What cannot go on, in a sentence."""
    return _page("This does not work", f"<p>{escape(what)}</p>")


def headers_for(redirect_uri: str | None = None) -> dict[str, str]:
    """What keeps a page to itself. Chromium holds `form-action` against the redirect after a form too: it names the client."""
    targets = "'self'"
    if redirect_uri:
        split = urlsplit(redirect_uri)
        targets += f" {split.scheme}://{split.netloc}"
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)} · Handstamp demo</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<div class="mark" aria-hidden="true">IN</div>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
