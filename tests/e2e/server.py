"""A running postern, its files and its command line, as an operator has them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from wire import PATIENCE, Client

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POSTERN_BINARY", str(ROOT / "build/release/postern"))
CLIENTS = ROOT / "tests/e2e/clients"
# Debian's packages of Node modules; another build of Node does not look there by itself.
NODE = {**os.environ, "NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}
SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:")

POLICY = """\
version: 1
rules:
  - {id: open, path: /open/**, allow: anonymous}
  - {id: any-options, path: "*", methods: [OPTIONS], allow: anonymous}
  - {id: private, path: /private/**, authenticated: true}
  - {id: read, path: /read/**, permission: test.read}
  - {id: write, path: /write/**, permission: test.write}
  - {id: role, path: /role, role: test.writer}
  - {id: group, path: /group, group: test.staff}
  - {id: license, path: /license, license: test.pro}
  - {id: closed, path: /closed/**, deny: true}
  - {id: shadow, path: /shadow, permission: test.write, mode: shadow}
  - {id: project, path: "/projects/{project}/**", permission: project.read, resource: "project/{project}"}
"""

CATALOG = """\
version: 1
permissions:
  - {id: test.read, name: Read}
  - {id: test.write, name: Write}
  - {id: project.read, name: Read a project}
roles:
  - {id: test.reader, name: Reader, permissions: [test.read]}
  - {id: test.writer, name: Writer, permissions: [test.read, test.write]}
groups:
  - {id: test.staff, name: Staff}
licenses:
  - {id: test.pro, name: Pro, kind: subject}
"""


class Failed(AssertionError):
    """A command did not end as it should."""


def environment() -> Dict[str, str]:
    """Ours, without anything that configures postern."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
    kept.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    kept.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    kept.setdefault("TSAN_OPTIONS", "halt_on_error=0:second_deadlock_stack=1")
    return kept


def run(*arguments: Any, ok: Optional[int] = 0, stdin: str = "", cwd: Optional[Path] = None) -> subprocess.CompletedProcess:
    """One postern command; `ok` is the exit code it must have, None for any."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=5 * PATIENCE,
        env=environment(), cwd=cwd,
    )
    if SANITIZER.search(done.stderr) or (ok is not None and done.returncode != ok):
        raise Failed(f"postern {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Store:
    """A store by its directory, changed through the command line as an operator would."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, *arguments: Any, ok: Optional[int] = 0, stdin: str = "") -> subprocess.CompletedProcess:
        return run(*arguments, "--store", self.directory, ok=ok, stdin=stdin)

    def create_token(self, name: str, *arguments: Any) -> str:
        """Its secret."""
        return self.run("token", "create", "--name", name, *arguments, "--quiet").stdout.strip()

    def tokens(self) -> List[Dict[str, Any]]:
        listing = json.loads(self.run("token", "list", "--json").stdout)
        return listing["tokens"] if isinstance(listing, dict) else listing

    def token_id(self, name: str) -> str:
        ids = [token["id"] for token in self.tokens() if token["name"] == name]
        assert len(ids) == 1, f"{len(ids)} tokens are named {name}"
        return ids[0]


class Postern:
    """`postern run` with a configuration, a policy and a store in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        upstream: Optional[str] = None,
        store: Optional[Path] = None,
        policy: str = POLICY,
        config: Optional[Dict[str, Any]] = None,
        arguments: Optional[List[str]] = None,
        under: Optional[List[str]] = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.store = Store(store or folder / "store")
        self.policy_file = folder / "policy.yaml"
        self.config_file = folder / "postern.yaml"
        self.access_file = folder / "access.log"
        self.config: Dict[str, Any] = {
            "listen": "127.0.0.1:0",
            "upstream": upstream,
            "store": str(self.store.directory),
            "policy": str(self.policy_file),
            "admin": {"listen": "127.0.0.1:0"},
            "log": {"access": str(self.access_file)},
            "timeouts": {"drain": "5s"},
            **(config or {}),
        }
        if arguments is None:
            self.policy_file.write_text(policy)
            self.write_config()
            arguments = ["--config", str(self.config_file)]
        self.arguments = arguments
        self.under = under or []  # a command that runs it in its own place
        self.descriptors: List[int] = []  # that it inherits
        self.process: Optional[subprocess.Popen] = None
        self.log = ""  # standard error so far
        self._change = threading.Condition()

    def write_config(self, **changes: Any) -> None:
        self.config.update(changes)
        given = {key: value for key, value in self.config.items() if value is not None}
        self.config_file.write_text(json.dumps(given, indent=2))

    def start(self) -> "Postern":
        with self._change:
            self.log = ""
        self.process = subprocess.Popen(
            [*self.under, BINARY, "run", *self.arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", env=environment(), cwd=self.folder, pass_fds=self.descriptors,
        )
        self.output = ""
        self._threads = [
            threading.Thread(target=self._collect, args=(self.process.stderr, "log"), daemon=True),
            threading.Thread(target=self._collect, args=(self.process.stdout, "output"), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.ports = [int(port) for port in self.wait_for_log(r"postern: listening on https?://127\.0\.0\.1:(\d+)")]
        self.port = self.ports[0]
        if "admin" in self.config and "--dev" not in self.arguments:
            self.admin_port = int(self.wait_for_log(r"postern: admin on http://127\.0\.0\.1:(\d+)")[0])
        return self

    def _collect(self, pipe: Any, into: str) -> None:
        for line in pipe:
            with self._change:
                setattr(self, into, getattr(self, into) + line)
                self._change.notify_all()
        with self._change:
            self._change.notify_all()

    def wait_for_log(self, pattern: str, since: int = 0, patience: float = PATIENCE) -> List[Any]:
        """Waits until standard error holds the pattern at or after `since`; all matches."""
        deadline = time.monotonic() + patience
        with self._change:
            while not (found := re.findall(pattern, self.log[since:])):
                left = deadline - time.monotonic()
                if left <= 0 or not self._change.wait(min(left, 0.2)) and self.process.poll() is not None:
                    if re.search(pattern, self.log[since:]):
                        continue
                    raise Failed(f"no {pattern!r} on standard error (exit {self.process.poll()}):\n{self.log}")
            return found

    def client(self) -> Client:
        return Client(self.port)

    def ask(self, method: str = "GET", target: str = "/open", *fields: str, **more: Any) -> Any:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(method, target, *fields, **more)

    def admin(self, target: str, method: str = "GET") -> Any:
        with Client(self.admin_port) as client:
            return client.ask(method, target, "Connection: close")

    def access_log(self, count: int = 1) -> List[Dict[str, Any]]:
        """The access log once it holds `count` lines; it is written off the loop, so a little later than the answer."""
        def lines() -> List[str]:
            return self.access_file.read_text().splitlines() if self.access_file.exists() else []

        until(lambda: len(lines()) >= count, f"{count} lines in the access log", lambda: "\n".join(lines()))
        return [json.loads(line) for line in lines()]

    def metrics(self) -> str:
        reply = self.admin("/metrics")
        assert reply.status == 200
        return reply.body.decode()

    def metric(self, name: str) -> float:
        """The sum over all labels; 0 without any."""
        values = re.findall(rf"^postern_{name}(?:\{{[^}}]*\}})? (\S+)$", self.metrics(), re.M)
        return sum(float(value) for value in values)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self, patience: float = PATIENCE) -> int:
        code = self.process.wait(patience)
        for thread in self._threads:
            thread.join(PATIENCE)
        return code

    def stop(self) -> int:
        """Asks it to end; its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGABRT)
            raise Failed(f"postern did not end\n{self.log}") from None

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes, from /proc."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) * 1024


class Whoami:
    """postern itself as a quick upstream: the Python one is too slow to be under load."""

    def __init__(self):
        self.process = subprocess.Popen(
            [BINARY, "whoami", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment()
        )
        for line in self.process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found[0]
                break

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


def until(holds: Callable[[], Any], what: str, detail: Callable[[], str] = lambda: "", patience: float = PATIENCE) -> Any:
    """Asks again and again, for what no event announces. The value of `holds` when it is true."""
    deadline = time.monotonic() + patience
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"never came: {what}\n{detail()}")
        time.sleep(0.005)
