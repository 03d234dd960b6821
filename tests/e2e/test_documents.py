"""The commands in the documents work: each document's ```sh blocks are run in order, as a reader would run them.

A reader uses several terminals, so a block that starts a server (`postern run`, `uvicorn`) is left running while the next ones are
tried. A block under `<!-- not run: why -->` is not run; blocks of other languages are for the eyes. A command must end with 0.
"""

import os
import re
import signal
import subprocess

import pytest

from server import BINARY, ROOT, environment
from wire import PATIENCE

DOCUMENTS = [name for name in ("README.md", "deploy/example/README.md") if (ROOT / name).exists()]
SERVES = re.compile(r"\bpostern run\b|\buvicorn\b")
# What would stay up for a person at a terminal, in its form for a program.
FOR_A_PROGRAM = {r"^(\S*deploy/quickstart\.sh)\s*$": r"\1 --once"}


def blocks(document):
    """(line, commands) of the blocks to be run."""
    text = (ROOT / document).read_text()
    for found in re.finditer(r"(<!-- not run:[^\n]*-->\s*\n)?^```sh\n(.*?)^```", text, re.M | re.S):
        if not found[1]:
            yield text.count("\n", 0, found.start(2)) + 1, found[2]


def private_network():
    """A prefix that gives a command ports of its own, so that those named in a document are free; empty where that is not allowed."""
    loopback_up = (
        "import fcntl,socket,struct,os,sys;"
        "fcntl.ioctl(socket.socket(),0x8914,struct.pack('16sh14x',b'lo',0x49));"
        "os.execvp(sys.argv[1],sys.argv[1:])"
    )
    prefix = ["unshare", "--net", "/usr/bin/python3", "-c", loopback_up]
    allowed = subprocess.run([*prefix, "true"], capture_output=True).returncode == 0
    return prefix if allowed else []


SCRIPT = """\
set -euo pipefail
# A block that serves is left running: for the reader in another terminal, and until it says that it is ready.
serving() {
  for _ in $(seq 200); do grep -Eqi "listening on|running on" "$1" && return; sleep 0.1; done
  exit 1
}
# Before the next postern, the reader ends the one that has the port. Only in this script's process group.
end_postern() {
  pkill -g 0 -f '/postern run ' || return 0
  while pgrep -g 0 -f '/postern run ' >/dev/null; do sleep 0.05; done
}
"""


def script_of(document, logs):
    """All blocks as one script that says which of them it is at, and where it failed."""
    script = SCRIPT
    for line, commands in blocks(document):
        for pattern, replacement in FOR_A_PROGRAM.items():
            commands = re.sub(pattern, replacement, commands, flags=re.M)
        script += f"echo '--- {document}:{line}'\n"
        if not SERVES.search(commands):
            script += f"(\n{commands})\n"
            continue
        if "postern run" in commands:
            script += "end_postern\n"
        log = logs / f"server-{line}.log"
        script += f"(\n{commands}) >{log} 2>&1 &\nserving {log}\n"
    assert "--- " in script, f"{document} has no commands"
    return script


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_a_document(document, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["cp", "-a", *map(str, tree()), "-t", make(clone)], check=True)
    make(clone / "build/release")
    (clone / "build/release/postern").symlink_to(BINARY)
    (tmp_path / "script").write_text(script_of(document, tmp_path))
    with open(tmp_path / "output", "w") as output:  # not a pipe, which the servers would hold open
        process = subprocess.Popen(
            [*private_network(), "bash", tmp_path / "script"], cwd=clone, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True, env={**environment(), "HOME": str(tmp_path)},
        )  # fmt: skip
    try:
        code = process.wait(30 * PATIENCE)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # the servers that were left running
        except ProcessLookupError:
            pass
    assert code == 0, "\n".join(path.read_text() for path in [tmp_path / "output", *sorted(tmp_path.glob("server-*.log"))])


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def tree():
    """What a clone holds: everything but what was built."""
    return [path for path in ROOT.iterdir() if path.name not in ("build", ".git")]
