"""Revocation reaches what is open: tunnels, event streams, downloads, uploads and slow answers end when the token or the rule no
longer holds, in every process that shares the store."""

import re
import socket
import threading

import pytest

from server import POLICY, until
from test_upgrade import HANDSHAKE, echo
from wire import Client, Reply, Request, chunked, request

CONFIG = {"streams": {"recheck": "100ms"}}


def metric(postern, name):
    return int(re.search(rf"^postern_{name} (\d+)$", postern.metrics(), re.M)[1])


@pytest.fixture
def pair(guard, upstream):
    """Two servers on one store: what is open is open at the second."""
    first = guard(config=CONFIG)
    return first, guard(config=CONFIG, store=first.store.directory)


def revoke(postern, name="victim"):
    postern.store.run("token", "disable", postern.store.token_id(name))


def was_cut(postern, reason="revoked"):
    line = until(lambda: next((l for l in postern.access_log(1) if l.get("cut")), None), "a line of what was cut")
    assert line["cut"] == reason
    assert metric(postern, "streams_cut_total") == 1
    return line


def looked_at_again(postern):
    seen = metric(postern, "rechecks_total")
    until(lambda: metric(postern, "rechecks_total") > seen + 1, "two looks")


def events(connection):
    """Server-sent events that never end."""
    connection.head(Request)
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    connection.send(chunked(b"data: 1\n\n")[:-5])
    connection.rest()


def open_events(postern, secret, target="/read", *fields):
    client = postern.client()
    client.send(request("GET", target, *fields, token=secret))
    assert client.head(Reply).status == 200
    assert client.exactly(14) == b"9\r\ndata: 1\n\n\r\n"
    return client


def test_an_event_stream_is_cut_at_the_other_server(pair, upstream):
    first, second = pair
    secret = first.store.create_token("victim", "--role", "test.reader")
    upstream.serve = events
    with open_events(second, secret) as client:
        looked_at_again(second)
        revoke(first)
        assert client.rest() == b""  # no last chunk: never taken for a whole answer
    assert was_cut(second)["status"] == 200
    until(lambda: upstream.connections[-1].ended, "the upstream's end")


def test_a_tunnel_is_closed_on_both_sides(pair, upstream):
    first, second = pair
    secret = first.store.create_token("victim", "--role", "test.reader")
    upstream.serve = echo
    with Client(second.port) as client:
        client.send(request("GET", "/read", *HANDSHAKE, token=secret))
        assert client.head(Reply).status == 101
        looked_at_again(second)
        client.send(b"ping")
        assert client.exactly(4) == b"ping"
        first.store.run("token", "delete", first.store.token_id("victim"))
        assert client.is_closed()
    assert was_cut(second)["status"] == 101
    until(lambda: upstream.connections[-1].ended, "the upstream's end")


def test_a_long_download_is_cut(pair, upstream):
    first, second = pair
    secret = first.store.create_token("victim", "--role", "test.reader")
    revoked = threading.Event()

    def serve(connection):
        connection.head(Request)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        while True:
            connection.send(bytes(65536))
            revoked.wait(0.01)

    upstream.serve = serve
    with Client(second.port) as client:
        client.send(request("GET", "/read", token=secret))
        assert client.head(Reply).get("content-length") == "1073741824"
        client.exactly(1 << 20)
        revoke(first)
        revoked.set()
        client.rest()
        assert len(client.received) < 1 << 30
    assert was_cut(second)["bytes_sent"] < 1 << 30


def test_a_long_upload_gets_the_answer_that_it_would_get_now(pair, upstream):
    first, second = pair
    secret = first.store.create_token("victim", "--role", "test.writer")
    upstream.serve = lambda connection: (connection.head(Request), connection.rest())
    with Client(second.port) as client:
        client.send(request("POST", "/write", "Content-Length: 1000000", token=secret) + b"x" * 1000)
        looked_at_again(second)
        revoke(first)
        reply = client.reply("POST")
        assert reply.status == 401
        assert b'"invalid_token"' in reply.body
    assert was_cut(second)["status"] == 401


