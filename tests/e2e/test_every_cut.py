"""Every row of the grammar again, cut in two at every position: nothing may depend on how the bytes arrive. The pieces go out on many
connections side by side, all first halves before all second ones, so that each half is a read of its own."""

import pytest

import test_chunked
import test_request_grammar
import test_response_grammar
from wire import Client, request

LONGEST = 700  # the rows about limits are cut elsewhere: test_limits_count_all_bytes_however_they_arrive
AT_ONCE = 40


def short(rows, data_of):
    return [pytest.param(*row, id=f"{row[0]} {row[1]}") for row in rows if len(data_of(row)) <= LONGEST]


def replies_at_every_cut(shared, data, first=1):
    """The answers to `data` cut at each position from `first` on; each connection ends with its answer."""
    replies = []
    for start in range(first, len(data), AT_ONCE):
        places = range(start, min(start + AT_ONCE, len(data)))
        clients = [Client(shared.postern.port) for _ in places]
        try:
            for client, place in zip(clients, places):
                client.send(data[:place])
            shared.postern.admin("/livez")  # a round trip, in which the first halves are read
            for client, place in zip(clients, places):
                client.send(data[place:])
                client.end()
            for client, place in zip(clients, places):
                reply = client.reply()
                assert client.is_closed()
                replies.append((place, reply))
        finally:
            for client in clients:
                client.close()
    return replies


@pytest.mark.parametrize("row, what, data, statuses", short(test_request_grammar.REFUSED, lambda row: row[2]))
def test_refused_head(shared, row, what, data, statuses):
    for place, reply in replies_at_every_cut(shared, data):
        assert reply.status in statuses, (place, reply.raw)
    assert shared.upstream.received == b""


@pytest.mark.parametrize("row, what, data, expected", short(test_request_grammar.ACCEPTED, lambda row: row[2]))
def test_accepted_head(shared, row, what, data, expected):
    replies = replies_at_every_cut(shared, data)
    assert [reply.status for _, reply in replies] == [200] * (len(data) - 1)
    assert [arrived.target for arrived in shared.upstream.requests] == [expected] * len(replies)
    assert len({arrived.body for arrived in shared.upstream.requests}) == 1


@pytest.mark.parametrize("row, what, body", short(test_chunked.REFUSED, lambda row: row[2]))
def test_refused_body(shared, row, what, body):
    data = test_chunked.START + body
    for place, reply in replies_at_every_cut(shared, data, len(test_chunked.START)):
        assert reply.status in (400, 413), (place, reply.raw)
    for connection in shared.upstream.connections:
        assert not test_chunked.whole(bytes(connection.received))


@pytest.mark.parametrize("row, what, body, expected", short(test_chunked.ACCEPTED, lambda row: row[2]))
def test_accepted_body(shared, row, what, body, expected):
    data = test_chunked.START + body
    replies = replies_at_every_cut(shared, data, len(test_chunked.START))
    assert [reply.status for _, reply in replies] == [200] * len(replies)
    assert [arrived.body for arrived in shared.upstream.requests] == [expected] * len(replies)


@pytest.mark.parametrize("row, what, data", short(test_response_grammar.BROKEN, lambda row: row[2]))
def test_broken_answer(shared, row, what, data):
    for place in range(1, len(data)):
        shared.upstream.serve = test_response_grammar.answering(data, [place])
        with Client(shared.postern.port) as client:
            client.send(request("POST", "/open", body=b"x"))
            reply = client.reply()
            while reply.status == 103:
                reply = client.reply()
            assert reply.status == 502, (place, reply.raw)
