#!/usr/bin/env bash
# The gate. Installs, builds and tests everything, on a clean clone of Debian 12, and ends with "N passed, N failed".
#   tests/run.sh                 all parts, in under 25 minutes on two cores
#   tests/run.sh --full          and the long checks: kill loops, gigabytes, soak, fuzzing
#   tests/run.sh --only PART     one part (repeatable); --list names them
# What a part has printed is in build/gate/PART.log, and on the screen when it failed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 2
exec </dev/null

parts=(dependencies layers mutants scripts release unit differential instructions counts cli e2e uring static quickstart documents asan asan-unit asan-cli asan-e2e tsan tsan-unit tsan-e2e)
full_parts=(fuzz)
full=false
only=()
while [ $# -gt 0 ]; do
  case "$1" in
    --full) full=true ;;
    --only) only+=("${2:?--only needs the name of a part}"); shift ;;
    --list) printf '%s\n' "${parts[@]}" "${full_parts[@]}"; exit 0 ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit 0 || exit 2 ;;
  esac
  shift
done
$full && parts+=("${full_parts[@]}")

python=/usr/bin/python3  # Debian's, which has Debian's packages
logs=$root/build/gate
mkdir -p "$logs"
export PYTHONDONTWRITEBYTECODE=1
fuzz_seconds=${FUZZ_SECONDS:-120}  # each target, with --full

# --- what the parts do; each is a function that prints freely and returns whether it went well ---

part_dependencies() { deploy/dependencies.sh; }

part_layers() { "$python" tests/layers.py; }

# The checks that a mutation run takes out still stand where it looks for them.
part_mutants() { "$python" tests/mutation/run.py --check; }

# Every shell script at least parses.
part_scripts() {
  local script passed=0 failed=0
  while read -r script; do
    if bash -n "$script"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done < <(find . -path ./build -prune -o -path ./.git -prune -o \( -name '*.sh' -o -path ./.ci/run \) -print)
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

# build PRESET [cmake argument]...: goes on after an error, so that all of them are seen at once.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" "$@" && cmake --build --preset "$preset" -- -k 0
}
part_release() { build release -DPOSTERN_WERROR=ON; }
# Warnings are errors in the build that is shipped; gcc 12 sees ghosts in instrumented coroutines (-Wmismatched-new-delete).
part_asan() { build asan -DPOSTERN_WERROR=OFF; }
part_tsan() { build tsan -DPOSTERN_WERROR=OFF; }

wrapper=()  # a command under which tests run
unit() { "${wrapper[@]}" ctest --preset "$1" --timeout 600 --test-output-size-passed 65536 --output-junit "$logs/$2.xml"; }
# black_box PART DIRECTORY [pytest argument]...
# Several at a time, since most of a test's time is waiting; not where the machine's own containers are used.
workers=(-n "${POSTERN_TEST_WORKERS:-3}")
black_box() {
  local part=$1 directory=$2
  shift 2
  [[ "$part" = static || "$part" = documents ]] || set -- "${workers[@]}" "$@"
  $full && [[ "$part" = e2e || "$part" = static ]] && set -- --full "$@"
  "${wrapper[@]}" "$python" -m pytest -q -p no:cacheprovider -o junit_family=xunit2 --durations=10 --tb=short \
    --junit-xml="$logs/$part.xml" "$@" "$directory"
}
sanitized() {
  local preset=$1
  shift
  POSTERN_BINARY=$root/build/$preset/postern POSTERN_SANITIZED=1 black_box "$@"
}
part_unit() { unit release unit; }
# What we accept, another parser must read in the same way.
part_differential() { "$python" tests/fuzz/differential.py --reader build/release/tests/read_heads --node /usr/bin/node; }
# Instructions, not times: they say the same on a busy machine.
part_instructions() {
  local result=0
  "$python" tests/bench/micro_head.py build/release/tests/micro_head || result=1
  "$python" tests/bench/micro_match.py build/release/tests/micro_match || result=1
  return "$result"
}
# The whole binary under load: user instructions and system calls per request, against tests/bench/counts.json.
part_counts() {
  tests/bench/run.sh --postern build/release/postern --only counts --contenders postern --json "$logs/counts.json" \
    && "$python" tests/bench/gate.py "$logs/counts.json"
}
part_asan-unit() { unit asan asan-unit; }
part_cli() { POSTERN_BINARY=$root/build/release/postern black_box cli tests/cli; }
part_e2e() { POSTERN_BINARY=$root/build/release/postern black_box e2e tests/e2e --ignore=tests/e2e/test_documents.py "${no_static[@]}"; }
# The same data plane with its system calls gathered, from the first event on.
part_uring() {
  build uring -DPOSTERN_WERROR=ON -DPOSTERN_IO_URING_FROM=1 || return 1
  local suite suites=()
  for suite in bodies chunked upgrade upstream upstreams timeouts faults limits slow_clients clients revocation drain handover io_uring; do
    suites+=("tests/e2e/test_$suite.py")
  done
  POSTERN_BINARY=$root/build/uring/postern POSTERN_IO_URING=1 black_box uring "${suites[0]}" "${suites[@]:1}"
}
# One binary without libraries, what it needs of a machine (nothing), the image of it, and that in a pod.
no_static=(--ignore-glob='*/test_static*.py')
part_static() { build static -DPOSTERN_WERROR=ON && black_box static tests/e2e/test_static.py tests/e2e/test_static_image.py tests/e2e/test_static_pod.py; }
part_documents() { POSTERN_BINARY=$root/build/release/postern black_box documents tests/e2e/test_documents.py; }
part_asan-cli() { sanitized asan asan-cli tests/cli; }
# Foreign bytes and every life of a connection; what documents and loops of kills say does not depend on the sanitizer.
part_asan-e2e() {
  sanitized asan asan-e2e tests/e2e --ignore=tests/e2e/test_documents.py "${no_static[@]}" --ignore=tests/e2e/test_kill.py \
    --ignore=tests/e2e/test_package.py --ignore=tests/e2e/test_kubernetes.py
}
# ThreadSanitizer of gcc 12 does not find its shadow memory where a kernel spreads addresses widely.
steady=()
setarch "$(uname -m)" -R true 2>/dev/null && steady=(setarch "$(uname -m)" -R)
part_tsan-unit() {
  local wrapper=("${steady[@]}")
  unit tsan tsan-unit
}
# Where threads meet: shards, reload, drain, hand-over, log, metrics, certificates, and load from many connections.
part_tsan-e2e() {
  local wrapper=("${steady[@]}") suite suites=()
  for suite in reload drain tokens admin access_log tracing clients upstream upstreams upgrade handover revocation tls; do suites+=("tests/e2e/test_$suite.py"); done
  sanitized tsan tsan-e2e "${suites[0]}" "${suites[@]:1}"
}