def test_a_slow_answer_is_no_longer_waited_for(pair, upstream):
    first, second = pair
    secret = first.store.create_token("victim", "--role", "test.reader")
    upstream.serve = lambda connection: (connection.head(Request), connection.rest())
    with Client(second.port) as client:
        client.send(request("GET", "/read", token=secret))
        looked_at_again(second)
        revoke(first)
        assert client.reply().status == 401
    was_cut(second)


def test_a_changed_policy_a_role_less_and_a_token_that_runs_out_cut_too(guard, upstream):
    upstream.serve = events
    server = guard(config=CONFIG)
    store = server.store

    with open_events(server, store.create_token("policy", "--role", "test.reader")) as client:
        server.policy_file.write_text(POLICY.replace("permission: test.read}", "permission: test.write}"))
        assert client.rest() == b""
    with open_events(server, store.create_token("catalog", "--role", "test.writer")) as client:
        looked_at_again(server)
        store.run("role", "update", "test.writer", "--remove-permission", "test.write")
        assert client.rest() == b""
    with open_events(server, store.create_token("time", "--expires", "2s"), "/private") as client:
        assert client.rest() == b""
    assert metric(server, "streams_cut_total") == 3


def test_everybodys_stream_goes_on_but_not_under_a_name_that_no_longer_holds(guard, upstream):
    upstream.serve = events
    server = guard(config=CONFIG)
    secret = server.store.create_token("victim")
    nobody = open_events(server, "", "/open")
    stranger = open_events(server, "pst_unknown", "/open")
    with nobody, stranger, open_events(server, secret, "/open") as named:
        revoke(server)
        assert named.rest() == b""
        looked_at_again(server)
        assert metric(server, "streams_cut_total") == 1
        nobody.sock.settimeout(0.01)
        with pytest.raises(OSError):
            nobody._more()


def test_a_source_that_a_rule_no_longer_accepts_cuts(guard, upstream):
    upstream.serve = events
    policy = "version: 1\nrules:\n  - {id: read, path: /read/**, permission: test.read, credentials: [authorization, {cookie: c}]}\n"
    server = guard(config=CONFIG, policy=policy)
    secret = server.store.create_token("victim", "--role", "test.reader")
    with server.client() as client:
        client.send(request("GET", "/read", f"Cookie: c={secret}"))
        assert client.head(Reply).status == 200
        with open_events(server, secret) as other:
            looked_at_again(server)
            server.policy_file.write_text(policy.replace(", {cookie: c}", ""))
            client.rest()
            looked_at_again(server)
            assert metric(server, "streams_cut_total") == 1
            other.sock.settimeout(0.01)
            with pytest.raises(OSError):
                other._more()


def test_without_rechecks_a_stream_goes_on(guard, upstream):
    upstream.serve = events
    server = guard(config={"streams": {"recheck": "0s"}})
    secret = server.store.create_token("victim", "--role", "test.reader")
    with open_events(server, secret) as client:
        revoke(server)
        assert server.ask("GET", "/read", token=secret).status == 401
        assert metric(server, "rechecks_total") == 0
        client.sock.settimeout(0.01)
        with pytest.raises(OSError):
            client._more()


def test_short_requests_are_never_looked_at_again(guard, upstream):
    server = guard(config=CONFIG)
    secret = server.store.create_token("victim", "--role", "test.reader")
    with server.client() as client:
        for _ in range(200):
            assert client.ask("GET", "/read", token=secret).status == 200
    assert metric(server, "rechecks_total") <= 2  # on a machine that stood still for a while


