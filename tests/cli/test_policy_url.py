"""`--openapi http://…`: the document from whoever serves it, over our own strict client."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from conftest import OPENAPI, PATIENCE, ROOT

sys.path.insert(0, str(ROOT / "tests/e2e"))
from tls import Authority  # noqa: E402

DOCUMENT = OPENAPI.encode()


def answer(body=DOCUMENT, head="HTTP/1.1 200 OK", *fields):
    lines = [head, *(fields or (f"Content-Length: {len(body)}",))]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(body, size=100):
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;x=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nT: 1\r\n\r\n"


@contextmanager
def server(reply, context=None, host="127.0.0.1", keep_open=False):
    """Gives every connection this answer; yields its port and the requests it got."""
    listening = socket.create_server((host, 0))
    requests, kept = [], []

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                requests.append(connection.recv(65536))
                for piece in reply if isinstance(reply, list) else [reply]:
                    connection.sendall(piece)
                if keep_open:
                    kept.append(connection)
                    continue
                if context:
                    connection.unwrap()
            except OSError:
                pass
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], requests
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(PATIENCE)
        for connection in kept:
            connection.close()


def prove(shop, url, ok=0, environment=None, *options):
    return shop.run("policy", "prove", "--openapi", url, *options, ok=ok, environment=environment)


def told(shop, reply, *options, keep_open=False):
    """What is wrong with an answer, in the words of the complaint."""
    with server(reply, keep_open=keep_open) as (port, _):
        url = f"http://127.0.0.1:{port}/spec"
        complaint = prove(shop, url, 1, None, *options).stderr
        assert complaint.startswith(f"postern: {url}: ") and complaint.count("\n") == 1, complaint
        return complaint[len(f"postern: {url}: ") : -1]


@pytest.mark.parametrize(
    "reply",
    [
        answer(),
        answer(chunked(DOCUMENT), "HTTP/1.1 200 OK", "Transfer-Encoding: chunked"),
        answer(DOCUMENT, "HTTP/1.1 200 OK", "Content-Type: application/yaml"),
        answer(DOCUMENT, "HTTP/1.0 200 OK", "Content-Type: application/yaml"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(),
        [bytes([byte]) for byte in answer()],
    ],
    ids=["length", "chunked", "until close", "HTTP 1.0", "informational", "byte by byte"],
)
def test_a_document_is_fetched(shop, reply):
    with server(reply) as (port, requests):
        done = prove(shop, f"http://LocalHost:{port}/api/spec.json?v=1#top")
    assert done.stdout == "4 operations, 0 findings, 0 of them errors\n"
    head = requests[0].decode()
    assert head.startswith("GET /api/spec.json?v=1 HTTP/1.1\r\n") and f"\r\nHost: localhost:{port}\r\n" in head


def test_init_from_a_url(shop):
    with server(answer()) as (port, _):
        made = shop.json("policy", "init", "--openapi", f"http://127.0.0.1:{port}", "--directory", "guard")
    assert made["rules_added"] == 4
    assert f'from "http://127.0.0.1:{port}"' in (shop.folder / "guard/policy.yaml").read_text()


def test_an_address_of_version_6(shop):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    port = listening.getsockname()[1]

    def serve():
        connection, _ = listening.accept()
        connection.recv(65536)
        connection.sendall(answer())
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    prove(shop, f"http://[::1]:{port}/spec")
    listening.close()


def test_each_thing_that_can_be_wrong_with_an_answer_is_said(shop):
    assert told(shop, answer(b"", "HTTP/1.1 404 Not Found")) == "answers 404 instead of 200"
    assert told(shop, answer(b"", "HTTP/1.1 204 No Content", "X: 1")) == "answers 204 instead of 200"
    assert (
        told(shop, answer(b"", "HTTP/1.1 302 Found", "Location: /elsewhere", "Content-Length: 0"))
        == 'answers 302 and points to "/elsewhere"; give that URL'
    )
    assert "the coding \"gzip\"" in told(shop, answer(b"x", "HTTP/1.1 200 OK", "Content-Encoding: gzip", "Content-Length: 1"))
    assert told(shop, b"") == "the answer ends before it has begun"
    assert told(shop, b"hello\r\n\r\n") == "the answer is malformed: bad_status_line"
    assert told(shop, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == "the answer is malformed: length_and_coding"
    assert told(shop, b"HTTP/1.1 103 a\r\n\r\n" * 20) == "the answer is malformed: too many informational ones"
    assert told(shop, answer()[:-1]) == f"the answer is cut off after {len(DOCUMENT) - 1} bytes"
    assert told(shop, answer(chunked(DOCUMENT)[:-2], "HTTP/1.1 200 OK", "Transfer-Encoding: chunked")) == (
        f"the answer is cut off after {len(DOCUMENT)} bytes"
    )
    assert told(shop, answer(b"zz\r\n", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked")) == "the answer's chunks are malformed"


def test_size_and_time_are_bounded(shop):
    assert told(shop, b"HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n") == "larger than 64 MiB"
    megabyte = b" " * (1 << 20)
    assert told(shop, [b"HTTP/1.1 200 OK\r\n\r\n", *[megabyte] * 66]) == "larger than 64 MiB"
    began = time.monotonic()
    assert told(shop, b"HTTP/1.1 200 OK\r\n", "--timeout", "1", keep_open=True) == "no complete answer in time"
    assert told(shop, answer()[:-1], "--timeout", "1", keep_open=True) == "no complete answer in time"
    assert time.monotonic() - began < 30


def test_nobody_there(shop):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert "cannot be connected to: Connection refused" in prove(shop, f"http://127.0.0.1:{port}/", 1).stderr
    assert prove(shop, "http://nobody.invalid/", 1).stderr.startswith("postern: http://nobody.invalid/: nobody.invalid: ")


@pytest.mark.parametrize("url", ["http://", "http:///a", "http://user:word@a.test/", "http://a b/", "http://a.test:99999/", "http://[::1/", "http://caf\u00e9/"])
def test_what_is_no_url(shop, url):
    assert prove(shop, url, 1).stderr.startswith(f"postern: {url}: ")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


def secure(pair):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def test_https_is_verified(shop, authority):
    trusted = {"SSL_CERT_FILE": str(authority.certificate)}
    with server(answer(), secure(authority.issue("good", "localhost", "127.0.0.1"))) as (port, _):
        prove(shop, f"https://127.0.0.1:{port}/spec", environment=trusted)
        prove(shop, f"https://localhost:{port}/spec", environment=trusted)
        other = Authority(authority.folder / "other")
        stranger = prove(shop, f"https://127.0.0.1:{port}/", 1, {"SSL_CERT_FILE": str(other.certificate)}).stderr
        assert "the certificate is not accepted: " in stranger
    with server(answer(), secure(authority.issue("elsewhere", "elsewhere.test"))) as (port, _):
        assert "the certificate is not accepted: " in prove(shop, f"https://127.0.0.1:{port}/", 1, trusted).stderr
    with server(answer()) as (port, _):
        assert ": TLS: " in prove(shop, f"https://127.0.0.1:{port}/", 1, trusted).stderr


def test_an_answer_over_tls_that_is_cut_is_no_answer(shop, authority):
    """Without a length only close_notify tells an end from an attack."""
    context = secure(authority.issue("cut", "127.0.0.1"))
    reply = answer(DOCUMENT, "HTTP/1.1 200 OK", "Content-Type: application/yaml")
    trusted = {"SSL_CERT_FILE": str(authority.certificate)}
    with server(reply, context) as (port, _):
        prove(shop, f"https://127.0.0.1:{port}/", environment=trusted)
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listening.accept()
        secured = context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)
        secured.recv(65536)
        secured.sendall(reply)
        os.close(secured.detach())

    threading.Thread(target=serve, daemon=True).start()
    assert ": TLS: " in prove(shop, f"https://127.0.0.1:{listening.getsockname()[1]}/", 1, trusted).stderr
    listening.close()


def test_the_example_s_api_served_live(empty):
    """deploy/example as its README starts it, asked for its own document."""
    pytest.importorskip("fastapi")
    uvicorn = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "deploy/example"), "events:api", "--port", "0"],
        stderr=subprocess.PIPE, text=True,
    )
    try:
        port = next(line.split("127.0.0.1:")[1].split()[0] for line in uvicorn.stderr if "running on http://127.0.0.1:" in line)
        url = f"http://127.0.0.1:{port}/api/doc/spec.json"
        made = empty.json("policy", "init", "--openapi", url)
        assert made["rules_added"] == made["operations"] >= 8
        proved = ("policy", "prove", "--openapi", url, "--policy", "policy.yaml", "--catalog", "catalog.yaml", "--strict")
        assert empty.json(*proved)["findings"] == []
        example = ROOT / "deploy/example"
        answer = empty.json("policy", "prove", "--openapi", url, "--policy", example / "policy.yaml", "--catalog", example / "catalog.yaml")
        assert [one for one in answer["findings"] if one["severity"] == "error"] == []
        assert all(rule["rule"] for one in answer["operations"] for rule in one["rules"])
    finally:
        uvicorn.terminate()
        uvicorn.wait(PATIENCE)
