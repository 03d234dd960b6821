"""An end that costs nobody a request."""

import re
import signal
import socket
import threading
import time

import pytest

from server import until
from wire import PATIENCE, Client, Request, Unexpected, request, response


def hanging(upstream):
    """An upstream that answers when it is told to; the events: asked, release."""
    asked, release = threading.Event(), threading.Event()

    def serve(connection):
        connection.head(Request)
        asked.set()
        release.wait(PATIENCE)
        connection.send(response())

    upstream.serve = serve
    return asked, release


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_without_anything_under_way_it_ends_at_once(guard, number):
    postern = guard(config={"timeouts": {"drain": "60s"}})
    with postern.client() as idle:
        assert idle.ask().status == 200
        began = time.monotonic()
        postern.signal(number)
        assert postern.wait() == 0
        assert time.monotonic() - began < PATIENCE
        assert idle.is_closed()


def test_signals_while_it_ends_are_no_death_by_them(guard):
    for _ in range(10):
        postern = guard()
        while postern.process.poll() is None:
            postern.signal(signal.SIGTERM)
            time.sleep(0.0002)  # often enough to meet the end, seldom enough to let it come
        assert postern.wait() == 0


def test_what_is_under_way_is_finished(guard, upstream):
    asked, release = hanging(upstream)
    postern = guard(config={"timeouts": {"drain": "60s", "response": "60s"}})
    with postern.client() as client:
        client.send(request("GET", "/open"))
        assert asked.wait(PATIENCE)
        postern.signal(signal.SIGTERM)
        until(lambda: refuses(postern.port), "the end of accepting")
        assert postern.process.poll() is None
        release.set()
        reply = client.reply()
        assert (reply.status, reply.body) == (200, b"ok\n")
        assert client.is_closed()
    assert postern.wait() == 0


def refuses(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            # What sat in the backlog may still be accepted and closed.
            sock.sendall(request("GET", "/open"))
            return sock.recv(1) == b""
    except OSError:
        return True


def test_readiness_fails_while_it_drains_and_liveness_does_not(guard, upstream):
    asked, release = hanging(upstream)
    postern = guard(config={"timeouts": {"drain": "60s", "response": "60s"}})
    assert postern.admin("/readyz").status == 200
    with postern.client() as client:
        client.send(request("GET", "/open"))
        assert asked.wait(PATIENCE)
        postern.signal(signal.SIGTERM)
        until(lambda: postern.admin("/readyz").status == 503, "readiness to fail")
        assert postern.admin("/livez").status == 200
        release.set()
        assert client.reply().status == 200
    assert postern.wait() == 0


def test_the_deadline_is_kept(guard, upstream):
    """Something that would go on for ever is cut off; that is told by a log line, and the exit is still an orderly one."""
    asked, _ = hanging(upstream)
    postern = guard(config={"timeouts": {"drain": "300ms", "response": "60s"}})
    with postern.client() as client:
        client.send(request("GET", "/open"))
        assert asked.wait(PATIENCE)
        began = time.monotonic()
        postern.signal(signal.SIGTERM)
        assert postern.wait() == 0
        assert time.monotonic() - began < PATIENCE / 2
        try:
            reply = client.rest()
        except OSError:
            reply = b""
        assert b"200 OK" not in reply


def test_a_second_signal_does_not_wait(guard, upstream):
    asked, _ = hanging(upstream)
    postern = guard(config={"timeouts": {"drain": "300s", "response": "300s"}})
    with postern.client() as client:
        client.send(request("GET", "/open"))
        assert asked.wait(PATIENCE)
        postern.signal(signal.SIGTERM)
        until(lambda: postern.admin("/readyz").status == 503, "readiness to fail")
        postern.signal(signal.SIGTERM)
        postern.wait()


def test_a_body_on_its_way_is_finished(guard, upstream):
    postern = guard(config={"timeouts": {"drain": "60s"}})
    with postern.client() as client:
        client.send(request("POST", "/open", "Content-Length: 10") + b"hello")
        until(lambda: upstream.received.endswith(b"hello"), "half of the body")
        postern.signal(signal.SIGTERM)
        until(lambda: refuses(postern.port), "the end of accepting")
        client.send(b"world")
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (200, "close")
    assert upstream.last.body == b"helloworld"
    assert postern.wait() == 0


def test_a_restart_under_load_loses_no_request_of_a_client_that_connects_again(guard, upstream):
    """Every request is answered or never began: a client that gets a clean close before its answer may ask again."""
    postern = guard()
    stop, wrong, done = threading.Event(), [], [0]

    def ask():
        client = None
        while not stop.is_set():
            try:
                client = client or Client(postern.port)
                reply = client.ask("GET", "/open")
                done[0] += 1
                if reply.status != 200:
                    wrong.append(reply.status)
                if reply.get("connection") == "close":
                    client = None
            except OSError:
                return  # nobody listens any more
            except Unexpected as failure:
                if "0 of" not in str(failure) and "within a line: b''" not in str(failure):
                    wrong.append(str(failure))
                client = None

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: done[0] > 200, "some load")
    postern.signal(signal.SIGTERM)
    assert postern.wait() == 0
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert wrong == []


def test_an_open_stream_is_ended_by_the_deadline(guard, upstream):
    def serve(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
        connection.rest()

    upstream.serve = serve
    postern = guard(config={"timeouts": {"drain": "300ms"}})
    with postern.client() as client:
        client.send(request("GET", "/open"))
        assert client.exactly(15).startswith(b"HTTP/1.1 200")
        postern.signal(signal.SIGTERM)
        assert postern.wait() == 0
        try:
            assert not client.rest().endswith(b"0\r\n\r\n")
        except OSError:
            pass


def test_start_fails_with_a_sentence_and_1(guard, tmp_path):
    from server import run

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        postern = guard(begin=False)
        postern.write_config(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        failed = run("run", "--config", postern.config_file, ok=1)
        assert re.search(r"in use", failed.stderr)
    postern.write_config(listen="127.0.0.1:0", policy=str(tmp_path / "missing.yaml"))
    assert "missing.yaml" in run("run", "--config", postern.config_file, ok=1).stderr
    postern.write_config(policy=str(postern.policy_file))
    postern.policy_file.write_text("version: 1\nrules:\n  - {path: /a, permission: no.such}\n")
    assert "no.such" in run("run", "--config", postern.config_file, ok=1).stderr


def test_with_a_delay_connections_are_taken_until_readiness_was_noticed(guard):
    postern = guard(config={"timeouts": {"drain": "60s", "drain_delay": "60s"}})
    postern.signal(signal.SIGTERM)
    postern.wait_for_log("not ready any more, accepting for another 60000 ms")
    reply = postern.admin("/readyz")
    assert reply.status == 503 and b"draining" in reply.body
    assert postern.ask().status == 200
    postern.signal(signal.SIGTERM)  # enough
    assert postern.wait() == 0


def test_a_delay_ends_by_itself(guard):
    postern = guard(config={"timeouts": {"drain": "60s", "drain_delay": "1ms"}})
    postern.signal(signal.SIGTERM)
    assert postern.wait() == 0
