"""Writes a Llama of transformers as ONNX in the layout of the Hugging Face hub, with past keys and values as inputs, as
transformers.js reads it: input_ids, attention_mask, position_ids, num_logits_to_keep, past_key_values.*  ->  logits, present.*"""

import functools
import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

OPSET = 18


class Graph:
    """Nodes and weights as they are written down; a name stands for a value."""

    def __init__(self):
        self.nodes, self.weights, self.count = [], {}, 0

    def constant(self, value, name=None):
        name = name or f"constant_{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(value)
        return name

    def ints(self, *values):
        return self.constant(np.array(values, dtype=np.int64))

    def __call__(self, kind, *inputs, outputs=1, name=None, **attributes):
        self.count += 1
        names = [name or f"{kind.lower()}_{self.count}"] if outputs == 1 else [f"{kind.lower()}_{self.count}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names


def export(model, folder, file="model.onnx"):
    """Writes `folder`/onnx/`file`. The weights of linear layers are stored transposed, as MatMul wants them."""
    config = model.config
    state = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    heads, kv_heads, layers = config.num_attention_heads, config.num_key_value_heads, config.num_hidden_layers
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    g = Graph()

    def linear(x, name):
        return g("MatMul", x, g.constant(state[name].T, name))

    def norm(x, name):
        mean = g("ReduceMean", g("Mul", x, x), g.ints(-1), keepdims=1)
        root = g("Sqrt", g("Add", mean, g.constant(np.float32(config.rms_norm_eps))))
        return g("Mul", g("Div", x, root), g.constant(state[name], name))

    def split_heads(x, count):
        return g("Transpose", g("Reshape", x, g.ints(0, 0, count, size)), perm=[0, 2, 1, 3])

    def rotate(x, cos, sin):
        left, right = g("Split", x, outputs=2, axis=-1, num_outputs=2)
        turned = g("Concat", g("Neg", right), left, axis=-1)
        return g("Add", g("Mul", x, cos), g("Mul", turned, sin))

    def repeat_heads(x):
        if heads == kv_heads:
            return x
        shape = g("Shape", x)
        batch, length = g("Slice", shape, g.ints(0), g.ints(1)), g("Slice", shape, g.ints(2), g.ints(3))
        wide = g("Concat", batch, g.ints(kv_heads, heads // kv_heads), length, g.ints(size), axis=0)
        return g("Reshape", g("Expand", g("Unsqueeze", x, g.ints(2)), wide), g.ints(0, heads, -1, size))

    # Cosines and sines of the positions: batch x 1 x length x size.
    theta = config.rope_parameters["rope_theta"]
    frequencies = (1.0 / theta ** (np.arange(0, size, 2, dtype=np.float32) / size)).astype(np.float32)
    positions = g("Unsqueeze", g("Cast", "position_ids", to=TensorProto.FLOAT), g.ints(1, 3))
    angles = g("Mul", positions, g.constant(np.concatenate([frequencies, frequencies])))
    cos, sin = g("Cos", angles), g("Sin", angles)

    # 0 where a position may be looked at, a large negative number elsewhere: batch x 1 x length x (past + length).
    total = g("Squeeze", g("Slice", g("Shape", "attention_mask"), g.ints(1), g.ints(2)), g.ints(0))
    length = g("Squeeze", g("Slice", g("Shape", "input_ids"), g.ints(1), g.ints(2)), g.ints(0))
    one, zero = g.constant(np.int64(1)), g.constant(np.int64(0))
    keys = g("Range", zero, total, one)
    queries = g("Unsqueeze", g("Range", g("Sub", total, length), total, one), g.ints(1))
    is_past = g("LessOrEqual", g("Unsqueeze", keys, g.ints(0)), queries)
    is_text = g("Unsqueeze", g("Cast", "attention_mask", to=TensorProto.BOOL), g.ints(1, 2))
    mask = g("Where", g("And", is_past, is_text), g.constant(np.float32(0)), g.constant(np.float32(-1e9)))

    table = g.constant(state["model.embed_tokens.weight"], "model.embed_tokens.weight")
    x = g("Gather", table, "input_ids")
    for k in range(layers):
        at = f"model.layers.{k}"
        h = norm(x, f"{at}.input_layernorm.weight")
        q = rotate(split_heads(linear(h, f"{at}.self_attn.q_proj.weight"), heads), cos, sin)
        key = rotate(split_heads(linear(h, f"{at}.self_attn.k_proj.weight"), kv_heads), cos, sin)
        value = split_heads(linear(h, f"{at}.self_attn.v_proj.weight"), kv_heads)
        key = g("Concat", f"past_key_values.{k}.key", key, axis=2, name=f"present.{k}.key")
        value = g("Concat", f"past_key_values.{k}.value", value, axis=2, name=f"present.{k}.value")
        scaled = g("Mul", q, g.constant(np.float32(size**-0.5)))
        scores = g("Add", g("MatMul", scaled, g("Transpose", repeat_heads(key), perm=[0, 1, 3, 2])), mask)
        mixed = g("Transpose", g("MatMul", g("Softmax", scores, axis=-1), repeat_heads(value)), perm=[0, 2, 1, 3])
        joined = g("Reshape", mixed, g.ints(0, 0, heads * size))
        x = g("Add", x, linear(joined, f"{at}.self_attn.o_proj.weight"))
        h = norm(x, f"{at}.post_attention_layernorm.weight")
        gate = linear(h, f"{at}.mlp.gate_proj.weight")
        both = g("Mul", g("Mul", gate, g("Sigmoid", gate)), linear(h, f"{at}.mlp.up_proj.weight"))
        x = g("Add", x, linear(both, f"{at}.mlp.down_proj.weight"))
    # The last num_logits_to_keep positions, or all of them for 0.
    kept = g("Slice", x, g("Reshape", g("Neg", "num_logits_to_keep"), g.ints(1)), g.ints(np.iinfo(np.int64).max), g.ints(1))
    normed = norm(kept, "model.norm.weight")
    # Tied weights are stored once: the table of the tokens, turned where it is used.
    head = g("Transpose", table, perm=[1, 0]) if config.tie_word_embeddings else g.constant(state["lm_head.weight"].T, "lm_head.weight")
    g("MatMul", normed, head, name="logits")

    int64, float32 = TensorProto.INT64, TensorProto.FLOAT
    names = [(f"{k}.{part}") for k in range(layers) for part in ("key", "value")]
    cache = lambda head, length: [helper.make_tensor_value_info(f"{head}.{name}", float32, ["batch_size", kv_heads, length, size]) for name in names]
    graph = helper.make_graph(
        g.nodes,
        "llama",
        [
            helper.make_tensor_value_info("input_ids", int64, ["batch_size", "sequence_length"]),
            helper.make_tensor_value_info("attention_mask", int64, ["batch_size", "total_sequence_length"]),
            helper.make_tensor_value_info("position_ids", int64, ["batch_size", "sequence_length"]),
            helper.make_tensor_value_info("num_logits_to_keep", int64, []),
            *cache("past_key_values", "past_sequence_length"),
        ],
        [helper.make_tensor_value_info("logits", float32, ["batch_size", "kept", config.vocab_size]), *cache("present", "total_sequence_length")],
        [numpy_helper.from_array(value, name) for name, value in g.weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    onnx.checker.check_model(made)
    os.makedirs(os.path.join(folder, "onnx"), exist_ok=True)
    path = os.path.join(folder, "onnx", file)
    onnx.save(made, path)
    return path


@functools.lru_cache(maxsize=2)
def open_session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


def run(path, ids):
    """Logits of the last position for one list of token ids, by ONNX Runtime on one thread."""
    session = open_session(path)
    feed = {
        "input_ids": np.array([ids], dtype=np.int64),
        "attention_mask": np.ones((1, len(ids)), dtype=np.int64),
        "position_ids": np.arange(len(ids), dtype=np.int64)[None],
        "num_logits_to_keep": np.array(1, dtype=np.int64),
    }
    for entry in session.get_inputs():
        if entry.name.startswith("past_key_values."):
            feed[entry.name] = np.zeros((1, entry.shape[1], 0, entry.shape[3]), dtype=np.float32)
    return session.run(["logits"], feed)[0][0, -1]


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


def compare(model, path, prompts):
    """The largest difference of any logit between torch and ONNX over lists of token ids."""
    worst = 0.0
    for ids in prompts:
        with torch.no_grad():
            expected = model(torch.tensor([ids])).logits[0, -1].float().numpy()
        worst = max(worst, float(np.abs(run(path, ids) - expected).max()))
    return worst
