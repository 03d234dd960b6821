"""Images and containers of a test's own: podman over runc, with a store of its own, and without a service that runs on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from server import ROOT
from wire import PATIENCE

BUILD = Path(os.environ.get("POSTERN_STATIC_BINARY", ROOT / "build/static/postern")).parent
IMAGE_PATIENCE = 20 * PATIENCE  # buildah and podman write files of megabytes

# The engine's defaults want privileges that a test may not have (raising limits), and services (journald, systemd's cgroups).
SETTINGS = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


def build_image(output: Path, *arguments: Any, ok: int = 0) -> str:
    """deploy/image.sh with the static binary that the gate has built. Its digest, or what it complains about."""
    done = subprocess.run(
        [ROOT / "deploy/image.sh", "--build", BUILD, "--output", output, *arguments], capture_output=True, text=True, timeout=IMAGE_PATIENCE
    )
    assert done.returncode == ok, done.stdout + done.stderr
    return done.stdout.split()[0] if ok == 0 else done.stderr


class Layout:
    """An OCI layout as deploy/image.sh writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.descriptor = json.loads((folder / "index.json").read_text())["manifests"][0]
        self.manifest = json.loads(self.blob(self.descriptor["digest"]))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))

    def blob(self, digest: str) -> bytes:
        return (self.folder / "blobs" / digest.replace(":", "/")).read_bytes()


class Podman:
    def __init__(self) -> None:
        self.folder = folder = Path(tempfile.mkdtemp(prefix="podman-"))  # not pytest's: the path must be short
        (folder / "containers.conf").write_text(SETTINGS)
        self.prefix = ["podman", "--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs"]

    def __call__(self, *arguments: Any, ok: Any = 0, stdin: str = "") -> str:
        done = subprocess.run(
            [*self.prefix, *arguments], capture_output=True, text=True, timeout=IMAGE_PATIENCE, input=stdin,
            env={**os.environ, "CONTAINERS_CONF": str(self.folder / "containers.conf")},
        )  # fmt: skip
        assert ok is None or done.returncode == ok, f"podman {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def load(self, layout: Path, name: str) -> None:
        self("tag", self("pull", "--quiet", f"oci:{layout}"), name)

    def pid(self, container: str) -> int:
        return int(self("inspect", "--format", "{{.State.Pid}}", container))

    def logs(self, container: str) -> str:
        done = subprocess.run([*self.prefix, "logs", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        return done.stdout

    def end(self) -> None:
        self("pod", "rm", "--all", "--force", "--time", "0", ok=None)
        self("rm", "--all", "--force", "--time", "0", ok=None)
        shutil.rmtree(self.folder, ignore_errors=True)


def facts(pid: int) -> Dict[str, Any]:
    """What the kernel says about a process: who it is, and what it may do."""
    status = dict(re.findall(r"^(\w+):\t(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M))
    root = next(line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines() if line.split()[4] == "/")
    return {
        "users": {int(word) for word in status["Uid"].split()},
        "groups": {int(word) for word in [*status["Gid"].split(), *status["Groups"].split()]},
        "capabilities": {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
        "no_new_privileges": status["NoNewPrivs"] == "1",
        "seccomp_filter": status["Seccomp"] == "2",
        "root_options": set(root[5].split(",")),
    }


CONFINED = {
    "capabilities": {0},
    "no_new_privileges": True,
    "seccomp_filter": True,
}


def assert_confined(pid: int, user: int) -> None:
    found = facts(pid)
    assert found["users"] == {user} and found["groups"] == {user}, found
    assert {name: found[name] for name in CONFINED} == CONFINED, found
    assert "ro" in found["root_options"], found


def inside(pid: int, command: List[Any]) -> List[Any]:
    """The command in the network of a container."""
    return ["nsenter", "--target", str(pid), "--net", *command]
