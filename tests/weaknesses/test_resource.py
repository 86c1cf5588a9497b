"""`resource` goes into every request of the protocol, as the server's metadata writes it."""

from authority import Authority, StartAuthority
from weaknesses.machine import Machine, call


def spelled_out(site: Authority) -> str:
    """The server's URL in another spelling, which a client may not tidy up: A-14 allows it, the token is bound to it."""
    return site.server_url.replace("http://", "HTTP://") + "/"


def test_resource_is_in_the_authorization_the_token_and_the_refresh_request_byte_for_byte(
    machine: Machine, authority: StartAuthority
) -> None:
    """A-64, W18: the reference stripped it from the first, left it out of the last, and got tokens for the wrong audience."""
    site = authority()
    resource = spelled_out(site)
    site.turn(resource_in_metadata=resource)
    vault = machine.sign_in(site)
    site.expire_access_tokens()

    status = call(vault, site.server_url)

    assert status == 200
    assert [seen.query["resource"] for seen in site.requests_to("/authorize")] == [resource]
    assert [(form["grant_type"], form["resource"]) for form in site.token_requests] == [
        ("authorization_code", resource),
        ("refresh_token", resource),
    ]


def test_resource_outlives_the_process_that_learned_it(machine: Machine, authority: StartAuthority) -> None:
    """W18: another process refreshes, without asking for the metadata again."""
    site = authority()
    resource = spelled_out(site)
    site.turn(resource_in_metadata=resource)
    machine.sign_in(site)
    machine.expire(site)
    requests = len(site.log)

    ran = machine.home.run("token", site.server_url)

    assert ran.exit_code == 0
    assert [seen.form.get("resource") for seen in site.log[requests:]] == [resource]
