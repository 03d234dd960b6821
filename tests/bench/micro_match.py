#!/usr/bin/python3
"""Instructions that finding the rule of a request takes, by the number of rules; fails when they grow with it.

    ninja -C build/release micro_match
    tests/bench/micro_match.py build/release/tests/micro_match            1, 100 and 10,000 rules
    tests/bench/micro_match.py build/release/tests/micro_match --all      and 100,000

Callgrind counts what happens within one function, so the reading of the policy is not in it. Instructions do not swing with the machine's load;
the milliseconds of CPU for parsing and compiling, which are told beside them, do a little.
"""

import re
import subprocess
import sys

REQUESTS = 1000
GROWTH = 1.1  # of the largest over the smallest: a longer probe in a fuller table, no more


def run(program, rules, count, *wrapper):
    return subprocess.run([*wrapper, program, str(rules), str(count)], capture_output=True, text=True, check=True, timeout=1200)


def instructions(program, rules):
    done = run(program, rules, REQUESTS, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=find_rules")
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1)) / REQUESTS


def main():
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--all"]):
        print(__doc__, file=sys.stderr)
        return 2
    program = sys.argv[1]
    sizes = [1, 100, 10_000] + ([100_000] if sys.argv[2:] else [])
    costs = []
    print("| rules | instructions a match | parsed, ms of CPU | compiled, ms of CPU |\n|---:|---:|---:|---:|")
    for rules in sizes:
        costs.append(instructions(program, rules))
        parsed, compiled = re.search(r"parsed in (\d+) ms, compiled in (\d+) ms of CPU", run(program, rules, 1).stdout).groups()
        print(f"| {rules:,} | {costs[-1]:.0f} | {parsed} | {compiled} |", flush=True)
    grown = max(costs) / min(costs)
    print(f"\nthe dearest costs {grown:.2f} times the cheapest (bound {GROWTH})")
    return 0 if grown <= GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
