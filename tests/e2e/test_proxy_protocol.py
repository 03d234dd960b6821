"""The PROXY protocol: believed from trusted proxies on listeners that are to speak it, and from nobody else."""

import signal
import socket
import ssl
import struct
import subprocess

import pytest

from server import until
from tls import Authority, TlsClient
from wire import PATIENCE, SANITIZED, Client, request

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n"


def v2(command=0x21, family=0x11, rest=socket.inet_aton("203.0.113.7") + socket.inet_aton("198.51.100.1") + b"\1\2\3\4"):
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(rest)) + rest


V6 = v2(family=0x21, rest=socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + b"\1\2\3\4")
TLV = v2(rest=v2()[16:] + b"\x20\x00\x05abcde")
GOOD = {
    "v1": (V1, "203.0.113.7"),
    "v1 IPv6": (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7"),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v2": (v2(), "203.0.113.7"),
    "v2 IPv6": (V6, "2001:db8::7"),
    "v2 with extensions": (TLV, "203.0.113.7"),
    "v2 local": (v2(command=0x20), "127.0.0.1"),
}
TRUSTED = {"trusted_proxies": ["127.0.0.1/32"]}


@pytest.fixture
def proxied(guard):
    def start(**config):
        return guard(config={"listen": {"address": "127.0.0.1:0", "proxy_protocol": True}, **TRUSTED, **config})

    return start


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "byte by byte"])
def test_the_announced_address_is_the_clients(proxied, upstream, cut):
    postern = proxied(shards=1)  # one log line after the other
    for header, address in GOOD.values():
        with Client(postern.port) as client:
            client.send(header + request("GET", "/open"), cut=cut)
            assert client.reply().status == 200
            assert client.ask().status == 200  # once a connection
        assert upstream.last.get("x-forwarded-for") == address
    assert [line["client"] for line in postern.access_log(2 * len(GOOD))][::2] == [address for _, address in GOOD.values()]


def test_networks_of_a_token_are_compared_with_the_announced_address(proxied):
    postern = proxied()
    token = postern.store.create_token("bound", "--role", "test.reader", "--cidr", "203.0.113.0/24")
    with Client(postern.port) as client:
        client.send(V1)
        assert client.ask("GET", "/read", token=token).status == 200
    with Client(postern.port) as client:
        client.send(V1.replace(b"203.0.113.7", b"203.0.114.7"))
        assert client.ask("GET", "/read", token=token).status == 401


def test_the_announced_client_is_not_itself_a_trusted_proxy(proxied, upstream):
    postern = proxied()
    with Client(postern.port) as client:
        client.send(V1)
        assert client.ask("GET", "/open", "X-Forwarded-For: 6.6.6.6").status == 200
    assert upstream.last.get("x-forwarded-for") == "203.0.113.7"


NOBODY = {
    "v1 unknown": b"PROXY UNKNOWN\r\n",
    "v2 unspecified": v2(family=0x00, rest=b""),
    "v2 unix": v2(family=0x31, rest=b"/" * 216),
    "v2 local": v2(command=0x20),
}
FORGED = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "forged.test", "X-Forwarded-Proto": "forged", "X-Original-URL": "/forged"}


@pytest.mark.parametrize("header", NOBODY.values(), ids=NOBODY)
def test_when_nobody_is_announced_nobody_is_believed(proxied, upstream, header):
    """The proxy passes on what anybody says: its address is no reason to believe it."""
    postern = proxied(shards=1)
    with Client(postern.port) as client:
        client.send(header)
        assert client.ask("GET", "/open", *(f"{name}: {value}" for name, value in FORGED.items())).status == 200
    assert b"forged" not in upstream.received and b"6.6.6.6" not in upstream.received
    assert upstream.last.get("x-forwarded-for") == "127.0.0.1"
    assert postern.access_log(1)[0]["client"] == "127.0.0.1"


