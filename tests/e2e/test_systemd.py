"""The unit file: as closed as it says, and with every system call that postern makes."""

import re
import shutil
import subprocess

import pytest

from server import ROOT, until
from wire import PATIENCE, SANITIZED

UNIT = ROOT / "deploy/systemd/postern.service"


def test_the_unit_is_closed_to_what_it_does_not_need():
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd is not installed (deploy/dependencies.txt)"
    done = subprocess.run([analyze, "security", "--offline=true", "--no-pager", UNIT], capture_output=True, text=True, timeout=PATIENCE)
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d) (\w+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level[1]) < 3 and level[2] == "OK", done.stdout


@pytest.mark.skipif(SANITIZED, reason="a sanitizer makes system calls of its own, and looks for leaks as strace does")
def test_every_system_call_is_among_those_that_the_unit_allows(guard, tokens):
    """Seen from outside, as strace tells them; systemd expands the groups."""
    analyze, strace = shutil.which("systemd-analyze"), shutil.which("strace")
    assert analyze and strace, "systemd and strace are not installed (deploy/dependencies.txt)"

    def expand(words):
        names = set()
        for word in words:
            if not word.startswith("@"):
                names.add(word)
                continue
            listing = subprocess.run([analyze, "syscall-filter", word], capture_output=True, text=True, timeout=PATIENCE).stdout
            names |= expand(line.strip() for line in listing.splitlines()[1:] if line.startswith("    ") and line.strip() and line.strip()[0] != "#")
        return names

    allowed = set()
    for given in re.findall(r"^SystemCallFilter=(\S.*)$", UNIT.read_text(), re.M):
        words = expand(given.lstrip("~").split())
        allowed = allowed - words if given.startswith("~") else allowed | words
    server = guard(begin=False)
    calls = server.folder / "calls"
    server.under = [strace, "-f", "-qq", "-c", "-U", "name", "-o", str(calls)]
    server.start()
    assert server.ask("GET", "/read", token=tokens["reader"]).status == 200
    server.write_config(log={"access": str(server.access_file), "level": "debug"})
    server.policy_file.write_text(server.policy_file.read_text())
    until(lambda: server.admin("/metrics").status == 200, "metrics")
    subprocess.run(["pkill", "-TERM", "-P", str(server.process.pid)], check=True)
    assert server.wait() == 0
    made = {line.split()[-1] for line in calls.read_text().splitlines() if line.strip() and not line.startswith("-")} - {"syscall", "total"}
    assert "epoll_wait" in made or "epoll_pwait" in made, made
    assert made <= allowed, made - allowed
