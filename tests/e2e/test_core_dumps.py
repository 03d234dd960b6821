"""What a process holds in memory does not end on a disk."""

import os
import resource
import signal
import subprocess

import pytest

from server import BINARY, environment


def dumps_core(command, folder):
    """Whether the kernel writes a core dump when this process, once it has written a line, is aborted."""
    def allow():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        command, cwd=folder, env=environment(), preexec_fn=allow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout.readline()
    process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0  # it is gone; nobody waits for it again
    process.stdout.close()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT
    return os.WCOREDUMP(status)


@pytest.mark.skipif(os.environ.get("POSTERN_SANITIZED") == "1", reason="a sanitizer looks into the process")
def test_no_core_is_dumped(tmp_path):
    try:
        control = dumps_core(["sh", "-c", "echo here; exec sleep 60"], tmp_path)
    except (ValueError, PermissionError):
        pytest.skip("core dumps cannot be allowed here")
    if not control:
        pytest.skip("no process dumps its core here")
    assert not dumps_core([BINARY, "whoami", "--listen", "127.0.0.1:0"], tmp_path)
