#!/usr/bin/python3
"""Counts the instructions our reader needs for one request head, and fails beyond the bound.

    tests/bench/micro_head.py build/release/tests/micro_head

Instructions do not swing with the machine's load as times do. The loop runs twice with different counts, so that what the process needs
to start falls out.
"""

import re
import subprocess
import sys

BOUND = 5400  # what the first prototype of this reader needed for the same 443 bytes


def instructions(program, count):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, str(count)],
                          capture_output=True, text=True, check=True, timeout=120)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    few, many = 1000, 3000
    cost = (instructions(sys.argv[1], many) - instructions(sys.argv[1], few)) / (many - few)
    print(f"{cost:.0f} instructions for a head of 443 bytes with 8 fields (bound {BOUND})")
    return 0 if cost <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
