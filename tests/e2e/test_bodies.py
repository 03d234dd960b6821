"""Bodies in every framing, both ways, streamed; and connections that are used again or must not be."""

import socket
import struct
import threading
import time

import pytest

from server import until
from wire import PATIENCE, Client, Reply, Request, Unexpected, chunked, request, response

PAYLOAD = bytes(range(256)) * 1024  # 256 KiB, every byte value


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS"])
def test_a_request_body_with_a_length(shared, method):
    reply = shared.postern.ask(method, "/open", "X: y", body=PAYLOAD)
    assert reply.status == 200
    assert shared.upstream.last.body == PAYLOAD
    assert shared.upstream.last.get("content-length") == str(len(PAYLOAD))


def test_a_chunked_request_body(shared):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Transfer-Encoding: chunked") + chunked(PAYLOAD[:1000], b"x", PAYLOAD[1000:]))
        assert client.reply().status == 200
    assert shared.upstream.last.body == PAYLOAD[:1000] + b"x" + PAYLOAD[1000:]
    assert shared.upstream.last.framing() == "chunked"


@pytest.mark.parametrize("fields", [["Content-Length: 0"], ["Transfer-Encoding: chunked"], []], ids=["length", "chunked", "none"])
def test_an_empty_request_body(shared, fields):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", *fields) + (b"0\r\n\r\n" if "chunked" in "".join(fields) else b""))
        assert client.reply().status == 200
        assert client.ask().status == 200
    first, second = shared.upstream.requests
    assert first.body == b"" and second.method == "GET"


@pytest.mark.parametrize("cut", [1, 7, 4096])
def test_the_head_and_the_body_in_odd_pieces(shared, cut):
    body = PAYLOAD[: 2000 if cut == 1 else 20000]
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", body=body), cut)
        assert client.reply().status == 200
    assert shared.upstream.last.body == body


RESPONSES = {
    "length": response(body=PAYLOAD),
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(PAYLOAD[:5], PAYLOAD[5:]),
    "until close": b"HTTP/1.1 200 OK\r\n\r\n" + PAYLOAD,
    "HTTP/1.0 with a length": response(body=PAYLOAD).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "HTTP/1.0 until close": b"HTTP/1.0 200 OK\r\n\r\n" + PAYLOAD,
}


