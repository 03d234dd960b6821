#!/usr/bin/env bash
# postern in front of a real API, from a fresh clone on Debian 12: installs, builds, starts both, and shows what a
# caller sees without a token, with one, beyond its rights, and with a secret that has been replaced.
#   deploy/quickstart.sh           shows it and stays up until Ctrl-C
#   deploy/quickstart.sh --once    shows it and ends: 0 when every answer was the right one
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
postern=$root/build/release/postern
port=${QUICKSTART_PORT:-0}  # 0: any free one

once=false
case "${1:-}" in
  "") ;;
  --once) once=true ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit 0 || exit 2 ;;
esac

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail() { printf 'quickstart: %s\n' "$*" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/postern-quickstart.XXXXXX")  # 0700: sockets, tokens and logs are ours alone
processes=()
clean_up() {
  local status=$? process
  trap - EXIT INT TERM
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
  for process in "${processes[@]}"; do
    # The API waits for its open streams; nobody needs them any more.
    for _ in {1..50}; do kill -0 "$process" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$process" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  rm -rf "$work"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# await WHAT LOG PROCESS COMMAND...: until the command succeeds, for at most 20 seconds.
await() {
  local what=$1 log=$2 process=$3
  shift 3
  for _ in {1..200}; do
    "$@" >/dev/null 2>&1 && return
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
  cat "$log" >&2
  fail "$what did not start"
}

wrong=0
# show STATUS CURL_ARGUMENT...: prints the command as it could be typed, its answer, and whether that is the right one.
show() {
  local expected=$1 status
  shift
  printf '\n%s$ curl %s%s\n' "$bold" "$(printf '%q ' "$@")" "$plain"
  status=$(curl -sS --max-time 20 -D "$work/head" -o "$work/body" -w '%{http_code}' "$@" 2>"$work/curl.err") || cat "$work/curl.err"
  tr -d '\r' <"$work/head" | sed '/^$/d; s/^/  /'
  if [ -s "$work/body" ]; then
    { /usr/bin/python3 -m json.tool --no-ensure-ascii "$work/body" 2>/dev/null || cat "$work/body"; } | sed 's/^/  /'
  fi
  if [ "$status" != "$expected" ]; then
    wrong=$((wrong + 1))
    printf '  ^ WRONG: expected %s, got %s\n' "$expected" "$status"
  fi
}
# must_hold PATTERN: the last answer's body must match.
must_hold() {
  grep -Eq "$1" "$work/body" && return
  wrong=$((wrong + 1))
  printf '  ^ WRONG: nothing here matches %s\n' "$1"
}

# create_token NAME ROLE: the secret goes into a header file for curl, so that it is in no argument list and on no screen.
create_token() {
  printf '%s$ postern token create --name %s --role %s --store %s --quiet%s\n' "$bold" "$1" "$2" "$work/store" "$plain"
  local secret
  secret=$("$postern" token create --name "$1" --role "$2" --store "$work/store" --quiet)
  keep_secret "$1" "$secret"
}
keep_secret() {
  printf 'Authorization: Bearer %s\n' "$2" >"$work/$1"
  printf '  %s… (whole in %s)\n' "${2:0:12}" "$work/$1"
}

say "1. What is needed, from Debian's packages"
"$root/deploy/dependencies.sh" build example

say "2. The build"
cd "$root"
started=$SECONDS
cmake --preset release >"$work/build.log" 2>&1 && cmake --build --preset release --target postern >>"$work/build.log" 2>&1 ||
  { tail -n 50 "$work/build.log" >&2; fail "the build failed"; }
printf '%s, in %s s\n' "$("$postern" version)" $((SECONDS - started))

say "3. An API without authentication, and postern in front of it"
# A Unix socket in a directory of our own: there is no way round the guard.
/usr/bin/python3 -m uvicorn --app-dir deploy/example events:api --uds "$work/api.sock" --log-level warning \
  >"$work/api.log" 2>&1 </dev/null &
processes+=($!)
await "the API" "$work/api.log" $! curl -sS --unix-socket "$work/api.sock" http://api/health

"$postern" run --config deploy/example/postern.yaml --listen "127.0.0.1:$port" --upstream "unix:$work/api.sock" \
  --store "$work/store" --policy deploy/example/policy.yaml --catalog deploy/example/catalog.yaml \
  --admin-listen 127.0.0.1:0 --access-log "$work/access.log" >"$work/postern.log" 2>&1 </dev/null &
processes+=($!)
await postern "$work/postern.log" $! grep -q 'listening on http' "$work/postern.log"
url=$(sed -n 's/^postern: listening on \(http:[^ ]*\).*/\1/p' "$work/postern.log" | head -n 1)
admin=$(sed -n 's/^postern: admin on \(http:[^ ]*\).*/\1/p' "$work/postern.log" | head -n 1)
echo "the API:  $work/api.sock"
echo "postern:  $url"
echo "policy:   deploy/example/policy.yaml"

say "4. Two tokens, made while it runs"
create_token reader events.reader
create_token admin events.admin

say "5. Without a token: 401"
show 401 "$url/api/v1/events"

say "6. With one: 200, and the headers that the API saw in its place"
show 200 -H "@$work/reader" "$url/api/v1/events"
must_hold '"x-subject-name": ?"reader"'
must_hold '"credential_seen": ?false'
token_id=$(grep -Eo 'tok_[0-9A-Za-z]{16}' "$work/body" | head -n 1 || true)

say "7. Beyond its rights: 403, while an administrator may"
show 403 -X DELETE -H "@$work/reader" "$url/api/v1/events/1"
show 403 -H "@$work/reader" "$url/api/v1/admin/statistics"
show 200 -H "@$work/admin" "$url/api/v1/admin/statistics"

say "8. The reader's secret is replaced: 401 with the old one, 200 with the new"
cp "$work/reader" "$work/reader.old"
printf '%s$ postern token rotate %s --store %s --quiet%s\n' "$bold" "$token_id" "$work/store" "$plain"
secret=$("$postern" token rotate "$token_id" --store "$work/store" --quiet) || fail "the token could not be rotated"
keep_secret reader "$secret"
show 401 -H "@$work/reader.old" "$url/api/v1/events"
show 200 -H "@$work/reader" "$url/api/v1/events"

[ "$wrong" -eq 0 ] || fail "$wrong answers were not what they must be"
say "Every answer was the right one."
if $once; then exit 0; fi

cat <<END

It stays up until Ctrl-C. In another terminal:

  an event with a file     curl -H @$work/admin -F title=Party -F attachment=@README.md $url/api/v1/events
  the stream of changes    curl -N -H @$work/reader $url/api/v1/events/stream
  what the API declares    curl $url/api/doc/spec.json
  all tokens               build/release/postern token list --store $work/store
  what was asked           tail -f $work/access.log
  metrics                  curl $admin/metrics

Your own API, with no files at all: build/release/postern run --dev --upstream http://127.0.0.1:PORT
The files of this example, to start from: deploy/example/
END
# A signal ends the wait at once; either process ending by itself ends it too.
wait -n || true
cat "$work/api.log" "$work/postern.log" >&2
fail "one of the two processes ended"
