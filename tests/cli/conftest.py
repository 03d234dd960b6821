"""The command line as an operator has it: the real binary, a store of its own for each test."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import string
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("POSTERN_BINARY", str(ROOT / "build/release/postern"))
SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:")
PATIENCE = 60  # seconds; a command that takes longer hangs

TOKEN = "tok_4f9Zk2LmQ8xR1bTa"  # the declared token that the examples of the help texts speak of

CATALOG = f"""\
version: 1
permissions:
  - shop.orders.read
  - {{id: shop.orders.write, name: Write orders, description: Create and change orders}}
  - {{id: shop.invoices.read, name: Read invoices}}
roles:
  - {{id: shop.reader, name: Reader, permissions: [shop.orders.read]}}
  - {{id: shop.writer, name: Writer, permissions: [shop.orders.read, shop.orders.write]}}
groups:
  - {{id: staff, name: The staff}}
licenses:
  - {{id: shop.pro, kind: subject, name: Pro, max_subjects: 25, url: "https://shop.example/pro"}}
  - {{id: shop.site, kind: application}}
users:
  - {{id: alice, name: Alice, email: alice@shop.example, roles: [shop.reader], groups: [staff]}}
  - {{id: bob, status: disabled}}
tokens:
  - {{id: {TOKEN}, name: declared, sha256: "{'4f' * 32}", roles: [shop.reader], expires: 2099-12-31}}
"""

POLICY = """\
version: 1
rules:
  - {path: /health, allow: anonymous}
  - {path: "/orders/**", methods: [GET], permission: shop.orders.read}
  - {path: "/orders/{order}", methods: [PUT], permission: shop.orders.write, license: shop.pro}
"""

POLICY_TESTS = """\
version: 1
subjects:
  reader: {roles: [shop.reader]}
  writer: {roles: [shop.writer], licenses: [shop.pro]}
cases:
  - {as: anonymous, request: GET /health, expect: allow, rule: "policy.yaml:3"}
  - {as: [reader, writer], request: GET /orders/17, expect: allow, rule: "policy.yaml:4"}
  - {as: anonymous, request: GET /orders/17, expect: deny, status: 401, reason: no_credential}
  - {as: writer, request: PUT /orders/17, expect: allow, rule: "policy.yaml:5"}
  - {as: reader, request: PUT /orders/17, expect: deny, status: 403, reason: missing_permission}
"""

ACCESS_LOG = f"""\
{{"time":"2026-11-24T15:00:00.123Z","client":"192.0.2.1","method":"GET","host":"shop.example","path":"/orders/17","status":200,\
"rule":"policy.yaml:4","verdict":"allow","reason":"granted","subject_type":"token","subject":"{TOKEN}","token":"{TOKEN}","token_state":"valid"}}
"""

# The same in other words.
POLICY_BY_VERB = """\
version: 1
rules:
  - {id: change, path: "/orders/{number}", methods: [PUT], all_of: [{license: shop.pro}, {permission: shop.orders.write}]}
  - {id: read, path: "/orders/**", methods: [GET], permission: shop.orders.read}
  - {id: health, path: /health, allow: anonymous}
"""

OPENAPI = """\
openapi: 3.0.3
info: {title: Shop, version: "1"}
security: [{bearerAuth: []}]
paths:
  /health: {get: {operationId: health, security: []}}
  /orders: {get: {operationId: listOrders}}
  /orders/{order}:
    get: {operationId: showOrder}
    put: {operationId: changeOrder}
components: {securitySchemes: {bearerAuth: {type: http, scheme: bearer, bearerFormat: Opaque}}}
"""

CONFIG = """\
listen: 127.0.0.1:0
upstream: http://127.0.0.1:8000
store: store
policy: policy.yaml
"""


def secrets(count: int, seed: int = 1) -> List[str]:
    """As another system might have made them."""
    chosen = random.Random(seed)
    return ["".join(chosen.choices(string.ascii_letters + string.digits, k=32)) for _ in range(count)]


class Shop:
    """A folder with a configuration, a policy, a catalog, a file of secrets, and the store they speak of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"

    def write_files(self) -> None:
        (self.folder / "catalog.yaml").write_text(CATALOG)
        (self.folder / "policy.yaml").write_text(POLICY)
        (self.folder / "policy-by-verb.yaml").write_text(POLICY_BY_VERB)
        (self.folder / "policy-tests.yaml").write_text(POLICY_TESTS)
        (self.folder / "access.log").write_text(ACCESS_LOG)
        (self.folder / "postern.yaml").write_text(CONFIG)
        (self.folder / "openapi.yaml").write_text(OPENAPI)
        lines = [f"{secret} import {number}" for number, secret in enumerate(secrets(3))]
        (self.folder / "tokens.txt").write_text("# from the old system\n" + "\n".join(lines) + "\n")

    def environment(self) -> Dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        return {**kept, "POSTERN_STORE": str(self.store)}

    def run(
        self, *arguments: Any, ok: Optional[int] = 0, stdin: str = "", environment: Optional[Dict[str, str]] = None
    ) -> subprocess.CompletedProcess:
        """One command in this folder; `ok` is the exit code it must have, None for any."""
        done = subprocess.run(
            [BINARY, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=PATIENCE,
            env={**self.environment(), **(environment or {})}, cwd=self.folder,
        )
        told = f"postern {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert not SANITIZER.search(done.stderr), told
        assert ok is None or done.returncode == ok, told
        return done

    def json(self, *arguments: Any, ok: Optional[int] = 0, stdin: str = "") -> Any:
        return json.loads(self.run(*arguments, "--json", ok=ok, stdin=stdin).stdout)

    def refused(self, *arguments: Any, code: int = 1, stdin: str = "") -> str:
        """What a command says that must be refused: on standard error alone."""
        done = self.run(*arguments, ok=code, stdin=stdin)
        assert done.stdout == ""
        assert done.stderr.startswith("postern: "), done.stderr
        return done.stderr

    def copy_to(self, folder: Path) -> "Shop":
        # LMDB's lock files are of processes that have ended.
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*-lock", "lock.mdb"))
        return Shop(folder)


def pytest_collection_modifyitems() -> None:
    if not Path(BINARY).exists():
        raise pytest.UsageError(f"{BINARY} does not exist; build it or set POSTERN_BINARY")


@pytest.fixture(scope="session")
def made_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.write_files()
    shop.run("catalog", "apply", "catalog.yaml")
    return shop


@pytest.fixture
def shop(made_shop: Shop, tmp_path: Path) -> Shop:
    """With the catalog above in its store."""
    return made_shop.copy_to(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Shop:
    """Without any file or store."""
    return Shop(tmp_path)
