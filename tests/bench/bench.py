"""Compares postern with its peers on equal work. Called by run.sh, which builds what it needs.

Ends with its tables on standard output, everything else in results.json, and a plot in results.svg.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import List, Sequence

import plot
import report
import rounds
import states
from conditions import EVERYBODY, RELAYS, TIMED
from line_up import BY_NAME
from stage import Stage

ROOT = Path(__file__).resolve().parents[2]
STATES = {"counts": "user instructions (callgrind) and system calls (strace) per request",
          "memory": "anonymous memory at start, with idle connections, after a burst",
          "cold-start": "start to first answer with 10 million tokens; prepares for some minutes"}
DEFAULT = ["usual", "counts"]


def describe() -> str:
    rows = [(name, condition.what) for name, condition in TIMED.items()] + list(STATES.items())
    return "conditions:\n" + "\n".join(f"  {name:12}{what}" for name, what in rows)


def arguments() -> argparse.Namespace:
    allowed = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="run.sh", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=describe(),
                                     description="CPU, system calls, instructions, latency and memory, on equal work.")
    parser.add_argument("--tools", type=Path, required=True, help=argparse.SUPPRESS)  # our programs; from run.sh
    parser.add_argument("--postern", default=str(ROOT / "build/release/postern"), help="the binary to measure")
    parser.add_argument("--condition", action="append", choices=[*TIMED, *STATES], help="one of those below; repeatable (default usual, counts)")
    parser.add_argument("--postern-uring", help="a binary of the preset uring, to be measured beside it")
    parser.add_argument("--all", action="store_true", help="every condition")
    parser.add_argument("--only", choices=("counts", "times"), help="of the default: counts, or times alone")
    parser.add_argument("--contenders", help=f"of {', '.join(BY_NAME)}; each condition has its own by default")
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds of each contender (default 9)")
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a round (default 2.5)")
    parser.add_argument("--tokens-max", type=int, default=10_000_000, help="no setting has more tokens (default 10000000)")
    parser.add_argument("--access-log", default="/dev/null", help="where postern writes it (default /dev/null)")
    parser.add_argument("--proxy-core", default=str(allowed[-1]), help="core of the contender (default: the last one)")
    parser.add_argument("--load-core", default=str(allowed[0]), help="core of clients and upstream; may be the same one (default: the first)")
    parser.add_argument("--json", type=Path, help="where the results go (default results.json in the folder of the tools)")
    parser.add_argument("--svg", type=Path, help="where the plot goes (default results.svg there)")
    chosen = parser.parse_args()
    halves = {"counts": ["counts"], "times": ["usual"], None: DEFAULT}
    chosen.condition = [*TIMED, *STATES] if chosen.all else chosen.condition or halves[chosen.only]
    chosen.contenders = chosen.contenders.split(",") if chosen.contenders else None
    unknown = set(chosen.contenders or ()) - set(BY_NAME)
    if unknown:
        parser.error(f"no contender is named {', '.join(sorted(unknown))}; there are {', '.join(BY_NAME)}")
    return chosen


def machine() -> dict:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {"processor": model[1] if model else platform.machine(), "cores": os.cpu_count(), "kernel": platform.release(),
            "load_average": os.getloadavg()}


def commit() -> str:
    """Of the tree; --postern may name a binary of another one."""
    done = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "of no repository"


def line_up(chosen: argparse.Namespace, usual: Sequence[str]) -> List[str]:
    """Whom the command line names, or the usual ones; the io_uring build when there is one."""
    return chosen.contenders or [name for name in usual if name != "postern-uring" or chosen.postern_uring]


def timed(stage: Stage, name: str, chosen: argparse.Namespace) -> List[dict]:
    condition = TIMED[name]
    settings = list(dict.fromkeys(replace(one, tokens=min(one.tokens, chosen.tokens_max)) for one in condition.settings))
    cases = rounds.make_cases(stage, line_up(chosen, condition.contenders), settings)
    rounds.time_cases(stage, cases, chosen.rounds, chosen.seconds)
    stage.stop_all()
    return [{"contender": case.contender.name, "setting": case.setting.label(), "rounds": case.rounds} for case in cases]


def state(stage: Stage, name: str, chosen: argparse.Namespace) -> dict:
    if name == "counts":
        return states.counts(stage, line_up(chosen, EVERYBODY))
    if name == "memory":
        return states.memory(stage, line_up(chosen, RELAYS))
    return states.cold_start(stage, chosen.contenders or ("postern",), chosen.tokens_max, chosen.rounds)


def main() -> None:
    chosen = arguments()
    own = [word for word in sys.argv[1:] if not word.startswith("--tools=")]
    results = {"machine": machine(), "commit": commit(), "binary": chosen.postern, "command": shlex.join(["tests/bench/run.sh", *own]),
               "timed": {}, "states": {}}
    file = chosen.json or chosen.tools / "results.json"
    binaries = {"postern": chosen.postern, "postern-uring": chosen.postern_uring or ""}
    with Stage(chosen.tools, binaries, chosen.access_log, chosen.proxy_core, chosen.load_core) as stage:
        for name in chosen.condition:
            print(f"{name}: {TIMED[name].what if name in TIMED else STATES[name]}", file=sys.stderr)
            if name in TIMED:
                results["timed"][name] = timed(stage, name, chosen)
            else:
                results["states"][name] = state(stage, name, chosen)
            results["machine"]["load_average_after"] = os.getloadavg()
            report.write(results, file)  # after each, so that a later one that fails takes nothing away
    print(report.render(results))
    if "usual" in results["timed"]:
        (chosen.svg or chosen.tools / "results.svg").write_text(plot.render(results))


if __name__ == "__main__":
    main()
