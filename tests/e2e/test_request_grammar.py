"""The request side of the grammar: each row from outside, whole and byte by byte. What is refused never reaches the upstream, and
what is accepted reaches it as one request."""

import pytest

from wire import Client

SHARED = {"config": {"timeouts": {"head": "20s", "drain": "2s"}}}

G = b"GET /open HTTP/1.1\r\nHost: h\r\n"
END = b"\r\n"


def head(line: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join((line, *fields, b"", b""))


def get(*fields: bytes) -> bytes:
    return head(b"GET /open HTTP/1.1", b"Host: h", *fields)


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return head(b"POST /open HTTP/1.1", b"Host: h", *fields) + body


def target(path: bytes) -> bytes:
    return head(b"GET " + path + b" HTTP/1.1", b"Host: h")


# row of http-grammar.md, name, bytes, statuses that are right
REFUSED = [
    (1, "a second empty line before the request", b"\r\n\r\n" + get(), {400}),
    (2, "bare LF line ends", b"GET /open HTTP/1.1\nHost: h\n\n", {400}),
    (2, "a bare LF after the request line", b"GET /open HTTP/1.1\nHost: h\r\n\r\n", {400}),
    (2, "a bare LF after a field", b"GET /open HTTP/1.1\r\nHost: h\n\r\n", {400}),
    (2, "a bare LF at the end of the head", G + b"\n", {400}),
    (2, "LF before the request", b"\n" + get(), {400}),
    (3, "a bare CR in a value", get(b"X: a\rY: b"), {400}),
    (3, "a bare CR before the request", b"\r" + get(), {400}),
    (3, "CR CR LF", b"GET /open HTTP/1.1\r\r\nHost: h\r\n\r\n", {400}),
    (3, "a bare CR in the request line", b"GET /op\ren HTTP/1.1\r\nHost: h\r\n\r\n", {400}),
    (4, "a method with a delimiter", b"G(T /open HTTP/1.1\r\nHost: h\r\n\r\n", {400}),
    (4, "NUL before the method", b"\x00GET /open HTTP/1.1\r\nHost: h\r\n\r\n", {400}),
    (4, "no method", b" /open HTTP/1.1\r\nHost: h\r\n\r\n", {400}),
    (4, "a method of 8-bit bytes", b"G\xc9T /open HTTP/1.1\r\nHost: h\r\n\r\n", {400}),
    (4, "a method beyond the limit", b"A" * 40 + b" /open HTTP/1.1\r\nHost: h\r\n\r\n", {400, 501}),
    (5, "two spaces before the target", head(b"GET  /open HTTP/1.1", b"Host: h"), {400}),
    (5, "two spaces before the version", head(b"GET /open  HTTP/1.1", b"Host: h"), {400}),
    (5, "a tab before the target", head(b"GET\t/open HTTP/1.1", b"Host: h"), {400}),
    (5, "a tab before the version", head(b"GET /open\tHTTP/1.1", b"Host: h"), {400}),
    (5, "a space after the version", head(b"GET /open HTTP/1.1 ", b"Host: h"), {400}),
    (5, "a space before the method", head(b" GET /open HTTP/1.1", b"Host: h"), {400}),
    (6, "an empty target", head(b"POST  HTTP/1.1", b"Host: h"), {400}),
    (6, "HTTP/0.9", b"GET /open\r\n\r\n", {400}),
    (6, "a method alone", b"GET\r\n\r\n", {400}),
    (7, "a version in lower case", head(b"GET /open http/1.1", b"Host: h"), {400}),
    (7, "a version of three digits", head(b"GET /open HTTP/1.32", b"Host: h"), {400}),
    (7, "a version of two digits", head(b"GET /open HTTP/11.1", b"Host: h"), {400}),
    (7, "a version with a comma", head(b"GET /open HTTP/1,1", b"Host: h"), {400}),
    (7, "a version of another protocol", head(b"GET /open ICY/1.1", b"Host: h"), {400}),
    (7, "HTTP/1.2", head(b"GET /open HTTP/1.2", b"Host: h"), {505}),
    (7, "HTTP/2.0", head(b"GET /open HTTP/2.0", b"Host: h"), {505}),
    (7, "HTTP/0.9 spelled out", head(b"GET /open HTTP/0.9", b"Host: h"), {505}),
    (7, "an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
    (8, "a fragment", target(b"/open/a#b"), {400}),
    (8, "a backslash", target(b"/open/a\\b"), {400}),
    (8, "raw 8-bit bytes", target(b"/open/\xc3\xa9"), {400}),
    (8, "a quote", target(b'/open/a"b'), {400}),
    (8, "an angle bracket", target(b"/open/a<b"), {400}),
    (8, "a caret", target(b"/open/a^b"), {400}),
    (8, "a brace", target(b"/open/{a}"), {400}),
    (8, "a backtick", target(b"/open/a`b"), {400}),
    (8, "DEL", target(b"/open/a\x7f"), {400}),
    (8, "a control byte", target(b"/open/a\x01"), {400}),
    (8, "NUL", target(b"/open/a\x00"), {400}),
    (8, "a control byte in the query", target(b"/open?a\x01"), {400}),
    (8, "8-bit bytes in the query", target(b"/open?a=\xe9"), {400}),
    (8, "a fragment in the query", target(b"/open?a#b"), {400}),
    (9, "a relative target", target(b"open"), {400}),
    (9, "an asterisk for GET", target(b"*"), {400}),
    (9, "an authority for GET", target(b"h:80"), {400}),
    (9, "another scheme", target(b"ftp://h/open"), {400}),
    (9, "CONNECT", head(b"CONNECT h:443 HTTP/1.1", b"Host: h:443"), {400, 403, 405, 501}),
    (9, "CONNECT with a path", head(b"CONNECT /open HTTP/1.1", b"Host: h"), {400, 403, 405, 501}),
    (9, "TRACE", head(b"TRACE /open HTTP/1.1", b"Host: h"), {400, 403, 405, 501}),
    (10, "userinfo in the authority", target(b"http://u@h/open"), {400}),
    (10, "an empty authority", target(b"http:///open"), {400}),
    (10, "a port beyond 65535", target(b"http://h:99999/open"), {400}),
    (10, "an authority that is not Host", target(b"http://other/open"), {400}),
    (11, "a target beyond the limit", target(b"/open/" + b"a" * 70000), {414}),
    (11, "a field beyond the limit", get(b"X: " + b"a" * 70000), {431}),
    (11, "too many fields", get(*(b"X-%d: a" % i for i in range(200))), {431}),
    (11, "many small fields", get(*(b"X: %s" % (b"a" * 500) for _ in range(99))), {431}),
    (12, "whitespace before the first field", b"GET /open HTTP/1.1\r\n Host: h\r\n\r\n", {400}),
    (12, "a folded field", get(b"X: a", b" b"), {400}),
    (12, "a field folded by a tab", get(b"X: a", b"\tb"), {400}),
    (12, "a folded Host", b"GET /open HTTP/1.1\r\nHost:\r\n h\r\n\r\n", {400}),
    (13, "a space before the colon", get(b"X : a"), {400}),
    (13, "a tab before the colon", get(b"X\t: a"), {400}),
    (13, "an empty name", get(b": a"), {400}),
    (13, "brackets in a name", get(b"X[]: a"), {400}),
    (13, "no colon", get(b"abc"), {400}),
    (13, "8-bit bytes in a name", get(b"\xefX: a"), {400}),
    (13, "a space in a name", get(b"X Y: a"), {400}),
    (13, "NUL in a name", get(b"X\x00: a"), {400}),
    (13, "a space before Content-Length's colon", post(b"Content-Length : 5", body=b"hello"), {400}),
    (13, "a space before Transfer-Encoding's colon", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"), {400}),
    (14, "NUL in a value", get(b"X: a\x00b"), {400}),
    (14, "DEL in a value", get(b"X: \x7f"), {400}),
    (14, "VT in a value", get(b"X: \x0b"), {400}),
    (14, "ESC in a value", get(b"X: a\x1bb"), {400}),
    (15, "a no-break space around chunked", post(b"Transfer-Encoding: \xa0chunked", body=b"0\r\n\r\n"), {400, 501}),
    (15, "VT around chunked", post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), {400}),
    (16, "no Host", b"GET /open HTTP/1.1\r\n\r\n", {400}),
    (16, "two Hosts", head(b"GET /open HTTP/1.1", b"Host: h", b"Host: i"), {400}),
    (16, "two equal Hosts", head(b"GET /open HTTP/1.1", b"Host: h", b"Host: h"), {400}),
    (16, "an empty Host", head(b"GET /open HTTP/1.1", b"Host:"), {400}),
    (16, "a Host list", head(b"GET /open HTTP/1.1", b"Host: a,b"), {400}),
    (16, "a Host with userinfo", head(b"GET /open HTTP/1.1", b"Host: u@h"), {400}),
    (16, "a Host with a path", head(b"GET /open HTTP/1.1", b"Host: h/x"), {400}),
    (16, "a Host with a query", head(b"GET /open HTTP/1.1", b"Host: h?x"), {400}),
    (16, "a Host with a backslash", head(b"GET /open HTTP/1.1", b"Host: h\\x"), {400}),
    (16, "a Host with a space", head(b"GET /open HTTP/1.1", b"Host: h x"), {400}),
    (16, "a port beyond 65535 in Host", head(b"GET /open HTTP/1.1", b"Host: h:65536"), {400}),
    (16, "letters as a port", head(b"GET /open HTTP/1.1", b"Host: h:http"), {400}),
    (16, "an IPv6 literal without its end", head(b"GET /open HTTP/1.1", b"Host: [::1"), {400}),
    (16, "an IPv6 address without brackets", head(b"GET /open HTTP/1.1", b"Host: ::1"), {400}),
    (16, "two Hosts in HTTP/1.0", head(b"GET /open HTTP/1.0", b"Host: h", b"Host: h"), {400}),
    (17, "a signed length", post(b"Content-Length: +5", body=b"hello"), {400}),
    (17, "a negative length", post(b"Content-Length: -5", body=b"hello"), {400}),
    (17, "a list of lengths", post(b"Content-Length: 5,5", body=b"hello"), {400}),
    (17, "a list of lengths with a space", post(b"Content-Length: 5, 5", body=b"hello"), {400}),
    (17, "two lengths", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello"), {400}),
    (17, "two equal lengths", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), {400}),
    (17, "a hexadecimal length", post(b"Content-Length: 0x5", body=b"hello"), {400}),
    (17, "VT after the length", post(b"Content-Length: 5\x0b", body=b"hello"), {400}),
    (17, "an empty length", post(b"Content-Length:", body=b"hello"), {400}),
    (17, "a space within the length", post(b"Content-Length: 5 5", body=b"hello"), {400}),
    (17, "a length beyond 64 bits", post(b"Content-Length: 18446744073709551621", body=b"hello"), {400}),
    (17, "a length beyond 63 bits", post(b"Content-Length: 9223372036854775808", body=b"hello"), {400, 413}),
    (17, "a length with a fraction", post(b"Content-Length: 5.0", body=b"hello"), {400}),
    (18, "chunked, gzip", post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), {400, 501}),
    (18, "gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), {400, 501}),
    (18, "chunked twice in a line", post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), {400, 501}),
    (18, "chunked in two lines", post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {400}),
    (18, "xchunked", post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), {400, 501}),
    (18, "identity", post(b"Transfer-Encoding: identity", body=b"0\r\n\r\n"), {400, 501}),
    (18, "gzip", post(b"Transfer-Encoding: gzip", body=b"0\r\n\r\n"), {400, 501}),
    (18, "an empty coding", post(b"Transfer-Encoding:", body=b"0\r\n\r\n"), {400}),
    (18, "chunked with a parameter", post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n"), {400, 501}),
    (18, "chunked and a word", post(b"Transfer-Encoding: chunked foo", body=b"0\r\n\r\n"), {400, 501}),
    (18, "a comma before chunked", post(b"Transfer-Encoding: ,chunked", body=b"0\r\n\r\n"), {400, 501}),
    (18, "a quoted chunked", post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), {400, 501}),
    (19, "length, then chunked", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {400}),
    (19, "chunked, then length", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), {400}),
    (19, "an empty coding and a length", post(b"Transfer-Encoding:", b"Content-Length: 5", body=b"hello"), {400}),
    (19, "an unknown coding and a length", post(b"Transfer-Encoding: gzip", b"Content-Length: 5", body=b"hello"), {400, 501}),
    (20, "chunked in HTTP/1.0", head(b"POST /open HTTP/1.0", b"Host: h", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", {400}),
    (21, "a Connection that is no list", get(b"Connection: a b"), {400}),
    (21, "a quoted Connection", get(b'Connection: "close"'), {400}),
    (21, "8-bit bytes in Connection", get(b"Connection: \xe9"), {400}),
    (23, "an expectation nobody knows", post(b"Expect: 200-ok", b"Content-Length: 5", body=b"hello"), {417}),
]  # fmt: skip


def once(shared, data, cut):
    """The answer to `data` on a fresh connection, which must end after it, and what came up meanwhile."""
    with Client(shared.postern.port) as client:
        client.send(data, cut)
        client.end()
        reply = client.reply()
        assert client.is_closed()
    return reply


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("row, what, data, statuses", REFUSED, ids=[f"{row[0]} {row[1]}" for row in REFUSED])
def test_refused(shared, row, what, data, statuses, cut):
    if cut and len(data) > 20000:
        cut = 997  # each piece costs two system calls; a prime walks over every kind of boundary
    reply = once(shared, data, cut)
    assert reply.status in statuses, reply.raw
    assert reply.get("connection") == "close" or reply.status == 405  # that one was read without a doubt
    # Whatever came up by mistake would have come before this one.
    assert shared.postern.ask(target="/open/probe").status == 200
    assert [request.target for request in shared.upstream.requests] == ["/open/probe"]
    assert shared.upstream.received == shared.upstream.last.raw


ACCEPTED = [
    (1, "an empty line before the request", b"\r\n" + get(), "/open"),
    (4, "an unknown method", head(b"PURGE /open HTTP/1.1", b"Host: h"), "/open"),
    (4, "a method of odd tokens", head(b"M-SEARCH!#$ /open HTTP/1.1", b"Host: h"), "/open"),
    (8, "a query with raw delimiters", target(b"/open?a={b}|c^d[e]\\f`g"), "/open?a={b}|c^d[e]\\f`g"),
    (8, "sub-delims in the path", target(b"/open/a!$&'()*+,=:@b"), "/open/a!$&'()*+,=:@b"),
    (8, "an empty query", target(b"/open?"), "/open?"),
    (8, "a query with a question mark", target(b"/open?a?b/c"), "/open?a?b/c"),
    (9, "absolute form", target(b"http://h/open"), "/open"),
    (9, "absolute form, another case", head(b"GET HTTP://H/open HTTP/1.1", b"Host: h"), "/open"),
    (9, "OPTIONS *", head(b"OPTIONS * HTTP/1.1", b"Host: h"), "*"),
    (14, "tabs and obs-text in a value", get(b"X: a\tb", b"Y: caf\xe9"), "/open"),
    (15, "blanks around a value", get(b"X: \t a \t"), "/open"),
    (16, "an IPv6 Host", head(b"GET /open HTTP/1.1", b"Host: [::1]:80"), "/open"),
    (16, "a Host with an empty port", head(b"GET /open HTTP/1.1", b"Host: h:"), "/open"),
    (16, "a Host with a trailing dot", head(b"GET /open HTTP/1.1", b"Host: h."), "/open"),
    (17, "leading zeros", post(b"Content-Length: 005", body=b"hello"), "/open"),
    (17, "blanks around the length", post(b"Content-Length: \t5\t", body=b"hello"), "/open"),
    (18, "chunked in any case", post(b"tRANSFER-eNCODING: Chunked", body=b"5\r\nhello\r\n0\r\n\r\n"), "/open"),
    (21, "empty elements in Connection", get(b"Connection: keep-alive,,x-b, "), "/open"),
    (22, "HTTP/1.0 without Host", b"GET /open HTTP/1.0\r\n\r\n", "/open"),
    (22, "HTTP/1.0 with Host", b"GET /open HTTP/1.0\r\nHost: h\r\n\r\n", "/open"),
]  # fmt: skip


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("row, what, data, expected", ACCEPTED, ids=[f"{row[0]} {row[1]}" for row in ACCEPTED])
def test_accepted(shared, row, what, data, expected, cut):
    with Client(shared.postern.port) as client:
        client.send(data, cut)
        assert client.reply().status == 200
    assert [request.target for request in shared.upstream.requests] == [expected]
    if b"hello" in data:
        assert shared.upstream.last.body == b"hello"
    assert shared.upstream.last.version == "HTTP/1.1"


def test_accepted_whatever_the_cut(shared):
    """One request with everything in it, cut in two at every position."""
    data = post(b"Transfer-Encoding: chunked", b"X-A: b", body=b"5;a=b\r\nhello\r\n006\r\n world\r\n0\r\nX-T: u\r\n\r\n")
    for place in range(1, len(data)):
        shared.upstream.forget()
        with Client(shared.postern.port) as client:
            client.send(data, [place])
            assert client.reply().status == 200, place
        assert [request.body for request in shared.upstream.requests] == [b"hello world"], place


def test_a_smuggled_second_request_is_no_request(shared):
    """The bodies of refused framings hold a second request; it must never be read as one."""
    smuggled = b"GET /open/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
    for fields in (
        [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
        [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding : chunked"],
        [b"Transfer_Encoding: chunked"],
        [b"Content-Length: 0", b"Content-Length: 44"],
        [b"Content-Length: +0"],
    ):
        reply = once(shared, post(*fields, body=b"0\r\n\r\n" + smuggled), None)
        assert reply.status in (400, 501)
        assert shared.upstream.received == b"", fields


@pytest.mark.parametrize("piece", [b"X-%d: a\r\n", b"X: %d\r\n"], ids=["names", "values"])
def test_limits_count_all_bytes_however_they_arrive(shared, piece):
    """Segments that end one byte after a line end once made a parser forget what came before."""
    with Client(shared.postern.port) as client:
        client.send(G)
        for i in range(5000):
            client.send(piece % i)
        assert client.reply().status == 431
    assert shared.upstream.received == b""


def test_a_refusal_does_not_wait_for_the_rest_of_the_head(shared):
    with Client(shared.postern.port) as client:
        client.send(b"GET /open HTTP/1.1\r\nX : a\r\n")
        assert client.reply().status == 400
    assert shared.upstream.received == b""


def test_what_follows_a_refused_request_is_not_read(shared):
    with Client(shared.postern.port) as client:
        client.send(get(b"X : a") + get())
        assert client.reply().status == 400
        assert client.is_closed()
    assert shared.upstream.received == b""


def test_a_client_that_only_connects_and_one_that_only_resets_hurt_nobody(shared):
    import socket
    import struct

    for _ in range(20):
        client = Client(shared.postern.port)
        client.send(G)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        Client(shared.postern.port).close()
    assert shared.postern.ask().status == 200
