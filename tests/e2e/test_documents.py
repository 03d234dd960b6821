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


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_a_document(document, tmp_path):
    """All blocks in one shell script, so that what servers need they find; the script says where it failed."""
    script = [
        "set -euo pipefail",
        # After a server's block: until it says that it is ready.
        'ready() { for _ in $(seq 200); do grep -Eqi "listening on|running on" "$1" && return; sleep 0.1; done; cat "$1"; exit 1; }',
    ]
    log = 0
    for line, commands in blocks(document):
        for pattern, replacement in FOR_A_PROGRAM.items():
            commands = re.sub(pattern, replacement, commands, flags=re.M)
        script.append(f"echo '--- {document}:{line}'")
        if SERVES.search(commands):
            log += 1
            script.append(f"(\n{commands}) >{tmp_path}/server{log}.log 2>&1 &\nready {tmp_path}/server{log}.log")
        else:
            script.append(f"(\n{commands})")
    assert len(script) > 2, f"{document} has no commands"
    clone = tmp_path / "clone"
    subprocess.run(["cp", "-a", "--reflink=auto", *[str(path) for path in tree()], "-t", make(clone)], check=True)
    make(clone / "build/release")
    (clone / "build/release/postern").symlink_to(BINARY)
    process = subprocess.Popen(
        [*private_network(), "bash", "-c", "\n".join(script)], cwd=clone, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True, env={**environment(), "HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        output = process.communicate(timeout=30 * PATIENCE)[0]
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # the servers that were left running
        except ProcessLookupError:
            pass
    assert process.returncode == 0, output + "".join(path.read_text() for path in tmp_path.glob("server*.log"))


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


def tree():
    """What a clone holds: everything but what was built."""
    return [path for path in ROOT.iterdir() if path.name not in ("build", ".git")]
