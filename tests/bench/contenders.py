"""The proxies that are compared. Each stands before the same upstream, serves on one thread, and does the work that its kind names."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, TextIO, Tuple

from conditions import Setting



def environment() -> Dict[str, str]:
    """Ours, without anything that configures postern."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Workplace:
    """Files, programs and the upstream of one setting."""

    tools: Path  # our own programs, and where results go
    folder: Path  # what is made for this setting
    data: Path  # tokens and postern's store, shared by all settings with as many tokens
    postern: str
    tokens: List[str]
    upstream_port: int
    access_log: str = "/dev/null"
    setting: Setting = Setting()

    @property
    def tokens_file(self) -> Path:
        return self.data / "tokens.txt"

    @property
    def certificate(self) -> Path:
        """Certificate and key in one file; of the contender, signed by itself."""
        return self.tools / "certificate.pem"


def connections_max() -> int:
    """Clients at once, each of which may need an upstream connection too."""
    return min(10_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 400) // 2)


def token_name(number: int) -> str:
    return f"service-{number}"


Wrapper = Callable[[str], Sequence[str]]


def bare(_role: str) -> Sequence[str]:
    return ()


def start_and_hear_port(command: Sequence[str], log: TextIO) -> Tuple[subprocess.Popen, int]:
    """Of one of our own programs, which choose a port and say which."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    return process, int(process.stdout.readline().split()[1])


class Contender:
    """One proxy: set up once, then started and stopped as often as measuring needs it."""

    name = ""
    work = ""  # what it does, for the report
    authenticates = True  # who does not shows what relaying alone costs
    runs_in_valgrind = True

    def __init__(self, place: Workplace) -> None:
        self.place = place
        self.port = free_port()
        self.process: Optional[subprocess.Popen] = None
        self.helper: Optional[subprocess.Popen] = None  # a process it cannot do without, measured with it

    def command(self) -> List[str]:
        raise NotImplementedError

    def environment(self) -> Dict[str, str]:
        return environment()

    def pids(self) -> List[int]:
        return [process.pid for process in (self.process, self.helper) if process]

    def start_helper(self, wrapper: Wrapper) -> None:
        """Before the process itself, whose command may need the helper's port."""

    def start(self, wrapper: Wrapper = bare, patience: float = 30, pause: float = 0.05) -> None:
        """`wrapper` gives, for a role, the command that runs it: taskset, or valgrind."""
        self.log = (self.place.folder / f"{self.name}.log").open("w")
        self.start_helper(wrapper)
        self.process = subprocess.Popen([*wrapper("main"), *self.command()], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        env=self.environment())
        give_up = time.monotonic() + patience
        while not self.serves():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise SystemExit(f"{self.name} does not start; see {self.log.name}")
            time.sleep(pause)

    def connect(self) -> http.client.HTTPConnection:
        if not self.place.setting.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=ssl._create_unverified_context())

    def serves(self) -> bool:
        """Whether it answers, and not only for itself: who listens may not yet know its upstream."""
        connection = self.connect()
        try:
            connection.request("GET", "/api/v1/orders/1", headers={"Authorization": f"Bearer {self.place.tokens[0]}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, patience: float = 60) -> None:
        for process in (self.process, self.helper):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.process = self.helper = None
        self.log.close()


HAPROXY = """\
global
    nbthread {cores}
    maxconn {connections}
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 30s
    timeout http-request 10s
    timeout http-keep-alive 60s
frontend clients
    bind 127.0.0.1:{port}{tls}
{rules}    default_backend api
backend api
    http-reuse always
    server upstream 127.0.0.1:{upstream_port}
"""

# The map's key is the SHA-256 of a token, its value is id|name|what it may do. No log: HAProxy's is off by default.
HAPROXY_GUARD = """\
    http-request del-header X-Subject- -m beg
    http-request set-var(txn.subject) http_auth_bearer,sha2(256),hex,map_str({map})
    http-request deny deny_status 401 unless {{ var(txn.subject) -m found }}
    acl may_read var(txn.subject),field(3,|) orders.read
    http-request deny deny_status 403 unless {{ path_beg /api/v1/orders/ }} {{ method GET HEAD POST }} may_read
    http-request set-header X-Subject-Id %[var(txn.subject),field(1,|)]
    http-request set-header X-Subject-Name %[var(txn.subject),field(2,|)]
    http-request set-header X-Subject-Type token
    http-request del-header Authorization
"""


class HAProxyPlain(Contender):
    name = "haproxy-plain"
    work = "HAProxy 2.6 without authentication"
    authenticates = False
    rules = ""

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        self.config = place.folder / f"{self.name}.cfg"
        tls = f" ssl crt {place.certificate}" if place.setting.tls else ""
        self.config.write_text(HAPROXY.format(port=self.port, upstream_port=place.upstream_port, rules=self.make_rules(), tls=tls,
                                              cores=place.setting.cores, connections=connections_max()))

    def make_rules(self) -> str:
        return ""

    def command(self) -> List[str]:
        return ["haproxy", "-db", "-f", str(self.config)]


class HAProxyMap(HAProxyPlain):
    name = "haproxy-map"
    work = "HAProxy 2.6: sha2 and a map of tokens, path rule, headers"
    authenticates = True

    def make_rules(self) -> str:
        tokens = self.place.folder / "tokens.map"
        with tokens.open("w") as lines:
            for number, secret in enumerate(self.place.tokens):
                digest = hashlib.sha256(secret.encode()).hexdigest().upper()
                lines.write(f"{digest} tok_{number:016}|{token_name(number)}|orders.read\n")
        return HAPROXY_GUARD.format(map=tokens)


class Floor(Contender):
    name = program = "floor"
    work = "the smallest epoll relay: reads no HTTP, checks nothing"
    authenticates = False

    def start(self, wrapper: Wrapper = bare, patience: float = 30, pause: float = 0.05) -> None:
        command = [*wrapper("main"), str(self.place.tools / self.program), str(self.place.upstream_port)]
        self.log = (self.place.folder / f"{self.name}.log").open("w")
        self.process, self.port = start_and_hear_port(command, self.log)


class FloorHttp(Floor):
    name = "floor-http"
    program = "floor_http"
    work = "frames HTTP messages and shares upstream connections on epoll, checks nothing"
