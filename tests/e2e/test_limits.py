"""What is bounded, and how what goes beyond is told: status, metric, log."""

import re
import socket
import time

import pytest

from server import until
from wire import PATIENCE, SANITIZED, Client, Request, request, response


def metric(postern, name):
    return int(re.search(rf"^postern_{name} (\d+)$", postern.metrics(), re.M)[1])


@pytest.mark.parametrize(
    "limits, target, fields, status, code",
    [
        ({"head": "256"}, "/open", ["A: " + "x" * 300], 431, "head_too_long"),
        ({"target": "16"}, "/open/" + "x" * 16, [], 414, "target_too_long"),
        ({"fields": 3}, "/open", ["A: b"] * 3, 431, "too_many_fields"),
    ],
)
def test_a_head_beyond_its_bound(guard, upstream, limits, target, fields, status, code):
    server = guard(config={"limits": limits})
    assert server.ask().status == 200
    upstream.forget()
    reply = server.ask("GET", target, *fields)
    assert reply.status == status
    assert f'"{code}"'.encode() in reply.body
    assert not upstream.received
    assert code in [line.get("code") for line in server.access_log(2)]  # of two shards, in any order
    assert f'postern_requests_total{{status="{status}"}} 1' in server.metrics()


def test_a_head_that_is_too_long_already_is_refused_before_its_end(guard):
    server = guard(config={"limits": {"head": "256"}})
    with server.client() as client:
        client.send(request("GET", "/open", "A: " + "x" * 300)[:-2])
        assert client.reply().status == 431


def test_a_bound_of_a_head_is_not_above_what_there_is_room_for(guard):
    server = guard(config={"limits": {"head": "17KiB"}}, begin=False)
    with pytest.raises(Exception, match="limits.head: \"17KiB\" is out of bounds; allowed is 256 to 16KiB"):
        server.start()


def test_connections_of_one_address_are_limited(guard):
    server = guard(config={"limits": {"connections_per_client": 2}})
    with server.client() as one, server.client() as two:
        assert one.ask().status == 200
        assert two.ask().status == 200
        with server.client() as three:
            three.send(request("GET", "/open"))
            assert three.rest() == b""
        # Another address is another client.
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.2", 0)) as other:
            other.sendall(request("GET", "/open", "Connection: close"))
            assert other.recv(12) == b"HTTP/1.1 200"
        assert one.ask().status == 200
    assert metric(server, "client_connections_refused_per_client_total") == 1
    until(lambda: metric(server, "client_connections") == 0, "no connection left")
    assert server.ask().status == 200


def test_requests_in_flight_are_limited(guard, upstream):
    server = guard(config={"limits": {"requests_in_flight": 1}})

    def hold(_, connection):
        upstream.wait_for_requests(1)
        until(lambda: metric(server, "requests_refused_total") == 1, "a refusal")
        return response()

    upstream.answer = hold
    with server.client() as one, server.client() as two:
        one.send(request("GET", "/open/first"))
        upstream.wait_for_requests(1)
        reply = two.ask("GET", "/open/second")
        assert reply.status == 503
        assert reply.get("retry-after") == "1"
        assert b'"too_many_requests"' in reply.body
        assert one.reply().status == 200
        upstream.answer = response()
        # On the same connection, where the place is free by then; another shard may see it a little later.
        assert one.ask("GET", "/open/third").status == 200
    assert [r.target for r in upstream.requests] == ["/open/first", "/open/third"]
    assert "too_many_requests" in [line.get("code") for line in server.access_log(3)]


