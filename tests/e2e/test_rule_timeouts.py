"""`timeouts` of a rule: they end what waits on its paths, and nothing else."""

import json
import threading

import pytest

from test_timeouts import ends
from test_upgrade import AGREED, HANDSHAKE
from wire import Reply, Request, Unexpected, request, response

LONG = {"head": "60s", "body": "60s", "idle": "60s", "response": "60s", "drain": "2s"}
POLICY = """\
version: 1
rules:
  - {path: /open, allow: anonymous}
  - {path: /short/response, allow: anonymous, timeouts: {response: 300ms}}
  - {path: /short/body, allow: anonymous, timeouts: {body: 300ms}}
  - {path: /short/idle, allow: anonymous, timeouts: {idle: 300ms}}
  - {path: /long, allow: anonymous, timeouts: {response: 30s, body: 30s, idle: 30s}}
"""


@pytest.fixture
def patient(guard):
    """The configuration waits for a minute: what ends sooner was ended by the rule."""
    return guard(policy=POLICY, config={"timeouts": LONG})


def silent(connection):
    connection.request()
    try:
        connection.rest()
    except (OSError, Unexpected):
        pass


def half(connection):
    connection.request()
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    try:
        connection.rest()
    except (OSError, Unexpected):
        pass


def test_an_answer_that_does_not_begin(patient, upstream):
    upstream.serve = silent
    reply = patient.ask("GET", "/short/response")
    assert reply.status == 504 and json.loads(reply.body)["code"] == "upstream_timeout"


def test_a_body_that_pauses_on_its_way_up(patient, upstream):
    upstream.serve = lambda connection: connection.rest()
    with patient.client() as client:
        client.send(request("POST", "/short/body", "Content-Length: 10") + b"hello")
        answer = ends(client)
        assert answer == b"" or b" 408 " in answer[:20]


def test_an_answer_that_pauses(patient, upstream):
    upstream.serve = half
    with patient.client() as client:
        client.send(request("GET", "/short/idle"))
        assert ends(client).endswith(b"hello")


def test_a_tunnel_in_which_nothing_is_said(patient, upstream):
    def serve(connection):
        connection.head(Request)
        connection.send(AGREED)
        try:
            connection.rest()
        except (OSError, Unexpected):
            pass

    upstream.serve = serve
    with patient.client() as client:
        client.send(request("GET", "/short/idle", *HANDSHAKE))
        assert client.head(Reply).status == 101
        assert client.is_closed()


def test_a_client_that_takes_nothing_of_its_answer(patient, upstream):
    import socket

    given_up = threading.Event()

    def serve(connection):
        connection.request()
        try:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            while True:
                connection.send(b"x" * 65536)
        except OSError:
            given_up.set()

    upstream.serve = serve
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", patient.port))
        client.sendall(request("GET", "/short/body"))
        assert given_up.wait(30)


@pytest.mark.parametrize("wait", ["response", "body", "idle"])
def test_a_rule_may_wait_longer_than_the_configuration(guard, upstream, wait):
    """The long request waits until a usual one that came after it was given up."""
    postern = guard(policy=POLICY, config={"timeouts": {**LONG, wait: "300ms"}})
    given_up = threading.Event()

    def serve(connection):
        head = connection.head(Request)
        if wait == "response" and head.target == "/long":
            assert given_up.wait(30)
            connection.send(response())
        elif wait == "idle" and head.target == "/long":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            assert given_up.wait(30)
            connection.send(b"world")
        elif wait == "body" and head.target == "/long":
            assert connection.exactly(10) == b"helloworld"
            connection.send(response())
        else:
            if wait == "idle":
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            try:
                connection.rest()
            except (OSError, Unexpected):
                pass

    upstream.serve = serve
    body = ["Content-Length: 10"] if wait == "body" else []
    with postern.client() as client, postern.client() as usual:
        client.send(request("POST", "/long", *body) + (b"hello" if body else b""))
        usual.send(request("POST", "/open", *body) + (b"hello" if body else b""))
        if wait == "response":
            assert usual.reply().status == 504  # and the connection is kept
        else:
            ends(usual)
        given_up.set()
        if body:
            client.send(b"world")
        assert client.reply().status == 200


def test_the_timeouts_of_a_rule_are_read_again(guard, upstream):
    upstream.serve = silent
    postern = guard(policy=POLICY.replace("300ms", "50s"), config={"timeouts": LONG})
    before = len(postern.log)
    postern.policy_file.write_text(POLICY)
    postern.wait_for_log("reloaded", before)
    assert postern.ask("GET", "/short/response").status == 504
