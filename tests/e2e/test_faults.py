"""Bad days: what breaks towards the upstream and towards the client; the machine itself is in test_machine.py. Each test ends with the counters and the
descriptors where they began."""

import contextlib
import os
import socket
import struct
import threading
import time

import pytest

from server import until
from wire import PATIENCE, Client, Ended, Request, request, response

GAUGES = ("client_connections", "requests_in_flight", "upstream_connections")


def gauge(postern, name):
    line = next(line for line in postern.metrics().splitlines() if line.startswith(f"postern_{name} "))
    return int(line.split()[1])


def descriptors(postern):
    return len(os.listdir(f"/proc/{postern.process.pid}/fd"))


@contextlib.contextmanager
def nothing_leaks(postern, upstream):
    """What is open before is open after, but for kept upstream connections, which the upstream closes."""
    postern.ask()  # what is made once is made
    _close_kept(upstream)
    until(lambda: [gauge(postern, name) for name in GAUGES] == [0, 0, 0], "a quiet start")
    before = min(descriptors(postern) for _ in range(50))  # without the connection of the last question
    yield
    _close_kept(upstream)
    until(lambda: [gauge(postern, name) for name in GAUGES] == [0, 0, 0], "every connection and request has ended",
          lambda: postern.metrics())
    until(lambda: descriptors(postern) <= before, "every descriptor is closed",
          lambda: f"{before} before, {descriptors(postern)} after")


def _close_kept(upstream):
    for connection in list(upstream.connections):
        connection.close()


def reset(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
# Where the upstream breaks: what it has sent by then, and what the client may see.
BREAKS = {
    "before the head": (b"", 502),
    "in the head": (b"HTTP/1.1 200 OK\r\nContent-Le", 502),
    "after the head": (HEAD, None),
    "in the body": (HEAD + b"x" * 500_000, None),
    "in a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc", None),
    "between chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", None),
}


@pytest.mark.parametrize("how", [reset, lambda sock: sock.close()], ids=["reset", "close"])
@pytest.mark.parametrize("sent, status", BREAKS.values(), ids=BREAKS.keys())
def test_an_upstream_that_breaks(shared, sent, status, how):
    asked = []

    def serve(connection):
        asked.append(connection.request())
        connection.send(sent)
        how(connection.sock)

    with nothing_leaks(shared.postern, shared.upstream):
        shared.upstream.serve = serve
        for method in ("GET", "POST"):
            with shared.postern.client() as client:
                client.send(request(method, "/open"))
                if status:
                    assert client.reply().status == status
                else:  # never an answer that looks whole
                    with pytest.raises(Ended):
                        client.reply()
        assert [head.method for head in asked] == ["GET", "POST"]
        shared.upstream.serve = None
        assert shared.postern.ask().status == 200


@pytest.mark.parametrize("how", [reset, lambda sock: sock.close()], ids=["reset", "close"])
def test_an_upstream_that_breaks_in_the_middle_of_an_upload(shared, how):
    def serve(connection):
        connection.head(Request)
        connection.exactly(100_000)
        how(connection.sock)

    with nothing_leaks(shared.postern, shared.upstream):
        shared.upstream.serve = serve
        with shared.postern.client() as client:
            client.send(request("POST", "/open", "Content-Length: 50000000"))
            sender = threading.Thread(target=client.send, args=(b"x" * 5_000_000,))
            sender.start()
            assert client.reply().status == 502
            sender.join()


def test_kept_connections_that_close_at_the_instant_of_reuse(shared):
    """The upstream closes right after each answer without saying so. A request that may be repeated is; no other one is
    sent twice, and none is lost without an answer."""
    asked = []
    lock = threading.Lock()

    def serve(connection):
        head = connection.request()
        with lock:
            asked.append((head.method, head.target))
        connection.send(response())
        connection.sock.close()

    with nothing_leaks(shared.postern, shared.upstream):
        shared.upstream.serve = serve
        answers = {}

        def ask(name):
            for i in range(60):
                method = "GET" if i % 2 else "POST"
                target = f"/open/{name}/{i}"
                answers[method, target] = shared.postern.ask(method, target).status

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 360
        assert {status for (method, _), status in answers.items() if method == "GET"} == {200}
        assert {status for (method, _), status in answers.items() if method == "POST"} <= {200, 502}
        for key, status in answers.items():
            if key[0] == "POST":
                assert asked.count(key) == 1 if status == 200 else asked.count(key) <= 1


# --- the client is gone: the upstream learns ---


def leave_by_reset(client):
    reset(client.sock)


def leave_by_close(client):
    client.sock.close()


def leave_by_fin_then_close(client):
    client.end()
    client.sock.close()


LEAVING = [leave_by_reset, leave_by_close, leave_by_fin_then_close]


