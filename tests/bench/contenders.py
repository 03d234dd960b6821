"""The proxies that are compared. Each stands before the same upstream, serves on one thread, and does the work that its kind names."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import signal
import socket
import string
import subprocess
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, TextIO, Tuple

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def environment() -> Dict[str, str]:
    """Ours, without anything that configures postern."""
    return {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Workplace:
    """Files, programs and the upstream that all contenders share."""

    folder: Path
    postern: str
    tokens: List[str]
    upstream_port: int
    access_log: str

    @property
    def tokens_file(self) -> Path:
        return self.folder / "tokens.txt"


def make_secret(source: random.Random) -> str:
    """In postern's own form: prefix, 32 base62 characters, CRC-32 of both in six."""
    body = "pst_" + "".join(source.choices(BASE62, k=32))
    checksum, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        checksum, digit = divmod(checksum, 62)
        digits = BASE62[digit] + digits
    return body + digits


def make_secrets(count: int) -> List[str]:
    """The same ones every time: these guard nothing."""
    source = random.Random(100_000)
    return [make_secret(source) for _ in range(count)]


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

    def start(self, wrapper: Wrapper = bare, patience: float = 30) -> None:
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
            time.sleep(0.05)

    def serves(self) -> bool:
        """Whether it answers, and not only for itself: who listens may not yet know its upstream."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
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


class Postern(Contender):
    name = "postern"
    work = "everything: token store, policy, headers, deadlines, metrics, access log"

    def __init__(self, place: Workplace) -> None:
        super().__init__(place)
        folder = place.folder
        self.config = folder / "postern.yaml"
        self.config.write_text(json.dumps({
            "listen": f"127.0.0.1:{self.port}",
            "upstream": f"http://127.0.0.1:{place.upstream_port}",
            "store": str(folder / "store"),
            "store_size_max": "4GiB",  # valgrind has no room for the default
            "policy": str(folder / "policy.yaml"),
            "metrics": {"listen": f"127.0.0.1:{free_port()}"},
            "log": {"access": place.access_log},
            "shards": 1,
        }))
        (folder / "policy.yaml").write_text("""\
version: 1
rules:
  - {path: /health, allow: anonymous}
  - {path: /api/v1/orders/**, methods: [GET], permission: shop.orders.read}
  - {path: /api/v1/admin/**, permission: shop.admin}
""")
        (folder / "catalog.yaml").write_text("""\
version: 1
permissions:
  - {id: shop.orders.read, name: Read orders}
  - {id: shop.admin, name: Administer}
""")
        names = (f"{secret} {token_name(number)}\n" for number, secret in enumerate(place.tokens))
        place.tokens_file.write_text("".join(names))
        store = ["--store", str(folder / "store")]
        self.run("catalog", "apply", str(folder / "catalog.yaml"), *store)
        self.run("token", "import", str(place.tokens_file), "--permission", "shop.orders.read", *store)

    def run(self, *arguments: str) -> None:
        done = subprocess.run([self.place.postern, *arguments], capture_output=True, text=True, timeout=300,
                              env=environment())
        if done.returncode != 0:
            raise SystemExit(f"postern {' '.join(arguments)}: {done.stdout}{done.stderr}")

    def command(self) -> List[str]:
        return [self.place.postern, "run", "--config", str(self.config)]


HAPROXY = """\
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 30s
    timeout http-request 10s
    timeout http-keep-alive 60s
frontend clients
    bind 127.0.0.1:{port}
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
    http-request deny deny_status 403 unless {{ path_beg /api/v1/orders/ }} {{ method GET HEAD }} may_read
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
        self.config.write_text(HAPROXY.format(port=self.port, upstream_port=place.upstream_port, rules=self.make_rules()))

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

    def start(self, wrapper: Wrapper = bare, patience: float = 30) -> None:
        command = [*wrapper("main"), str(self.place.folder / self.program), str(self.place.upstream_port)]
        self.log = (self.place.folder / f"{self.name}.log").open("w")
        self.process, self.port = start_and_hear_port(command, self.log)


class FloorHttp(Floor):
    name = "floor-http"
    program = "floor_http"
    work = "frames HTTP messages and shares upstream connections on epoll, checks nothing"
