"""Fields after a chunked body: dropped, unless the rule lets them pass; then filtered, both ways."""

import pytest

from wire import Client, chunked, request

POLICY = """\
version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - {id: pass, path: /pass/**, allow: anonymous, trailers: pass}
  - {id: drop, path: /drop/**, allow: anonymous, trailers: drop}
"""
SHARED = {"policy": POLICY}

BAD = "Host: evil\r\nX-Subject-Id: root\r\nx_subject_id: root\r\nContent-Length: 5\r\nAuthorization: Bearer x\r\nSet-Cookie: a=b\r\n"
SECTION = "X-Checksum: abc\r\n" + BAD + "Digest: d\r\n"
KEPT = [("X-Checksum", "abc"), ("Digest", "d")]


def chunked_answer(*fields, trailers=SECTION):
    head = "\r\n".join(["HTTP/1.1 200 OK", *fields, "Transfer-Encoding: chunked", "", ""])
    return head.encode() + chunked(b"hello", trailers=trailers)


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("target, kept", [("/open/x", []), ("/drop/x", []), ("/pass/x", KEPT)])
def test_trailers_of_a_request(shared, target, kept, cut):
    with Client(shared.postern.port) as client:
        for _ in range(2):  # the connection goes on after them
            client.send(request("POST", target, "Transfer-Encoding: chunked", "Trailer: X-Checksum") + chunked(b"body", trailers=SECTION), cut)
            assert client.reply().status == 200
    for arrived in shared.upstream.requests:
        assert (arrived.body, arrived.trailers) == (b"body", kept)
        assert b"root" not in arrived.raw and b"evil" not in arrived.raw
        assert arrived.get("trailer") is None if not kept else True


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize(
    "target, fields, kept",
    [
        ("/pass/x", ["TE: trailers"], KEPT),
        ("/pass/x", ["TE: deflate;q=0.5, Trailers", "Connection: TE"], KEPT),
        ("/pass/x", [], []),  # the client has not said that it can take them
        ("/pass/x", ["TE: gzip"], []),
        ("/open/x", ["TE: trailers"], []),
        ("/drop/x", ["TE: trailers"], []),
    ],
)
def test_trailers_of_an_answer(shared, target, fields, kept, cut):
    def serve(connection):
        while connection.pending() or connection._more():
            shared.upstream.requests.append(connection.request())
            data = chunked_answer("Trailer: X-Checksum")
            for piece in [data] if cut is None else [data[i : i + 1] for i in range(len(data))]:
                connection.send(piece)

    shared.upstream.serve = serve
    with Client(shared.postern.port) as client:
        for _ in range(2):
            reply = client.ask("GET", target, *fields)
            assert (reply.status, reply.body, reply.trailers) == (200, b"hello", kept)
            assert reply.get("trailer") == ("X-Checksum" if kept else None)
    for arrived in shared.upstream.requests:
        # The upstream is asked for what can be passed on, and for nothing else.
        assert arrived.all("te") == (["trailers"] if kept else [])
        assert ("TE" in (arrived.get("connection") or "")) == bool(kept)


def test_a_client_of_http_1_0_gets_no_trailers(shared):
    shared.upstream.answer = chunked_answer()
    with Client(shared.postern.port) as client:
        client.send(b"GET /pass/x HTTP/1.0\r\nHost: h\r\nTE: trailers\r\n\r\n")
        reply = client.reply()
        assert (reply.status, reply.body, reply.framing()) == (200, b"hello", None)
        assert client.is_closed()


def test_a_word_that_is_neither_drop_nor_pass_is_a_load_error(guard):
    server = guard(policy=POLICY.replace("trailers: pass", "trailers: pas"), begin=False)
    with pytest.raises(Exception, match=r'policy.yaml:4:\d+: "trailers" is drop or pass'):
        server.start()
