"""
What holds in every history. Each is a name and a sentence that says how it was broken.

    the lock is held            whoever sends a refresh token holds the grant's lock
    written ahead               and has written that it does so before
    sent once                   a refresh token is sent again only if the former send had no definite answer, or its receiver was
                                killed before it could write
    the newest is sent          never one that a stored one has taken the place of
    refused is refused          never one that is noted as refused
    not before it is due        a token that is good and was not rejected is left alone
    in peace                    no process asks again before the time that `Retry-After` said
    no storm                    no process sends more than a few requests a minute
    at once                     an answer that was lost is asked for again while the server's grace lasts
    only a person forgets       no answer of a server, and none that is missing, deletes a grant
    never back                  the store never goes from a token to an older one, nor from nothing to a refreshed one
    written, then handed out    nobody gets a token that is not on disk
    no dead token               nobody gets a token that has ended
    the newest is used          what a sibling wrote more than a second ago is seen
    served                      a token that is alive is served, however the network is
    served at once              and nobody waits for the network if it is good
    only if there is no way     LoginRequired means that the server would not renew
    the right error             no error of the network or the store where nothing of the kind happened
    an answer                   whoever asks hears something in time, and nobody waits for ever
    told once                   one `NeedsLogin` for a refresh token
    nothing is lost             what a living process received is on disk in the end
    life goes on                when all faults are over, everybody gets a token that the server would give
"""

from simulation.invariants.calls import judge_error, judge_recovery, judge_token, judge_told
from simulation.invariants.requests import judge_reuse, judge_send
from simulation.invariants.truth import fingerprint_of, is_another, moment
from simulation.invariants.writes import judge_end, judge_write

__all__ = [
    "fingerprint_of",
    "is_another",
    "judge_end",
    "judge_error",
    "judge_recovery",
    "judge_reuse",
    "judge_send",
    "judge_token",
    "judge_told",
    "judge_write",
    "moment",
]
