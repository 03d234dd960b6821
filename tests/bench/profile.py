#!/usr/bin/python3
"""Where a request's instructions go: the difference of two callgrind profiles, by function.

    tests/bench/run.sh --only counts                         leaves a profile of 2,000 and one of 6,000 requests
    tests/bench/profile.py build/bench/postern [LINES]       exclusive, inclusive, and the callers of the dearest functions
"""

import re
import subprocess
import sys

FEW, MANY = 2_000, 6_000
ROW = re.compile(r"\s*([\d,]+) \([^)]*\)\s+(?:([<*>])\s+)?(.*?)(?: \[([^]]*)\])?$")
NOISE = re.compile(r"\((?:anonymous namespace)\)::|postern::|, std::char_traits<char> ?|, 18446744073709551615ul| \([\d,]+x\)")


def annotate(prefix, requests, *options):
    done = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", "--show-percs=yes", *options,
                           f"{prefix}.{requests}.callgrind"], capture_output=True, text=True, check=True)
    return done.stdout.split("file:function", 1)[1].splitlines()


def name_of(text):
    """The function without its file, shortened to what tells it from others."""
    name = NOISE.sub("", text.rpartition(":/")[2] if text.startswith("???") else re.sub(r"^\S*?:(?!:)", "", text))
    return re.sub(r"std::basic_string_view<char>", "string_view", name)[:110]


def costs(prefix, requests, *options):
    table = {}
    for line in annotate(prefix, requests, *options):
        if row := ROW.match(line):
            name = name_of(row[3])
            table[name] = table.get(name, 0) + int(row[1].replace(",", ""))
    return table


def callers(prefix, requests):
    """Who calls whom, with the callee's inclusive cost on that way: {callee: {caller: cost}}."""
    table, pending = {}, []
    for line in annotate(prefix, requests, "--tree=caller", "--inclusive=yes"):
        row = ROW.match(line)
        if not row:
            continue
        cost, mark, name = int(row[1].replace(",", "")), row[2], name_of(row[3])
        if mark == "<":
            pending.append((name, cost))
        elif mark == "*":
            ways = table.setdefault(name, {})
            for caller, spent in pending:
                ways[caller] = ways.get(caller, 0) + spent
            pending = []
    return table


def per_request(many, few):
    return {name: (cost - few.get(name, 0)) / (MANY - FEW) for name, cost in many.items()}


def dearest(table, lines):
    return sorted(table.items(), key=lambda entry: -entry[1])[:lines]


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    prefix, lines = sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 40
    exclusive = per_request(costs(prefix, MANY), costs(prefix, FEW))
    for title, table in (("exclusive", exclusive),
                         ("inclusive", per_request(costs(prefix, MANY, "--inclusive=yes"), costs(prefix, FEW, "--inclusive=yes")))):
        print(f"\n{title}, instructions per request")
        for name, cost in dearest(table, lines):
            print(f"{cost:10,.0f}  {name}")
    many, few = callers(prefix, MANY), callers(prefix, FEW)
    print("\nby caller")
    for name, _ in dearest(exclusive, 12):
        print(f"{exclusive[name]:10,.0f}  {name}")
        for caller, cost in dearest(per_request(many.get(name, {}), few.get(name, {})), 5):
            print(f"{cost:20,.0f}  from {caller}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
