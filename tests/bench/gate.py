#!/usr/bin/python3
"""Fails when a request costs more instructions or system calls than the committed figure and its head-room allow.

    tests/bench/run.sh --postern build/release/postern --only counts --contenders postern
    tests/bench/gate.py build/bench/results.json                            reads what that has left
    POSTERN_UPDATE_GOLDEN=1 tests/bench/gate.py build/bench/results.json    writes the figures into counts.json

No figure is a time: neither swings with the machine's load. The head-room is there because glibc and OpenSSL choose other functions on another
processor, and because a wake-up finds more or fewer events.
"""

import json
import os
import sys
from pathlib import Path

GOLDEN = Path(__file__).with_name("counts.json")
CONNECTIONS = "64"  # with one, a wake-up finds one event or none, as the machine's load has it


def measured(file):
    row = json.loads(file.read_text())["states"]["counts"]["postern"]
    return {"instructions": row["instructions"], "system_calls": row["system_calls"][CONNECTIONS]["total"]}


def compare(golden, figures):
    """One line for each figure, and whether all are within their bounds."""
    well = True
    for name, figure in figures.items():
        bound = golden[name] * (1 + golden["head_room"])
        verdict = "ok"
        if figure > bound:
            verdict, well = "FAILED", False
        elif figure < golden[name] * (1 - golden["head_room"]):
            verdict = "ok, and so much lower that counts.json should say so"
        print(f"{name.replace('_', ' ')} per request: {figure:,.2f}; {golden[name]:,} and {golden['head_room']:.0%} allow {bound:,.2f}: {verdict}")
    return well


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    golden, figures = json.loads(GOLDEN.read_text()), measured(Path(sys.argv[1]))
    if os.environ.get("POSTERN_UPDATE_GOLDEN"):
        golden |= {"instructions": round(figures["instructions"], -2), "system_calls": round(figures["system_calls"], 1)}
        GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
    return 0 if compare(golden, figures) else 1


if __name__ == "__main__":
    sys.exit(main())
