#!/usr/bin/env bash
# Builds the container image as an OCI layout, without a container engine; the same sources give the same digest.
#   deploy/image.sh [--arch amd64|arm64] [--build DIRECTORY] [--output DIRECTORY]
# --build is where a static postern was built (build/static for amd64, which is built first, build/static-arm64
# for arm64, which deploy/README.md tells how to build); --output is build/image/ARCH unless said otherwise.
# SOURCE_DATE_EPOCH is the time of everything in it, by default that of the last commit. Needs buildah.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fail() { printf 'image: %s\n' "$*" >&2; exit 1; }

arch=amd64 build='' output=''
while [ $# -gt 0 ]; do
  case "$1" in
    --arch) arch=${2:?--arch only knows amd64 and arm64}; shift ;;
    --build) build=$(realpath -- "${2:?--build needs a directory}"); shift ;;
    --output) output=${2:?--output needs a directory}; shift ;;
    *) sed -n '2,6s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit 0 || exit 2 ;;
  esac
  shift
done
output=$(realpath -m -- "${output:-$root/build/image/$arch}")
case "$arch" in
  amd64) machine=62 ;;
  arm64) machine=183 ;;
  *) fail "--arch only knows amd64 and arm64, not $arch" ;;
esac

cd "$root"
git() { command git -c safe.directory="$root" "$@"; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null)} || fail "set SOURCE_DATE_EPOCH, there is no git history here"
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^project(postern VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

if [ -z "$build" ]; then
  build=$root/build/static
  [ "$arch" = amd64 ] || build+=-$arch
  [ "$arch" != amd64 ] || cmake --workflow --preset static >&2
fi
[ -x "$build/postern" ] || fail "there is no $build/postern; deploy/README.md tells how to build it"
# e_machine of the ELF header: an image must not promise what its binary is not.
[ "$(od -An -tu2 -j18 -N2 "$build/postern" | tr -d ' ')" = "$machine" ] || fail "$build/postern is not built for $arch"

work=$(mktemp -d "${TMPDIR:-/tmp}/postern-image.XXXXXX")
trap 'rm -rf "$work"' EXIT
files=$work/context/root
install -d -m 755 "$files" "$files/var" "$files/var/lib" "$work/context/store"
install -m 755 "$build/postern" "$files/postern"
install -m 644 LICENSE "$files/LICENSE"
/usr/bin/python3 deploy/sbom.py "$build" --version "$version" >"$files/sbom.spdx.json"
chmod 644 "$files/sbom.spdx.json"

rm -rf "$output"
mkdir -p "$(dirname "$output")"
# A store of its own, so that no other image and no configuration of this machine plays a part.
buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs build --quiet --isolation chroot --format oci \
  --os linux --arch "$arch" --timestamp "$SOURCE_DATE_EPOCH" --identity-label=false --layers=false --disable-compression=false \
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision" \
  --file deploy/Containerfile --tag "oci:$output:$version" "$work/context" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "buildah failed"; }

/usr/bin/python3 - "$output" <<'PYTHON'
import json, sys
from pathlib import Path

layout = Path(sys.argv[1])
descriptor = json.loads((layout / "index.json").read_text())["manifests"][0]
manifest = json.loads((layout / "blobs" / descriptor["digest"].replace(":", "/")).read_text())
size = descriptor["size"] + sum(blob["size"] for blob in [manifest["config"], *manifest["layers"]])
print(f"{descriptor['digest']} {size / 1e6:.1f} MB {layout}")
PYTHON
