"""Folder of transformers -> ONNX, and a quarter of its size: weights of 4 bits in blocks of 32, the table of tokens of 8 bits.
usage: quantize.py HF OUT

Prints the largest difference of any logit between torch and ONNX (fp32), and what 4 bits change in the five labels."""

import logging
import os
import shutil
import sys

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from transformers import AutoTokenizer, LlamaForCausalLM

from export_onnx import compare, export, run
from prompt import text_of

TABLE = "model.embed_tokens.weight"
QUESTIONS = ["What is 2 + 2?", "Prove that the square root of 2 is irrational.", "", "naïve café 証明してください", "Who wrote Faust?"]
FILES = ["config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]


def main():
    source, out = sys.argv[1:3]
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = LlamaForCausalLM.from_pretrained(source).float().eval()
    whole = export(model, out)
    prompts = [tokenizer.encode(text_of(tokenizer, question)) for question in QUESTIONS]
    print(f"largest difference of a logit between torch and ONNX: {compare(model, whole, prompts):.1e}")

    quantizer = MatMulNBitsQuantizer(
        onnx.load(whole), algo_config=DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=False, accuracy_level=4, bits=4)
    )
    quantizer.process()
    small = quantizer.model.model
    shrink_table(small.graph)
    path = os.path.join(out, "onnx", "model_q4.onnx")
    onnx.save(small, path)
    labels = [tokenizer.encode(digit)[0] for digit in "12345"]
    changes = [win_rate(run(path, ids)[labels]) - win_rate(run(whole, ids)[labels]) for ids in prompts]
    print("win rates change by 4 bits by", ", ".join(f"{change:+.3f}" for change in changes))
    os.remove(whole)
    for name in FILES:
        shutil.copy(os.path.join(source, name), os.path.join(out, name))
    print(f"{path}: {os.path.getsize(path)} bytes")


def shrink_table(graph):
    """Rows of the table of tokens as bytes with a scale each; ONNX Runtime unfolds it once when it loads the model."""
    place, table = next((k, weight) for k, weight in enumerate(graph.initializer) if weight.name == TABLE)
    values = numpy_helper.to_array(table)
    scales = np.maximum(np.abs(values).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
    del graph.initializer[place]
    graph.initializer.append(numpy_helper.from_array(np.round(values / scales).astype(np.int8), f"{TABLE}.bytes"))
    graph.initializer.append(numpy_helper.from_array(scales, f"{TABLE}.scales"))
    cast = helper.make_node("Cast", [f"{TABLE}.bytes"], [f"{TABLE}.whole"], to=onnx.TensorProto.FLOAT)
    graph.node.insert(0, helper.make_node("Mul", [f"{TABLE}.whole", f"{TABLE}.scales"], [TABLE]))
    graph.node.insert(0, cast)


def win_rate(logits):
    powers = np.exp(logits - logits.max())
    return float(powers[:3].sum() / powers.sum())


if __name__ == "__main__":
    main()
