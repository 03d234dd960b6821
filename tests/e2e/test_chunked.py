"""Chunked bodies of a client: every row of the grammar, whole and byte by byte."""

import pytest

from wire import Client, request

START = request("POST", "/open", "Transfer-Encoding: chunked")

REFUSED = [
    (1, "a space before the size", b" 5\r\nhello\r\n0\r\n\r\n"),
    (1, "a hexadecimal prefix", b"0x5\r\nhello\r\n0\r\n\r\n"),
    (1, "a sign", b"+5\r\nhello\r\n0\r\n\r\n"),
    (1, "a minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    (1, "no size", b"\r\nhello\r\n0\r\n\r\n"),
    (1, "no size where the last chunk belongs", b"5\r\nhello\r\n\r\n\r\n"),
    (1, "an extension without a size", b"5\r\nhello\r\n;a\r\n\r\n"),
    (1, "17 digits", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    (1, "a size beyond 63 bits", b"FFFFFFFFFFFFFFFE\r\nhello\r\n0\r\n\r\n"),
    (1, "letters", b"xyz\r\nhello\r\n0\r\n\r\n"),
    (3, "NUL after the size", b"5\x00\r\nhello\r\n0\r\n\r\n"),
    (3, "a space after the size and no extension", b"5 \r\nhello\r\n0\r\n\r\n"),
    (3, "a word after the size", b"5 x\r\nhello\r\n0\r\n\r\n"),
    (3, "CR CR LF after the size", b"5\r\r\nhello\r\n0\r\n\r\n"),
    (3, "a bare LF after the size", b"5\nhello\r\n0\r\n\r\n"),
    (4, "an extension without a name", b"5;\r\nhello\r\n0\r\n\r\n"),
    (4, "an extension without a value", b"5;a=\r\nhello\r\n0\r\n\r\n"),
    (4, "an extension value that is empty", b"5;a=;x\r\nhello\r\n0\r\n\r\n"),
    (4, "an extension of a value alone", b"5;=a\r\nhello\r\n0\r\n\r\n"),
    (5, "LF in a quoted extension", b'5;a="\n"\r\nhello\r\n0\r\n\r\n'),
    (5, "NUL in a quoted extension", b'5;a="\x00"\r\nhello\r\n0\r\n\r\n'),
    (5, "control bytes in the last extension", b'5\r\nhello\r\n0;a="\x01\x7f"\r\n\r\n'),
    (5, "a quoted extension without its end", b'5;a="x\r\nhello\r\n0\r\n\r\n'),
    (6, "an extension beyond the limit", b"5;a=" + b"b" * 200_000 + b"\r\nhello\r\n0\r\n\r\n"),
    (6, "an extension of two kilobytes", b"5;a=" + b"b" * 2_000 + b"\r\nhello\r\n0\r\n\r\n"),
    (7, "another byte for CR after the data", b"5\r\nhelloX\n0\r\n\r\n"),
    (7, "another byte for LF after the data", b"5\r\nhello\rX0\r\n\r\n"),
    (7, "no CRLF after the data", b"5\r\nhelloXX0\r\n\r\n"),
    (7, "a bare LF after the data", b"5\r\nhello\n0\r\n\r\n"),
    (7, "data longer than its size", b"4\r\nhello\r\n0\r\n\r\n"),
    (8, "a trailer without a colon", b"5\r\nhello\r\n0\r\nabc\r\n\r\n"),
    (8, "a folded trailer", b"5\r\nhello\r\n0\r\n A: b\r\n\r\n"),
    (8, "a trailer with a space before its colon", b"5\r\nhello\r\n0\r\nA : b\r\n\r\n"),
    (8, "a trailer ended by a bare LF", b"5\r\nhello\r\n0\r\nA: b\n\r\n"),
    (8, "a control byte in a trailer", b"5\r\nhello\r\n0\r\nA: \x01\r\n\r\n"),
    (8, "trailers beyond the limit", b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n"),
    (10, "another byte for the last LF", b"5\r\nhello\r\n0\r\n\rX"),
    (10, "a request line where the last CRLF belongs", b"5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n"),
    (10, "the same with a colon in it", b"5\r\nhello\r\n0\r\nGET /a: HTTP/1.1\r\n\r\n"),
]  # fmt: skip


def whole(received: bytes) -> bool:
    """Whether what reached the upstream holds a message that it could take for complete."""
    return received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize("row, what, body", REFUSED, ids=[f"{row[0]} {row[1]}" for row in REFUSED])
def test_refused(shared, row, what, body, cut):
    """The head may have gone up by then, since bodies are streamed; the end of the body must not."""
    if cut and len(body) > 20_000:
        cut = 997
    with Client(shared.postern.port) as client:
        client.send(START + body, cut)
        client.end()
        reply = client.reply()
        assert reply.status in (400, 413), reply.raw
        assert reply.get("connection") == "close"
        assert client.is_closed()
    assert not whole(shared.upstream.received)
    assert shared.postern.ask().status == 200


ACCEPTED = [
    (2, "leading zeros", b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    (1, "upper and lower case digits", b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", b"01234567890123456789"),
    (3, "blanks around an extension", b"5 ; a = b\r\nhello\r\n0\r\n\r\n", b"hello"),
    (4, "an extension of a name alone", b"5;a\r\nhello\r\n0;b\r\n\r\n", b"hello"),
    (5, "a quoted extension", b'5;a="x;\\"y\t"\r\nhello\r\n0\r\n\r\n', b"hello"),
    (8, "trailers", b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n", b"hello"),
    (9, "trailers that nobody may send", b"5\r\nhello\r\n0\r\nHost: evil\r\nConnection: close\r\nContent-Length: 3\r\n\r\n", b"hello"),
    (1, "nothing at all", b"0\r\n\r\n", b""),
]  # fmt: skip


@pytest.mark.parametrize("cut", [None, 1, 3], ids=["whole", "bytes", "threes"])
@pytest.mark.parametrize("row, what, body, expected", ACCEPTED, ids=[f"{row[0]} {row[1]}" for row in ACCEPTED])
def test_accepted(shared, row, what, body, expected, cut):
    with Client(shared.postern.port) as client:
        client.send(START + body + request("GET", "/open/next"), cut)
        assert client.reply().status == 200
        assert client.reply().status == 200
    first, second = shared.upstream.requests
    assert first.body == expected
    assert first.trailers == []  # dropped by default
    assert second.target == "/open/next"
    assert b"evil" not in shared.upstream.received
    assert b";" not in first.raw  # extensions end here


@pytest.mark.parametrize("body", [b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\nA: b\r\n"])
def test_an_end_before_the_last_chunk_is_no_end(shared, body):
    """Row 11: the upstream must see that the body was cut off."""
    with Client(shared.postern.port) as client:
        client.send(START + body)
        client.end()
        client.rest()
    assert not whole(shared.upstream.received)


def test_a_length_that_is_not_filled_is_no_end(shared):
    with Client(shared.postern.port) as client:
        client.send(request("POST", "/open", "Content-Length: 10") + b"hello")
        client.end()
        client.rest()
    assert shared.upstream.requests == []


def test_small_extensions_on_a_long_upload_are_within_the_budget(shared):
    chunk = b"1000;sig=0123456789abcdef0123456789abcdef\r\n" + b"x" * 4096 + b"\r\n"
    with Client(shared.postern.port) as client:
        client.send(START + chunk * 1000 + b"0\r\n\r\n")
        assert client.reply().status == 200
    assert len(shared.upstream.last.body) == 4096 * 1000


def test_extensions_out_of_proportion_are_refused(shared):
    chunk = b"1;a=" + b"b" * 900 + b"\r\nx\r\n"
    with Client(shared.postern.port) as client:
        client.send(START + chunk * 1000 + b"0\r\n\r\n")
        assert client.reply().status in (400, 413)
