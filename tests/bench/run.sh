#!/usr/bin/env bash
# The benchmark: builds its tools, proves that all contenders do equal work, measures, and prints its tables. README.md has the method.
#   tests/bench/run.sh                      the usual request and counts, about five minutes
#   tests/bench/run.sh --condition NAME     one condition (repeatable); --all: every one; --help lists them
#   tests/bench/run.sh --only counts        instructions and system calls, which do not swing with the machine's load
#   tests/bench/run.sh --postern BINARY     another binary than build/release/postern
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=${BENCH_FOLDER:-$root/build/bench}

case " $* " in
  *" --help "* | *" -h "* | *" --postern"*) ;;
  *)
    "$root/deploy/dependencies.sh" build test bench
    (cd "$root" && cmake --preset release && cmake --build --preset release --target postern) >/dev/null
    ;;
esac

mkdir -p "$folder"
for tool in upstream auth floor floor_http load; do
  source=$root/tests/bench/$tool.cpp
  if [ ! -x "$folder/$tool" ] || [ -n "$(find "$source" "$root"/tests/bench/*.hpp -newer "$folder/$tool")" ]; then
    g++ -std=c++20 -O2 -Wall -Wextra -I"$root" "$source" -o "$folder/$tool" -lssl -lcrypto
  fi
done
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$root/tests/bench/bench.py" --tools="$folder" "$@"
