#!/usr/bin/env bash
# The benchmark: builds its tools, proves that all contenders do equal work, measures, and prints one table. README.md has the method.
#   tests/bench/run.sh                      everything, about five minutes
#   tests/bench/run.sh --only counts        instructions and system calls, which do not swing with the machine's load
#   tests/bench/run.sh --postern BINARY     another binary than build/release/postern; --help lists the rest
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
  if [ ! -x "$folder/$tool" ] || [ "$source" -nt "$folder/$tool" ] || [ "$root/tests/bench/loopback.hpp" -nt "$folder/$tool" ] || [ "$root/tests/bench/head_server.hpp" -nt "$folder/$tool" ]; then
    g++ -std=c++20 -O2 -Wall -Wextra -I"$root" "$source" -o "$folder/$tool"
  fi
done
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$root/tests/bench/bench.py" --tools="$folder" "$@"
