"""When the upstream is down, slow, or closes a connection that was to be used again."""

import json
import os
import socket
import threading

import pytest

from wire import PATIENCE, Client, Request, Unexpected, request, response


def code(reply):
    return json.loads(reply.body)["code"]


def test_an_upstream_that_is_down_is_502(guard, upstream):
    postern = guard()
    upstream.stop_listening()
    reply = postern.ask()
    assert (reply.status, code(reply)) == (502, "upstream_unreachable")
    assert str(upstream.port).encode() not in reply.raw


def test_an_upstream_that_comes_back_is_found(guard, upstream):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        postern = guard(upstream=f"http://127.0.0.1:{port}")
        assert postern.ask().status == 502
        reserved.listen()
        done = threading.Thread(target=lambda: _serve_one(reserved))
        done.start()
        assert postern.ask().status == 200
        done.join()


def _serve_one(listener):
    sock, _ = listener.accept()
    with sock:
        sock.recv(65536)
        sock.sendall(response())


def test_an_upstream_that_does_not_answer_is_504(guard, upstream):
    postern = guard(config={"timeouts": {"response": "200ms", "drain": "2s"}})
    upstream.serve = lambda connection: connection.rest()
    reply = postern.ask()
    assert (reply.status, code(reply)) == (504, "upstream_timeout")


def test_an_upstream_that_stops_within_its_head_is_504(guard, upstream):
    postern = guard(config={"timeouts": {"response": "200ms", "drain": "2s"}})

    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nX: ")
        connection.rest()

    upstream.serve = serve
    assert postern.ask("POST").status in (502, 504)


def test_an_upstream_that_does_not_accept_is_given_up(guard):
    """A full backlog: the handshake gets no answer."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        postern = guard(upstream=f"http://127.0.0.1:{listener.getsockname()[1]}", config={"timeouts": {"connect": "300ms", "drain": "2s"}})
        assert postern.ask().status in (502, 504)
        for filler in fillers:
            filler.close()


def test_an_upstream_at_a_unix_socket(guard, tmp_path):
    path = tmp_path / "api.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    threading.Thread(target=lambda: _serve_one(listener), daemon=True).start()
    postern = guard(upstream=f"unix:{path}")
    assert postern.ask().body == b"ok\n"
    listener.close()


def test_listening_at_a_unix_socket(guard, tmp_path, upstream):
    """With a short path: a socket's is limited to 107 bytes."""
    path = f"/tmp/postern-test-{os.getpid()}.sock"
    guard(config={"listen": [f"unix:{path}", "127.0.0.1:0"]})
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        sock.sendall(request("GET", "/open", "Connection: close"))
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
    if os.path.exists(path):
        os.unlink(path)


def dying_at_reuse(asked):
    """Answers the first request of each connection and closes on the second, as an upstream with a short idle timeout does."""

    def serve(connection):
        try:
            asked.append((connection.number, connection.request()))
        except Unexpected:
            return
        connection.send(response(body=b"%d" % connection.number))
        try:
            asked.append((connection.number, connection.request()))
        except Unexpected:
            pass

    return serve


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_an_idempotent_request_is_tried_again_when_a_reused_connection_dies(shared, method):
    asked = []
    shared.upstream.serve = dying_at_reuse(asked)
    with Client(shared.postern.port) as client:
        for _ in range(3):
            client.send(request(method, "/open"))
            assert client.reply(method).status == 200
    # Each answer came from a connection of its own: a reused one died and was replaced.
    assert {head.method for _, head in asked} == {method}


@pytest.mark.parametrize("method, body", [("POST", b""), ("PATCH", b""), ("POST", b"hello"), ("PUT", b"hello")])
def test_no_other_request_is_tried_again(shared, method, body):
    """It may have had its effect. A second attempt would do it twice."""
    asked = []
    shared.upstream.serve = dying_at_reuse(asked)
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/open"))
        assert client.reply().status == 200
        client.send(request(method, "/open", body=body))
        reply = client.reply()
    assert [head.method for _, head in asked].count(method) == 1
    assert reply.status == 502


