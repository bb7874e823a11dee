#!/usr/bin/env bash
# Makes checkpoints/classifiers anew and prints how they do. usage: checkpoints/recipes/classifiers/make.sh DATA [--measure], where
# DATA holds the outcome files of sets.ts; with --measure nothing is written, and the sets that are measured are left out of training.
set -euo pipefail
data=$(realpath "$1")
cd "$(dirname "$0")/../../.."
mkdir -p node_modules/.cache
run() {
  local script=$1
  shift
  npx esbuild "checkpoints/recipes/classifiers/$script.ts" --bundle --platform=node --format=esm --log-level=warning \
    --outfile="node_modules/.cache/classifiers_$script.mjs"
  node "node_modules/.cache/classifiers_$script.mjs" "$@"
}
[ "${2:-}" = --measure ] || run language
run train "$data" "${@:2}"
