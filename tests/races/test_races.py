"""
Many who want one token at the same moment, and the ways in which one of them can die over it.

Everybody is a real process with a real vault on disk; the authority ends the whole grant when a refresh token comes twice. Nobody
sleeps: programs say in lines how far they are, and the authority holds its answer until all are where they should be.
"""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256

import pytest

from handstamp.model import Token
from races.conftest import Track
from stores.processes import finish, read_line

PROCESSES = 8
TASKS = 50
REQUESTS = 10
"""Of each process; each is a connection of its own."""

START = """
import asyncio, hashlib, os, sys
import handstamp
url = sys.argv[1]

def say(line):
    print(line, flush=True)

def fingerprint(token):
    return hashlib.sha256(token.access_token.reveal().encode()).hexdigest()
"""

ASK = (
    START
    + """
tasks, asking = int(sys.argv[2]), 0

async def ask(vault):
    global asking
    asking += 1
    if asking == tasks:
        say("asking")
    return fingerprint(await vault.token(url))

async def main(vault):
    return await asyncio.gather(*(ask(vault) for _ in range(tasks)))

with handstamp.Vault.open() as vault:
    try:
        say(" ".join(set(asyncio.run(main(vault)))))
    except handstamp.HandstampError as error:
        say(f"{error.code}: {error.hint}")
"""
)

CALL = (
    START
    + """
import httpx2
tasks, refused = int(sys.argv[2]), 0
ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}

async def watch(response):
    global refused
    if response.status_code == 401:
        refused += 1
        if refused == tasks:
            say("refused")

async def main(vault):
    async with httpx2.AsyncClient(auth=vault.auth(url), event_hooks={"response": [watch]}, timeout=40, verify=False) as http:
        return await asyncio.gather(*(http.post(url, json=ping) for _ in range(tasks)))

with handstamp.Vault.open() as vault:
    responses = asyncio.run(main(vault))
    say(" ".join({str(response.status_code) for response in responses}))
    say(fingerprint(vault.sync.token(url)))
"""
)

HOLD = (
    START
    + """
from pathlib import Path
from handstamp.wiring import build_parts
store = build_parts(Path(os.environ["HANDSTAMP_STATE_DIR"]), announce=say).store
with store.lock(store.find_grant("local", url, "default").key):
    say("held")
    sys.stdin.readline()
"""
)

END_IN_FLIGHT = (
    START
    + """
import atexit, threading
import handstamp.flight
atexit.register(say, "ending")

def ask(vault):
    vault.sync.token(url)

vault = handstamp.Vault.open()
threading.Thread(target=ask, args=(vault,), daemon=True).start()
sys.stdin.readline()
"""
)

FORK_IN_FLIGHT = (
    START
    + """
import threading, warnings
vault = handstamp.Vault.open()
thread = threading.Thread(target=vault.sync.token, args=(url,))
thread.start()
sys.stdin.readline()
# Python 3.12 warns of what this is about: a fork beside threads.
warnings.simplefilter("ignore", DeprecationWarning)
child = os.fork()
if child == 0:
    say("forked")
    say(fingerprint(vault.sync.token(url)))
    os._exit(0)
thread.join()
sys.exit(os.waitpid(child, 0)[1])
"""
)


def fingerprint(token: Token) -> str:
    """As the programs say it: a token itself belongs into no output."""
    return sha256(token.access_token.reveal().encode()).hexdigest()