def _upstream_that_learns(shared, before, gone):
    def serve(connection):
        connection.head(Request)
        before(connection)
        try:
            connection.rest()
        except OSError:
            pass
        gone.set()

    shared.upstream.serve = serve


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize("with_request", [False, True], ids=["later", "at once"])
def test_the_upstream_learns_of_a_client_that_left_while_it_thought(shared, leave, with_request):
    if with_request and leave is leave_by_reset:
        pytest.skip("a reset takes the request with it")
    asked, gone = threading.Event(), threading.Event()
    with nothing_leaks(shared.postern, shared.upstream):
        _upstream_that_learns(shared, lambda _: asked.set(), gone)
        client = shared.postern.client()
        client.send(request("GET", "/open"))
        if not with_request:
            assert asked.wait(PATIENCE)
        began = time.monotonic()
        leave(client)
        assert gone.wait(PATIENCE)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize("leave", LEAVING)
def test_the_upstream_learns_of_a_client_that_left_after_its_upload(shared, leave):
    asked, gone = threading.Event(), threading.Event()
    with nothing_leaks(shared.postern, shared.upstream):

        def take_body(connection):
            connection.exactly(300_000)
            asked.set()

        _upstream_that_learns(shared, take_body, gone)
        client = shared.postern.client()
        client.send(request("POST", "/open", body=b"x" * 300_000))
        if leave is leave_by_reset:  # it would take what was not read yet with it
            assert asked.wait(PATIENCE)
        leave(client)
        assert gone.wait(PATIENCE) and asked.is_set()


@pytest.mark.parametrize("leave", LEAVING)
def test_the_upstream_learns_of_a_client_that_left_in_its_upload(shared, leave):
    gone = threading.Event()
    with nothing_leaks(shared.postern, shared.upstream):
        _upstream_that_learns(shared, lambda connection: connection.exactly(1000), gone)
        client = shared.postern.client()
        client.send(request("POST", "/open", "Content-Length: 1000000") + b"x" * 1000)
        until(lambda: shared.upstream.received.count(b"x") >= 1000, "the body has begun to arrive")
        leave(client)
        assert gone.wait(PATIENCE)


@pytest.mark.parametrize("leave", LEAVING)
def test_the_upstream_learns_of_a_client_that_left_in_its_download(shared, leave):
    gone = threading.Event()
    with nothing_leaks(shared.postern, shared.upstream):

        def serve(connection):
            connection.request()
            try:
                connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    connection.send(b"%x\r\n%s\r\n" % (65536, b"x" * 65536))
            except OSError:
                gone.set()

        shared.upstream.serve = serve
        client = shared.postern.client()
        client.send(request("GET", "/open"))
        client.exactly(200_000)
        leave(client)
        assert gone.wait(PATIENCE)


def test_a_client_that_only_ended_its_side_is_served_however_long_it_takes(shared):
    """What is sent to find out whether it still listens is an informational answer, which it skips."""
    release = threading.Event()

    def serve(connection):
        connection.request()
        release.wait(PATIENCE)
        connection.send(response(body=b"patience"))

    with nothing_leaks(shared.postern, shared.upstream):
        shared.upstream.serve = serve
        with shared.postern.client() as client:
            client.send(request("GET", "/open"))
            client.end()
            assert client.reply().status == 102
            release.set()
            assert client.reply().body == b"patience"


def test_an_http_1_0_client_that_ended_its_side_gets_no_informational_answer(shared):
    release = threading.Event()

    def serve(connection):
        connection.request()
        release.wait(PATIENCE)
        connection.send(response(body=b"patience"))

    shared.upstream.serve = serve
    with shared.postern.client() as client:
        client.send(b"GET /open HTTP/1.0\r\n\r\n")
        client.end()
        until(lambda: shared.upstream.received, "the request has arrived")
        with shared.postern.client() as newer:  # one that is asked after the same time shows that it has passed
            newer.send(request("GET", "/open"))
            newer.end()
            assert newer.reply().status == 102
        release.set()
        assert client.reply().body == b"patience"


# --- fairness ---


def test_a_transfer_that_never_waits_does_not_keep_its_shard(guard, upstream):
    """With one shard: an endless download to a client that takes everything, and short requests beside it."""
    postern = guard(config={"shards": 1})
    piece = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
    stop = threading.Event()

    def answer(head, connection):
        if head.target != "/open/endless":
            return response()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not stop.is_set():
            connection.send(piece)
        connection.send(b"0\r\n\r\n")
        return None

    upstream.answer = answer
    client = postern.client()
    client.send(request("GET", "/open/endless"))

    def drink():
        room = bytearray(1 << 20)
        while not stop.is_set() and client.sock.recv_into(room):
            pass

    drinker = threading.Thread(target=drink)
    drinker.start()
    with postern.client() as other:
        for _ in range(200):
            assert other.ask().status == 200
    stop.set()
    drinker.join()
    client.close()


def test_refusals_without_end_do_not_keep_a_shard(guard, upstream):
    postern = guard(config={"shards": 1})
    stop = threading.Event()
    client = postern.client()
    burst = request("GET", "/closed/x") * 300

    def pour():
        while not stop.is_set():
            try:
                client.sock.sendall(burst)
            except OSError:
                return

    def drink():
        try:
            while client.sock.recv(1 << 20):
                pass
        except OSError:
            pass

    threads = [threading.Thread(target=one) for one in (pour, drink)]
    for thread in threads:
        thread.start()
    with postern.client() as other:
        for _ in range(100):
            assert other.ask().status == 200
    stop.set()
    client.sock.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
    client.close()
