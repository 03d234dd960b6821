"""slowhttptest in its modes: what it attacks with is cut, and other clients are served meanwhile."""

import shutil
import subprocess
import time

import pytest

from server import until
from test_limits import metric
from wire import PATIENCE, response

TOOL = shutil.which("slowhttptest")
SECONDS = 6
CONNECTIONS = 200
MODES = {
    "heads byte by byte": ["-H", "-i", "1"],
    "bodies byte by byte": ["-B", "-i", "1", "-s", "8192"],
    "many ranges": ["-R", "-a", "1", "-b", "100"],
    "answers read slowly": ["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "5"],
}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_other_clients_are_served_meanwhile(guard, upstream, tokens, tmp_path, mode):
    assert TOOL, "slowhttptest is not installed (deploy/dependencies.txt)"
    server = guard(config={
        "timeouts": {"head": "2s", "body": "1s", "drain": "5s"},
        "limits": {"body_rate_min": "100", "auth_failures_per_minute": 0},
    })
    upstream.answer = lambda request, _: response(body=bytes(1 << 20) if request.target.startswith("/open/large") else b"ok\n")
    attack = subprocess.Popen(
        [TOOL, *mode, "-c", str(CONNECTIONS), "-r", str(CONNECTIONS), "-l", str(SECONDS), "-p", "3",
         "-u", f"http://127.0.0.1:{server.port}/open/large"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
    )
    try:
        until(lambda: metric(server, "client_connections_accepted_total") >= CONNECTIONS // 2, "the attack")
        slowest, count = 0.0, 0
        while attack.poll() is None:
            began = time.monotonic()
            assert server.ask("GET", "/read", token=tokens["reader"]).status == 200
            slowest = max(slowest, time.monotonic() - began)
            count += 1
            time.sleep(0.01)
    finally:
        if attack.poll() is None:
            attack.kill()
        attack.wait()
    assert count > 10
    assert slowest < PATIENCE / 10
    until(lambda: metric(server, "client_connections") == 0, "the end of all of them")
    until(lambda: metric(server, "requests_in_flight") == 0, "the end of all requests")
