#!/usr/bin/env bash
# Trains every shipped checkpoint anew. usage: checkpoints/recipes/make.sh DATA, where DATA holds the outcome files named
# in checkpoints/README.md. Deterministic but for the date in the header.
set -euo pipefail
data=$(realpath "$1")
cd "$(dirname "$0")/../.."
pairs=$(mktemp -d)
trap 'rm -rf "$pairs"' EXIT
python3 checkpoints/recipes/make_pairs.py "$data" "$pairs"
# GPT-4 against a model of the class of Mixtral or GPT-3.5; the strategies that keep their rows learn from these only, since
# size and time grow with each.
few=("$data"/{routellm_mmlu,routellm_gsm8k,zeroeval_crux,zeroeval_numersense-v2}.csv)
all=("${few[@]}" "$pairs"/{mmlupro,llmrouter_uiuc}.csv "$data/evouna_openqa.csv")

train() {
  local strategy=$1
  shift
  node bin/llmroute.js train "$@" --strategy "$strategy" --seed 0 --force \
    --strong gpt-4-1106-preview --weak mixtral-8x7b-instruct -o "checkpoints/$strategy.safetensors"
}

for strategy in blend linear mf forest; do train "$strategy" "${all[@]}"; done
for strategy in sw_ranking knn; do train "$strategy" "${few[@]}"; done