def test_a_reloaded_interval_reaches_what_is_open(guard, upstream):
    upstream.serve = events
    server = guard(config={"streams": {"recheck": "0s"}})
    secret = server.store.create_token("victim", "--role", "test.reader")
    with open_events(server, secret) as never, open_events(server, secret) as other:
        for recheck in ("1h", "100ms"):
            since = len(server.log)
            server.write_config(streams={"recheck": recheck})
            server.wait_for_log("reloaded:", since)
        revoke(server)
        assert never.rest() == other.rest() == b""


def test_everybodys_stream_needs_no_store_to_go_on(guard, upstream):
    upstream.serve = events
    server = guard(config=CONFIG)
    secret = server.store.create_token("victim", "--role", "test.reader")
    with open_events(server, "", "/open") as nobody, open_events(server, secret) as named:
        state = server.store.directory / "postern.store" / "state.mdb"
        state.rename(state.with_name("elsewhere"))
        assert named.rest() == b""
        looked_at_again(server)
        assert metric(server, "streams_cut_total") == 1
        nobody.sock.settimeout(0.01)
        with pytest.raises(OSError):
            nobody._more()


def test_half_an_informational_answer_is_never_followed_by_an_answer(guard, upstream):
    """Whatever came after it would be read as the rest of it."""
    server = guard(config={"streams": {"recheck": "100ms"}, "timeouts": {"body": "60s", "drain": "5s"}, "shards": 1})
    secret = server.store.create_token("victim", "--role", "test.reader")
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: <" + b"h" * 15_000 + b">\r\n\r\n"
    upstream.answer = hints * 8 + b"HTTP/1.1 204 No Content\r\n\r\n"  # so that nearly every byte is a hint's
    with server.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        threading.Thread(target=client.send, args=(request("GET", "/read", token=secret) * 400,), daemon=True).start()
        looked_at_again(server)  # one of them has waited for us to read for a while
        looked_at_again(server)
        revoke(server)
        was_cut(server)
        received = b""
        try:
            while piece := client.sock.recv(1 << 20):
                received += piece
            ended = "in order"
        except ConnectionResetError:
            ended = "by a reset"
    assert ended == "by a reset"
    assert b"HTTP/1.1 401" not in received
    assert len(upstream.requests) < 400


def test_a_connection_that_is_being_made_is_no_longer_waited_for(guard, upstream):
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())  # its queue takes no second one: who connects now waits
        server = guard(config=CONFIG | {"timeouts": {"connect": "60s", "drain": "5s"}},
                       upstream="http://127.0.0.1:%d" % full.getsockname()[1])
        secret = server.store.create_token("victim", "--role", "test.reader")
        with server.client() as client:
            client.send(request("GET", "/read", token=secret))
            looked_at_again(server)
            revoke(server)
            assert client.reply().status == 401
        was_cut(server)
        assert metric(server, "upstream_connect_failures_total") == 0
        assert metric(server, "upstream_connections") == 0


def test_a_drain_does_not_wait_for_a_connection_that_is_being_made(guard, upstream):
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.connect(full.getsockname())
        server = guard(config={"timeouts": {"connect": "60s", "drain": "500ms"}}, upstream="http://127.0.0.1:%d" % full.getsockname()[1])
        with server.client() as client:
            client.send(request("GET", "/open"))
            until(lambda: metric(server, "upstream_connections") == 1, "a connection under way")
            assert server.stop() == 0


def test_a_stream_whose_escaped_slash_is_no_longer_kept_is_cut(guard, upstream):
    upstream.serve = events
    policy = 'version: 1\nrules:\n  - {path: "/files/{name}", encoded_slash: keep, allow: anonymous}\n'
    server = guard(policy=policy, config=CONFIG)
    with open_events(server, "", "/files/a%2Fb") as kept, open_events(server, "", "/files/a") as plain:
        server.policy_file.write_text(policy.replace("keep", "refuse"))
        assert kept.rest() == b""
        looked_at_again(server)
        assert metric(server, "streams_cut_total") == 1
        plain.sock.settimeout(0.01)
        with pytest.raises(OSError):
            plain._more()
