"""What is measured: CPU of a process tree, system calls (strace), user instructions (callgrind)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, NamedTuple

from conditions import Setting
from contenders import Contender

Counts = Dict[str, float]


def process_tree(pid: int) -> List[int]:
    tree = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            tree += process_tree(int(child))
    return tree


def processes(roots: List[int]) -> List[int]:
    return [member for root in roots for member in process_tree(root)]


def cpu_seconds(roots: List[int]) -> float:
    """User and system time of all threads of the trees; from the scheduler, in nanoseconds, where /proc/PID/stat has ticks of 10 ms."""
    spent = 0
    for member in processes(roots):
        for task in Path(f"/proc/{member}/task").iterdir():
            spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def anonymous_kilobytes(roots: List[int]) -> int:
    return sum(int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{member}/status").read_text())[1]) for member in processes(roots))


class MachineTime(NamedTuple):
    """Seconds that all cores spent since boot: working, and waiting for the host to let them."""

    busy: float
    stolen: float


def machine_time() -> MachineTime:
    fields = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, soft_irq, stolen = fields
    tick = os.sysconf("SC_CLK_TCK")
    return MachineTime((user + nice + system + irq + soft_irq) / tick, stolen / tick)


class Load:
    """Runs the load generator on its cores."""

    def __init__(self, cores: str, strangers: Path) -> None:
        self.cores = cores
        self.strangers = strangers  # a file of tokens that nobody knows

    def pinned(self, setting: Setting) -> List[str]:
        return [] if setting.spread else ["taskset", "-c", self.cores]

    def command(self, contender: Contender, setting: Setting, unit: str, amount: float, stall: int = 10) -> List[str]:
        place = contender.place
        unknown = not setting.known and contender.authenticates
        options = [] if unknown else ["--answer", str(setting.body)]
        for name in ("upload", "rate"):
            if getattr(setting, name):
                options += [f"--{name}", str(getattr(setting, name))]
        if setting.tls:
            options.append("--tls")
        tokens = place.tokens_file if setting.known else self.strangers
        return [*self.pinned(setting), str(place.tools / "load"), str(contender.port), str(tokens), str(setting.connections), unit,
                str(amount), "--stall", str(stall), *options]

    def __call__(self, contender: Contender, setting: Setting, unit: str, amount: float, stall: int = 10) -> dict:
        done = subprocess.run(self.command(contender, setting, unit, amount, stall), capture_output=True, text=True, timeout=1800)
        if done.returncode != 0:
            raise SystemExit(f"load on {contender.name}: {done.stderr}")
        result = json.loads(done.stdout)
        expected = "200" if setting.known or not contender.authenticates else "401"
        if list(result["statuses"]) != [expected]:
            raise SystemExit(f"load on {contender.name}: statuses {result['statuses']}")
        return result


def count_system_calls(contender: Contender, load: Load, connections: int, requests: int) -> Counts:
    """Per request, by name, of a running contender. strace slows it, so that with many connections each wake-up finds many events:
    the figure is that of a busy proxy."""
    setting = replace(contender.place.setting, connections=connections)
    load(contender, setting, "requests", 50 * connections)  # upstream connections stand
    table = contender.place.tools / f"{contender.name}.strace"
    members = processes(contender.pids())
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", str(table), *(f"--attach={pid}" for pid in members)],
                              stderr=subprocess.PIPE, text=True)
    for _ in members:
        while "attached" not in (line := tracer.stderr.readline()):
            if not line:
                raise SystemExit(f"strace cannot attach to {contender.name}: is ptrace allowed here?")
    try:
        load(contender, setting, "requests", requests, stall=60)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=60)
    counts: Counts = {}
    for line in table.read_text().splitlines():
        row = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_0-9]+)$", line)
        if row and row[2] != "total":
            counts[row[2]] = int(row[1]) / requests
    counts["total"] = sum(counts.values())
    return counts


def callgrind(contender: Contender, load: Load, connections: int, requests: int, out: Path) -> int:
    """All user instructions of one life that served so many requests. The contender must not be running."""
    files = {"main": out, "helper": out.with_suffix(".helper")}
    for file in files.values():
        file.unlink(missing_ok=True)
    contender.start(lambda role: ["valgrind", "--tool=callgrind", f"--callgrind-out-file={files[role]}"], patience=600)
    try:
        load(contender, replace(contender.place.setting, connections=connections), "requests", requests, stall=120)
    finally:
        contender.stop(patience=120)
    return sum(int(re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE)[1]) for file in files.values() if file.exists())


def count_instructions(contender: Contender, load: Load, connections: int, few: int, many: int) -> float:
    """Per request: the difference of two lives, so that start and end of the process and its connections fall out."""
    folder = contender.place.tools
    cost = {count: callgrind(contender, load, connections, count, folder / f"{contender.name}.{count}.callgrind")
            for count in (few, many)}
    return (cost[many] - cost[few]) / (many - few)