def test_failures_of_one_address_are_limited_and_a_valid_token_passes(guard, upstream, tokens):
    server = guard(config={"limits": {"auth_failures_per_minute": 3}, "shards": 1})
    # A minute may begin in between, and counting with it.
    statuses = []
    while statuses.count(429) < 3 and len(statuses) < 20:
        reply = server.ask("GET", "/private", "Authorization: Bearer pst_guess")
        statuses.append(reply.status)
    assert statuses[:3] == [401] * 3 and statuses[-1] == 429
    assert 1 <= int(reply.get("retry-after")) <= 60
    assert b'"too_many_failures"' in reply.body
    assert not upstream.requests
    assert server.ask("GET", "/private", token=tokens["reader"]).status == 200
    assert server.ask("GET", "/private").status == 401  # nothing was presented, so nothing was guessed
    assert server.ask("GET", "/open").status == 200
    # Where everybody may pass too: the answer there would show whom a good guess belongs to.
    guesses = [server.ask("GET", "/open", "Authorization: Bearer pst_guess").status for _ in range(4)]
    assert guesses[-1] == 429
    statuses += guesses
    assert server.ask("GET", "/read", token=tokens["nothing"]).status == 403
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE, ("127.0.0.2", 0)) as other:
        other.sendall(request("GET", "/private", "Connection: close", token="pst_guess"))
        assert other.recv(12) == b"HTTP/1.1 401"
    assert metric(server, "auth_failures_limited_total") == statuses.count(429)
    limited = [line for line in server.access_log(len(statuses)) if line.get("code") == "too_many_failures"]
    assert {line["rule"] for line in limited} == {"private", "open"}
    assert {(line["verdict"], line["reason"]) for line in limited} == {("deny", "invalid_token")}


def test_a_body_that_trickles_is_given_up(guard, upstream):
    server = guard(config={"limits": {"body_rate_min": "1000"}, "timeouts": {"body": "300ms", "drain": "5s"}})
    with server.client() as client:
        client.send(request("POST", "/open", "Content-Length: 100000"))
        client.sock.settimeout(0.02)
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE:
            client.send(b"x")
            try:
                if client._more():
                    break
            except socket.timeout:
                pass
        client.sock.settimeout(PATIENCE)
        reply = client.reply("POST")
        assert reply.status == 408
        assert b'"body_too_slow"' in reply.body
    assert metric(server, "slow_bodies_total") == 1
    assert server.access_log(1)[0]["code"] == "body_too_slow"


def test_a_body_that_waits_for_a_slow_upstream_is_not_slow(guard, upstream):
    server = guard(config={"limits": {"body_rate_min": "100000"}, "timeouts": {"body": "1s", "drain": "5s"}})

    def slow(connection):
        connection.head(Request)
        for _ in range(6):
            time.sleep(0.3)  # longer in all than the window; nothing waits for it
            connection.exactly(1 << 20)
        connection.send(response())

    upstream.serve = slow
    with server.client() as client:
        client.send(request("POST", "/open", body=bytes(6 << 20)))
        assert client.reply("POST").status == 200


def test_a_silent_connection_holds_no_buffers_and_is_closed(guard):
    server = guard(config={"timeouts": {"head": "300ms", "drain": "5s"}})
    with server.client() as silent:
        assert silent.is_closed()


@pytest.mark.parametrize("count", [1000])
def test_silent_and_idle_connections_cost_little(guard, upstream, count):
    server = guard(config={"timeouts": {"head": "60s", "idle": "60s", "drain": "5s"}})
    assert server.ask().status == 200
    before = server.memory()
    clients = [Client(server.port) for _ in range(count)]  # silent
    for _ in range(count // 50):  # as many at once as the upstream lets wait
        batch = [Client(server.port) for _ in range(50)]
        for client in batch:
            client.send(request("GET", "/open"))
        for client in batch:
            assert client.reply().status == 200
        clients += batch
    until(lambda: metric(server, "client_connections") == len(clients), "all of them open")
    # An exchange is over 200 KiB; a sanitizer keeps books of its own.
    room = (32 if SANITIZED else 8) * 1024
    grown = lambda: server.memory() - before  # noqa: E731
    until(lambda: grown() / len(clients) < room, "buffers given back", lambda: f"{grown()} bytes for {len(clients)} connections")
    print(f"{grown() // len(clients)} bytes each")
    for client in clients:
        client.close()


def test_an_answer_that_is_taken_too_slowly_is_cut(guard, upstream):
    server = guard(config={"limits": {"body_rate_min": "1MiB"}, "timeouts": {"body": "1s", "drain": "5s"}})
    upstream.answer = response(body=bytes(64 << 20))
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(PATIENCE)
        reader.connect(("127.0.0.1", server.port))
        reader.sendall(request("GET", "/open"))
        line = None
        while line is None:  # a little, so that there is some progress
            try:
                reader.recv(256)
            except ConnectionResetError:
                break
            time.sleep(0.02)
            line = next((entry for entry in server.access_log(0) if entry.get("cut")), None)
    line = server.access_log(1)[0]
    assert line["cut"] == "client_too_slow"
    assert line["bytes_sent"] < 64 << 20
