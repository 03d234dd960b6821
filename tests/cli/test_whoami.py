"""The tiny upstream: what it received, as JSON."""

import http.client
import json
import os
import socket

import pytest
from conftest import BINARY, SANITIZER
from serving import Serving


@pytest.fixture(scope="module")
def whoami(tmp_path_factory):
    with Serving([BINARY, "whoami"], cwd=tmp_path_factory.mktemp("whoami"), environment=dict(os.environ)) as it:
        yield it
        assert it.stop() == 0, it.log
        assert not SANITIZER.search(it.log)


@pytest.fixture
def client(whoami):
    connection = http.client.HTTPConnection(whoami.url.split("//")[1], timeout=60)
    yield connection
    connection.close()


def raw(whoami, *pieces):
    """Everything it answers to these bytes until it closes."""
    host, port = whoami.url.split("//")[1].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer


def ask(client, *arguments, **keywords):
    client.request(*arguments, **keywords)
    answer = client.getresponse()
    return answer, answer.read()


def test_says_what_it_received_in_order(client):
    client.putrequest("PATCH", "/a/b?c=%20d", skip_host=True, skip_accept_encoding=True)
    for name, value in (("Host", "shop.example"), ("B", "1"), ("A", 'x "y" \\'), ("b", "2")):
        client.putheader(name, value)
    client.endheaders()
    answer = client.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.read()) == {
        "method": "PATCH", "target": "/a/b?c=%20d", "version": "HTTP/1.1",
        "headers": [["Host", "shop.example"], ["B", "1"], ["A", 'x "y" \\'], ["b", "2"]], "body_bytes": 0,
    }  # fmt: skip


def test_counts_bodies_of_both_framings_on_one_connection(client):
    for body, size in ((b"x" * 200_000, 200_000), (b"", 0), (iter([b"abc", b"d" * 100_000, b"e"]), 100_004)):
        answer, text = ask(client, "POST", "/", body=body)
        assert json.loads(text)["body_bytes"] == size


def test_head_has_no_body(client):
    answer, text = ask(client, "HEAD", "/")
    assert (answer.status, text) == (200, b"")
    assert int(answer.headers["content-length"]) > 0
    assert ask(client, "GET", "/")[0].status == 200


def test_continue_is_told(whoami):
    answer = raw(
        whoami,
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", b"hi",
    )  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_pipelined_requests_are_answered_in_order(whoami):
    answer = raw(
        whoami,
        b"POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        b"GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    )
    assert answer.index(b'"target": "/1"') < answer.index(b'"body_bytes": 3') < answer.index(b'"target": "/2"')
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_http_1_0_closes(whoami):
    answer = raw(whoami, b"GET / HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in answer and b'"version": "HTTP/1.0"' in answer and b'"headers": []' in answer


@pytest.mark.parametrize(
    "bytes, status",
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: h\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_bad_heads_are_refused(whoami, bytes, status):
    answer = raw(whoami, bytes)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b'{"refused": "' in answer


def test_a_bad_chunk_ends_the_connection_without_an_answer(whoami):
    assert raw(whoami, b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n") == b""


def test_every_byte_of_a_value_is_told_as_valid_json(whoami):
    value = bytes(byte for byte in range(256) if byte == 9 or 32 <= byte != 127)
    answer = raw(whoami, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: a" + value + b"z\r\n\r\n")
    headers = dict(json.loads(answer.split(b"\r\n\r\n", 1)[1])["headers"])
    assert headers["X"].startswith("a\t !") and headers["X"].endswith("z")
