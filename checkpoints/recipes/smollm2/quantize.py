"""Folder of transformers -> ONNX at a fifth of its size: weights of 4 bits and the table of tokens of 8 bits, in blocks of 32.
usage: quantize.py HF OUT

Prints the largest difference of any logit between torch and ONNX (fp32), and what 4 bits change in the five labels."""

import os
import shutil
import sys

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
    small.opset_import.append(helper.make_opsetid("com.microsoft", 1))
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
    """MatMul with weights becomes MatMulNBits: 16 steps from the smallest to the largest weight of a block, as GGUF's Q4_1 has them, so
    that what it holds is kept as it is. The zero point is a fraction, which ONNX Runtime allows. Matrices that were trained since do
    not lie on such steps, which would round away what they learned: they are kept in 16 bits."""
    weights = {weight.name: weight for weight in graph.initializer}
    for place, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "MatMul" or node.input[1] not in weights:
            continue
        name = node.input[1]
        values = numpy_helper.to_array(weights[name])
        blocks = values.T.reshape(values.shape[1], values.shape[0] // BLOCK, BLOCK)
        low, high = blocks.min(-1, keepdims=True), blocks.max(-1, keepdims=True)
        step = np.maximum((high - low) / 15, 1e-12).astype(np.float32)
        steps = np.clip(np.round((blocks - low) / step), 0, 15).astype(np.uint8)
        graph.initializer.remove(weights[name])
        if np.abs(steps * step + low - blocks).max() > 1e-5:
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            graph.node.insert(place, helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
            continue
        parts = {"bytes": steps[..., ::2] | (steps[..., 1::2] << 4), "steps": step.ravel(), "zeros": (-low / step).ravel()}
        graph.initializer.extend(numpy_helper.from_array(value, f"{name}.{part}") for part, value in parts.items())
        small = helper.make_node(
            "MatMulNBits",
            [node.input[0], *(f"{name}.{part}" for part in parts)],
            list(node.output),
            name=node.name,
            domain="com.microsoft",
            K=values.shape[0],
            N=values.shape[1],
            bits=4,
            block_size=BLOCK,
        )
        node.CopyFrom(small)


def shrink_table(graph):
    """The table of tokens as bytes with a scale a block, as GGUF's Q8_0 has them; ONNX Runtime unfolds it once when it loads the model."""
    table = next(weight for weight in graph.initializer if weight.name == TABLE)
    values = numpy_helper.to_array(table)
    blocks = values.reshape(values.shape[0], -1, BLOCK)
    scales = np.maximum(np.abs(blocks).max(-1, keepdims=True) / 127, 1e-12).astype(np.float32)
    parts = {"bytes": np.round(blocks / scales).astype(np.int8), "scales": scales, "shape": np.array(values.shape)}
    graph.initializer.remove(table)
    graph.initializer.extend(numpy_helper.from_array(value, f"{TABLE}.{part}") for part, value in parts.items())
    steps = [
        helper.make_node("Cast", [f"{TABLE}.bytes"], [f"{TABLE}.cast"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", [f"{TABLE}.cast", f"{TABLE}.scales"], [f"{TABLE}.blocks"]),
        helper.make_node("Reshape", [f"{TABLE}.blocks", f"{TABLE}.shape"], [TABLE]),
    ]
    for step in reversed(steps):
        graph.node.insert(0, step)


def win_rate(logits):
    powers = np.exp(logits - logits.max())
    return float(powers[:3].sum() / powers.sum())


if __name__ == "__main__":
    main()
