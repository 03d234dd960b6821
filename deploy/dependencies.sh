#!/usr/bin/env bash
# Installs what postern needs on Debian 12 from the one list beside this script.
#   deploy/dependencies.sh [build|example|test|bench]...     without arguments: build, example and test
# Needs root (or sudo) only when something is missing; a second run asks the package manager nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ "${1:-}" = --help ] && { sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0; }
[ $# -gt 0 ] || set -- build example test

list() { awk 'NF == 2 && $1 !~ /^#/' "$here/dependencies.txt"; }
known=$(list | awk '!seen[$1]++ { print $1 }')
for group in "$@"; do
  grep -qxF -e "$group" <<<"$known" && continue
  echo "dependencies: no group is named \"$group\"; there are:" $known >&2
  exit 2
done

mapfile -t wanted < <(list | awk -v groups=" $* " 'index(groups, " " $1 " ") { print $2 }')
missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ "${#missing[@]}" -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "dependencies: run as root, or install sudo; missing: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "dependencies: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null </dev/null