part_quickstart() {
  deploy/quickstart.sh --once
}

part_fuzz() {
  local target name passed=0 failed=0
  build fuzz || return 1
  for target in build/fuzz/tests/fuzz_*; do
    if [ ! -x "$target" ] || [ ! -f "$target" ]; then continue; fi
    name=${target##*/fuzz_}
    mkdir -p "build/gate/corpus/$name"
    if "$target" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
      -artifact_prefix="$logs/crash-$name-" "build/gate/corpus/$name" "tests/fuzz/corpus/$name"; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
    fi
  done
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# --- running them and counting ---

total_passed=0 total_failed=0
broken=()  # builds that failed: what needs them is not tried

needs() {
  case "$1" in
    unit | differential | instructions | counts | cli | e2e | documents) echo release ;;
    asan-*) echo asan ;;
    tsan-*) echo tsan ;;
  esac
}

run_part() {
  local part=$1 log=$logs/$1.log status=0 started=$SECONDS passed failed skipped needed
  rm -f "$log" "$logs/$part.xml"
  needed=$(needs "$part")
  if [ -n "$needed" ] && [[ " ${broken[*]:-} " == *" $needed "* ]]; then
    printf '%-14s FAILED  not tried, since %s did not build\n' "$part" "$needed"
    total_failed=$((total_failed + 1))
    return
  fi
  "part_$part" >"$log" 2>&1 || status=$?
  read -r passed failed skipped < <("$python" "$root/tests/tally.py" "$log" "$logs/$part.xml")
  # A part that ends badly without naming a failed test is one failure; one that counts nothing is one success.
  [ "$status" -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
  [ "$status" -eq 0 ] && [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ] && passed=1
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
  local note=""
  [ "$skipped" -gt 0 ] && note=", $skipped skipped"
  if [ "$failed" -eq 0 ]; then
    printf '%-14s ok      %4d s  %d passed%s\n' "$part" $((SECONDS - started)) "$passed" "$note"
  else
    printf '%-14s FAILED  %4d s  %d passed, %d failed%s; the end of %s:\n' "$part" $((SECONDS - started)) "$passed" "$failed" \
      "$note" "${log#"$root"/}"
    tail -n 200 "$log" | sed 's/^/    /'
    case "$part" in dependencies | release | asan | tsan) broken+=("$part") ;; esac
  fi
}

[ "${#only[@]}" -gt 0 ] && parts=("${only[@]}")
for part in "${parts[@]}"; do
  declare -F "part_$part" >/dev/null || { echo "run.sh: no part is named $part; --list names them" >&2; exit 2; }
done
for part in "${parts[@]}"; do run_part "$part"; done

printf '%d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
