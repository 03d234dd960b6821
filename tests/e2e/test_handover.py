"""An upgrade in place: a new process takes the listening sockets over, the old one drains, and no client notices."""

import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from server import Failed, until
from wire import PATIENCE, SANITIZED, Request, request, response


@pytest.fixture
def successors(guard, tmp_path, house, upstream):
    """Starts one process after the other with one configuration; each takes over from the one before."""
    store = house.copy_to(tmp_path / "store")
    path = tmp_path / "handover.sock"

    def start(upstream=upstream, **config):
        return guard(store=store, upstream=upstream.url, config={"timeouts": {"drain": "20s"}, "handover": str(path), **config})

    start.path = path
    return start


def test_the_new_process_has_the_ports_and_the_old_one_ends(successors):
    first = successors()
    second = successors()
    assert (second.port, second.admin_port) == (first.port, first.admin_port)
    assert first.wait() == 0
    first.wait_for_log("relieved by a new process")
    assert second.ask().status == 200
    assert second.admin("/readyz").status == 200
    third = successors()
    assert third.port == first.port
    assert second.wait() == 0
    assert third.ask().status == 200


def test_a_request_under_way_is_finished_by_the_old_process(successors, upstream):
    asked, release = threading.Event(), threading.Event()

    def serve(connection):
        connection.head(Request)
        asked.set()
        release.wait(PATIENCE)
        connection.send(response())

    first = successors()
    upstream.serve = serve
    with first.client() as client, first.client() as idle:
        client.send(request("GET", "/open"))
        assert asked.wait(PATIENCE)
        second = successors()
        upstream.serve = None
        assert second.ask().status == 200
        assert first.process.poll() is None
        assert idle.is_closed()  # after a moment in which its request could have come
        release.set()
        reply = client.reply()
        assert (reply.status, reply.get("connection")) == (200, "close")
        assert client.is_closed()
    assert first.wait() == 0


def test_an_idle_connection_gets_its_answer_and_a_word_that_it_ends(successors):
    """Closing it at once would lose a request that is on its way."""
    first = successors()
    with first.client() as client:
        assert client.ask().get("connection") is None
        first.signal(signal.SIGTERM)
        first.wait_for_log("accepting no more")
        reply = client.ask()
        assert (reply.status, reply.get("connection")) == (200, "close")
        assert client.is_closed()
    assert first.wait() == 0


def test_unix_sockets_stay_where_they_are(successors, tmp_path):
    path = tmp_path / "api.sock"
    config = {"listen": ["127.0.0.1:0", f"unix:{path}"], "metrics": {"listen": f"unix:{tmp_path / 'metrics.sock'}"}}

    def ask(where, target):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(where))
            sock.sendall(request("GET", target, "Connection: close"))
            return b"".join(iter(lambda: sock.recv(65536), b""))

    def start():
        return successors(**config)

    first, second = start(), start()
    assert first.wait() == 0
    for where, target in [(path, "/open"), (tmp_path / "metrics.sock", "/readyz")]:
        assert where.is_socket()
        assert ask(where, target).startswith(b"HTTP/1.1 200")
    assert second.stop() == 0
    assert not path.exists() and not successors.path.exists()


def test_a_new_process_that_cannot_start_leaves_the_old_one_alone(successors, guard):
    first = successors()
    with pytest.raises(Failed):
        successors(catalog="/nowhere/catalog.yaml")
    assert first.ask().status == 200
    # One that asks for the sockets and then dies without having served.
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(str(successors.path))
        data, ancillary, _, _ = stranger.recvmsg(65536, 4096)
        assert data.startswith(b"postern-handover 1\nlisten 127.0.0.1:0\n")
        descriptors = [int.from_bytes(rest[i : i + 4], "little") for _, _, rest in ancillary for i in range(0, len(rest), 4)]
        assert len(descriptors) == 2
        for descriptor in descriptors:
            os.close(descriptor)
    first.wait_for_log("the new process did not come up; this one goes on")
    assert first.ask().status == 200
    second = successors()
    assert first.wait() == 0
    assert second.ask().status == 200


