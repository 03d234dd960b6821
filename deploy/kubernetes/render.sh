#!/usr/bin/env bash
# Writes native.yaml, plain.yaml and persistent.yaml, each whole and ready for `kubectl apply -f`, from the kustomizations under example/.
#   deploy/kubernetes/render.sh [KUBECTL]     a kubectl of 1.21 or later, whose kustomize knows components
set -euo pipefail
kubectl=${1:-kubectl}
cd "$(dirname "${BASH_SOURCE[0]}")"
for variant in native plain persistent; do
  {
    echo "# Made by render.sh from example/$variant, which tells why things are as they are."
    "$kubectl" kustomize "example/$variant"
  } >"$variant.yaml.new"
  mv "$variant.yaml.new" "$variant.yaml"
done
