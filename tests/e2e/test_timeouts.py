"""Every wait has a deadline; a stream has none in total."""

import time

import pytest

from server import until
from wire import PATIENCE, Client, Unexpected, request, response


def ends(client):
    """Whatever comes until the end, which must come."""
    try:
        return client.rest()
    except OSError:
        return b""


def test_a_head_that_does_not_come_to_its_end_is_408(guard, upstream):
    postern = guard(config={"timeouts": {"head": "300ms", "drain": "2s"}})
    with postern.client() as client:
        client.send(b"GET /open HTTP/1.1\r\nHost: h\r\n")
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (408, "close")
    assert upstream.received == b""


def test_a_refusal_of_half_a_head_request_has_no_body(guard):
    """What would follow a HEAD's answer would be taken for the next answer."""
    postern = guard(config={"timeouts": {"head": "300ms", "drain": "2s"}})
    for head in (b"HEAD /open HTTP/1.1\r\nHost: h\r\n", b"HEAD /open HTTP/1.1\r\nHost : h\r\n\r\n"):
        with postern.client() as client:
            client.send(head)
            reply = client.reply("HEAD")
            assert reply.status in (400, 408) and int(reply.get("content-length")) > 0
            assert client.is_closed()


def test_a_head_that_drips_is_not_kept_alive_by_each_drop(guard, upstream):
    postern = guard(config={"timeouts": {"head": "300ms", "drain": "2s"}})
    with postern.client() as client:
        began = time.monotonic()
        client.sock.settimeout(0.02)
        received = b""
        client.send(b"GET /open HTTP/1.1\r\nHost: h\r\nX: ")
        while time.monotonic() - began < PATIENCE:
            try:
                client.sock.sendall(b"a")
                piece = client.sock.recv(4096)
                received += piece
                if not piece:
                    break
            except TimeoutError:
                pass
            except OSError:
                break
        assert time.monotonic() - began < PATIENCE / 2
        assert received == b"" or b"408" in received
    assert upstream.received == b""


def test_an_idle_connection_is_closed_without_a_word(guard):
    postern = guard(config={"timeouts": {"idle": "300ms", "drain": "2s"}})
    with postern.client() as client:
        assert client.ask().status == 200
        assert client.is_closed()


def test_after_an_upload_a_connection_idles_as_after_any_request(guard):
    postern = guard(config={"timeouts": {"idle": "300ms", "head": "60s", "drain": "2s"}})
    with postern.client() as client:
        client.send(request("POST", "/open", "Content-Length: 10"))
        time.sleep(0.1)
        client.send(b"0123456789")  # read by itself, to the last byte and not beyond
        assert client.reply().status == 200
        assert client.is_closed()


def test_a_connection_that_says_nothing_is_closed(guard):
    postern = guard(config={"timeouts": {"idle": "300ms", "head": "300ms", "drain": "2s"}})
    with postern.client() as client:
        assert ends(client) == b"" or b"408" in bytes(client.received)


def test_a_body_that_stops_is_given_up(guard, upstream):
    postern = guard(config={"timeouts": {"body": "300ms", "drain": "2s"}})
    upstream.serve = lambda connection: connection.rest()
    with postern.client() as client:
        client.send(request("POST", "/open", "Content-Length: 10") + b"hello")
        answer = ends(client)
        assert answer == b"" or b" 408 " in answer[:20]
    assert postern.process.poll() is None


def test_a_stream_that_goes_on_is_not_cut_off_by_the_body_timeout(guard, upstream):
    """Its pauses are shorter than the timeout, its whole is longer."""
    postern = guard(config={"timeouts": {"body": "500ms", "response": "500ms", "drain": "2s"}})

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(12):
            time.sleep(0.1)
            connection.send(b"1\r\nx\r\n")
        connection.send(b"0\r\n\r\n")

    upstream.serve = serve
    assert postern.ask().body == b"x" * 12


def test_an_answer_that_stops_is_given_up(guard, upstream):
    postern = guard(config={"timeouts": {"body": "300ms", "response": "300ms", "idle": "300ms", "drain": "2s"}})

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        try:
            connection.rest()
        except (OSError, Unexpected):
            pass

    upstream.serve = serve
    with postern.client() as client:
        client.send(request("GET", "/open"))
        assert ends(client).endswith(b"hello")


def test_a_client_that_does_not_read_is_given_up(guard, upstream):
    """It may not hold buffers and an upstream connection for ever."""
    import socket
    import threading

    postern = guard(config={"timeouts": {"body": "500ms", "idle": "500ms", "drain": "2s"}})
    given_up = threading.Event()

    def serve(connection):
        connection.request()
        try:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.send(b"x" * 65536)
        except OSError:
            given_up.set()

    upstream.serve = serve
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", postern.port))
        client.sendall(request("GET", "/open"))
        assert given_up.wait(PATIENCE)


@pytest.mark.parametrize("limit", [3])
def test_more_connections_than_allowed_are_closed_at_once(guard, limit):
    postern = guard(config={"limits": {"connections": limit}, "shards": 1})
    clients = [postern.client() for _ in range(limit)]
    try:
        for client in clients:
            assert client.ask().status == 200
        with Client(postern.port) as beyond:
            beyond.send(request("GET", "/open"))
            answer = ends(beyond)
            assert answer == b"" or b" 503 " in answer[:20]
        clients.pop().close()
        def served():
            try:
                with Client(postern.port) as another:
                    another.send(request("GET", "/open"))
                    return another.sock.recv(12) == b"HTTP/1.1 200"
            except ConnectionResetError:
                return False

        until(served, "a free place")
    finally:
        for client in clients:
            client.close()


def test_a_connection_is_closed_after_its_share_of_requests(guard):
    postern = guard(config={"limits": {"requests_per_connection": 3}})
    with postern.client() as client:
        assert [client.ask().get("connection") for _ in range(3)] == [None, None, "close"]
        assert client.is_closed()


def test_slow_clients_do_not_slow_others(guard, upstream):
    postern = guard(config={"timeouts": {"head": "60s", "drain": "2s"}})
    slow = [postern.client() for _ in range(200)]
    for client in slow:
        client.send(b"GET /open HTTP/1.1\r\nHost: h\r\nX: ")
    began = time.monotonic()
    upstream.answer = response()
    with postern.client() as client:
        for _ in range(100):
            assert client.ask().status == 200
    assert time.monotonic() - began < PATIENCE / 2
    for client in slow:
        client.close()
