"""
One examination of a server: the steps of a sign-in and of a request, as far as they change nothing.

    reach ─→ ask without a token ─→ discover ─→ rehearse a sign-in ─→ look up what is stored ─→ show its token

What holds at every point:
- The steps and judgements are those of `handstamp.login` and `handstamp.protocol`. Nothing here finds metadata or judges it a
  second time, so that a diagnosis says what a sign-in would meet.
- Nothing is changed: no registration, no browser, no refresh, no write to the store. What is sent: one MCP request without a
  token, GETs for metadata, and one MCP request with the stored token, if that is fresh.
- The token goes to its own server alone, as in each request of a client's.
"""
