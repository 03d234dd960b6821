"""Compares postern with its peers on equal work. Called by run.sh, which builds what it needs.

    run.sh [--rounds 9] [--seconds 2.5] [--connections 64] [--tokens 100000] [--only counts|times] [--contenders NAME,...]

Ends with one table on standard output and everything else in results.json.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import contenders as peers
import line_up
import equal_work
import report
from measure import Load, anonymous_kilobytes, count_instructions, count_system_calls, cpu_seconds, machine_time

ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    names = [kind.name for kind in line_up.ALL]
    parser = argparse.ArgumentParser(prog="run.sh", description="CPU, system calls and instructions per request, on equal work.")
    parser.add_argument("--tools", type=Path, required=True, help=argparse.SUPPRESS)  # upstream, floor and load; from run.sh
    parser.add_argument("--postern", default=str(ROOT / "build/release/postern"), help="the binary to measure")
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds of each contender (default 9)")
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a round (default 2.5)")
    parser.add_argument("--connections", default="64", help="client connections, or a list: one set of rounds each (default 64)")
    parser.add_argument("--tokens", type=int, default=100_000, help="tokens known to each contender (default 100000)")
    parser.add_argument("--body", type=int, default=200, help="bytes of an answer's body (default 200)")
    parser.add_argument("--only", choices=("counts", "times"), help="counts: instructions and system calls; times: CPU")
    parser.add_argument("--contenders", default=",".join(names), help=f"of {', '.join(names)}")
    parser.add_argument("--access-log", default="/dev/null", help="where postern writes it (default /dev/null)")
    parser.add_argument("--proxy-core", default="1", help="core of the contender (default 1)")
    parser.add_argument("--load-core", default="0", help="core of clients and upstream; may be the same one (default 0)")
    parser.add_argument("--json", type=Path, help="where the results go (default results.json in the folder of the tools)")
    chosen = parser.parse_args()
    chosen.contenders = chosen.contenders.split(",")
    chosen.connections = [int(count) for count in chosen.connections.split(",")]
    unknown = set(chosen.contenders) - set(names)
    if unknown:
        parser.error(f"no contender is named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return chosen


def machine() -> Dict[str, object]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(),
            "load_average": os.getloadavg()}


def commit() -> str:
    """Of the tree; --postern may name a binary of another one."""
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "of no repository"


def one_round(contender: peers.Contender, load: Load, upstream_pid: int, connections: int, seconds: float) -> dict:
    pids = contender.pids()
    upstream_before, before, machine_before = cpu_seconds([upstream_pid]), cpu_seconds(pids), machine_time()
    children_before = os.times()
    result = load(contender, connections, "seconds", seconds)
    children, after = os.times(), cpu_seconds(pids)
    machine_after, upstream = machine_time(), cpu_seconds([upstream_pid]) - upstream_before
    generator = children.children_user + children.children_system - children_before.children_user - children_before.children_system
    busy = machine_after.busy - machine_before.busy
    return {
        "cpu_us": (after - before) / result["requests"] * 1e6,
        "requests_per_second": result["requests"] / result["seconds"],
        "core_busy": (after - before) / result["seconds"],
        "foreign": max(0.0, busy - (after - before) - upstream - generator) / result["seconds"],
        "stolen": (machine_after.stolen - machine_before.stolen) / result["seconds"],
        "requests": result["requests"],
    }


def time_rounds(running: List[peers.Contender], load: Load, upstream_pid: int, connections: int, chosen) -> Dict[str, List[dict]]:
    """Interleaved, each round in another order, so that what drifts hits all alike."""
    rounds: Dict[str, List[dict]] = {contender.name: [] for contender in running}
    for number in range(chosen.rounds):
        shift = number % len(running)
        for contender in running[shift:] + running[:shift]:
            result = one_round(contender, load, upstream_pid, connections, chosen.seconds)
            rounds[contender.name].append(result)
            print(f"  round {number + 1}, {connections} connections, {contender.name}: {result['cpu_us']:.1f} us", file=sys.stderr)
    return rounds


def measure(chosen: argparse.Namespace, place: peers.Workplace, upstream_pid: int, results: dict) -> None:
    load = Load(place, chosen.load_core)
    on_core = ["taskset", "-c", chosen.proxy_core]
    running: List[peers.Contender] = []
    try:
        for kind in line_up.ALL:
            if kind.name not in chosen.contenders:
                continue
            contender = kind(place)
            contender.start(lambda _role: on_core)
            running.append(contender)
            results["contenders"][contender.name] = {"work": contender.work, "anonymous_kb": anonymous_kilobytes(contender.pids())}
        for contender in running:
            equal_work.prove(contender)
            equal_work.prove_upstream_kept(contender, load)
        print("  equal work is proved", file=sys.stderr)
        if chosen.only != "counts":
            for connections in chosen.connections:
                results["rounds"][str(connections)] = time_rounds(running, load, upstream_pid, connections, chosen)
        if chosen.only != "times":
            for contender in running:
                calls = {str(count): count_system_calls(contender, load, count, requests) for count, requests in ((64, 20_000), (1, 4_000))}
                results["contenders"][contender.name]["system_calls"] = calls
    finally:
        for contender in running:
            contender.stop()
    if chosen.only != "times":
        for contender in running:
            if not contender.runs_in_valgrind:
                continue
            cost = count_instructions(contender, load, 64, 2_000, 6_000)
            results["contenders"][contender.name]["instructions"] = cost
            print(f"  {contender.name}: {cost:,.0f} instructions", file=sys.stderr)


def main() -> None:
    chosen = arguments()
    folder = chosen.tools
    shutil.rmtree(folder / "store", ignore_errors=True)
    upstream = subprocess.Popen(["taskset", "-c", chosen.load_core, str(folder / "upstream"), str(chosen.body)],
                                stdout=subprocess.PIPE, text=True)
    try:
        port = int(upstream.stdout.readline().split()[1])
        place = peers.Workplace(folder, chosen.postern, peers.make_secrets(chosen.tokens), port, chosen.access_log)
        own = [word for word in sys.argv[1:] if not word.startswith("--tools=")]
        results = {"machine": machine(), "commit": commit(), "binary": chosen.postern, "command": shlex.join(["tests/bench/run.sh", *own]),
                   "tokens": chosen.tokens, "contenders": {}, "rounds": {}}
        measure(chosen, place, upstream.pid, results)
    finally:
        upstream.kill()
        upstream.wait()
    results["machine"]["load_average_after"] = os.getloadavg()
    report.write(results, chosen.json or folder / "results.json")
    print(report.render(results))


if __name__ == "__main__":
    main()
