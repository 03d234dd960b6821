"""What is not a matter of rounds: counts per request, memory, and how long a start takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Sequence

import equal_work
from conditions import USUAL, Setting
from contenders import connections_max
from measure import anonymous_kilobytes, count_instructions, count_system_calls
from stage import Stage


def counts(stage: Stage, names: Sequence[str]) -> Dict[str, dict]:
    """User instructions and system calls per request, which do not swing with the machine's load."""
    rows: Dict[str, dict] = {}
    for name in names:
        contender = stage.contender(name, USUAL)
        equal_work.prove(contender)
        equal_work.prove_upstream_kept(contender, stage.load)
        calls = {str(count): count_system_calls(contender, stage.load, count, requests) for count, requests in ((64, 20_000), (1, 4_000))}
        rows[name] = {"system_calls": calls}
    stage.stop_all()
    for name in names:
        contender = stage.make(name, USUAL)
        if contender.runs_in_valgrind:
            rows[name]["instructions"] = count_instructions(contender, stage.load, 64, 2_000, 6_000)
            print(f"  {name}: {rows[name]['instructions']:,.0f} instructions", file=sys.stderr)
    return rows


def settled_kilobytes(pids: List[int], still: float = 1.0, patience: float = 30) -> int:
    """When it has not changed for a while: memory goes back some time after the last connection."""
    give_up, last, since = time.monotonic() + patience, anonymous_kilobytes(pids), time.monotonic()
    while time.monotonic() < min(give_up, since + still):
        time.sleep(0.1)
        now = anonymous_kilobytes(pids)
        if now != last:
            last, since = now, time.monotonic()
    return last


def memory(stage: Stage, names: Sequence[str]) -> Dict[str, dict]:
    """Anonymous memory in KB of a fresh process: at its start, with connections that wait, and after a burst of as many at once."""
    rows: Dict[str, dict] = {}
    many = replace(USUAL, connections=connections_max())
    for name in names:
        stage.stop_all()
        contender = stage.contender(name, USUAL)
        start = settled_kilobytes(contender.pids())
        command = stage.load.command(contender, many, "hold", many.connections)
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        answered = json.loads(holder.stdout.readline() or "{}")
        if answered.get("statuses") != {"200": many.connections}:
            raise SystemExit(f"memory of {name}: {answered} of {many.connections} connections")
        idle = settled_kilobytes(contender.pids())
        holder.communicate()
        stage.load(contender, many, "requests", 10 * many.connections, stall=60)
        after = settled_kilobytes(contender.pids(), still=5)
        kept = (equal_work.sockets_of(contender.place.upstream_port) - 1) // 2
        rows[name] = {"connections": many.connections, "start_kb": start, "idle_kb": idle, "after_burst_kb": after, "upstream_kept": kept}
        print(f"  memory of {name}: {rows[name]}", file=sys.stderr)
    stage.stop_all()
    return rows


def evict(folder: Path) -> None:
    """Takes what is written of a store out of the page cache."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def start_to_answer(stage: Stage, name: str, setting: Setting, cold: bool) -> float:
    contender = stage.make(name, setting)
    if cold:
        evict(contender.place.data)
    begin = time.monotonic()
    contender.start(lambda _role: stage.pinned(setting), patience=300, pause=0.001)
    taken = time.monotonic() - begin
    contender.stop()
    return taken * 1000


def cold_start(stage: Stage, names: Sequence[str], tokens: int, rounds: int) -> Dict[str, dict]:
    """Milliseconds from the start of the process to its first answer to a good token: with its files in the page cache, and without."""
    setting = replace(USUAL, tokens=tokens)
    rows: Dict[str, dict] = {name: {"tokens": tokens, "cached_ms": [], "evicted_ms": []} for name in names}
    for _ in range(rounds):
        for name in names:
            rows[name]["cached_ms"].append(start_to_answer(stage, name, setting, cold=False))
            rows[name]["evicted_ms"].append(start_to_answer(stage, name, setting, cold=True))
            print(f"  start of {name}: {rows[name]['cached_ms'][-1]:.0f} ms, evicted {rows[name]['evicted_ms'][-1]:.0f} ms", file=sys.stderr)
    return rows
