"""Writes llmroute.safetensors beside a model, by which llmroute knows what it is and what it has seen. usage: pack.py DATA HF OUT

OUT: the folder of quantize.py. Quantiles of win rates are those of prompts of the part 'validation' of ../bert/rows.py."""

import datetime
import hashlib
import json
import pathlib
import re
import struct
import sys

import numpy as np
from transformers import AutoTokenizer

from export_onnx import run
from finetune import MOST_ROWS, SEED, choose, outcome_rows
from prompt import text_of
from quantize import win_rate

MODEL = "onnx/model_q4.onnx"
QUANTILE_ROWS = 200
# As JavaScript has it.
SPACE = "[\\t\\n\\v\\f\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]+"
MASK = 0xFFFFFFFF


def main():
    data, source, out = (pathlib.Path(path) for path in sys.argv[1:4])
    tokenizer = AutoTokenizer.from_pretrained(source)
    seen = sorted({prompt_hash(prompt) for *_, prompt in choose(data, tokenizer)})
    digits = [tokenizer.encode(digit)[0] for digit in "12345"]
    read = outcome_rows.read_rows(data)
    sets = [outcome_rows.SETS.index(name) for name in MOST_ROWS]
    fresh = [p for p, s, part in zip(read["prompts"], read["set"], read["part"]) if part == "validation" and s in sets][:QUANTILE_ROWS]
    rates = [win_rate(run(str(out / MODEL), tokenizer.encode(text_of(tokenizer, prompt)))[digits]) for prompt in fresh]
    quantiles = np.quantile(np.array(rates, dtype=np.float64), np.arange(1001) / 1000)
    pair = {"strong": "gpt-4-1106-preview", "weak": "mixtral-8x7b-instruct"}
    metadata = {
        "strategy": "causal_llm",
        "models": [pair["weak"], pair["strong"]],
        "pair": pair,
        "featureVersion": 1,
        "trainedOn": [
            {"name": f"{name}.csv", "rows": most, "sha256": hashlib.sha256((data / f"{name}.csv").read_bytes()).hexdigest()}
            for name, most in MOST_ROWS.items()
        ],
        "date": datetime.date.today().isoformat(),
        "seed": SEED,
        "options": {"modelFile": MODEL, "modelSha256": hashlib.sha256((out / MODEL).read_bytes()).hexdigest()},
    }
    tensors = {
        "win_rate_quantiles": ("F64", "Float64Array", quantiles.astype("<f8")),
        "seen": ("U64", "BigUint64Array", np.array(seen, dtype="<u8")),
    }
    write(out / "llmroute.safetensors", metadata, tensors)


def write(path, metadata, tensors):
    """As src/io/checkpoint.ts does: texts in the header, and a sha256 over them and the tensors."""
    texts = {"format": "llmroute", "version": "1"}
    texts.update({key: value if isinstance(value, str) else compact(value) for key, value in metadata.items()})
    digest = hashlib.sha256()
    for key in sorted(texts):
        digest.update(compact([key, texts[key]]).encode())
    header, offset, body = {}, 0, b""
    for name in sorted(tensors):
        kind, constructor, values = tensors[name]
        digest.update(compact([name, constructor, list(values.shape)]).encode())
        digest.update(values.tobytes())
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
        body += values.tobytes()
    head = compact({"__metadata__": {**texts, "sha256": digest.hexdigest()}, **header}).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + body)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def prompt_hash(prompt):
    """`promptHash` of src/text/hash.ts."""
    text = re.sub(SPACE, " ", prompt).strip(" ").lower()
    units = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype="<u2").tolist()
    return (hash32(units, 0x9E3779B9) << 32) | hash32(units, 0x7F4A7C15)


def hash32(units, seed):
    h = 0x811C9DC5 ^ seed
    for unit in units:
        h = ((h ^ unit) * 0x01000193) & MASK
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    return h ^ (h >> 16)


if __name__ == "__main__":
    main()
