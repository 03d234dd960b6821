"""`postern probe`: the question that a container without a shell asks."""

import socket
import threading

import pytest

from server import run


def probe(server, what, *more, ok=0):
    return run("probe", what, "--config", server.config_file, "--admin-listen", f"127.0.0.1:{server.admin_port}", *more, ok=ok)


def test_a_healthy_process_is_alive_and_ready(postern):
    assert probe(postern, "live").stdout == "alive\n"
    assert '"ready":true' in probe(postern, "ready").stdout


def test_any_address_is_asked_over_the_loopback(guard):
    server = guard(config={"admin": {"listen": "0.0.0.0:0"}}, begin=False)
    server.config["admin"] = {"listen": "127.0.0.1:0"}
    server.write_config()
    server.start()
    assert run("probe", "live", "--config", server.config_file, "--admin-listen", f"0.0.0.0:{server.admin_port}").stdout == "alive\n"
    assert run("probe", "live", "--config", server.config_file, "--admin-listen", f"localhost:{server.admin_port}").stdout == "alive\n"


def test_who_is_alive_and_not_ready_says_why(guard, tokens):
    server = guard()
    server.store.directory.rename(server.folder / "elsewhere")
    server.wait_for_log("was removed while it was in use")
    assert probe(server, "live").returncode == 0
    done = probe(server, "ready", ok=1)
    assert "was removed" in done.stderr and not done.stdout


def test_nobody_there_and_nobody_to_ask(guard):
    server = guard(begin=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server.admin_port = closed.getsockname()[1]
        assert "does not answer" in probe(server, "live", ok=1).stderr
    server.write_config(admin=None)
    assert "configure admin.listen or metrics.listen" in run("probe", "ready", "--config", server.config_file, ok=1).stderr
    assert run("probe", "ready", "--config", server.folder / "none.yaml", ok=1).stderr


def test_metrics_have_a_listener_of_their_own_that_is_asked_first(guard, tmp_path):
    place = f"unix:{tmp_path}/metrics.sock"
    server = guard(config={"metrics": {"listen": place}})
    assert run("probe", "live", "--config", server.config_file).stdout == "alive\n"


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 500 No\r\n\r\nbroken\n", b"SSH-2.0-x\r\n"], ids=["silence", "an end", "500", "no HTTP"])
def test_what_is_no_good_answer(guard, answer):
    server = guard(begin=False)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        server.admin_port = listener.getsockname()[1]
        held = []

        def serve():
            connection, _ = listener.accept()
            held.append(connection)
            connection.recv(4096)
            if answer is not None:
                connection.sendall(answer)
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert probe(server, "live", ok=1).stderr
        thread.join()
        for connection in held:
            connection.close()