def test_a_new_process_that_fails_half_way_leaves_the_files_of_the_sockets(successors, tmp_path):
    """It has the sockets by then, but they are not its own yet."""
    path = tmp_path / "api.sock"
    config = {"listen": ["127.0.0.1:0", f"unix:{path}"], "metrics": {"listen": f"unix:{tmp_path / 'metrics.sock'}"}}
    first = successors(**config)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Failed, match="cannot listen on"):
            successors(**{**config, "metrics": {"listen": [f"unix:{tmp_path / 'metrics.sock'}", busy]}})
    first.wait_for_log("this one goes on")
    assert path.is_socket() and (tmp_path / "metrics.sock").is_socket()
    assert first.stop() == 0
    assert not path.exists()


def test_an_end_in_the_middle_of_a_handover_leaves_the_files_to_the_new_process(successors, tmp_path):
    path = tmp_path / "api.sock"
    first = successors(listen=["127.0.0.1:0", f"unix:{path}"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as successor:
        successor.connect(str(successors.path))
        successor.recvmsg(65536, 4096)
        first.signal(signal.SIGTERM)
        assert first.wait() == 0
        assert path.is_socket()


def test_the_socket_is_for_our_own_user_alone(successors):
    successors()
    assert successors.path.stat().st_mode & 0o777 == 0o600


def test_a_file_left_by_a_killed_process_is_no_obstacle(successors):
    first = successors()
    first.kill()
    assert successors.path.is_socket()
    second = successors()
    assert second.ask().status == 200
    second.wait_for_log("listening on")
    assert successors().ask().status == 200


def test_something_else_at_the_path_is_a_start_error(successors):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.bind(str(successors.path))
        other.listen(1)

        def talk():
            connection, _ = other.accept()
            connection.send(b"hello")
            connection.close()

        threading.Thread(target=talk, daemon=True).start()
        with pytest.raises(Failed, match="is no postern that could be relieved"):
            successors()


@pytest.mark.parametrize("kind", ["kept", "fresh"])
def test_no_request_fails_while_processes_follow_each_other(successors, full, kind, tokens, whoami):
    """wrk keeps its connections and counts every one that breaks; hey opens one for each request."""
    server = successors(whoami)
    seconds = 40 if full else 6
    url = f"http://127.0.0.1:{server.port}/read"
    authorization = ("-H", f"Authorization: Bearer {tokens['reader']}")
    if kind == "kept":
        command = ["wrk", "-t", "2", "-c", "32", "-d", f"{seconds}s", *authorization, url]
    else:
        command = ["hey", "-z", f"{seconds}s", "-c", "16", "-disable-keepalive", *authorization, url]
    load = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    changes = 0
    try:
        until(lambda: server.metric("requests_total") > 10, "the load to begin")
        while load.poll() is None and changes < (12 if full else 2):
            old, server = server, successors(whoami)
            assert old.wait() == 0
            changes += 1
            asked = server.metric("requests_total")
            until(lambda: load.poll() is not None or server.metric("requests_total") > asked + 100, "the load to go on")
    finally:
        try:
            report, _ = load.communicate(timeout=seconds + PATIENCE)
        finally:
            load.kill()
    assert changes == (12 if full else 2)
    if kind == "kept":
        assert "Socket errors" not in report and "Non-2xx" not in report, report
        done = int(re.search(r"(\d+) requests in", report)[1])
    else:
        assert "Error distribution" not in report, report
        assert re.findall(r"\[(\d+)\]\s+\d+ responses", report) == ["200"], report
        done = int(re.search(r"\[200\]\s+(\d+) responses", report)[1])
    print(f"{done} requests, {changes} changes of process")
    assert done > (100 if SANITIZED else 1000)
