#!/usr/bin/python3
"""Instructions and nanoseconds of each step of a request.

    deploy/dependencies.sh build bench                            Google Benchmark
    cmake --preset release && ninja -C build/release micro_steps
    tests/bench/micro_steps.py build/release/tests/micro_steps

Instructions are callgrind's: two lives with different counts, so that the start of the process falls out. They do not swing with the machine's
load; the nanoseconds, Google Benchmark's, do.
"""

import json
import re
import subprocess
import sys

FEW, MANY = 1000, 21_000  # the store is another one in each life: its making must be small beside the steps


def finished(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True, timeout=600)


def instructions(program, step, count):
    done = finished("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--count", step, str(count))
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def nanoseconds(program):
    done = json.loads(finished(program, "--benchmark_format=json", "--benchmark_min_time=0.2").stdout)
    return {row["name"]: row["cpu_time"] for row in done["benchmarks"]}


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    program = sys.argv[1]
    times = nanoseconds(program)
    print("| step | instructions | CPU, ns |\n|---|---:|---:|")
    for step in finished(program, "--list").stdout.split():
        cost = (instructions(program, step, MANY) - instructions(program, step, FEW)) / (MANY - FEW)
        print(f"| {step.replace('_', ' ')} | {cost:,.0f} | {times[step]:,.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
