"""Bad days of the machine: no descriptors, no room on the disk, a store that goes away or breaks, a clock that is moved."""

import contextlib
import hashlib
import os
import re
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from server import BINARY, Store, environment, until
from test_faults import _close_kept, descriptors, gauge, nothing_leaks
from wire import PATIENCE, SANITIZED, Client, request, response


@pytest.mark.skipif(SANITIZED, reason="UBSan looks at memory through a pipe, and takes having none for a broken object")
def test_without_descriptors_accepting_pauses_and_comes_back(guard, upstream):
    postern = guard(config={"shards": 1})
    with nothing_leaks(postern, upstream), Client(postern.admin_port) as admin:

        def pauses():
            text = admin.ask(target="/metrics").body.decode()
            return int(next(line.split()[1] for line in text.splitlines() if line.startswith("postern_accept_pauses_total ")))

        assert pauses() == 0
        soft, hard = resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE)
        limit = 2 + max(int(name) for name in os.listdir(f"/proc/{postern.process.pid}/fd"))
        resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
        # The kernel takes them all, postern as many as it has descriptors for.
        clients = [postern.client() for _ in range(limit - descriptors(postern) + 5)]
        until(lambda: descriptors(postern) == limit, "every descriptor is used")
        until(pauses, "accepting pauses")
        resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for client in clients:
            assert client.ask().status == 200
        for client in clients:
            client.close()