def test_an_announced_address_that_is_a_trusted_proxy_is_believed(proxied, upstream):
    postern = proxied()
    with Client(postern.port) as client:
        client.send(b"PROXY TCP4 127.0.0.1 198.51.100.1 56324 443\r\n")
        assert client.ask("GET", "/open", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: shop.test").status == 200
    assert upstream.last.get("x-forwarded-for") == "6.6.6.6, 127.0.0.1"
    assert upstream.last.get("x-forwarded-host") == "shop.test"


REFUSED = {
    "no header": request("GET", "/open"),
    "malformed": b"PROXY TCP4 203.0.113.7 198.51.100.1 x 443\r\n" + request("GET", "/open"),
    "bare LF": V1.replace(b"\r\n", b"\n") + request("GET", "/open"),
    "datagram": v2(family=0x12) + request("GET", "/open"),
    "too long": v2(rest=b"x" * 60000) + request("GET", "/open"),
    "an address with a NUL": V1.replace(b"203.0.113.7", b"203.0.113.7\0"),
    "a second one": V1 + V1 + request("GET", "/open"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_without_a_good_header_nothing_is_served(proxied, upstream, what):
    postern = proxied()
    with Client(postern.port) as client:
        client.send(REFUSED[what])
        reply = client.rest()
        assert not reply or (what == "a second one" and b" 400 " in reply)
    assert upstream.received == b""
    if what != "a second one":
        assert "postern_proxy_headers_refused_total 1" in postern.metrics()


def test_a_stranger_is_not_heard(guard, upstream):
    postern = guard(config={"listen": {"address": "127.0.0.1:0", "proxy_protocol": True}, "trusted_proxies": ["10.0.0.0/8"]})
    with Client(postern.port) as client:
        client.send(V1 + request("GET", "/open"))
        assert client.rest() == b""
    assert upstream.received == b""


def test_on_other_listeners_it_is_no_header(guard, upstream):
    postern = guard(config=TRUSTED)
    for header in (V1, v2()):
        with Client(postern.port) as client:
            client.send(header + request("GET", "/open"))
            assert client.reply().status == 400
    assert upstream.received == b""


def test_a_silent_proxy_and_one_that_ends_are_closed(proxied):
    postern = proxied(timeouts={"head": "200ms", "drain": "5s"})
    for begin in (b"", V1[:20], v2()[:20]):
        with Client(postern.port) as client:
            client.send(begin)
            assert client.is_closed()
        with Client(postern.port) as client:
            client.send(begin)
            client.end()
            assert client.is_closed()
    until(lambda: "postern_proxy_headers_refused_total 6" in postern.metrics(), "all are counted")
    with Client(postern.port) as client:
        client.send(V1[:20])
        postern.signal(signal.SIGTERM)
        assert client.is_closed()
    assert postern.wait() == 0


@pytest.mark.parametrize("header", [V1, v2(), TLV], ids=["v1", "v2", "extensions"])
def test_tls_begins_right_behind_the_header(guard, tmp_path, upstream, header):
    ca = Authority(tmp_path / "pki")
    postern = guard(config={
        "listen": {"address": "127.0.0.1:0", "proxy_protocol": True}, "tls": ca.issue("server", "api.test").config, **TRUSTED,
    })
    with TlsClient(postern.port, ca.client_context(), announce=header) as client:
        assert client.ask().status == 200
    assert upstream.last.get("x-forwarded-for") == "203.0.113.7"
    # In one piece with the client's first record.
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ca.client_context().wrap_bio(incoming, outgoing, server_hostname="api.test")
    with Client(postern.port) as client:
        first = header
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.send(first + outgoing.read())
                first = b""
                incoming.write(client.sock.recv(65536))
        session.write(request("GET", "/open"))
        client.send(outgoing.read())
        reply = b""
        while b"ok\n" not in reply:
            incoming.write(client.sock.recv(65536))
            try:
                reply += session.read(65536)
            except ssl.SSLWantReadError:
                pass
        assert reply.startswith(b"HTTP/1.1 200")


def test_certificates_may_change_between_header_and_handshake(guard, tmp_path, upstream):
    """A connection keeps the certificates it began with, however long its proxy takes to announce it."""
    ca = Authority(tmp_path / "pki")
    files = [tmp_path / "tls.crt", tmp_path / "tls.key"]

    def install(pair):
        for source, target in zip((pair.certificate, pair.key), files):
            new = tmp_path / "new"
            new.write_bytes(source.read_bytes())
            new.rename(target)

    install(ca.issue("old", "api.test", subject="/CN=old"))
    postern = guard(config={
        "listen": {"address": "127.0.0.1:0", "proxy_protocol": True}, "shards": 1, **TRUSTED,
        "tls": {"certificate": str(files[0]), "key": str(files[1])},
    })
    early = socket.create_connection(("127.0.0.1", postern.port), timeout=PATIENCE)
    until(lambda: postern.metric("client_connections") == 1, "it is accepted")
    install(ca.issue("new", "api.test", subject="/CN=new"))
    postern.wait_for_log("certificates read again")
    with TlsClient(postern.port, ca.client_context(), announce=V1) as client:
        assert client.subject() == "new"
    with TlsClient(postern.port, ca.client_context(), announce=V1, sock=early) as client:
        assert client.subject() == "old"
        assert client.ask().status == 200


def test_silence_behind_a_header_holds_no_buffers(proxied):
    postern = proxied(shards=1, timeouts={"head": "60s", "drain": "5s"})
    clients = [Client(postern.port) for _ in range(3)]
    for client in clients:
        client.send(V1 + request("GET", "/open"))
        assert client.reply().status == 200
    before = postern.memory()
    silent = [Client(postern.port) for _ in range(500)]
    for client in silent:
        client.send(V1)
    until(lambda: postern.metric("client_connections") >= len(silent), "all of them open")
    with Client(postern.port) as last:  # what came before is dealt with
        last.send(V1 + request("GET", "/open"))
        assert last.reply().status == 200
    grown = (postern.memory() - before) / len(silent)
    assert grown < (32 if SANITIZED else 8) * 1024, f"{grown} bytes each"
    for client in clients + silent:
        client.close()


def test_curl_announces(proxied, upstream):
    postern = proxied()
    done = subprocess.run(["curl", "-sS", "--haproxy-protocol", f"http://127.0.0.1:{postern.port}/open"],
                          capture_output=True, timeout=PATIENCE)
    assert done.stdout == b"ok\n", done.stderr


def test_the_announced_client_has_the_connections(proxied):
    postern = proxied(limits={"connections_per_client": 1})
    with postern.client() as one:
        one.send(V1 + request("GET", "/open"))
        assert one.reply().status == 200
        with postern.client() as two:
            two.send(V1 + request("GET", "/open"))
            assert two.rest() == b""
        with postern.client() as other:
            other.send(V1.replace(b"203.0.113.7", b"203.0.113.8") + request("GET", "/open"))
            assert other.reply().status == 200
