"""Folder of transformers -> ONNX at a fifth of its size: weights of 4 bits and the table of tokens of 8 bits, in blocks of 32.
usage: quantize.py HF OUT

Prints the largest difference of any logit between torch and ONNX (fp32), and what 4 bits change in the five labels."""

import os
import shutil
import sys

import ml_dtypes
import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from transformers import AutoTokenizer, LlamaForCausalLM

from export_onnx import compare, export, run
from prompt import text_of

BLOCK = 32
TABLE = "model.embed_tokens.weight"
QUESTIONS = ["What is 2 + 2?", "Prove that the square root of 2 is irrational.", "", "naïve café 証明してください", "Who wrote Faust?"]
FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]


def main():
    source, out = sys.argv[1:3]
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = LlamaForCausalLM.from_pretrained(source).float().eval()
    whole = export(model, out)
    prompts = [tokenizer.encode(text_of(tokenizer, question)) for question in QUESTIONS]
    print(f"largest difference of a logit between torch and ONNX: {compare(model, whole, prompts):.1e}")

    small = onnx.load(whole)
    shrink_layers(small.graph)
    shrink_table(small.graph)
    small.opset_import[0].version = 21
    small.ir_version = 10
    path = os.path.join(out, "onnx", "model_q4.onnx")
    onnx.save(small, path)
    labels = [tokenizer.encode(digit)[0] for digit in "12345"]
    changes = [win_rate(run(path, ids)[labels]) - win_rate(run(whole, ids)[labels]) for ids in prompts]
    print("win rates change by fewer bits by", ", ".join(f"{change:+.4f}" for change in changes))
    os.remove(whole)
    for name in FILES:
        shutil.copy(os.path.join(source, name), os.path.join(out, name))
    print(f"{path}: {os.path.getsize(path)} bytes")


def shrink_layers(graph):
    """Weights in 16 steps from the smallest to the largest of a block, as GGUF's Q4_1 has them, so that what it holds is kept as it
    is. Matrices that were trained since do not lie on such steps, which would round away what they learned: they are kept in 16 bits.
    ONNX Runtime unfolds both once when it loads the model: on a processor, multiplying by 4 bits is slower."""
    used = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for weight in [weight for weight in graph.initializer if weight.name in used]:
        values = numpy_helper.to_array(weight)
        blocks = values.T.reshape(values.shape[1], -1, BLOCK)
        low, high = blocks.min(-1, keepdims=True), blocks.max(-1, keepdims=True)
        step = np.maximum((high - low) / 15, 1e-12).astype(np.float32)
        steps = np.clip(np.round((blocks - low) / step), 0, 15).astype(np.uint8)
        if np.abs(steps * step + low - blocks).max() > 1e-5:
            unfold(graph, weight, {"half": values.astype(np.float16)}, [("Cast", ["half"])])
            continue
        ways = [("Cast", ["bytes"]), ("Mul", ["steps"]), ("Add", ["lows"]), ("Reshape", ["shape"]), ("Transpose", [])]
        parts = {"bytes": steps.astype(ml_dtypes.uint4), "steps": step, "lows": low, "shape": np.array(values.T.shape)}
        unfold(graph, weight, parts, ways)


def shrink_table(graph):
    """The table of tokens as bytes with a scale a block, as GGUF's Q8_0 has them."""
    table = next(weight for weight in graph.initializer if weight.name == TABLE)
    values = numpy_helper.to_array(table)
    blocks = values.reshape(values.shape[0], -1, BLOCK)
    scales = np.maximum(np.abs(blocks).max(-1, keepdims=True) / 127, 1e-12).astype(np.float32)
    parts = {"bytes": np.round(blocks / scales).astype(np.int8), "scales": scales, "shape": np.array(values.shape)}
    unfold(graph, table, parts, [("Cast", ["bytes"]), ("Mul", ["scales"]), ("Reshape", ["shape"])])


def unfold(graph, weight, parts, ways):
    """Puts small constants and the steps that make the weight of them in its place; the first step takes the first part."""
    graph.initializer.remove(weight)
    graph.initializer.extend(numpy_helper.from_array(value, f"{weight.name}.{part}") for part, value in parts.items())
    value, nodes = [], []
    for kind, names in ways:
        options = {"to": onnx.TensorProto.FLOAT} if kind == "Cast" else {"perm": [1, 0]} if kind == "Transpose" else {}
        made = weight.name if len(nodes) == len(ways) - 1 else f"{weight.name}.{kind.lower()}"
        nodes.append(helper.make_node(kind, value + [f"{weight.name}.{name}" for name in names], [made], **options))
        value = [made]
    for node in reversed(nodes):
        graph.node.insert(0, node)


def win_rate(logits):
    powers = np.exp(logits - logits.max())
    return float(powers[:3].sum() / powers.sum())


if __name__ == "__main__":
    main()
