#!/usr/bin/env bash
# Trains every shipped checkpoint anew. usage: checkpoints/recipes/make.sh DATA, where DATA holds the outcome files named
# in checkpoints/README.md. Deterministic but for the date in the header.
set -euo pipefail
data=$(realpath "$1")
cd "$(dirname "$0")/../.."
pairs=$(mktemp -d)
trap 'rm -rf "$pairs"' EXIT
python3 checkpoints/recipes/make_pairs.py "$data" "$pairs"
for strategy in ${STRATEGIES:-linear mf sw_ranking knn forest}; do
  node bin/llmroute.js train \
    "$data/routellm_mmlu.csv" "$data/routellm_gsm8k.csv" "$pairs/mmlupro.csv" "$pairs/llmrouter_uiuc.csv" \
    "$data/evouna_openqa.csv" "$data/zeroeval_crux.csv" "$data/zeroeval_numersense-v2.csv" \
    --strategy "$strategy" --strong gpt-4-1106-preview --weak mixtral-8x7b-instruct --seed 0 \
    -o "checkpoints/$strategy.safetensors"
done
