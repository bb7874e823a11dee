"""Writes the fine-tuned encoder as ONNX, in 32 and in 8 bits, with tokenizer and configuration, and compares the three.

usage: export.py DATA TEACHER WEIGHTS OUT   (WEIGHTS: a file of train.py, such as epoch2.pt)

OUT gets config.json, tokenizer.json, tokenizer_config.json, onnx/model_quantized.onnx, and beside it, for seal.ts and not to be
shipped, OUT.fp32.onnx and OUT.parts.json: by file, one letter a row, t(rain), v(alidation) or h(eld out).
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer

from graph import export
from model import Router, win_rate
from rows import SETS, apgr, read_rows

MOST_TOKENS = 512

data, teacher, weights, out = map(pathlib.Path, sys.argv[1:5])
torch.set_num_threads(1)
rows = read_rows(data)
sets, parts, difference = rows["set"], rows["part"], rows["difference"]
model = Router(str(teacher), np.full((len(SETS), 3), 1 / 3), np.full(3, 1 / 3), rows["scores"].shape[1])
model.load_state_dict(torch.load(weights))
model.eval()

out.mkdir(parents=True, exist_ok=True)
full, quantized = out.with_name(f"{out.name}.fp32.onnx"), out / "onnx" / "model_quantized.onnx"
export(model, full)
quantized.parent.mkdir(exist_ok=True)
# Seven bits: in eight, processors without VNNI overflow, and would answer otherwise than those with it.
quantize_dynamic(full, quantized, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)

tokenizer = Tokenizer.from_file(str(teacher / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(MOST_TOKENS)
tokenizer.save(str(out / "tokenizer.json"), pretty=False)


def write(path: pathlib.Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n")


write(out / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": MOST_TOKENS})
encoder = model.encoder.config
write(
    out / "config.json",
    {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        **{k: getattr(encoder, k) for k in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")},
        "max_position_embeddings": MOST_TOKENS,
        "vocab_size": encoder.vocab_size,
        "pad_token_id": 0,
        "id2label": {"0": "strong", "1": "tie", "2": "weak"},
    },
)
letters = {name: "".join(part[0] for part in parts[sets == number]) for number, name in enumerate(SETS)}
out.with_name(f"{out.name}.parts.json").write_text(json.dumps(letters) + "\n")

# A part does: all of them are measured by seal.ts.
held = np.flatnonzero(parts == "held")[::4]
ids = [np.array([tokenizer.encode(rows["prompts"][row]).ids]) for row in held]


def by_torch(row: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model(torch.tensor(row), torch.ones(row.shape, dtype=torch.long)).numpy()


def by_onnx(file: pathlib.Path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options)
    return lambda row: session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row)})[0]


def rates(logits_of, some) -> np.ndarray:
    return np.array([float(win_rate(torch.tensor(logits_of(row)))[0]) for row in some])


def rank(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


exact, rounded = rates(by_onnx(full), ids), rates(by_onnx(quantized), ids)
some = ids[::10]
print(f"torch against ONNX in 32 bits, {len(some)} prompts: {np.abs(rates(by_torch, some) - exact[::10]).max():.1e}")
apart, correlation = np.abs(exact - rounded), np.corrcoef(rank(exact), rank(rounded))[0, 1]
print(f"8 bits against 32, {len(ids)} prompts: mean {apart.mean():.4f}, largest {apart.max():.4f}, rank correlation {correlation:.4f}")
for number, name in enumerate(SETS):
    own = sets[held] == number
    print(f"  {name}: {own.sum()} held out, APGR in 32 bits {apgr(exact[own], difference[held][own]):.3f}, in 8 {apgr(rounded[own], difference[held][own]):.3f}")
print(f"{quantized.stat().st_size} bytes")
