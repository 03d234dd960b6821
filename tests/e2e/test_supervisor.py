"""What systemd is told, and what it hands over: its protocol, spoken with a socket of the test's own."""

import ctypes
import os
import re
import select
import signal
import socket
import time
from pathlib import Path

import pytest

from server import Failed, until
from wire import PATIENCE, request

# Puts the given descriptors where the protocol wants them (3 and up) and becomes postern: python3 -c LAUNCH fd,fd name:name [word]...
LAUNCH = """
import os, sys
given = [int(word) for word in sys.argv[1].split(",")]
high = [os.dup(descriptor) for descriptor in given]
while min(high) < 3 + len(high):
    high = [os.dup(descriptor) for descriptor in high]
for place, descriptor in enumerate(high, 3):
    os.dup2(descriptor, place)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(high)), LISTEN_FDNAMES=sys.argv[2])
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Supervisor:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.told = []

    def hear(self, patience=PATIENCE):
        """The next message as {name: value}; None when none comes."""
        if not select.select([self.socket], [], [], patience)[0]:
            return None
        self.told.append(dict(line.split("=", 1) for line in self.socket.recv(65536).decode().split("\n")))
        return self.told[-1]

    def wait_for(self, name):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            message = self.hear(1)
            if message and name in message:
                return message
        raise Failed(f"{name} was never said, but {self.told}")


@pytest.fixture
def supervisor(tmp_path):
    it = Supervisor(str(tmp_path / "notify"))
    yield it
    it.socket.close()


@pytest.fixture
def told(guard, supervisor):
    """A postern that tells the supervisor; `told(WATCHDOG_USEC=...)`."""

    def start(begin=True, **variables):
        server = guard(begin=False)
        variables.setdefault("NOTIFY_SOCKET", supervisor.socket.getsockname())
        server.under = ["env", *(f"{name}={value}" for name, value in variables.items())]
        return server.start() if begin else server

    return start


def test_it_says_when_it_is_ready_reloads_and_ends(told, supervisor):
    server = told()
    assert supervisor.hear() == {"READY": "1", "STATUS": "11 rules in force"}  # the first word, and after listening
    assert server.ask().status == 200
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    server.signal(signal.SIGHUP)
    reloading = supervisor.hear()
    assert reloading.keys() == {"RELOADING", "MONOTONIC_USEC"}
    assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert supervisor.hear() == {"READY": "1", "STATUS": "11 rules in force"}
    server.policy_file.write_text("version: 1\nrules: nonsense\n")
    server.wait_for_log("reload refused")
    server.signal(signal.SIGHUP)
    assert "RELOADING" in supervisor.hear()
    assert supervisor.hear() == {"READY": "1", "STATUS": "11 rules in force; the last reload was refused, see the log"}
    assert server.stop() == 0
    assert supervisor.hear()["STOPPING"] == "1"
    assert supervisor.hear(0) is None  # without WATCHDOG_USEC no watchdog is fed


def test_a_start_that_fails_is_never_ready(told, supervisor):
    server = told(begin=False)
    server.policy_file.write_text("version: 1\nrules: nonsense\n")
    with pytest.raises(Failed):
        server.start()
    assert supervisor.hear(0) is None


def test_a_manager_at_an_abstract_address_that_went_away_is_no_matter(guard):
    name = f"postern-test-{os.getpid()}"
    supervisor = Supervisor(f"\0{name}")
    server = guard(begin=False)
    server.under = ["env", f"NOTIFY_SOCKET=@{name}"]
    server.start()
    assert supervisor.hear()["READY"] == "1"
    supervisor.socket.close()
    server.signal(signal.SIGHUP)
    server.wait_for_log("reloaded: 11 rules")
    assert server.ask().status == 200


# --- the watchdog ---


class Ptrace:
    """Holds one thread of another process, as a hanging one is held."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
    WALL = 0x40000000

    def __init__(self, thread):
        self.thread = thread
        self.call(self.SEIZE)
        self.call(self.INTERRUPT)
        os.waitpid(thread, self.WALL)

    def call(self, what):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        if libc.ptrace(what, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def release(self):
        self.call(self.DETACH)


def shard_threads(server):
    """Those that wait in epoll, but for the control thread."""
    waits = re.compile(r"^(232|281|441|22) ")  # epoll_wait, epoll_pwait, epoll_pwait2 of x86-64; epoll_pwait of arm64

    def threads():
        tasks = Path(f"/proc/{server.process.pid}/task")
        return [int(task.name) for task in tasks.iterdir() if int(task.name) != server.process.pid and waits.match((task / "syscall").read_text())]

    return until(threads, "a shard that waits")


def test_the_watchdog_is_fed_while_all_shards_answer(told, supervisor):
    server = told(WATCHDOG_USEC=200_000)
    supervisor.wait_for("READY")
    for _ in range(3):
        assert supervisor.hear() == {"WATCHDOG": "1"}
    assert server.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hold a thread of a process that keeps its memory private")
def test_a_shard_that_hangs_starves_the_watchdog(told, supervisor):
    server = told(WATCHDOG_USEC=200_000)
    supervisor.wait_for("WATCHDOG")
    held = Ptrace(shard_threads(server)[0])
    try:
        while supervisor.hear(0):
            pass
        hungry = [message for message in (supervisor.hear(0.5), supervisor.hear(0.5)) if message]
        assert len(hungry) <= 1  # one question may have been answered before
        assert server.process.poll() is None
    finally:
        held.release()
    assert supervisor.hear() == {"WATCHDOG": "1"}


# --- socket activation ---


def bound(family=socket.AF_INET, address=("127.0.0.1", 0), listening=True):
    it = socket.socket(family)
    it.bind(address)
    if listening:
        it.listen(16)
    return it


def activated(guard, sockets, names, **config):
    server = guard(begin=False, config=config)
    server.descriptors = [one.fileno() for one in sockets]
    server.under = ["/usr/bin/python3", "-c", LAUNCH, ",".join(map(str, server.descriptors)), ":".join(names)]
    return server


def where(it):
    return "127.0.0.1:%d" % it.getsockname()[1]


def test_connections_wait_while_postern_is_restarted(guard):
    with bound() as listening, bound() as admin:
        server = activated(guard, [admin, listening], ["admin", "postern.socket"], listen=where(listening), admin={"listen": where(admin)})
        server.start()
        assert (server.port, server.admin_port) == (listening.getsockname()[1], admin.getsockname()[1])
        assert server.ask().status == 200 and server.admin("/readyz").status == 200
        assert server.stop() == 0
        with server.client() as client:  # nobody is there, and it is not refused
            client.send(request("GET", "/open"))
            server.start()
            assert client.reply().status == 200


def test_a_unix_socket_is_left_to_who_made_it(guard, tmp_path):
    path = tmp_path / "api.sock"
    with bound(socket.AF_UNIX, str(path)) as listening:
        server = activated(guard, [listening], ["listen"], listen=["127.0.0.1:0", f"unix:{path}"])
        server.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(path))
            client.sendall(request("GET", "/open", "Connection: close"))
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        assert server.stop() == 0
        assert path.is_socket()


def test_what_nobody_configured_is_a_start_error(guard):
    """Clients would wait on it for ever."""
    with bound() as stranger:
        with pytest.raises(Failed, match=f"a socket at {where(stranger)}, named \"web\", is none of the configured listeners"):
            activated(guard, [stranger], ["web"], listen="127.0.0.1:0").start()
        # The right address, and the name of another option.
        with pytest.raises(Failed, match="cannot listen on|is none of the configured listeners"):
            activated(guard, [stranger], ["admin"], listen=where(stranger)).start()


@pytest.mark.parametrize("kind", ["not listening", "datagrams", "a file"])
def test_what_is_no_listening_socket_is_a_start_error(guard, tmp_path, kind):
    it = {"not listening": lambda: bound(listening=False), "datagrams": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
          "a file": lambda: open(tmp_path / "file", "w")}[kind]()  # fmt: skip
    with it, pytest.raises(Failed, match="descriptor 3 \"listen\" is no listening stream socket"):
        activated(guard, [it], ["listen"], listen="127.0.0.1:0").start()


def test_sockets_for_another_process_are_not_ours(guard):
    server = guard(begin=False)
    server.under = ["env", "LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=listen"]
    server.start()
    assert server.ask().status == 200