@contextmanager
def ended(*processes: "subprocess.Popen[str]") -> Generator[None, None, None]:
    """Nobody outlives a test, however it ends."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def let_go(track: Track) -> None:
    """The authority answers what it holds, and everything that comes after it."""
    track.authority.turn(token_status=None)
    track.authority.release()


def hold_answers(track: Track) -> None:
    track.authority.turn(token_status="hang")


def test_four_hundred_tasks_in_eight_processes_refresh_an_ended_token_once(track: Track) -> None:
    """TE9."""
    track.plant()
    hold_answers(track)

    programs = [track.start(ASK, TASKS) for _ in range(PROCESSES)]
    with ended(*programs):
        asking = [read_line(program) for program in programs]
        assert track.authority.token_request_arrived.wait(20)
        let_go(track)
        answers = [finish(program).split() for program in programs]

    assert asking == ["asking"] * PROCESSES
    assert answers == [[fingerprint(track.grant.token)]] * PROCESSES
    assert track.authority.refreshes == 1


def test_eighty_requests_of_eight_processes_are_answered_401_and_refresh_once(track: Track) -> None:
    """TE9. The token is young by the clock; only the server knows that it has ended."""
    track.plant(age=0)
    track.authority.expire_access_tokens()
    hold_answers(track)

    programs = [track.start(CALL, REQUESTS) for _ in range(PROCESSES)]
    with ended(*programs):
        refused = [read_line(program) for program in programs]
        assert track.authority.token_request_arrived.wait(20)
        let_go(track)
        answers = [finish(program).split() for program in programs]

    assert refused == ["refused"] * PROCESSES
    assert answers == [["200", fingerprint(track.grant.token)]] * PROCESSES
    assert track.authority.refreshes == 1
    assert track.authority.counts["refreshes"]["reused"] == 0


def test_who_holds_the_lock_and_is_killed_leaves_it_to_the_next(track: Track) -> None:
    """TG17."""
    track.plant()
    holder = track.start(HOLD)
    with ended(holder):
        assert read_line(holder) == "held"
        waiters = [track.start(ASK, 1) for _ in range(2)]
        with ended(*waiters):
            asking = [read_line(waiter) for waiter in waiters]
            assert track.authority.refreshes == 0

            holder.kill()
            answers = [finish(waiter).split() for waiter in waiters]

    assert asking == ["asking"] * 2
    assert answers == [[fingerprint(track.grant.token)]] * 2
    assert track.authority.refreshes == 1


def test_who_is_killed_while_waiting_is_in_nobodys_way(track: Track) -> None:
    track.plant()
    with track.store.lock(track.grant.key):
        killed, spared = [track.start(ASK, 1) for _ in range(2)]
        with ended(killed):
            asking = read_line(killed), read_line(spared)
            killed.kill()
            killed.wait()

    with ended(spared):
        answer = finish(spared).split()

    assert asking == ("asking", "asking")
    assert answer == [fingerprint(track.grant.token)]
    assert track.authority.refreshes == 1


def test_who_is_killed_before_the_server_saw_the_request_costs_nobody_the_grant(track: Track) -> None:
    """TE11. The server never acted upon it, so the next one's refresh token is still good."""
    track.plant()
    hold_answers(track)
    killed = track.start(ASK, 1)
    with ended(killed):
        assert track.authority.token_request_arrived.wait(20)
        track.authority.turn(token_status=None)
        spared = track.start(ASK, 1)
        with ended(spared):
            assert read_line(spared) == "asking"

            killed.kill()
            answer = finish(spared).split()

    assert answer == [fingerprint(track.grant.token)]
    assert track.authority.counts["refreshes"]["reused"] == 0


def test_who_is_killed_after_the_server_rotated_leaves_a_loss_that_is_told(track: Track) -> None:
    """TE11. The new token died with the killed process, and a strict server takes the old one for stolen: no one can help it."""
    track.plant()
    hold_answers(track)
    killed = track.start(ASK, 1)
    with ended(killed):
        assert track.authority.token_request_arrived.wait(20)
        track.authority.token_request_arrived.clear()
        spared = track.start(ASK, 1)
        with ended(spared):
            assert read_line(spared) == "asking"
            killed.kill()
            assert track.authority.token_request_arrived.wait(20)

            let_go(track)  # the killed one's request first, then the other's
            answer = finish(spared).strip()

    assert answer == f"login_required: handstamp login {track.url}"
    assert track.authority.refreshes == 2