@pytest.mark.skipif(SANITIZED, reason="UBSan looks at memory through a pipe, and takes having none for a broken object")
def test_without_descriptors_for_the_upstream_it_is_503(guard, upstream):
    postern = guard(config={"shards": 1})
    assert postern.ask().status == 200
    with nothing_leaks(postern, upstream):
        client = postern.client()
        client.ask(target="/closed/x")  # accepted, and nothing of the upstream is used
        used = descriptors(postern)
        _close_kept(upstream)
        until(lambda: gauge(postern, "upstream_connections") == 0, "no kept connection")
        soft, hard = resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE)
        until(lambda: descriptors(postern) <= used, "the questions for metrics are closed")
        lowest = 1 + max(int(name) for name in os.listdir(f"/proc/{postern.process.pid}/fd"))
        gaps = lowest - descriptors(postern)
        fillers = [postern.client() for _ in range(gaps)]
        for filler in fillers:
            assert filler.ask(target="/closed/x").status in (401, 403)
        resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE, (lowest, hard))
        reply = client.ask()
        assert reply.status == 503 and reply.get("retry-after")
        resource.prlimit(postern.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert client.ask().status == 200
        for one in [client, *fillers]:
            one.close()


def test_an_access_log_on_a_full_disk_costs_lines_and_no_request(guard):
    postern = guard(config={"log": {"access": "/dev/full"}})
    for _ in range(5):
        assert postern.ask().status == 200
    until(lambda: "postern_access_log_write_errors_total 0" not in postern.metrics(), "the errors are counted")


# --- the store goes away under a running server ---


def test_a_store_that_is_removed_is_503_and_never_open(guard, upstream, tokens):
    postern = guard()
    token = tokens["reader"]
    assert postern.ask(target="/private", token=token).status == 200
    moved = postern.folder / "moved"
    os.rename(postern.store.directory, moved)
    postern.wait_for_log("was removed while it was in use; put the old files back, or restart")
    reply = postern.ask(target="/private", token=token)
    assert reply.status == 503
    assert postern.ask(target="/private", token="pst_unknown").status in (401, 503)
    assert postern.ask(target="/private").status in (401, 503)
    assert postern.ask(target="/open").status == 200  # nobody has to be known for that
    ready = postern.admin("/readyz")
    assert ready.status == 503 and b"was removed" in ready.body
    os.rename(moved, postern.store.directory)
    postern.wait_for_log("it is back at its place")
    assert postern.ask(target="/private", token=token).status == 200
    assert postern.admin("/readyz").status == 200


def test_a_store_that_is_replaced_is_not_believed_any_more(guard, house, tokens):
    """Its mapped pages still hold the tokens of before: a revocation in the new one would never be seen."""
    postern = guard()
    assert postern.ask(target="/private", token=tokens["reader"]).status == 200
    os.rename(postern.store.directory, postern.folder / "old")
    house.copy_to(postern.store.directory)
    replaced = Store(postern.store.directory)
    replaced.run("token", "delete", replaced.token_id("reader"))
    postern.wait_for_log("was replaced while it was in use")
    assert postern.ask(target="/private", token=tokens["reader"]).status == 503
    assert postern.stop() == 0
    postern.start()
    assert postern.ask(target="/private", token=tokens["reader"]).status == 401
    assert postern.ask(target="/private", token=tokens["writer"]).status == 200


def test_a_broken_record_is_503_and_no_unknown_token(guard, upstream, tokens):
    postern = guard()
    assert postern.ask(target="/private", token=tokens["reader"]).status == 200
    state = postern.store.directory / "postern.store" / "state.mdb"
    key = hashlib.sha256(tokens["reader"].encode()).digest()
    places = [found.end() for found in re.finditer(re.escape(key), state.read_bytes())]
    assert places
    with state.open("r+b") as file:  # what the server has mapped, too
        for place in places:  # behind its key a record begins with its version
            file.seek(place)
            file.write(b"\xee")
    upstream.forget()
    for target in ("/private", "/open"):
        reply = postern.ask(target=target, token=tokens["reader"])
        assert reply.status == 503
        assert b'"store_unavailable"' in reply.body
    assert not upstream.received
    assert postern.ask(target="/private", token="pst_unknown").status == 401
    assert postern.ask(target="/private", token=tokens["writer"]).status == 200
    assert "store_broken" in [line.get("token_state") for line in postern.access_log(4)]


def test_a_full_disk_under_the_store_refuses_changes_and_nothing_else(guard, house, tokens, tmp_path):
    """A device of one megabyte where we may mount one, otherwise a limit on the size of files."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", place]).returncode == 0
    try:
        store = Store(house.copy_to(place / "store"))
        postern = guard(store=store.directory)
        if mounted:
            with contextlib.suppress(OSError), open(place / "filler", "wb", buffering=0) as filler:
                while filler.write(bytes(4096)):
                    pass
        secrets = {}
        for number in range(200):
            done = _create(store, f"late{number}", None if mounted else 4096)
            if done.returncode != 0:
                break
            secrets[number] = done.stdout.strip()
        assert done.returncode == 1 and re.search("disk is full|no space left|too large", done.stderr), done.stderr
        assert postern.ask(target="/private", token=tokens["reader"]).status == 200
        for secret in secrets.values():  # what was acknowledged holds
            assert postern.ask(target="/private", token=secret).status == 200
        store.run("store", "verify")
        if mounted:
            (place / "filler").unlink()
        assert postern.ask(target="/private", token=store.create_token("room again")).status == 200
        assert postern.stop() == 0
    finally:
        if mounted:
            subprocess.run(["umount", "-l", place], check=True)


def _create(store, name, file_size_max):
    """`token create` of a process that may not write beyond a size, if one is given."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size_max, file_size_max))

    return subprocess.run([BINARY, "token", "create", "--name", name, "--quiet", "--store", store.directory], capture_output=True, text=True,
                          preexec_fn=limit if file_size_max else None, env=environment(), timeout=PATIENCE)


# --- the clock ---


@pytest.mark.skipif(SANITIZED, reason="two libraries want to be loaded first")
def test_a_token_follows_the_clock_on_the_wall_and_a_deadline_does_not(guard, upstream, tmp_path):
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    assert library, "faketime is not installed (deploy/dependencies.txt)"
    clock = tmp_path / "clock"
    clock.write_text("+0")
    postern = guard(begin=False, config={"timeouts": {"response": "3s", "drain": "5s"}},
                    under=["env", "DONT_FAKE_MONOTONIC=1", "FAKETIME_NO_CACHE=1", f"FAKETIME_TIMESTAMP_FILE={clock}",
                           f"LD_PRELOAD={library}"])
    hour = postern.store.create_token("hour", "--expires", "1h")
    later = postern.store.create_token("later", "--not-before", "2h")
    postern.start()
    assert postern.ask(target="/private", token=hour).status == 200
    release = threading.Event()

    def answer(_, connection):
        release.wait(PATIENCE)
        return response()

    upstream.answer = answer
    with postern.client() as waiting:
        waiting.send(request("GET", "/private", token=hour))
        upstream.wait_for_requests(2)
        clock.write_text("+3h")
        assert postern.ask(target="/private", token=hour).status == 401
        later_one = postern.client()
        later_one.send(request("GET", "/private", token=later))
        upstream.wait_for_requests(3)
        clock.write_text("-3h")
        assert postern.ask(target="/closed", token=hour).status == 403
        release.set()
        assert waiting.reply().status == 200  # what was under way was neither cut off nor left hanging
        assert later_one.reply().status == 200
        later_one.close()
    release.clear()
    clock.write_text("+3h")
    began = time.monotonic()
    assert postern.ask(target="/open").status == 504
    assert 2.5 < time.monotonic() - began < PATIENCE
    release.set()
