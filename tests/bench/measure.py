"""What is measured: CPU of a process tree, system calls (strace), user instructions (callgrind)."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple

from contenders import Contender, Workplace

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
    """Runs the load generator on its core."""

    def __init__(self, place: Workplace, core: str) -> None:
        self.place = place
        self.core = core

    def __call__(self, contender: Contender, connections: int, unit: str, amount: float, stall_seconds: int = 10) -> dict:
        command = ["taskset", "-c", self.core, str(self.place.folder / "load"), str(contender.port), str(self.place.tokens_file),
                   str(connections), unit, str(amount)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=1800,
                              env={**os.environ, "STALL_SECONDS": str(stall_seconds)})
        if done.returncode != 0:
            raise SystemExit(f"load on {contender.name}: {done.stderr}")
        result = json.loads(done.stdout)
        if list(result["statuses"]) != ["200"]:
            raise SystemExit(f"load on {contender.name}: statuses {result['statuses']}")
        return result


def count_system_calls(contender: Contender, load: Load, connections: int, requests: int) -> Counts:
    """Per request, by name, of a running contender. strace slows it, so that with many connections each wake-up finds many events:
    the figure is that of a busy proxy."""
    load(contender, connections, "requests", 50 * connections)  # upstream connections stand
    table = contender.place.folder / f"{contender.name}.strace"
    members = processes(contender.pids())
    tracer = subprocess.Popen(["strace", "-f", "-c", "-o", str(table), *(f"--attach={pid}" for pid in members)],
                              stderr=subprocess.PIPE, text=True)
    for _ in members:
        while "attached" not in tracer.stderr.readline():
            pass
    try:
        load(contender, connections, "requests", requests, stall_seconds=60)
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
        load(contender, connections, "requests", requests, stall_seconds=120)
    finally:
        contender.stop(patience=120)
    return sum(int(re.search(r"^totals: (\d+)", file.read_text(), re.MULTILINE)[1]) for file in files.values() if file.exists())


def count_instructions(contender: Contender, load: Load, connections: int, few: int, many: int) -> float:
    """Per request: the difference of two lives, so that start and end of the process and its connections fall out."""
    folder = contender.place.folder
    cost = {count: callgrind(contender, load, connections, count, folder / f"{contender.name}.{count}.callgrind")
            for count in (few, many)}
    return (cost[many] - cost[few]) / (many - few)
