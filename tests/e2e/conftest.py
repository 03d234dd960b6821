"""What every test may ask for: an upstream, a store with a few tokens, a running postern."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import BINARY, CATALOG, CLIENTS, NODE, SANITIZER, Failed, Postern, Store, Whoami  # noqa: E402
from upstream import Upstream  # noqa: E402


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--full", action="store_true", help="the long checks too: kill loops, gigabytes, soaks")


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "full: runs only with --full")


def pytest_collection_modifyitems(config: Any, items: List[Any]) -> None:
    if not Path(BINARY).exists():
        raise pytest.UsageError(f"{BINARY} does not exist; build it or set POSTERN_BINARY")
    if not config.getoption("--full"):
        items[:] = [item for item in items if "full" not in item.keywords]


@pytest.fixture
def full(request: Any) -> bool:
    return bool(request.config.getoption("--full"))


@dataclass
class House:
    """A store made once and copied for each test, and the secrets of its tokens by name."""

    directory: Path
    secrets: Dict[str, str]
    ids: Dict[str, str]

    def copy_to(self, place: Path) -> Path:
        shutil.copytree(self.directory, place, ignore=shutil.ignore_patterns("lock.mdb"))
        return place


@pytest.fixture(scope="session")
def house(tmp_path_factory: Any) -> House:
    folder = tmp_path_factory.mktemp("house")
    catalog = folder / "catalog.yaml"
    catalog.write_text(CATALOG)
    store = Store(folder / "store")
    store.run("catalog", "apply", catalog)
    store.run("user", "create", "alice@example.org", "--name", "Alice \u00c5", "--role", "test.reader", "--group", "test.staff")
    secrets = {
        "reader": store.create_token("reader", "--role", "test.reader"),
        "writer": store.create_token("writer", "--role", "test.writer", "--group", "test.staff", "--license", "test.pro"),
        "nothing": store.create_token("nothing"),
        "alice": store.create_token("alice's", "--owner", "alice@example.org"),
        "project": store.create_token("project", "--grant", "project.read=project/42"),
    }
    names = {"alice": "alice's"}
    by_name = {token["name"]: token["id"] for token in store.tokens()}
    return House(store.directory, secrets, {key: by_name[names.get(key, key)] for key in secrets})


@pytest.fixture
def echo_server() -> Iterator[subprocess.Popen]:
    """clients/ws_server.cjs on `port`."""
    process = subprocess.Popen(["node", CLIENTS / "ws_server.cjs"], stdout=subprocess.PIPE, text=True, env=NODE)
    process.port = int(process.stdout.readline())
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def _watch(server: Postern) -> None:
    """At the end of a test: postern ends when asked, and no sanitizer had anything to say."""
    if server.process is None:
        return
    if server.process.poll() is None:
        code = server.stop()
        if code != 0:
            raise Failed(f"postern ended with {code}\n{server.log}")
    if SANITIZER.search(server.log):
        raise Failed(server.log)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    it = Upstream()
    yield it
    it.close()
    assert not it.failures, it.failures


@pytest.fixture
def tokens(house: House) -> Dict[str, str]:
    """Secrets by name."""
    return house.secrets


@pytest.fixture
def guard(tmp_path: Path, house: House, upstream: Upstream) -> Iterator[Callable[..., Postern]]:
    """Starts a postern of this test's own: `guard(policy=..., config={...}, arguments=[...], store=...)`."""
    servers: List[Postern] = []

    def start(*, begin: bool = True, **options: Any) -> Postern:
        folder = tmp_path / f"postern{len(servers)}"
        if "store" not in options:
            options["store"] = house.copy_to(folder / "store")
        options.setdefault("upstream", upstream.url)
        server = Postern(folder, **options)
        servers.append(server)
        return server.start() if begin else server

    yield start
    try:
        for server in servers:
            _watch(server)
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def postern(guard: Callable[..., Postern]) -> Postern:
    """A postern of this test's own, with the policy and the tokens of server.py."""
    return guard()


@pytest.fixture
def whoami() -> Iterator[Whoami]:
    it = Whoami()
    yield it
    it.stop()


@dataclass
class Shared:
    """One postern and one upstream for a whole table of rows: each row leaves them as they were."""

    postern: Postern
    upstream: Upstream
    tokens: Dict[str, str]


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: Any, house: House, request: Any) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    upstream = Upstream()
    options = getattr(request.module, "SHARED", {})
    server = Postern(folder, upstream=upstream.url, store=house.copy_to(folder / "store"), **options)
    try:
        yield Shared(server.start(), upstream, house.secrets)
        _watch(server)
    finally:
        server.kill()
        upstream.close()


@pytest.fixture
def shared(_shared: Shared) -> Iterator[Shared]:
    # A test may have left connections in a state of its own; postern has seen them close once it has answered.
    _shared.upstream.begin_anew()
    assert _shared.postern.ask().status == 200
    _shared.upstream.forget()
    yield _shared
    failures, _shared.upstream.failures = _shared.upstream.failures, []
    assert not failures, failures
    assert _shared.postern.process.poll() is None, f"postern has ended\n{_shared.postern.log}"
