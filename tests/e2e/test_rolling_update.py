"""A rolling update as a cluster does it: the new process is sent requests once it is ready, then the old one is told to end. No request fails.

HAProxy stands for the cluster: it asks /readyz and sends nothing to whoever is not ready, and it tries nothing twice, so that whatever goes
wrong between it and postern is counted.
"""

import re
import shutil
import signal
import socket
import subprocess

import pytest

from server import until
from wire import PATIENCE, SANITIZED

CONFIGURATION = """\
global
  stats socket {socket} mode 600 level admin
  maxconn 2000
defaults
  mode http
  retries 0
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  default-server check inter 100ms rise 1 fall 1 disabled
frontend all
  bind 127.0.0.1:{port}
  default_backend pods
backend pods
  option httpchk GET /readyz
  server one 127.0.0.1:1
  server two 127.0.0.1:1
"""


class Cluster:
    def __init__(self, folder):
        self.place = folder / "haproxy.sock"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        configuration = folder / "haproxy.cfg"
        configuration.write_text(CONFIGURATION.format(socket=self.place, port=self.port))
        self.process = subprocess.Popen([shutil.which("haproxy", path="/usr/sbin:/usr/bin"), "-db", "-f", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(self.place.exists, "HAProxy")

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as talk:
            talk.connect(str(self.place))
            talk.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: talk.recv(65536), b"")).decode()

    def statistic(self, of, name):
        rows = [line.split(",") for line in self.tell("show stat").removeprefix("# ").splitlines() if line]
        row, = (row for row in rows if row[:2] == of)
        return row[rows[0].index(name)]

    def state(self, slot):
        return self.statistic(["pods", slot], "status")

    def requests(self):
        return int(self.statistic(["all", "FRONTEND"], "req_tot"))

    def add(self, slot, server):
        """The new pod: sent requests from the moment on that it is ready."""
        self.tell(f"set server pods/{slot} addr 127.0.0.1 port {server.port}")
        self.tell(f"set server pods/{slot} check-addr 127.0.0.1 port {server.admin_port}")
        self.tell(f"set server pods/{slot} state ready")
        until(lambda: self.state(slot) == "UP", f"{slot} to be up", lambda: self.tell("show stat"))

    def remove(self, slot):
        self.tell(f"set server pods/{slot} state maint")

    def end(self):
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def cluster(tmp_path):
    it = Cluster(tmp_path)
    yield it
    it.end()


def test_no_request_fails_while_pods_are_replaced(guard, house, tmp_path, cluster, full, whoami, tokens):
    store = house.copy_to(tmp_path / "store")
    wanted, seconds = (200_000, 300) if full else (2_000, 20)

    def pod():
        return guard(store=store, upstream=whoami.url, config={"timeouts": {"drain": "20s", "drain_delay": "500ms"}})

    slots = ["one", "two"]
    server = pod()
    cluster.add(slots[0], server)
    url = f"http://127.0.0.1:{cluster.port}/read"
    command = ["wrk", "-t", "1", "-c", "32", "-d", f"{seconds}s", "-H", f"Authorization: Bearer {tokens['reader']}", url]
    load = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    changes = 0
    try:
        while load.poll() is None and (cluster.requests() < wanted or changes < 2):
            begun = cluster.requests()
            until(lambda: load.poll() is not None or cluster.requests() > begun + wanted / 20, "the load to go on", patience=seconds)
            old, server = server, pod()
            slots.reverse()
            cluster.add(slots[0], server)
            old.signal(signal.SIGTERM)
            until(lambda: cluster.state(slots[1]).startswith("DOWN"), "the old one to be seen not to be ready")
            assert old.wait() == 0
            cluster.remove(slots[1])
            changes += 1
        load.send_signal(signal.SIGINT)  # enough: wrk says what it has
        report, _ = load.communicate(timeout=seconds + PATIENCE)
    finally:
        load.kill()
    assert "Socket errors" not in report and "Non-2xx" not in report, report
    done = int(re.search(r"(\d+) requests in", report)[1])
    print(f"{done} requests, {changes} replacements, 0 failed")
    assert changes >= 2 and (SANITIZED or done >= wanted)
