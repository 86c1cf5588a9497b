"""Many processes share one rotating refresh token: one sends it, the others take what it brought."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from functools import partial
from threading import Event

import pytest

from authority import Authority, StartAuthority
from authority.client import PlainClient
from handstamp.model import GrantKey, Secret
from weaknesses.machine import Machine, call, reveal

PROCESSES = 3


TOKEN_COMMAND = """
import sys
from handstamp.cli import run
from handstamp.stores.sqlite import SqliteStore

class TalkingStore(SqliteStore):
    def lock(self, key, **options):
        print("at the lock", file=sys.stderr, flush=True)
        return super().lock(key, **options)

import handstamp.stores.sqlite
handstamp.stores.sqlite.SqliteStore = TalkingStore
sys.exit(run(["token", sys.argv[1]]))
"""
"""`handstamp token`, which says when it has found the token expired and is about to wait for the others."""


def test_processes_that_meet_an_expired_token_send_one_refresh_and_print_one_token(
    machine: Machine, authority: StartAuthority
) -> None:
    """W14: the reference's second process was told invalid_grant and then deleted what the first had just saved."""
    site = authority()
    machine.sign_in(site)
    expired = machine.expire(site)

    with ExitStack() as stack:
        with machine.vault()._parts.store.lock(expired.key):
            commands = [stack.enter_context(machine.home.start_python(TOKEN_COMMAND, site.server_url)) for _ in range(PROCESSES)]
            for running in commands:
                running.wait_for("at the lock")
        ran = [running.finish() for running in commands]

    assert [each.exit_code for each in ran] == [0] * PROCESSES
    assert {each.stdout for each in ran} == {f"{reveal(machine.stored(site).token.access_token)}\n"}
    assert site.counts["refreshes"] == {"ok": 1, "reused": 0, "refused": 0}


def test_vaults_that_meet_an_expired_token_at_once_send_one_refresh(
    machine: Machine, authority: StartAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W14: within one process, but with nothing shared except the files."""
    site = authority()
    machine.sign_in(site)
    expired = machine.expire(site)
    vaults = [machine.vault() for _ in range(PROCESSES)]
    at_the_lock: list[Event] = []
    for vault in vaults:
        store, arrived = vault._parts.store, Event()
        at_the_lock.append(arrived)
        monkeypatch.setattr(store, "lock", partial(lock_after, arrived.set, store.lock))

    with ThreadPoolExecutor(PROCESSES) as threads:
        with machine.vault()._parts.store.lock(expired.key):
            asked = [threads.submit(call, vault, site.server_url) for vault in vaults]
            found_it_expired = [each.wait(20) for each in at_the_lock]
        statuses = [each.result(20) for each in asked]

    assert found_it_expired == [True] * PROCESSES
    assert statuses == [200] * PROCESSES
    assert site.counts["refreshes"] == {"ok": 1, "reused": 0, "refused": 0}


def lock_after(
    say: Callable[[], None], lock: Callable[..., AbstractContextManager[bool]], key: GrantKey, **options: bool
) -> AbstractContextManager[bool]:
    say()
    return lock(key, **options)


def refresh_elsewhere(machine: Machine, site: Authority) -> str:
    """What a program does that knows nothing of our lock: spends the refresh token and saves what came of it."""
    grant = machine.stored(site)
    with PlainClient(site.issuer, site.server_url) as client:
        client.client_id = grant.registration.client_id
        fresh = client.refresh(reveal(grant.token.refresh_token) or "").raise_for_status().json()
    token = replace(
        grant.token,
        access_token=Secret(fresh["access_token"]),
        refresh_token=Secret(fresh["refresh_token"]),
        obtained_at=grant.token.obtained_at + 7200,
        expires_at=machine.clock() + 3600,
    )
    machine.vault()._parts.store.save_grant(replace(grant, token=token))
    return str(fresh["access_token"])


def test_who_loses_the_race_for_the_refresh_token_takes_the_winner_s_and_deletes_nothing(
    machine: Machine, authority: StartAuthority
) -> None:
    """W14: even without a lock between them, as on a network file system that has none."""
    site = authority()
    site.turn(reuse_detection=False)
    machine.sign_in(site)
    machine.expire(site)
    vault = machine.vault()
    site.turn(token_status="hang")
    site.token_request_arrived.clear()

    with ThreadPoolExecutor(1) as threads:
        loser = threads.submit(vault.sync.token, site.server_url)
        assert site.token_request_arrived.wait(20)
        site.turn(token_status=None)
        winner = refresh_elsewhere(machine, site)
        site.release()
        adopted = loser.result(20)

    assert reveal(adopted.access_token) == winner
    assert reveal(machine.stored(site).token.access_token) == winner
    assert site.counts["refreshes"]["ok"] == 1
    assert site.refreshes == 2