def test_a_task_that_is_cancelled_in_flight_does_not_lose_the_refresh(track: Track) -> None:
    """TE18."""
    track.plant()
    hold_answers(track)

    async def give_up() -> None:
        task = asyncio.create_task(track.vault.token(track.url))
        assert await asyncio.to_thread(track.authority.token_request_arrived.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    let_go(track)

    assert_landed(track)


def test_an_event_loop_that_ends_in_flight_does_not_lose_the_refresh(track: Track) -> None:
    """TE18. Whoever comes next, from another loop, takes what the dead one began."""
    track.plant()
    hold_answers(track)
    abandoned = list[asyncio.Task[Token]]()

    async def leave() -> None:
        abandoned.append(asyncio.create_task(track.vault.token(track.url)))
        assert await asyncio.to_thread(track.authority.token_request_arrived.wait, 20)

    async def go_on() -> Token:
        asyncio.get_running_loop().call_soon(let_go, track)
        return await track.vault.token(track.url)

    asyncio.run(leave())
    token = asyncio.run(go_on())

    assert abandoned[0].cancelled()
    assert_landed(track)
    assert token == track.grant.token


def test_a_program_that_ends_in_flight_stores_what_comes(track: Track) -> None:
    """TE18. A name that has to be looked up then: `tests/http/test_dial.py`."""
    track.plant()
    hold_answers(track)
    before = track.grant.generation

    program = track.start(END_IN_FLIGHT)
    with ended(program):
        assert track.authority.token_request_arrived.wait(20)
        assert program.stdin is not None
        program.stdin.write("end\n")
        program.stdin.flush()
        assert read_line(program) == "ending"
        let_go(track)
        finish(program)

    assert track.grant.generation == before + 2  # begun, and done
    assert_landed(track)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    "signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGHUP, signal.SIGTERM), (signal.SIGINT, signal.SIGINT)]
)
def test_a_command_that_is_ended_while_its_refresh_is_under_way_stores_it_first(
    signals: tuple[signal.Signals, ...], track: Track
) -> None:
    """TE18, decision 13: hooks are ended by time-outs, and people press Ctrl-C twice."""
    track.plant()
    hold_answers(track)
    before = track.grant.generation

    program = start_command(track)
    with ended(program):
        assert track.authority.token_request_arrived.wait(20)
        for each in signals:
            program.send_signal(each)
        let_go(track)
        out, err = program.communicate(timeout=30)

    assert track.grant.generation == before + 2  # begun, and done
    assert "Traceback" not in err
    assert out == ""
    assert_landed(track)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_command_that_is_to_outlive_its_terminal_does(track: Track) -> None:
    """`nohup` starts it with SIGHUP ignored."""
    track.plant()
    hold_answers(track)

    program = start_command(track, "nohup")
    with ended(program):
        assert track.authority.token_request_arrived.wait(20)
        program.send_signal(signal.SIGHUP)
        let_go(track)
        out, _ = program.communicate(timeout=30)

    assert program.returncode == 0
    assert out.strip() == track.grant.token.access_token.reveal()


def test_a_command_whose_output_nobody_wants_any_more_stores_what_comes(track: Track) -> None:
    """TE18: `handstamp token linear | head -0`."""
    track.plant()
    hold_answers(track)

    program = start_command(track)
    assert program.stdout is not None
    with ended(program):
        assert track.authority.token_request_arrived.wait(20)
        program.stdout.close()
        let_go(track)
        program.wait(30)

    assert_landed(track)


def start_command(track: Track, *before: str) -> "subprocess.Popen[str]":
    """`handstamp token`, with nothing to read."""
    return subprocess.Popen(
        [*before, sys.executable, "-m", "handstamp", "token", track.url],
        env={**os.environ, **track.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_program_that_ends_while_it_waits_does_not_wait(track: Track) -> None:
    track.plant()

    with track.store.lock(track.grant.key):
        program = track.start(END_IN_FLIGHT)
        with ended(program):
            finish(program, "end\n")

    assert track.authority.refreshes == 0


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_child_that_is_forked_in_flight_gets_its_parents_token(track: Track) -> None:
    """The parent's flight does not exist in the child, nor does the child keep the parent's lock."""
    track.plant()
    hold_answers(track)

    program = track.start(FORK_IN_FLIGHT)
    with ended(program):
        assert track.authority.token_request_arrived.wait(20)
        assert program.stdin is not None
        program.stdin.write("fork\n")
        program.stdin.flush()
        assert read_line(program) == "forked"
        let_go(track)
        answer = finish(program).split()

    assert answer == [fingerprint(track.grant.token)]
    assert track.authority.refreshes == 1


def assert_landed(track: Track) -> None:
    """The one refresh that was sent has been stored, and its token is good."""
    for thread in threading.enumerate():
        if thread.name == "handstamp-renew":
            thread.join(20)
    grant = track.grant
    assert track.vault.sync.token(track.url) == grant.token
    assert track.authority.refreshes == 1
    assert grant.token.refresh_token is not None