def test_an_answer_that_breaks_off_is_a_reset_where_its_end_is_the_end_of_the_connection(shared):
    """A clean end would make half an answer a whole one for HTTP/1.0."""
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(PAYLOAD)[:-5])

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(b"GET /open HTTP/1.0\r\nHost: h\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(65536):
                pass


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("data", RESPONSES.values(), ids=RESPONSES.keys())
def test_a_response_body(shared, data, version):
    ends = b"Length" not in data[:80] and b"chunked" not in data[:80]

    def serve(connection):
        connection.request()
        connection.send(data)
        if not ends:
            connection.rest()

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(f"GET /open HTTP/{version}\r\nHost: h\r\n\r\n".encode())
        reply = client.reply()
        assert (reply.status, reply.body) == (200, PAYLOAD)
        if version == "1.0":
            assert reply.framing() != "chunked"  # it would not be understood
            assert client.is_closed()


def test_head_has_the_fields_of_get_and_no_body(shared):
    shared.upstream.answer = lambda head, _: response(body=PAYLOAD)[: -len(PAYLOAD)] if head.method == "HEAD" else response(body=PAYLOAD)
    with Client(shared.postern.port) as client:
        for method in ("HEAD", "GET", "HEAD", "GET"):
            client.send(request(method, "/open"))
            reply = client.reply(method)
            assert reply.get("content-length") == str(len(PAYLOAD))
            assert len(reply.body) == (0 if method == "HEAD" else len(PAYLOAD))


def test_keep_alive_on_both_sides(shared):
    with Client(shared.postern.port) as client:
        before = len(shared.upstream.connections)
        for i in range(50):
            assert client.ask(target=f"/open/{i}").status == 200
    assert [head.target for head in shared.upstream.requests] == [f"/open/{i}" for i in range(50)]
    assert len(shared.upstream.connections) - before <= 1


def test_connection_close_is_kept_by_both(shared):
    with Client(shared.postern.port) as client:
        reply = client.ask("GET", "/open", "Connection: close")
        assert reply.get("connection") == "close"
        assert client.is_closed()
    shared.upstream.answer = response(200, "Connection: close")
    with Client(shared.postern.port) as client:
        assert client.ask().status == 200
        shared.upstream.answer = response()
        assert client.ask().status == 200  # the client's connection is not the upstream's


def test_http_1_0_closes_unless_asked_to_stay(shared):
    with Client(shared.postern.port) as client:
        client.send(b"GET /open HTTP/1.0\r\nHost: h\r\n\r\n")
        assert client.reply().status == 200
        assert client.is_closed()
    with Client(shared.postern.port) as client:
        for _ in range(2):
            client.send(b"GET /open HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n")
            reply = client.reply()
            assert reply.status == 200
            assert reply.get("connection").lower() == "keep-alive"


def test_pipelined_requests_are_answered_in_order(shared):
    shared.upstream.answer = lambda head, _: response(body=head.target.encode())
    targets = [f"/open/{i}" for i in range(100)]
    with Client(shared.postern.port) as client:
        client.send(b"".join(request("POST", target, body=b"x" * i) for i, target in enumerate(targets)))
        assert [client.reply().body.decode() for _ in targets] == targets
    assert [head.target for head in shared.upstream.requests] == targets


def test_pipelined_requests_keep_their_own_subject_and_verdict(shared):
    shared.upstream.answer = lambda head, _: response(body=(head.get("x-subject-name") or "nobody").encode())
    expected = []
    data = b""
    for name, target in (("reader", "/read"), ("", "/read"), ("writer", "/write"), ("reader", "/write"), ("", "/open"), ("alice", "/read")):
        data += request("GET", target, token=shared.tokens.get(name, ""))
    with Client(shared.postern.port) as client:
        client.send(data)
        replies = [client.reply() for _ in range(6)]
    expected = [(200, b"reader"), (401, None), (200, b"writer"), (403, None), (200, b"nobody"), (200, b"Alice%20%C3%85")]
    assert [(reply.status, reply.body if reply.status == 200 else None) for reply in replies] == expected


def test_expect_is_the_upstreams_to_answer(shared):
    def serve(connection):
        assert connection.head(Request).get("expect") == "100-continue"
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.exactly(5) == b"hello"
        connection.send(response())

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Expect: 100-continue", "Content-Length: 5"))
        assert client.reply().status == 100
        client.send(b"hello")
        assert client.reply().status == 200


def test_expect_of_an_upstream_that_does_not_know_it_is_answered_here(shared):
    """Without a word from either, both sides would wait."""
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Expect: 100-continue", "Content-Length: 5"))
        assert client.reply().status == 100
        client.send(b"hello")
        assert client.reply().status == 200
    assert shared.upstream.last.body == b"hello"


def test_expect_that_the_upstream_refuses(shared):
    shared.upstream.serve = lambda connection: (connection.head(Request), connection.send(response(413, reason="Too Large", body=b"no")))
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Expect: 100-continue", "Content-Length: 5"))
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (413, "close")
        assert client.is_closed()


def test_expect_is_not_answered_by_100_when_the_request_is_refused(shared):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/read", "Expect: 100-continue", "Content-Length: 5"))
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (401, "close")
        assert client.is_closed()
    assert shared.upstream.received == b""


def test_expect_with_the_body_right_behind(shared):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Expect: 100-continue", body=b"hello"))
        reply = client.reply()
        if reply.status == 100:
            reply = client.reply()
        assert reply.status == 200
    assert shared.upstream.last.body == b"hello"


def test_a_refused_body_is_not_read_as_the_next_request(shared):
    body = request("GET", "/open/smuggled")
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/read", body=body) + request("GET", "/open/next"))
        client.end()
        assert client.reply().status == 401
        rest = client.rest()
    assert [head.target for head in shared.upstream.requests] in ([], ["/open/next"])
    assert b"smuggled" not in shared.upstream.received
    assert rest == b"" or rest.startswith(b"HTTP/1.1 200")


def test_a_large_refused_body_ends_the_connection(shared):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/read", "Content-Length: 1000000000"))
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (401, "close")
        assert client.is_closed()


def test_an_answer_before_the_body_was_sent_reaches_the_client(shared):
    """The upstream has refused; the rest of the body is nobody's."""

    def serve(connection):
        connection.head(Request)
        connection.send(response(413, reason="Too Large", body=b"too large\n"))
        connection.rest()

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Content-Length: 1000000") + b"x" * 1000)
        reply = client.reply()
        assert (reply.status, reply.body) == (413, b"too large\n")
    shared.upstream.serve = None
    assert shared.postern.ask().status == 200


def test_a_body_limit_is_413(guard, upstream):
    postern = guard(config={"limits": {"body": "1KiB"}})
    with postern.client() as client:
        client.send(request("POST", "/open", "Content-Length: 1025"))
        assert client.reply().status == 413
    assert upstream.received == b""
    with postern.client() as client:
        client.send(request("POST", "/open", "Transfer-Encoding: chunked") + chunked(*[b"x" * 100] * 11))
        assert client.reply().status == 413
    assert postern.ask("POST", body=b"x" * 1024).status == 200


def test_a_slow_reader_slows_the_upstream(shared):
    """Nothing piles up between: while the client reads nothing, the upstream can send only what fits into socket buffers."""
    sent = [0]
    stop = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        connection.sock.settimeout(0.1)
        piece = b"x" * 65536
        while not stop.is_set():
            try:
                sent[0] += connection.sock.send(piece)
            except socket.timeout:
                pass

    shared.upstream.serve = serve
    before = shared.postern.memory()
    with Client(shared.postern.port) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request("GET", "/open"))
        assert client.head(Reply).status == 200
        stalled = _settled(lambda: sent[0])
        assert stalled < 64 * 1024 * 1024
        assert shared.postern.memory() - before < 32 * 1024 * 1024
        # Reading goes on, and so does sending.
        while len(client.received) < stalled + 1024 * 1024:
            assert client._more()
        until(lambda: sent[0] > stalled, "the upstream goes on")
    stop.set()


