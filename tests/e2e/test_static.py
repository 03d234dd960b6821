"""The static binary: alone in an empty root, as any user, and the same bytes from every build. `tests/run.sh --only static` builds it."""

import hashlib
import os
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

import server as serving
from server import ROOT, Failed, Postern, until
from wire import response

BINARY = Path(os.environ.get("POSTERN_STATIC_BINARY", ROOT / "build/static/postern"))
NOBODY = "65532:65532"
POLICY = """\
version: 1
rules:
  - {path: /open/**, allow: anonymous}
  - {path: /private/**, authenticated: true}
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the root directory")


def test_it_needs_no_other_file():
    binary = BINARY.read_bytes()
    assert binary[:5] == b"\x7fELF\x02"
    kind, = struct.unpack_from("<H", binary, 16)
    at, = struct.unpack_from("<Q", binary, 32)
    size, count = struct.unpack_from("<HH", binary, 54)
    segments = {struct.unpack_from("<I", binary, at + i * size)[0] for i in range(count)}
    assert kind == 3 and 3 not in segments  # position-independent, and no interpreter
    assert b"./proxy/" in binary and b"../proxy/" not in binary and str(ROOT).encode() not in binary  # nor where it was built
    assert len(binary) <= 10_000_000
    assert str(ROOT).encode() not in binary


@pytest.fixture
def empty_root(tmp_path, upstream, monkeypatch):
    """A postern whose root directory holds nothing but its own files; nothing of ours in its environment."""
    root = tmp_path / "root"
    root.mkdir()
    root.chmod(0o755)
    shutil.copy(BINARY, root / "postern")
    (root / "data").mkdir(mode=0o700)
    os.chown(root / "data", 65532, 65532)
    under = ["env", "-i", shutil.which("chroot", path="/usr/sbin:/usr/bin"), f"--userspec={NOBODY}", str(root)]
    monkeypatch.setattr(serving, "BINARY", "/postern")
    server = Postern(root, upstream=upstream.url, store=root / "data", arguments=["--config", "/postern.yaml"], under=under,
                     config={"store": "/data", "policy": "/policy.yaml", "log": {"access": "-"}})
    server.policy_file.write_text(POLICY)
    server.write_config()
    yield server
    server.kill()


def create_token(server):
    return subprocess.run([*server.under, "/postern", "token", "create", "--name", "one", "--quiet", "--store", "/data"], check=True,
                          capture_output=True, text=True).stdout.strip()


@as_root
def test_it_serves_alone_in_an_empty_root_as_any_user(empty_root, upstream):
    secret = create_token(empty_root)
    began = time.monotonic()
    empty_root.start()
    until(lambda: empty_root.admin("/readyz").status == 200, "it is ready")
    ready = time.monotonic() - began
    assert empty_root.ask("GET", "/private/x", token=secret).status == 200
    assert upstream.last.get("x-subject-type") == "token"
    assert empty_root.ask("GET", "/private/x").status == 401
    memory = empty_root.memory()
    print(f"ready after {ready * 1000:.0f} ms, {memory / 1e6:.1f} MB resident, binary {BINARY.stat().st_size / 1e6:.1f} MB")
    assert ready < 2  # milliseconds on a quiet machine
    assert memory <= (8 + max(os.cpu_count() - 2, 0)) * 1024 * 1024  # more cores have more shards
    status = Path(f"/proc/{empty_root.process.pid}/status").read_text()
    assert "Uid:\t65532\t65532\t65532\t65532" in status
    probe = [*empty_root.under, "/postern", "probe", "ready", "--config", "/postern.yaml", "--admin-listen", f"127.0.0.1:{empty_root.admin_port}"]
    assert subprocess.run(probe, capture_output=True).returncode == 0
    assert empty_root.stop() == 0


@as_root
def test_names_are_resolved_there(empty_root, upstream):
    (empty_root.folder / "etc").mkdir()
    (empty_root.folder / "etc/hosts").write_text("127.0.0.1 api.internal\n")
    empty_root.write_config(upstream=upstream.url.replace("127.0.0.1", "api.internal"))
    upstream.answer = response(body=b"found")
    empty_root.start()
    until(lambda: empty_root.admin("/readyz").status == 200, "the name is known")
    assert empty_root.ask("GET", "/open").body == b"found"
    assert empty_root.stop() == 0


@as_root
def test_without_authorities_an_https_upstream_is_a_start_error(empty_root):
    empty_root.write_config(upstream="https://127.0.0.1:1")
    with pytest.raises(Failed, match="no authority is known to verify it by: .*; install ca-certificates or name a file by tls.ca"):
        empty_root.start()
    assert empty_root.wait() == 1


@pytest.mark.full
def test_two_builds_give_the_same_bytes(tmp_path):
    copy = tmp_path / "elsewhere" / "tree"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", ".git"))
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    subprocess.run(["cmake", "--preset", "static"], cwd=copy, check=True, env=environment, capture_output=True)
    subprocess.run(["cmake", "--build", "--preset", "static"], cwd=copy, check=True, env=environment, capture_output=True)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (BINARY, copy / "build/static/postern")}
    assert len(digests) == 1
