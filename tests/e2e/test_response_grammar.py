"""The upstream is not trusted with framing either: each row of the response grammar, whole and byte by byte."""

import threading

import pytest

from wire import PATIENCE, Client, chunked, request, response

SHARED = {"config": {"timeouts": {"response": "5s", "drain": "2s"}}}

OK = b"HTTP/1.1 200 OK\r\n"

BROKEN = [
    (1, "status 000", b"HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n"),
    (1, "status 099", b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n"),
    (1, "status 600", b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n"),
    (1, "a letter in the status", b"HTTP/1.1 2x0 X\r\nContent-Length: 0\r\n\r\n"),
    (1, "five digits", b"HTTP/1.1 20000 X\r\nContent-Length: 0\r\n\r\n"),
    (1, "two digits", b"HTTP/1.1 20 X\r\nContent-Length: 0\r\n\r\n"),
    (1, "a tab", b"HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n"),
    (1, "two spaces", b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"),
    (1, "HTTP/0.9", b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (1, "HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (1, "HTTP/1.2", b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (1, "lower case", b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (1, "a TLS record", b"\x15\x03\x01\x00\x02\x02\x28"),
    (1, "a body without a head", b"<html>hello</html>\r\n\r\n"),
    (1, "a signed status", b"HTTP/1.1 +200 OK\r\nContent-Length: 0\r\n\r\n"),
    (2, "NUL in the reason", b"HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n"),
    (2, "a bare CR in the reason", b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"),
    (3, "an empty line before", b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    (4, "a fold", OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    (4, "a space before a colon", OK + b"Content-Length : 2\r\n\r\nok"),
    (4, "NUL in a value", OK + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n"),
    (4, "a bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    (4, "an empty name", OK + b": a\r\nContent-Length: 0\r\n\r\n"),
    (4, "no colon", OK + b"abc\r\nContent-Length: 0\r\n\r\n"),
    (5, "two lengths", OK + b"Content-Length: 2\r\nContent-Length: 12\r\n\r\nok"),
    (5, "a list of lengths", OK + b"Content-Length: 2, 12\r\n\r\nok"),
    (5, "a signed length", OK + b"Content-Length: +2\r\n\r\nok"),
    (5, "a huge length", OK + b"Content-Length: 18446744073709551618\r\n\r\nok"),
    (5, "an empty length", OK + b"Content-Length:\r\n\r\nok"),
    (5, "a bad length in a 204", b"HTTP/1.1 204 No Content\r\nContent-Length: +2\r\n\r\n"),
    (5, "a bad length in a 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: x\r\n\r\n"),
    (6, "both framings", OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (6, "chunked twice", OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    (6, "chunked in two lines", OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (6, "chunked, gzip", OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    (6, "xchunked", OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    (6, "chunked in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (8, "101 that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
    (10, "1xx without an end", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50),
    (10, "1xx beyond the bound", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50 + OK + b"Content-Length: 0\r\n\r\n"),
    (10, "a head beyond the limit", OK + b"X: " + b"a" * 300_000 + b"\r\n\r\n"),
    (10, "too many fields", OK + b"X: a\r\n" * 500 + b"Content-Length: 0\r\n\r\n"),
    (0, "nothing", b""),
    (0, "half a head", b"HTTP/1.1 200 OK\r\nContent-Le"),
]  # fmt: skip


def answering(data, cut=None):
    """Reads a request, sends these bytes (whole, in pieces of `cut`, or cut at the one place in a list), then ends its side."""

    def serve(connection):
        connection.request()
        if isinstance(cut, list):
            pieces = [data[: cut[0]], data[cut[0] :]]
        else:
            pieces = [data] if cut is None else [data[i : i + cut] for i in range(0, len(data), cut)]
        try:
            for piece in pieces:
                connection.send(piece)
        except OSError:
            pass  # postern has seen enough

    return serve


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("row, what, data", BROKEN, ids=[f"{row[0]} {row[1]}" for row in BROKEN])
def test_broken(shared, row, what, data, cut):
    if cut and len(data) > 20_000:
        cut = 997
    shared.upstream.serve = answering(data, cut)
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", body=b"x"))  # POST: nothing is tried twice
        reply = client.reply()
        while reply.status == 103:
            reply = client.reply()
        assert reply.status == 502, reply.raw
        assert reply.get("content-type") == "application/problem+json"
    shared.upstream.serve = None
    assert shared.postern.ask().status == 200


@pytest.mark.parametrize("cut", [None, 1, 3], ids=["whole", "bytes", "threes"])
@pytest.mark.parametrize(
    "data, body",
    [
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 D'accord \xe9\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (OK + b"Content-Length: 002\r\n\r\nok", b"ok"),
        (OK + b"Transfer-Encoding: CHUNKED\r\n\r\n2;a=b\r\nok\r\n0\r\nX: y\r\n\r\n", b"ok"),
    ],
)
def test_accepted(shared, data, body, cut):
    shared.upstream.serve = answering(data, cut)
    reply = shared.postern.ask()
    assert reply.status == 200
    assert reply.body == body
    assert reply.version == "HTTP/1.1"


@pytest.mark.parametrize("status, fields", [(204, ["Content-Length: 0"]), (304, ["Content-Length: 5"]), (204, []), (304, ["ETag: \"a\""])])
def test_no_body_by_status(shared, status, fields):
    shared.upstream.answer = response(status, *fields, body=None, reason="X")
    with Client(shared.postern.port) as client:
        for _ in range(2):
            client.send(request("GET", "/open"))
            reply = client.reply()
            assert reply.status == status and reply.body == b""
        if status == 204:
            assert reply.get("content-length") is None and reply.get("transfer-encoding") is None


def test_bytes_beyond_an_answer_belong_to_nobody(shared):
    """They poison the connection: never given to the next request."""
    count = []

    def serve(connection):
        while connection.pending() or connection._more():
            connection.request()
            count.append(connection.number)
            connection.send(response() + (response(body=b"poison\n") if len(count) == 1 else b""))

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        replies = [client.ask("POST", "/open") for _ in range(3)]
    assert [reply.body for reply in replies] == [b"ok\n"] * 3
    assert count[1] != count[0]


def test_an_answer_before_its_request_is_no_answer(shared):
    """Bytes on an idle pooled connection: the connection is closed, and the next request gets its own answer."""

    sent = threading.Event()

    def serve(connection):
        connection.request()
        connection.send(response())
        connection.send(response(body=b"unsolicited\n"))
        sent.set()
        connection.rest()

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        assert client.ask().body == b"ok\n"
        assert sent.wait(PATIENCE)
        shared.postern.admin("/livez")  # a round trip, so that the bytes have been seen
        assert client.ask().body == b"ok\n"


def test_an_informational_answer_that_nobody_awaits_ends_with_its_connection(shared):
    """Who counts his answers otherwise than we do is not asked again on that connection."""
    numbers = []

    def answer(_, connection):
        numbers.append(connection.number)
        return b"HTTP/1.1 102 Processing\r\n\r\n" + response()

    shared.upstream.answer = answer
    with Client(shared.postern.port) as client:
        for _ in range(2):
            assert client.ask("POST", "/open").status == 200
    assert len(set(numbers)) == 2


def test_bytes_after_a_head_reply_are_not_the_next_reply(shared):
    def serve(connection):
        connection.request()
        connection.send(response(body=b"a body that HEAD may not have\n"))

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        for _ in range(3):
            client.send(request("HEAD", "/open"))
            reply = client.reply("HEAD")
            assert reply.status == 200 and reply.body == b""


HOP_BY_HOP = ["Connection: X-Hop", "Keep-Alive: timeout=5", "Proxy-Connection: close", "Upgrade: h2c", "Trailer: X", "TE: trailers"]


def test_hop_by_hop_fields_of_an_answer_end_here(shared):
    shared.upstream.answer = response(200, *HOP_BY_HOP, "X-Hop: 1", "X-End: 2", "Set-Cookie: a=b", "Set-Cookie: c=d")
    reply = shared.postern.ask()
    assert reply.get("x-end") == "2"
    assert reply.all("set-cookie") == ["a=b", "c=d"]
    for name in ("x-hop", "keep-alive", "proxy-connection", "upgrade", "trailer", "te"):
        assert name not in reply.names()
    assert reply.get("connection") in (None, "keep-alive")


def test_a_reason_is_ours_and_not_the_upstreams(shared):
    shared.upstream.answer = response(reason="Set-Cookie: a=b")
    reply = shared.postern.ask()
    assert b"Set-Cookie" not in reply.raw_head


@pytest.mark.parametrize(
    "body",
    [b"", b"5\r\nhel", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n", b"zz\r\n", b"5\r\nhelloXX", b"5\n", b"5\r\nhello\r\n0\r\nbad\r\n\r\n"],
)
def test_a_chunked_answer_that_breaks_is_never_complete(shared, body):
    shared.upstream.serve = answering(OK + b"Transfer-Encoding: chunked\r\n\r\n" + body)
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/open"))
        client.end()
        reply = client.rest()
    assert not reply.endswith(b"0\r\n\r\n") and (reply.startswith(b"HTTP/1.1 200") or reply.startswith(b"HTTP/1.1 502"))


def test_an_answer_shorter_than_its_length_is_never_complete(shared):
    shared.upstream.serve = answering(OK + b"Content-Length: 10\r\n\r\nhello")
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/open"))
        client.end()
        reply = client.rest()
    assert reply.endswith(b"hello") or b" 502 " in reply.split(b"\r\n")[0]


def test_trailers_of_an_answer_are_dropped(shared):
    shared.upstream.answer = OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(b"hello", trailers="X-Subject-Id: a\r\nSet-Cookie: b\r\n")
    reply = shared.postern.ask()
    assert reply.body == b"hello" and reply.trailers == []


INFORMATIONAL = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"


def test_early_hints_reach_clients_that_understand_them(shared):
    shared.upstream.answer = b"HTTP/1.1 102 Processing\r\n\r\n" + INFORMATIONAL + b"HTTP/1.1 100 Continue\r\n\r\n" + response()
    with Client(shared.postern.port) as client:
        client.send(request("GET", "/open"))
        hints = client.reply()
        assert (hints.status, hints.get("link")) == (103, "</a>; rel=preload")
        assert client.reply().status == 200
    with Client(shared.postern.port) as client:
        client.send(b"GET /open HTTP/1.0\r\nHost: h\r\n\r\n")
        assert client.reply().status == 200