def test_a_slow_upstream_slows_the_sender(shared):
    reading = threading.Event()

    def serve(connection):
        connection.head(Request)
        reading.wait(PATIENCE)
        connection.exactly(200 * 1024 * 1024)
        connection.send(response())

    shared.upstream.serve = serve
    before = shared.postern.memory()
    total = 200 * 1024 * 1024
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", f"Content-Length: {total}"))
        client.sock.settimeout(0.1)
        sent = 0
        piece = b"y" * 65536
        last = time.monotonic()
        while time.monotonic() - last < 0.5:
            try:
                sent += client.sock.send(piece[: min(len(piece), total - sent)])
                last = time.monotonic()
            except socket.timeout:
                pass
        assert sent < 64 * 1024 * 1024
        assert shared.postern.memory() - before < 32 * 1024 * 1024
        reading.set()
        client.sock.settimeout(PATIENCE)
        while sent < total:
            sent += client.sock.send(piece[: min(len(piece), total - sent)])
        assert client.reply().status == 200


def _settled(value):
    """A value once it has not changed for half a second: the absence of progress has no event."""
    last, since = value(), time.monotonic()
    while time.monotonic() - since < 0.5:
        time.sleep(0.02)
        if value() != last:
            last, since = value(), time.monotonic()
    return last


def test_server_sent_events_arrive_one_by_one(shared):
    go = threading.Semaphore(0)

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(5):
            go.acquire(timeout=PATIENCE)
            event = b"data: %d\n\n" % i
            connection.send(b"%x\r\n%s\r\n" % (len(event), event))
        connection.send(b"0\r\n\r\n")

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/open"))
        assert client.head(Reply).status == 200
        for i in range(5):
            go.release()
            size = int(client.line(), 16)
            assert client.exactly(size + 2) == b"data: %d\n\n\r\n" % i
        assert client.chunks() == (b"", [])


def test_a_client_that_goes_away_is_noticed_by_the_upstream(shared):
    gone = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while not gone.wait(0.01):
                connection.send(b"5\r\nhello\r\n")
        except OSError:
            gone.set()

    shared.upstream.serve = serve
    client = Client(shared.postern.port)
    client.send(request("GET", "/open"))
    client.head(Reply)
    client.close()
    noticed = gone.wait(PATIENCE)
    gone.set()
    assert noticed


def test_a_client_that_resets_while_the_upstream_thinks_is_noticed_too(shared):
    """Unlike an end of its side, a reset leaves nobody to answer to."""
    gone = threading.Event()

    def serve(connection):
        connection.request()
        try:
            connection.rest()
        except OSError:
            return
        gone.set()

    shared.upstream.serve = serve
    client = Client(shared.postern.port)
    client.send(request("GET", "/open"))
    until(lambda: shared.upstream.received, "the request")
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert gone.wait(PATIENCE)


def test_a_client_that_has_ended_its_side_still_gets_its_answer(shared):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", body=b"hello"))
        client.end()
        assert client.reply().status == 200
