"""Large bodies through little memory, and time: bounded in the gate, whole with --full."""

import hashlib
import os
import socket
import threading

import pytest

from wire import PATIENCE, SANITIZED, Reply, Request, request, response

FLAT = 32 * 1024 * 1024 * (4 if SANITIZED else 1)  # bytes over idle
PIECE = os.urandom(1 << 20)


@pytest.fixture
def size(full):
    return (1024 if full else 128) << 20


class Peak:
    """The most memory a process had while this was open."""

    def __init__(self, postern):
        self.postern = postern

    def __enter__(self):
        self.idle = self.postern.memory()
        self.most = self.idle
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(0.01):
            self.most = max(self.most, self.postern.memory())

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.over = self.most - self.idle
        print(f"{self.over / 1048576:.1f} MiB over idle")


def drop(reader):
    """Forgets what was received: these tests hash it as it comes."""
    piece = reader.pending()
    reader.received = bytearray()
    reader._at = 0
    return piece


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_passes_with_flat_memory(guard, upstream, size, framing):
    postern = guard()
    total = [0]
    digest = hashlib.sha256()

    def serve(connection):
        connection.head(Request)
        tail = b""
        while True:
            piece = drop(connection)
            if framing == "length":
                digest.update(piece)
            total[0] += len(piece)
            tail = (tail + piece)[-5:]
            if total[0] == size or framing == "chunked" and tail == b"0\r\n\r\n":
                break
            if not connection._more():
                return
        connection.send(response())

    upstream.serve = serve
    assert postern.ask(target="/nowhere").status == 401  # what is needed once is there
    with Peak(postern) as peak, postern.client() as client:
        if framing == "length":
            client.send(request("POST", "/open", f"Content-Length: {size}"))
            for _ in range(size // len(PIECE)):
                client.sock.sendall(PIECE)
        else:
            client.send(request("POST", "/open", "Transfer-Encoding: chunked"))
            for _ in range(size // len(PIECE)):
                client.sock.sendall(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
            client.sock.sendall(b"0\r\n\r\n")
        assert client.reply().status == 200
    assert peak.over < FLAT
    if framing == "length":
        assert digest.digest() == hashlib.sha256(PIECE * (size // len(PIECE))).digest()
    else:
        assert total[0] >= size


@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_a_download_passes_with_flat_memory(guard, upstream, size, framing):
    postern = guard()

    def serve(connection):
        connection.request()
        fields = {"length": f"Content-Length: {size}\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "until close": ""}[framing]
        connection.send(f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode())
        for _ in range(size // len(PIECE)):
            connection.send(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n" if framing == "chunked" else PIECE)
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")

    upstream.serve = serve
    assert postern.ask(target="/nowhere").status == 401
    with Peak(postern) as peak, postern.client() as client:
        client.send(request("GET", "/open", "Connection: close"))
        head = client.head(Reply)
        assert head.status == 200
        total, digest = 0, hashlib.sha256()
        while True:
            piece = drop(client)
            total += len(piece)
            if head.get("transfer-encoding") is None:
                digest.update(piece)
            if not client._more():
                break
    assert peak.over < FLAT
    if head.get("transfer-encoding") is None:
        assert total == size
        assert digest.digest() == hashlib.sha256(PIECE * (size // len(PIECE))).digest()
    else:
        assert total >= size


def test_a_thousand_idle_connections_cost_little(guard):
    postern = guard(config={"timeouts": {"idle": "600s", "head": "600s", "drain": "2s"}})
    assert postern.ask().status == 200
    idle = postern.memory()
    clients = [postern.client() for _ in range(1000)]
    for client in clients:
        assert client.ask(target="/nowhere").status == 401
    for client in clients[:1]:
        client.ask(target="/nowhere")
    each = (postern.memory() - idle) / len(clients)
    print(f"{each:.0f} bytes each")
    if not SANITIZED:
        assert each < 16 * 1024
    for client in clients:
        client.close()
