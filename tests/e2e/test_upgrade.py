"""WebSocket upgrades: only complete ones pass, and nothing of the tunnel goes up before the upstream has agreed."""

import base64
import hashlib
import threading

import pytest

from server import until
from wire import PATIENCE, Client, Reply, Request, Unexpected, request, response

KEY = base64.b64encode(b"0123456789abcdef").decode()
ACCEPT = base64.b64encode(hashlib.sha1(KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
HANDSHAKE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}"]
AGREED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
).encode()


def echo(connection):
    connection.head(Request)
    connection.send(AGREED)
    while True:
        piece = connection.pending() or (connection._more() and connection.pending())
        if not piece:
            return
        connection._at += len(piece)
        connection.send(piece)


def test_bytes_pass_both_ways(shared):
    shared.upstream.serve = echo
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]))
        reply = client.head(Reply)
        assert reply.status == 101
        assert reply.get("upgrade").lower() == "websocket"
        assert reply.get("sec-websocket-accept") == ACCEPT
        for piece in (b"hello", bytes(range(256)) * 1000, b"x"):
            client.send(piece)
            assert client.exactly(len(piece)) == piece


def test_the_upstream_sees_the_handshake_the_subject_and_no_credential(shared):
    heads = []

    def serve(connection):
        heads.append(connection.head(Request))
        connection.send(AGREED)

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, "X_Subject_Id: spoofed", token=shared.tokens["reader"]))
        assert client.head(Reply).status == 101
    assert heads[0].get("upgrade").lower() == "websocket"
    assert heads[0].get("connection").lower() == "upgrade"
    assert heads[0].get("sec-websocket-key") == KEY
    assert heads[0].get("x-subject-name") == "reader"
    assert b"spoofed" not in heads[0].raw and b"Bearer" not in heads[0].raw


INCOMPLETE = {
    "another protocol": ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"],
    "two protocols": ["Connection: Upgrade", "Upgrade: websocket, h2c", *HANDSHAKE[2:]],
    "another version": [*HANDSHAKE[:2], "Sec-WebSocket-Version: 8", HANDSHAKE[3]],
    "no version": [*HANDSHAKE[:2], HANDSHAKE[3]],
    "no key": HANDSHAKE[:3],
    "an empty key": [*HANDSHAKE[:3], "Sec-WebSocket-Key:"],
    "a short key": [*HANDSHAKE[:3], "Sec-WebSocket-Key: YWJj"],
    "two keys": [*HANDSHAKE, HANDSHAKE[3]],
    "no connection token": ["Connection: keep-alive", *HANDSHAKE[1:]],
}


@pytest.mark.parametrize("fields", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_an_incomplete_handshake_is_no_tunnel(shared, fields):
    """Refused, or passed on as an ordinary request without its upgrade; never a tunnel."""
    reply = shared.postern.ask("GET", "/read", *fields, token=shared.tokens["reader"])
    assert reply.status in (200, 400)
    for head in shared.upstream.requests:
        assert head.get("upgrade") is None
        assert head.get("connection") in (None, "keep-alive", "close")
        assert head.get("http2-settings") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS"])
def test_only_get_may_upgrade(shared, method):
    reply = shared.postern.ask(method, "/read", *HANDSHAKE, token=shared.tokens["reader"])
    assert reply.status in (200, 400)
    assert all(head.get("upgrade") is None for head in shared.upstream.requests)


def test_a_body_may_not_come_with_an_upgrade(shared):
    reply = shared.postern.ask("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"], body=b"hello")
    assert reply.status == 400
    assert shared.upstream.received == b""


def test_http_1_0_does_not_upgrade(shared):
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/open", *HANDSHAKE).replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert client.reply().status in (200, 400)
    assert all(head.get("upgrade") is None for head in shared.upstream.requests)


def test_nothing_goes_up_before_the_upstream_agrees(shared):
    """The bytes behind the handshake could be a request to an upstream that answers 200 and reads on."""
    smuggled = request("GET", "/open/smuggled")
    seen = threading.Event()

    def serve(connection):
        connection.head(Request)
        connection.sock.settimeout(0.3)
        try:
            connection._more()
        except OSError:
            pass
        seen.set()
        connection.sock.settimeout(PATIENCE)
        connection.send(response(200))
        try:
            connection.rest()
        except OSError:
            pass

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]) + smuggled)
        assert client.reply().status == 200
        assert seen.wait(PATIENCE)
        rest = client.rest()
    assert b"smuggled" not in shared.upstream.received
    assert b"200 OK" not in rest


@pytest.mark.parametrize(
    "answer",
    [
        AGREED.replace(ACCEPT.encode(), b"AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        AGREED.replace(f"Sec-WebSocket-Accept: {ACCEPT}\r\n".encode(), b""),
        AGREED.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        AGREED.replace(b"Connection: Upgrade\r\n", b""),
    ],
    ids=["wrong accept", "no accept", "another protocol", "no connection"],
)
def test_an_agreement_that_is_not_one_is_502(shared, answer):
    def serve(connection):
        connection.head(Request)
        connection.send(answer)
        try:
            connection.rest()
        except OSError:
            pass

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]))
        assert client.reply().status == 502


def test_an_upstream_that_declines_answers_as_ever(shared):
    shared.upstream.answer = response(426, reason="Upgrade Required", body=b"no")
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]))
        reply = client.reply()
        assert (reply.status, reply.body) == (426, b"no")
        assert client.is_closed()


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_an_end_on_one_side_ends_the_other(shared, who):
    ended = threading.Event()

    def serve(connection):
        connection.head(Request)
        connection.send(AGREED)
        if who == "client":
            try:
                connection.rest()
            except (OSError, Unexpected):
                pass
            ended.set()

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]))
        assert client.head(Reply).status == 101
        if who == "upstream":
            assert client.is_closed()
    if who == "client":
        assert ended.wait(PATIENCE)


def test_an_upgrade_is_asked_for_on_a_connection_of_its_own(shared):
    assert shared.postern.ask().status == 200  # leaves one in the pool
    numbers = []

    def serve(connection):
        numbers.append(connection.number)
        echo(connection)

    kept = shared.upstream.connections[-1].number
    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]))
        assert client.head(Reply).status == 101
    assert numbers != [kept]


def test_a_tunnel_does_not_share_its_connection(shared):
    shared.upstream.serve = echo
    with Client(shared.postern.port) as tunnel:
        tunnel.send(request("GET", "/read", *HANDSHAKE, token=shared.tokens["reader"]))
        assert tunnel.head(Reply).status == 101
        count = len(shared.upstream.connections)
        shared.upstream.serve = None
        assert shared.postern.ask().status == 200
        assert len(shared.upstream.connections) >= count
        tunnel.send(b"still there")
        assert tunnel.exactly(11) == b"still there"
    until(lambda: shared.postern.ask().status == 200, "business as usual")
