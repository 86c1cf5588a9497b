"""What the servers of a scenario saw: the evidence."""

from authority import Authority

__all__ = ["asked", "forms", "steps"]


def asked(site: Authority) -> list[str]:
    """`server POST /mcp`, `authority GET /.well-known/…`: every request, in the order of arrival."""
    return [f"{seen.at} {seen.method} {seen.path}" for seen in site.log]


def steps(site: Authority) -> list[str]:
    """`authorize`, `token` …: what the authorization server was asked besides its metadata."""
    return [seen.path.rpartition("/")[2] for seen in site.log if seen.at == "authority" and "/.well-known/" not in seen.path]


def forms(site: Authority, grant_type: str) -> list[dict[str, str]]:
    """The token requests of one kind."""
    return [form for form in site.token_requests if form["grant_type"] == grant_type]