def test_a_fresh_connection_that_dies_is_not_tried_again(guard, upstream):
    asked = []

    def serve(connection):
        asked.append(connection.request())

    upstream.serve = serve
    assert guard().ask().status == 502
    assert len(asked) == 1


def test_an_answer_that_has_begun_is_not_tried_again(shared):
    asked = []

    def serve(connection):
        asked.append(connection.request())
        connection.send(response())
        asked.append(connection.request())
        connection.send(b"HTTP/1.1 2")

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        assert client.ask().status == 200
        assert client.ask().status == 502
    assert len(asked) == 2


def test_a_request_is_not_tried_again_once_an_informational_answer_came(shared):
    """An upstream that has hinted at its answer was at work: the request may have done something."""
    asked = []

    def serve(connection):
        asked.append(connection.request())
        connection.send(response())
        asked.append(connection.request())
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        assert client.ask().status == 200
        client.send(request("GET", "/open"))
        assert client.reply().status == 103
        assert client.reply().status == 502
    assert len(asked) == 2


def test_a_connection_that_was_closed_while_idle_is_not_used(shared):
    """The FIN was there before the request: no attempt is wasted, whatever the method."""
    closed = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(response())
        connection.close()
        closed.set()

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        for _ in range(5):
            closed.clear()
            assert client.ask("POST").status == 200
            assert closed.wait(PATIENCE)
            shared.postern.admin("/livez")  # a round trip, so that the close has been seen


def test_an_unread_body_is_not_left_in_a_pooled_connection(shared):
    """The client gives up in the middle of an answer; the next one must not get the rest of it."""
    big = response(body=b"z" * 5_000_000)
    shared.upstream.answer = lambda head, connection: big if head.target == "/open/big" else response(body=b"mine")
    for _ in range(3):
        client = Client(shared.postern.port)
        client.send(request("GET", "/open/big"))
        client.exactly(1000)
        client.close()
        assert shared.postern.ask(target="/open/small").body == b"mine"


def test_an_answer_before_its_request_was_sent_leaves_a_connection_of_no_use(guard, upstream):
    """What is sent next on it would be the rest of the body."""
    def serve(connection):
        connection.head(Request)
        connection.send(response())
        connection.rest()

    postern = guard(config={"shards": 1})  # each shard keeps connections of its own
    upstream.serve = serve
    with postern.client() as client:
        client.send(request("POST", "/open", "Content-Length: 10") + b"hello")
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (200, "close")
    upstream.serve = None
    assert postern.ask().status == 200
    assert len(upstream.connections) == 2


def test_two_clients_at_once_get_their_own_answers(shared):
    shared.upstream.answer = lambda head, connection: response(body=head.target.encode() * 1000)
    wrong = []

    def ask(name):
        with Client(shared.postern.port) as client:
            for i in range(100):
                target = f"/open/{name}/{i}"
                if client.ask(target=target).body != target.encode() * 1000:
                    wrong.append(target)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_host_of_the_client_or_of_the_upstream(guard, upstream):
    guard().ask(host="shop.test")
    assert upstream.last.get("host") == "shop.test"
    guard(config={"preserve_host": False}).ask(host="shop.test")
    assert upstream.last.get("host") == f"127.0.0.1:{upstream.port}"


def test_more_than_the_upstream_connections_allowed_is_503(guard, upstream):
    postern = guard(config={"limits": {"upstream_connections": 1}, "shards": 1})
    asked, release = threading.Event(), threading.Event()

    def serve(connection):
        connection.head(Request)
        asked.set()
        release.wait(PATIENCE)
        connection.send(response())

    upstream.serve = serve
    with postern.client() as first:
        first.send(request("GET", "/open"))
        assert asked.wait(PATIENCE)
        reply = postern.ask()
        assert (reply.status, code(reply)) == (503, "no_capacity")
        assert reply.get("retry-after")
        release.set()
        assert first.reply().status == 200
