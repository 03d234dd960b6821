"""A long time under full load, with faults on every side. Afterwards everything is as it was before."""

import os
import random
import re
import socket
import struct
import subprocess
import threading
import time


import pytest

from server import POLICY, until
from wire import Client, chunked, request, response

SECONDS = int(os.environ.get("POSTERN_SOAK_SECONDS", "600"))

RULES = POLICY + """\
  - {id: faulty, path: /faulty/**, allow: anonymous, upstream: faulty}
"""


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def misbehave(connection):
    """One connection of an upstream that does what upstreams do on bad days."""
    kind = random.randrange(9)
    if kind == 0:
        return
    if kind == 1:
        reset(connection.sock)
        return
    connection.request()
    if kind == 2:
        reset(connection.sock)
    elif kind == 3:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    elif kind == 4:
        connection.send(response(body=b"x" * 50_000)[:30_000])
    elif kind == 5:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"abc")[:-3])
        reset(connection.sock)
    elif kind == 6:
        connection.send(response() + b"poison")
    elif kind == 7:
        connection.send(b"\x15\x03\x01\x00\x02\x02\x28")
    else:
        connection.send(response())


def be_rude(port):
    """One client that leaves in some bad way."""
    kind = random.randrange(7)
    with Client(port) as client:
        if kind == 0:
            client.send(b"\r")
        elif kind == 1:
            client.send(b"GET / HTTP/1.1\r\nX : a\r\n\r\n")
        elif kind == 2:
            client.send(request("POST", "/read", "Content-Length: 9999999"))
        elif kind == 3:
            client.send(request("POST", "/faulty/x", "Content-Length: 100000") + b"x" * 5_000)
            reset(client.sock)
        elif kind == 4:
            client.send(request("GET", "/faulty/x") * 5)
        elif kind == 5:
            client.send(request("POST", "/faulty/x", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        else:
            client.ask("GET", "/faulty/x")


@pytest.mark.full
def test_soak(guard, tokens, whoami, upstream):
    upstream.serve = misbehave
    postern = guard(
        policy=RULES,
        upstream=None,
        config={
            "upstreams": {"default": {"url": whoami.url}, "faulty": {"url": upstream.url}},
            "timeouts": {"response": "2s", "body": "2s", "head": "2s", "idle": "5s", "drain": "5s"},
        },
    )
    header = f"Authorization: Bearer {tokens['reader']}"
    address = f"http://127.0.0.1:{postern.port}/read"

    def descriptors():
        return len(os.listdir(f"/proc/{postern.process.pid}/fd"))

    def counters():
        return {
            name: postern.metric(name)
            for name in ("client_connections", "requests_in_flight", "upstream_connections", "upstream_connections_idle")
        }

    subprocess.run(["hey", "-z", "5s", "-c", "100", "-H", header, address], check=True, capture_output=True)
    until(lambda: not any(counters().values()), "rest before the load", lambda: str(counters()))
    memory, files, before = postern.memory(), descriptors(), counters()
    load = subprocess.Popen(["wrk", "-t", "1", "-c", "100", "-d", f"{SECONDS}s", "-H", header, address], stdout=subprocess.PIPE, text=True)
    ended = threading.Event()

    def rude():
        while not ended.is_set():
            try:
                be_rude(postern.port)
            except (OSError, AssertionError):
                pass

    crowd = [threading.Thread(target=rude, daemon=True) for _ in range(4)]
    for one in crowd:
        one.start()
    until_end = time.monotonic() + SECONDS - 2
    rounds, most = 0, 0
    while time.monotonic() < until_end:
        secret = postern.store.create_token(f"soak{rounds}")
        assert postern.ask(target="/private", token=secret).status == 200
        postern.store.run("token", "delete", postern.store.token_id(f"soak{rounds}"))
        assert postern.ask(target="/private", token=secret).status in (401, 429)  # so many failures a minute are limited
        postern.policy_file.write_text(RULES + f"# {rounds}\n")
        with upstream._change:  # what it remembers is of no interest here
            upstream.connections.clear()
        most = max(most, postern.memory())
        rounds += 1
    ended.set()
    for one in crowd:
        one.join()
    report = load.communicate()[0]
    assert "Non-2xx" not in report and "Socket errors" not in report, report
    until(lambda: counters() == before and descriptors() <= files, "everything as before", lambda: f"{counters()} {descriptors()} {files}")
    done = int(re.search(r"(\d+) requests in", report)[1])
    print(f"{done} requests, {rounds} rounds, memory {memory / 1048576:.1f}, at most {most / 1048576:.1f}, then {postern.memory() / 1048576:.1f} MiB")
    assert postern.memory() < memory + 16 * 1024 * 1024
    upstream.failures.clear()
